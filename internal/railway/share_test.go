// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hourly is a limit that several processes share, as Railway counts and tells it.
type hourly struct {
	limit, used int
	began       time.Time
}

func (h *hourly) take(now time.Time) quota {
	if now.Sub(h.began) >= window {
		h.began, h.used = now, 0
	}
	h.used++
	return quota{limit: h.limit, remaining: max(0, h.limit-h.used), known: true, reset: h.began.Add(window)}
}

// process polls so many requests' worth of environments, in rounds as far apart as its budget says.
type process struct {
	polled int
	joins  time.Duration
	budget *Budget
	owed   float64
	sent   int
}

// pass sends what is due after another second. It reports whether a poll was held back.
func (p *process) pass(limit *hourly, now time.Time) (held bool) {
	p.owed += float64(p.polled) / p.budget.Stretch(30*time.Second).Seconds()
	for ; p.owed >= 1; p.owed-- {
		if _, ok := p.budget.admit(Poll); !ok {
			held = true
			continue
		}
		p.sent++
		p.budget.learn(limit.take(now))
	}
	return held
}

// Processes that share a limit know of each other only what Railway says is left. Polls stretch in all of them before the limit is met,
// none is starved, and who is alone gives nothing away.
func TestProcessesShareALimit(t *testing.T) {
	cases := []struct {
		name, reason string
		polled       []int
		joins        []time.Duration
		// persons is what others send in a second that never stretch.
		persons float64
		// least is the part of what polls may use that each gets in the last hour.
		least []float64
	}{
		{"alone", "all of it", []int{200}, []time.Duration{0}, 0, []float64{0.97}},
		{"few", "what fits is not stretched", []int{20, 20}, []time.Duration{0, 0}, 0, []float64{0.39, 0.39}},
		{"two shards", "half each", []int{200, 200}, []time.Duration{0, 0}, 0, []float64{0.45, 0.45}},
		{"another one joins", "the first makes room", []int{200, 200}, []time.Duration{0, time.Hour}, 0, []float64{0.4, 0.4}},
		{"a large and a small one", "the small one gets what it wants", []int{300, 10}, []time.Duration{0, 0}, 0, []float64{0.75, 0.19}},
		{"people", "who do not stretch go first", []int{200}, []time.Duration{0}, 1000.0 / 3600, []float64{0.75}},
		{"four shards", "a quarter each", []int{100, 100, 100, 100}, []time.Duration{0, 0, 0, 0}, 0, []float64{0.2, 0.2, 0.2, 0.2}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := &clock{at: noon}
			limit := &hourly{limit: 10_000, began: noon}
			var all []*process
			for i, n := range tc.polled {
				b := newBudget(c.now, 1000, 1000)
				b.setPolled("token", n)
				all = append(all, &process{polled: n, joins: tc.joins[i], budget: b})
			}
			persons, before := 0.0, make([]int, len(all))
			const hours = 4
			for second := range hours * 3600 {
				for i, p := range all {
					if c.at.Sub(noon) < p.joins {
						continue
					}
					require.False(t, p.pass(limit, c.at), "a poll of %d was held back after %s", i, c.at.Sub(noon))
					if second == (hours-1)*3600 {
						before[i] = p.sent
					}
				}
				for persons += tc.persons; persons >= 1; persons-- {
					limit.take(c.at)
				}
				c.advance(time.Second)
			}
			plan := float64(limit.limit) * pollShare
			for i, p := range all {
				got := float64(p.sent-before[i]) / plan
				assert.GreaterOrEqual(t, got, tc.least[i], "%d: %s", i, tc.reason)
			}
		})
	}
}

// Two operators whose shards share a token read every environment of theirs, half of the requests each, and are never refused one,
// although neither knows of the other. What each plans with stays steady, also where a round of polls takes longer than it takes to forget.
func TestShardsShareAToken(t *testing.T) {
	for _, perShard := range []int{10, 100} {
		t.Run(fmt.Sprint(perShard), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { shardsShareAToken(t, perShard) }) })
	}
}

func shardsShareAToken(t *testing.T, perShard int) {
	t.Helper()
	const perHour, hours = 1000, 4
	w := newWorld()
	var (
		mu      sync.Mutex
		refused int
	)
	limit := &hourly{limit: perHour, began: time.Now()}
	limited := roundTripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		q := limit.take(time.Now())
		if limit.used > limit.limit {
			refused++
		}
		mu.Unlock()
		response, err := w.RoundTrip(r)
		if err == nil {
			response.Header.Set("X-RateLimit-Limit", strconv.Itoa(q.limit))
			response.Header.Set("X-RateLimit-Remaining", strconv.Itoa(q.remaining))
			response.Header.Set("X-RateLimit-Reset", q.reset.Format(time.RFC3339))
		}
		return response, err
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var budgets []*Budget
	for _, shard := range []string{"a", "b"} {
		pool, err := NewPool(Options{MaxBatch: 1})
		require.NoError(t, err)
		pool.wire.http.Transport = limited
		budgets = append(budgets, pool.Client(Credentials{Token: testToken}).Budget())
		watch := NewWatch(WatchOptions{})
		go func() { _ = watch.Start(ctx) }()
		for i := range perShard {
			watch.Follow(fmt.Sprint(shard, i), Target{
				Client: pool.Client(Credentials{Token: testToken}), ProjectID: "p1", EnvironmentID: fmt.Sprint(shard, i), Interval: 30 * time.Second,
			})
		}
	}
	time.Sleep(time.Hour)
	const plan = perHour * pollShare
	fair := 2 * time.Duration(perShard) * time.Hour / plan
	for range (hours - 1) * 60 {
		time.Sleep(time.Minute)
		for _, b := range budgets {
			assert.Less(t, b.Stretch(0), 2*fair)
			assert.Greater(t, b.Stretch(0), fair/2)
		}
	}
	cancel()
	synctest.Wait()
	assert.Zero(t, refused)
	last := time.Now().Add(-time.Hour)
	reads := map[string]int{}
	for _, shard := range []string{"a", "b"} {
		for i := range perShard {
			of := w.reads[fmt.Sprint(shard, i)]
			late := len(of) - slices.IndexFunc(append(of, time.Now()), last.Before)
			assert.Positive(t, late, "reads of %s%d in the last hour", shard, i)
			reads[shard] += late
		}
	}
	assert.LessOrEqual(t, float64(reads["a"]+reads["b"]), plan*1.05+float64(perShard), "together within what polls may use")
	for shard, n := range reads {
		assert.GreaterOrEqual(t, float64(n), plan*0.35, "shard %s", shard)
	}
}

// What is under way, or answered in another order, does not look like somebody else.
func TestOwnRequestsAreNobodyElse(t *testing.T) {
	c := &clock{at: noon}
	limit := &hourly{limit: 10_000, began: noon}
	b := newBudget(c.now, 1000, 1000)
	var underWay []quota
	for range 1000 {
		_, ok := b.admit(Write)
		require.True(t, ok)
		underWay = append(underWay, limit.take(c.at))
		if len(underWay) == 16 {
			for i := range underWay {
				b.learn(underWay[len(underWay)-1-i])
			}
			underWay = nil
		}
		c.advance(time.Second)
	}
	assert.InDelta(t, 1, b.share.part(), 0.03)
}

func TestOthersNeverStopThePolls(t *testing.T) {
	c := &clock{at: noon}
	b := newBudget(c.now, 1000, 1000)
	b.setPolled("token", 10)
	for i := range 100 {
		b.learn(quota{limit: 10_000, remaining: 10_000 - 90*i, known: true, reset: noon.Add(window)})
		c.advance(observed)
	}
	assert.Equal(t, 2*time.Minute, b.Stretch(0), "half of the pull, of 6,000 an hour")
}
