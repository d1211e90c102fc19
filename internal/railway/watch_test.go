// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// world is a Railway in memory that answers reads of environments and counts them; it works with the false time of synctest.
type world struct {
	mu      sync.Mutex
	version int
	status  int
	header  http.Header
	delay   time.Duration
	// most is how many environments a request may ask for; 0 allows any number.
	most int
	// refuses are environments that cannot be read.
	refuses map[string]bool
	// changes are environments whose name changes with every read.
	changes  map[string]bool
	reads    map[string][]time.Time // by environment id
	tokens   map[string]int         // by Authorization header
	requests []request
}

// request is what was asked for at once.
type request struct {
	at           time.Time
	environments []string
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	var body struct{ Variables map[string]string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	w.mu.Lock()
	answer, delay := w.answer(body.Variables), w.delay
	w.tokens[r.Header.Get("Authorization")]++
	status, header := w.status, w.header.Clone()
	w.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	raw, err := json.Marshal(answer)
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(string(raw)))}, err
}

// answer is that of ReadEnvironment, or of a batch.
func (w *world) answer(variables map[string]string) object {
	data, problems := object{}, []object{}
	asked := request{at: time.Now()}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		suffix, ok := strings.CutPrefix(name, "environmentId")
		if !ok {
			continue
		}
		id := variables[name]
		asked.environments = append(asked.environments, id)
		w.reads[id] = append(w.reads[id], asked.at)
		if w.refuses[id] {
			problems = append(problems, object{"message": "Not Authorized", "path": []string{"environment" + suffix}})
		}
		one := environmentData()
		one["environment"].(object)["id"] = id
		one["environment"].(object)["projectId"] = variables["projectId"+suffix]
		one["environment"].(object)["name"] = fmt.Sprint("version-", w.version)
		if w.changes[id] {
			one["environment"].(object)["name"] = fmt.Sprint("read-", len(w.reads[id]))
		}
		for field, value := range one {
			data[field+suffix] = value
		}
	}
	w.requests = append(w.requests, asked)
	switch {
	case w.most > 0 && len(asked.environments) > w.most:
		return object{"data": nil, "errors": []object{{"message": "Problem processing request"}}}
	case len(problems) > 0: // environment is never null, so nothing is left of the data
		return object{"data": nil, "errors": problems[:1]}
	default:
		return object{"data": data}
	}
}

func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) count(environment string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.reads[environment])
}

func newWorld() *world {
	return &world{
		status: 200, header: http.Header{}, refuses: map[string]bool{}, changes: map[string]bool{},
		reads: map[string][]time.Time{}, tokens: map[string]int{},
	}
}

// sizes are how many environments the requests asked for since the nth.
func (w *world) sizes(since int) []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var sizes []int
	for _, r := range w.requests[since:] {
		sizes = append(sizes, len(r.environments))
	}
	return sizes
}

// fixture is a running Watch without jitter over a world, inside a synctest bubble.
type fixture struct {
	*Watch
	world *world
	pool  *Pool
	stop  func()

	mu   sync.Mutex
	told []string
}

func watching(t *testing.T) *fixture {
	t.Helper()
	pool, err := NewPool(Options{})
	require.NoError(t, err)
	w := newWorld()
	pool.wire.http.Transport = w
	f := &fixture{world: w, pool: pool}
	f.Watch = NewWatch(WatchOptions{Jitter: func(d time.Duration) time.Duration { return d }, Changed: f.tell})
	f.options.gather = 0
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Start(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	t.Cleanup(f.stop)
	return f
}

func (f *fixture) target(environment string) Target {
	return Target{Client: f.pool.Client(Credentials{Token: testToken}), ProjectID: "p1", EnvironmentID: environment, Interval: time.Minute}
}

// settle waits for the first poll of what was just followed and drops its event.
func (f *fixture) settle() {
	time.Sleep(f.options.Fast)
	f.delivered()
}

// tell is the callback. It uses the Watch, as a reader may: the callback holds none of its locks.
func (f *fixture) tell(key string) {
	f.Latest(key)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, key)
}

// delivered returns the keys that were told since it was last asked.
func (f *fixture) delivered() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.told
	f.told = nil
	return told
}

func (f *fixture) name(t *testing.T, key string) string {
	t.Helper()
	snapshot, ok := f.Latest(key)
	require.True(t, ok)
	return snapshot.Environment.Name
}

func TestWatchTellsOfChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		_, ok := f.Latest("ns/a")
		assert.False(t, ok)
		f.Follow("ns/a", f.target("e1"))
		assert.Empty(t, f.delivered(), "who follows reads for himself at first")
		time.Sleep(f.options.Fast)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "the first look")
		assert.Equal(t, 1, f.world.count("e1"))

		time.Sleep(10 * time.Minute)
		assert.Empty(t, f.delivered(), "nothing changed")
		assert.Equal(t, 11, f.world.count("e1"), "a poll a minute")

		f.world.set(func(w *world) { w.version++ })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered())
		assert.Equal(t, "version-1", f.name(t, "ns/a"))
		snapshot, _ := f.Latest("ns/a")
		assert.Equal(t, time.Now(), snapshot.ReadAt)
		assert.Equal(t, f.target("e1").Client.Key(), snapshot.ClientKey)
		assert.Equal(t, digest(snapshot.Environment), snapshot.Digest)

		f.world.set(func(w *world) { w.version++ })
		time.Sleep(time.Minute)
		synctest.Wait()
		f.world.set(func(w *world) { w.version++ })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a", "ns/a"}, f.delivered(), "each change is told")
		assert.Equal(t, "version-3", f.name(t, "ns/a"))
	})
}

func TestWatchFollowIsIdempotent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		for range 5 {
			f.Follow("ns/a", f.target("e1"))
			time.Sleep(time.Second)
		}
		assert.Equal(t, []string{"ns/a"}, f.delivered())
		assert.Equal(t, 1, f.world.count("e1"))

		other := f.target("e2")
		f.Follow("ns/a", other)
		_, ok := f.Latest("ns/a")
		assert.False(t, ok, "the old environment's snapshot is gone")
		time.Sleep(f.options.Fast)
		assert.Equal(t, []string{"ns/a"}, f.delivered())
		assert.Equal(t, 1, f.world.count("e2"))

		other.Interval = 30 * time.Second
		f.Follow("ns/a", other)
		_, ok = f.Latest("ns/a")
		assert.True(t, ok, "the same environment's snapshot stays")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2, f.world.count("e2"), "at the new pace")

		other.Client = f.pool.Client(Credentials{Token: "another-token"})
		f.Follow("ns/a", other)
		time.Sleep(f.options.Fast)
		synctest.Wait()
		assert.Equal(t, 3, f.world.count("e2"), "a new token is tried soon")
		assert.Empty(t, f.delivered(), "and sees the same")
		assert.Equal(t, 1, f.world.tokens["Bearer another-token"])
		assert.Equal(t, 1, f.world.count("e1"), "nobody looks at the old environment")
	})
}

func TestWatchForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.Follow("ns/a", f.target("e1"))
		f.Follow("ns/b", f.target("e2"))
		f.settle()
		f.Forget("ns/a")
		f.Forget("ns/unknown")
		_, ok := f.Latest("ns/a")
		assert.False(t, ok)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 1, f.world.count("e1"))
		assert.Equal(t, 6, f.world.count("e2"))
		f.Forget("ns/b")
		synctest.Wait()
		assert.Empty(t, f.lanes, "the token is not polled any more")
		f.Follow("ns/b", f.target("e2"))
		time.Sleep(f.options.Fast)
		assert.Equal(t, []string{"ns/b"}, f.delivered(), "and starts again")
	})
}

func TestWatchErrorsAreToldOnceAndEraseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.Follow("ns/a", f.target("e1"))
		f.settle()
		before, _ := f.Latest("ns/a")

		f.world.set(func(w *world) { w.status = 502 })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered())
		failed, _ := f.Latest("ns/a")
		assert.Equal(t, Transient, ClassOf(failed.Err))
		assert.Same(t, before.Environment, failed.Environment, "the last good read stays")
		assert.Equal(t, before.ReadAt, failed.ReadAt)

		assert.Equal(t, time.Now(), failed.FailingSince)
		since := failed.FailingSince

		time.Sleep(Tolerance * time.Minute)
		assert.Empty(t, f.delivered(), "the same class again is no news")
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "but that the tolerance is over is")
		time.Sleep(10 * time.Minute)
		assert.Empty(t, f.delivered(), "once")
		f.world.set(func(w *world) { w.status = 401 })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "another class is")
		failed, _ = f.Latest("ns/a")
		assert.Equal(t, since, failed.FailingSince, "it is the same run of failures")
		f.world.set(func(w *world) { w.status = 200 })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "and so is recovery")
		good, _ := f.Latest("ns/a")
		assert.NoError(t, good.Err)
		assert.Zero(t, good.FailingSince)
		assert.Equal(t, before.FollowedAt, good.FollowedAt)
		time.Sleep(10 * time.Minute)
		assert.Empty(t, f.delivered())
	})
}

// Being rate limited says nothing about the environment: nobody is woken for it, and the polls go on when they may.
func TestWatchTellsNothingOfRateLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.Follow("ns/a", f.target("e1"))
		f.settle()
		limited := func(w *world) { w.status, w.header = 429, http.Header{"Retry-After": {"20"}} }
		f.world.set(limited)
		time.Sleep(10 * time.Minute)
		assert.Empty(t, f.delivered(), "however long")
		snapshot, _ := f.Latest("ns/a")
		assert.Equal(t, RateLimited, ClassOf(snapshot.Err))
		assert.NotNil(t, snapshot.Environment)
		assert.Equal(t, 9*time.Minute, time.Since(snapshot.FailingSince).Round(time.Minute), "but the view is known to be old")
		assert.GreaterOrEqual(t, f.world.count("e1"), 9, "at least once an interval")

		f.world.set(func(w *world) { w.status, w.header = 200, http.Header{} })
		time.Sleep(time.Minute)
		assert.Empty(t, f.delivered(), "nothing changed meanwhile")
		f.world.set(limited)
		time.Sleep(time.Minute)
		f.world.set(func(w *world) { w.status, w.version, w.header = 200, w.version+1, http.Header{} })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "a change is seen when reads come through again")

		f.world.set(func(w *world) { w.status = 502 })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered())
		f.world.set(limited)
		time.Sleep(time.Minute)
		f.world.set(func(w *world) { w.status, w.header = 502, http.Header{} })
		time.Sleep(time.Minute)
		assert.Empty(t, f.delivered(), "a limit between two failures of one class is no change of class")
	})
}

// What a snapshot promises about time is what can be known: it is as new as the beginning of its request, not as its answer.
func TestWatchKnowsTheAgeOfAView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		followed := time.Now()
		f.Follow("ns/a", f.target("e1"))
		snapshot, ok := f.Latest("ns/a")
		assert.False(t, ok, "nothing was read")
		assert.Equal(t, followed, snapshot.FollowedAt, "but it is known since when that is so")

		time.Sleep(time.Second)
		f.world.set(func(w *world) { w.delay = 3 * time.Second })
		asked := time.Now()
		snapshot, err := f.Refresh(t.Context(), "ns/a")
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, time.Since(asked))
		assert.Equal(t, asked, snapshot.ReadAt)

		f.world.set(func(w *world) { w.status = 502 })
		asked = time.Now()
		snapshot, err = f.Refresh(t.Context(), "ns/a")
		require.Error(t, err)
		assert.Equal(t, asked, snapshot.FailingSince)
		first := snapshot.ClientKey
		assert.Equal(t, f.target("e1").Client.Key(), first)

		other := f.target("e1")
		other.Client = f.pool.Client(Credentials{Token: "another-token"})
		f.Follow("ns/a", other)
		snapshot, _ = f.Latest("ns/a")
		assert.Equal(t, first, snapshot.ClientKey, "the new token has read nothing yet")
		assert.Equal(t, followed, snapshot.FollowedAt, "the same environment is followed on")
		assert.Equal(t, asked, snapshot.FailingSince)
		_, err = f.Refresh(t.Context(), "ns/a")
		require.Error(t, err)
		snapshot, _ = f.Latest("ns/a")
		assert.Equal(t, first, snapshot.ClientKey, "a failed read reaches nothing")
		f.world.set(func(w *world) { w.status = 200 })
		snapshot, err = f.Refresh(t.Context(), "ns/a")
		require.NoError(t, err)
		assert.Equal(t, other.Client.Key(), snapshot.ClientKey)

		f.Follow("ns/a", f.target("e2"))
		snapshot, ok = f.Latest("ns/a")
		assert.False(t, ok)
		assert.Equal(t, Snapshot{FollowedAt: time.Now()}, snapshot, "another environment begins anew")
	})
}

func TestWatchBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.world.set(func(w *world) { w.status = 502 })
		f.Follow("ns/a", f.target("e1"))
		time.Sleep(f.options.Fast)
		start := time.Now()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		var at []time.Duration
		for _, read := range f.world.reads["e1"] {
			at = append(at, read.Sub(start)/time.Second)
		}
		assert.Equal(t, []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}, at, "doubling, up to the interval")

		f.world.set(func(w *world) { w.status, w.header = 429, http.Header{"Retry-After": {"600"}} })
		time.Sleep(3 * time.Second)
		synctest.Wait()
		before := f.world.count("e1")
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		assert.Equal(t, before, f.world.count("e1"), "Railway asked for ten minutes")
	})
}

func TestWatchHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.Hurry("ns/unknown", time.Now().Add(time.Hour))
		f.Follow("ns/a", f.target("e1"))
		f.settle()
		until := time.Now().Add(time.Minute)
		for range 60 {
			f.Hurry("ns/a", until)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		assert.InDelta(t, 13, f.world.count("e1"), 1, "every five seconds, however often somebody asks")
		hurried := f.world.count("e1")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.InDelta(t, hurried+2, f.world.count("e1"), 1, "then at the interval again")

		f.Hurry("ns/a", time.Now().Add(time.Hour))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		before := f.world.count("e1")
		f.Hurry("ns/a", time.Time{})
		f.Hurry("ns/a", time.Time{})
		time.Sleep(59 * time.Second)
		synctest.Wait()
		assert.Equal(t, before, f.world.count("e1"), "zero ends the hurry")
	})
}

func TestWatchRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		_, err := f.Refresh(t.Context(), "ns/a")
		assert.Equal(t, Internal, ClassOf(err), "nothing is followed")
		f.Follow("ns/a", f.target("e1"))
		f.settle()

		f.world.set(func(w *world) { w.version++ })
		snapshot, err := f.Refresh(t.Context(), "ns/a")
		require.NoError(t, err)
		assert.Equal(t, "version-1", snapshot.Environment.Name)
		assert.Equal(t, "version-1", f.name(t, "ns/a"))
		time.Sleep(time.Minute)
		assert.Empty(t, f.delivered(), "who asked knows, and the next poll finds the same")

		f.world.set(func(w *world) { w.status = 502 })
		snapshot, err = f.Refresh(t.Context(), "ns/a")
		assert.Equal(t, Transient, ClassOf(err))
		assert.Equal(t, err, snapshot.Err)
		assert.Equal(t, "version-1", snapshot.Environment.Name)
		assert.Empty(t, f.delivered())
		f.world.set(func(w *world) { w.status = 200 })
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "recovery is news")

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = f.Refresh(ctx, "ns/a")
		assert.ErrorIs(t, err, context.Canceled)
		snapshot, _ = f.Latest("ns/a")
		assert.NoError(t, snapshot.Err, "giving up says nothing about Railway")
	})
}

// TestWatchForgetLeavesNobodyWaiting: what was asked for is answered although nothing is followed with the token any more.
func TestWatchForgetLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.options.gather = time.Second
		f.Follow("ns/a", f.target("e1"))
		synctest.Wait()
		start, done := time.Now(), make(chan error)
		go func() {
			_, err := f.Refresh(t.Context(), "ns/a")
			done <- err
		}()
		synctest.Wait()
		f.Forget("ns/a")
		select {
		case err := <-done:
			require.NoError(t, err)
			assert.Equal(t, time.Second, time.Since(start))
		case <-time.After(time.Hour):
			assert.Fail(t, "it waits for ever")
		}
		synctest.Wait()
		assert.Empty(t, f.lanes)
	})
}

func TestWatchStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.Store("ns/unknown", &model.Environment{}, time.Now())
		f.Follow("ns/a", f.target("e1"))
		f.settle()
		asked := time.Now().Add(-4 * time.Second)
		f.Store("ns/a", &model.Environment{Name: "just created"}, asked)
		stored, _ := f.Latest("ns/a")
		assert.Equal(t, asked, stored.ReadAt, "when the write began")
		assert.Equal(t, f.target("e1").Client.Key(), stored.ClientKey)
		assert.Equal(t, "just created", f.name(t, "ns/a"))
		assert.Empty(t, f.delivered())
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"ns/a"}, f.delivered(), "the next poll sees something else")
	})
}

// A poll that began before a write must not overwrite what was read after it.
func TestWatchKeepsTheLaterRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.Follow("ns/a", f.target("e1"))
		f.settle()
		f.world.set(func(w *world) { w.delay = 10 * time.Second })
		time.Sleep(65 * time.Second) // a slow poll has begun with version-0
		f.world.set(func(w *world) { w.delay = 0; w.version++ })
		_, err := f.Refresh(t.Context(), "ns/a")
		require.NoError(t, err)
		time.Sleep(20 * time.Second) // it has ended
		assert.Empty(t, f.delivered())
		assert.Equal(t, "version-1", f.name(t, "ns/a"))
	})
}

func TestWatchFitsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.target("e0").Client.batch.most, f.target("e0").Client.batch.size = 1, 1
		f.world.set(func(w *world) {
			w.header = http.Header{}
			w.header.Set("X-RateLimit-Limit", "100")
			w.header.Set("X-RateLimit-Remaining", "99")
		})
		for i := range 10 {
			f.Follow(fmt.Sprint("ns/", i), f.target(fmt.Sprint("e", i)))
		}
		f.settle()
		time.Sleep(time.Hour)
		synctest.Wait()
		total := len(f.world.sizes(0))
		assert.LessOrEqual(t, total, 80, "first looks and sixty polls of a limit of a hundred")
		assert.GreaterOrEqual(t, total, 50)
	})
}

func TestWatchSurvivesManyHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		var group sync.WaitGroup
		for i := range 8 {
			key := fmt.Sprint("ns/", i%4)
			group.Go(func() {
				for range 25 {
					f.Follow(key, f.target(fmt.Sprint("e", i%4)))
					f.Hurry(key, time.Now().Add(time.Second))
					_, _ = f.Refresh(WithPriority(t.Context(), Write), key)
					f.Store(key, &model.Environment{}, time.Now())
					f.Latest(key)
					time.Sleep(time.Duration(i) * time.Second)
					f.Forget(key)
				}
			})
		}
		group.Wait()
		f.stop()
		f.Follow("ns/late", f.target("late"))
		time.Sleep(time.Hour)
		assert.Zero(t, f.world.count("late"), "after the end nothing is polled")
	})
}

func TestWatchLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := serve(t, answerData(environmentData()))
	defer s.Close()
	c := s.client(t, nil)
	told := make(chan string, 1)
	w := NewWatch(WatchOptions{Fast: time.Millisecond, Changed: func(key string) { told <- key }})
	assert.True(t, w.NeedLeaderElection())
	w.Follow("ns/a", Target{Client: c, ProjectID: "p1", EnvironmentID: "e1", Interval: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Start(ctx) }()
	assert.Equal(t, "ns/a", <-told)
	cancel()
	require.NoError(t, <-done)
	s.CloseClientConnections()
	c.gql.wire.http.CloseIdleConnections()
}

func TestJitterOnlyEverWaitsLonger(t *testing.T) {
	for range 1000 {
		d := upToATenthLonger(time.Minute)
		assert.GreaterOrEqual(t, d, time.Minute)
		assert.Less(t, d, 66*time.Second)
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		c := f.target("e1").Client
		read := func() error {
			_, err := c.Environment(t.Context(), "p1", "e1")
			return err
		}
		start := time.Now()
		for range 20 {
			require.NoError(t, read())
		}
		assert.Equal(t, 3200*time.Millisecond, time.Since(start).Round(time.Millisecond), "four at once, then five a second")

		var group sync.WaitGroup
		var held atomic.Int32
		before := f.world.count("e1")
		for range 200 {
			group.Go(func() {
				switch err := read(); ClassOf(err) {
				case None:
				case RateLimited:
					held.Add(1)
					assert.Positive(t, RetryAfter(err))
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		assert.InDelta(t, 55, held.Load(), 5, "whose turn is not within the time limit of 30 seconds is not sent")
		assert.Equal(t, 200-int(held.Load()), f.world.count("e1")-before)
	})
}
