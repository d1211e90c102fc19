// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// slow is a Railway that takes its time for each request and notes who was read when.
type slow struct {
	latency time.Duration

	mu       sync.Mutex
	reads    map[string][]time.Time
	requests []time.Time
}

// read answers after the latency, within budget and pace as a client does.
func (s *slow) read(c *Client, ctx context.Context, wants []want, answer func(int, outcome)) { //nolint:revive // as (*Client).read
	priority := priorityOf(ctx, false)
	err := c.Budget().smooth(ctx, priority)
	if wait, ok := c.Budget().admit(priority); err == nil && !ok {
		err = &Error{Class: RateLimited, RetryAfter: wait}
	}
	now := time.Now()
	if err == nil {
		s.mu.Lock()
		s.requests = append(s.requests, now)
		s.mu.Unlock()
		time.Sleep(s.latency)
	}
	for i, w := range wants {
		s.mu.Lock()
		s.reads[w.EnvironmentID] = append(s.reads[w.EnvironmentID], now)
		s.mu.Unlock()
		answer(i, outcome{view: view{held: &packed{whole: &model.Environment{ID: w.EnvironmentID}}, digest: "d"}, err: err})
	}
	c.batch.answered(len(wants))
}

// at is when Railway was asked about the environment.
func (s *slow) at(environment string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reads[environment])
}

// sent is when each request was sent.
func (s *slow) sent() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// watchSlowly is a running Watch over a slow Railway, inside a synctest bubble.
func watchSlowly(t *testing.T, latency time.Duration, limit int) (*Watch, *slow, *Client) {
	t.Helper()
	pool, err := NewPool(Options{})
	require.NoError(t, err)
	s := &slow{latency: latency, reads: map[string][]time.Time{}}
	w := NewWatch(WatchOptions{})
	w.options.read = s.read
	c := pool.Client(Credentials{Token: testToken})
	c.Budget().learn(quota{limit: limit, remaining: 1_000_000, known: true, reset: time.Now().Add(24 * time.Hour)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Start(ctx) }()
	synctest.Wait() // until it runs, reads are not gathered
	t.Cleanup(func() { cancel(); assert.NoError(t, <-done) })
	return w, s, c
}

// gaps returns the times between the reads of an environment from a time on, the last one to now.
func (s *slow) gaps(environment string, from time.Time) []time.Duration {
	var gaps []time.Duration
	last := from
	for _, at := range append(s.at(environment), time.Now()) {
		if at.After(from) {
			gaps = append(gaps, at.Sub(last))
			last = at
		}
	}
	return gaps
}

func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

// Ten thousand environments with one Pro token and a second per read: all are polled evenly, the rollouts among them every few seconds,
// and no request goes beyond pace and budget.
func TestLaneOfTenThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fleet, rollouts, limit = 10_000, 200, 10_000
		w, s, c := watchSlowly(t, time.Second, limit)
		id := func(i int) string { return fmt.Sprint("e", i) }
		for i := range fleet {
			w.Follow(id(i), Target{Client: c, ProjectID: "p1", EnvironmentID: id(i), Interval: time.Minute})
		}
		start := time.Now()
		time.Sleep(5 * time.Minute) // everybody has been read, and batches have grown
		for i := range rollouts {
			w.Hurry(id(i*50), time.Now().Add(time.Hour))
		}
		time.Sleep(10 * time.Second)
		from, sent := time.Now(), len(s.sent())
		var interval time.Duration // the longest in force: how full requests are moves it
		for range 15 * 60 {
			time.Sleep(time.Second)
			now, stretched := c.Budget().Interval(time.Minute)
			require.True(t, stretched)
			interval = max(interval, now)
		}
		assert.LessOrEqual(t, interval, 5*time.Minute)
		requests := s.sent()
		var routine, urgent []time.Duration
		for i := range fleet {
			if i%50 == 0 && i < rollouts*50 {
				urgent = append(urgent, s.gaps(id(i), from)...)
			} else {
				routine = append(routine, s.gaps(id(i), from)...)
			}
		}
		t.Logf("interval in force %s at most; gaps: routine p99 %s, longest %s, rollouts p50 %s p99 %s; environments per request %.1f", interval,
			quantile(routine, .99), quantile(routine, 1), quantile(urgent, .5), quantile(urgent, .99), float64(len(routine)+len(urgent))/float64(len(requests)-sent))
		assert.LessOrEqual(t, quantile(routine, 1), interval+interval/10+3*time.Second, "jitter, a read, and a turn")
		assert.LessOrEqual(t, quantile(urgent, .99), 10*time.Second)
		assert.LessOrEqual(t, len(requests)-sent, limit/4, "a quarter of an hour")
		for i, at := range requests {
			if i >= 60 {
				assert.GreaterOrEqual(t, at.Sub(requests[i-60]), 10*time.Second-time.Millisecond, "no request beyond the pace")
			}
		}
		assert.GreaterOrEqual(t, (len(routine)+len(urgent))/(len(requests)-sent), 20)
		latest, _ := w.Latest(id(1))
		assert.GreaterOrEqual(t, latest.Interval, 2*time.Minute)
		assert.LessOrEqual(t, latest.Interval, 8*time.Minute)
		assert.LessOrEqual(t, s.gaps(id(1), start)[0], 2*time.Minute, "the first round")
	})
}

// Whatever is followed, hurried and forgotten: who is followed is polled within his interval, as stretched.
func TestLanePollsEverybodyInTime(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w, s, c := watchSlowly(t, 200*time.Millisecond, 1000)
			intervals, since := map[string]time.Duration{}, map[string]time.Time{}
			longest := time.Duration(0) // that the budget asked for
			for range 300 {
				id := fmt.Sprint("e", random.IntN(80))
				switch random.IntN(5) {
				case 0:
					w.Forget(id)
					delete(intervals, id)
				case 1:
					w.Hurry(id, time.Now().Add(time.Duration(random.IntN(30))*time.Second))
				case 2:
					w.Hint(id)
				default:
					if _, ok := intervals[id]; !ok {
						intervals[id], since[id] = time.Duration(30+random.IntN(300))*time.Second, time.Now()
					}
					w.Follow(id, Target{Client: c, ProjectID: "p1", EnvironmentID: id, Interval: intervals[id]})
				}
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				longest = max(longest, c.Budget().Stretch(0))
			}
			for range 600 {
				time.Sleep(time.Second)
				longest = max(longest, c.Budget().Stretch(0))
			}
			for id, interval := range intervals {
				assert.LessOrEqual(t, slices.Max(s.gaps(id, since[id])), max(interval, longest)*11/10+5*time.Second, "%s", id)
			}
			assert.Equal(t, len(intervals), w.laneOf(c).followers)
		})
	}
}

// A 429 stops every poll for its time and is no error of those whose turn did not come.
func TestLanePausesForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, c := watchSlowly(t, 10*time.Millisecond, 1_000_000)
		for i := range 100 {
			w.Follow(fmt.Sprint("e", i), Target{Client: c, ProjectID: "p1", EnvironmentID: fmt.Sprint("e", i), Interval: time.Minute})
		}
		time.Sleep(2 * time.Minute)
		c.Budget().block(10 * time.Minute)
		sent := len(s.sent())
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		assert.Len(t, s.sent(), sent, "nothing is sent, and nothing is tried")
		for i := range 100 {
			snapshot, _ := w.Latest(fmt.Sprint("e", i))
			assert.NoError(t, snapshot.Err)
		}
		time.Sleep(5 * time.Second)
		for i := range 100 {
			snapshot, _ := w.Latest(fmt.Sprint("e", i))
			assert.Less(t, time.Since(snapshot.ReadAt), 10*time.Second, "all go on when it is over")
		}
	})
}

// Reads that are asked for at the same time share a request; a write's does not wait for others.
func TestLaneGathersWhatIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, c := watchSlowly(t, time.Second, 10_000)
		for i := range 8 {
			w.Follow(fmt.Sprint("e", i), Target{Client: c, ProjectID: "p1", EnvironmentID: fmt.Sprint("e", i), Interval: time.Hour})
		}
		refresh := func(priority Priority) {
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					_, err := w.Refresh(WithPriority(t.Context(), priority), fmt.Sprint("e", i))
					assert.NoError(t, err)
				})
			}
			group.Wait()
		}
		refresh(Rollout)
		assert.Len(t, s.sent(), 1, "eight first reads")
		start := time.Now()
		_, err := w.Refresh(WithPriority(t.Context(), Write), "e1")
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// A hint brings a read soon, and no flood of them brings more than one every few seconds.
func TestLaneHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, c := watchSlowly(t, time.Second, 10_000)
		w.Follow("ns/a", Target{Client: c, ProjectID: "p1", EnvironmentID: "e1", Interval: time.Hour})
		time.Sleep(time.Minute)
		before := len(s.at("e1"))
		w.Hint("e1")
		w.Hint("e-unknown")
		time.Sleep(500 * time.Millisecond)
		w.Hint("e1") // while it is read: what it is told of may have come too late for that
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Len(t, s.at("e1"), before+1)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Len(t, s.at("e1"), before+2)
		for range 600 {
			w.Hint("e1")
			time.Sleep(100 * time.Millisecond)
		}
		assert.InDelta(t, before+2+12, len(s.at("e1")), 2, "a minute of hints")
	})
}

func BenchmarkSchedule(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			pool, err := NewPool(Options{})
			require.NoError(b, err)
			c := pool.Client(Credentials{Token: testToken})
			w := NewWatch(WatchOptions{})
			keys := make([]string, n)
			for i := range n {
				keys[i] = fmt.Sprint("e", i)
				w.Follow(keys[i], Target{Client: c, ProjectID: "p1", EnvironmentID: keys[i], Interval: time.Minute})
			}
			environment := &packed{}
			i := 0
			for b.Loop() {
				f := w.followers[keys[i%n]]
				w.mu.Lock()
				w.finish(f, f.begin(time.Now()), outcome{view: view{held: environment, digest: "d"}})
				w.mu.Unlock()
				i++
			}
		})
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			pool, err := NewPool(Options{})
			require.NoError(b, err)
			c := pool.Client(Credentials{Token: testToken})
			w := NewWatch(WatchOptions{})
			for i := range n {
				w.Follow(fmt.Sprint("e", i), Target{Client: c, ProjectID: "p1", EnvironmentID: fmt.Sprint("e", i), Interval: time.Minute})
			}
			l, now := w.laneOf(c), time.Now()
			for b.Loop() {
				now = now.Add(time.Second)
				j, _ := l.next(now, &w.options)
				if j == nil {
					continue
				}
				l.polls[j.priority]--
				for _, r := range j.reads {
					r.follower.polling, r.follower.due = false, now.Add(time.Minute)
					l.routine.put(r.follower)
				}
			}
		})
	}
}
