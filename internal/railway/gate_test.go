// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// creator is a Railway that lets somebody create something every so often.
type creator struct {
	*clock
	every time.Duration
	// says is the throttle's text, header its Retry-After: the rest of the time when it is true.
	says   string
	header bool

	last     time.Time
	requests int
	made     map[string]time.Time
}

func newCreator(every time.Duration) *creator {
	return &creator{
		clock: &clock{at: noon}, every: every, made: map[string]time.Time{},
		says: fmt.Sprintf("Only one environment can be created per user every %ds", int(every.Seconds())),
	}
}

// create is what Railway does with a request for that name.
func (c *creator) create(name string) error {
	c.requests++
	if rest := c.every - c.at.Sub(c.last); !c.last.IsZero() && rest > 0 {
		refusal := answer{mutation: true, sent: true, status: 200, noData: true, errors: problemOf(c.says, "")}
		if c.header {
			refusal.wait = rest
		}
		v := classify(refusal)
		return &Error{Class: v.class, Message: v.message, RetryAfter: v.wait, throttle: v.throttle}
	}
	c.last, c.made[name] = c.at, c.at
	return nil
}

// run lets every caller try at its time and again when it is told to, and returns when nobody comes back any more.
func (c *creator) run(t require.TestingT, g *gate, callers map[string]time.Time, comes func(caller string) bool) {
	for range 100_000 {
		next := ""
		for caller, at := range callers {
			if next == "" || at.Before(callers[next]) || at.Equal(callers[next]) && caller < next {
				next = caller
			}
		}
		if next == "" {
			return
		}
		c.at = latest(c.at, callers[next])
		err := g.pass("CreateEnvironment", next, func() error { return c.create(next) })
		switch {
		case err != nil && comes(next):
			require.Equal(t, RateLimited, ClassOf(err))
			require.Positive(t, RetryAfter(err), "whoever must wait is told how long")
			callers[next] = c.at.Add(RetryAfter(err))
		default:
			delete(callers, next)
		}
	}
	require.Fail(t, "somebody waits for ever")
}

func always(string) bool { return true }

func TestGate(t *testing.T) {
	const rule = 30 * time.Second
	at := func(n int, apart time.Duration) map[string]time.Time {
		callers := map[string]time.Time{}
		for i := range n {
			callers[fmt.Sprintf("p/%02d", i)] = noon.Add(time.Duration(i) * apart)
		}
		return callers
	}
	tests := []struct {
		reason   string
		change   func(*creator)
		callers  map[string]time.Time
		comes    func(string) bool
		requests int
		// made is the number of environments, last when the last of them was made.
		made int
		last time.Duration
	}{
		{"one needs no queue", nil, at(1, 0), always, 1, 1, 0},
		{"those who come slowly need none", nil, at(5, rule), always, 5, 5, 4 * rule},
		{"two at once: one refusal", nil, at(2, 0), always, 3, 2, rule},
		{"a fleet at once: one refusal", nil, at(20, 0), always, 21, 20, 19 * rule},
		{"a fleet, one a second", nil, at(8, time.Second), always, 9, 8, 7*rule + time.Second},
		{"somebody else has just created one", func(c *creator) { c.last = noon.Add(-time.Second) }, at(3, 0), always, 4, 3, 3 * rule},
		{"Railway does not say how far apart", func(c *creator) { c.says = "Whoa there pal! Try again in a sec" }, at(4, 0), always, 5, 4, 3 * rule},
		{"Railway says only how long to wait: that is less than its rule", func(c *creator) {
			c.says, c.header, c.last = "Whoa there pal!", true, noon.Add(-18*time.Second)
		}, at(4, 0), always, 5, 4, 4 * rule},
		{"another pace than we know", func(c *creator) {
			c.every, c.says = 5*time.Second, "Only one environment can be created per user every 5s"
		}, at(8, 0), always, 9, 8, 35 * time.Second},
		{"who does not come back holds nobody up", nil, at(4, 0), func(caller string) bool { return caller != "p/02" }, 4, 3, 3 * rule},
		{"nor does the one that was refused", nil, at(4, 0), func(caller string) bool { return caller != "p/01" }, 4, 3, 3 * rule},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			c := newCreator(rule)
			if tt.change != nil {
				tt.change(c)
			}
			c.run(t, newGate(c.now, rule), tt.callers, tt.comes)
			assert.Equal(t, tt.requests, c.requests)
			assert.Len(t, c.made, tt.made)
			var last time.Time
			for _, when := range c.made {
				last = latest(last, when)
			}
			assert.Equal(t, tt.last, last.Sub(noon))
		})
	}
}

// Whoever comes whenever: every caller that comes back when told is served within a slot for each of them and one more, and the rule
// costs two requests at most.
func TestGateServesEverybody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCreator(time.Duration(rapid.IntRange(2, 60).Draw(t, "rule")) * time.Second)
		if rapid.Bool().Draw(t, "somebody else created one") {
			c.last = noon.Add(-time.Second)
		}
		if rapid.Bool().Draw(t, "the text says nothing") {
			c.says, c.header = "Whoa there pal!", rapid.Bool().Draw(t, "the header does")
		}
		callers, absent, arrival := map[string]time.Time{}, map[string]bool{}, noon
		for i := range rapid.IntRange(1, 12).Draw(t, "callers") {
			caller := fmt.Sprintf("p/%02d", i)
			callers[caller] = noon.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "comes")) * time.Second)
			absent[caller] = rapid.IntRange(0, 5).Draw(t, "stays away") == 0
			arrival = latest(arrival, callers[caller])
		}
		n := len(callers)
		g := newGate(c.now, c.every)
		c.run(t, g, callers, func(caller string) bool { return !absent[caller] })

		slots := arrival.Add(time.Duration(n+1) * c.every)
		for caller, stays := range absent {
			if made, ok := c.made[caller]; !stays {
				require.True(t, ok, "%s was never served", caller)
				require.False(t, made.After(slots), "%s was served after %s", caller, made.Sub(noon))
			}
		}
		require.LessOrEqual(t, c.requests, n+2)
	})
}

func TestGateOutcomes(t *testing.T) {
	const rule = 30 * time.Second
	throttledOnce := func(t *testing.T) (*gate, *clock) {
		t.Helper()
		c := newCreator(rule)
		c.last = noon
		g := newGate(c.now, rule)
		err := g.pass("", "first", func() error { return c.create("first") })
		require.Equal(t, RateLimited, ClassOf(err))
		c.advance(rule)
		return g, c.clock
	}
	other := func(t *testing.T, g *gate) time.Duration {
		t.Helper()
		return RetryAfter(g.pass("CreateEnvironment", "other", func() error { return errors.New("sent") }))
	}
	tests := []struct {
		reason  string
		outcome error
		other   time.Duration
	}{
		{"it was created", nil, rule},
		{"it may have been created", &Error{Class: Ambiguous}, rule},
		{"it was refused for another reason: nothing was created", &Error{Class: PlanLimit}, 0},
		{"it was not even sent: it keeps its place", &Error{Class: RateLimited, RetryAfter: time.Minute}, time.Minute + rule},
		{"refused again: somebody else creates environments, too", &Error{Class: RateLimited, throttle: &throttle{every: rule}}, 2 * rule},
		{"the rule has changed", &Error{Class: RateLimited, throttle: &throttle{every: time.Minute}}, 2 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			g, _ := throttledOnce(t)
			assert.Equal(t, tt.outcome, g.pass("", "first", func() error { return tt.outcome }))
			assert.Equal(t, tt.other, other(t, g))
		})
	}
	t.Run("a late caller keeps its slot when nobody took it", func(t *testing.T) {
		g, c := throttledOnce(t)
		c.advance(time.Hour)
		assert.NoError(t, g.pass("", "first", func() error { return nil }))
	})
	t.Run("the text is the same each time", func(t *testing.T) {
		g, c := throttledOnce(t)
		first := g.pass("CreateEnvironment", "other", nil)
		c.advance(time.Second)
		assert.EqualError(t, g.pass("CreateEnvironment", "other", nil), first.Error())
	})
}

// Callers that try at the same time are refused at most once each: then everybody has a slot.
func TestCreateEnvironmentQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, err := NewPool(Options{CreateInterval: 10 * time.Second})
		require.NoError(t, err)
		var mu sync.Mutex
		var last time.Time
		var requests []time.Time
		data := environmentData()["environment"]
		pool.wire.http.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			requests = append(requests, time.Now())
			if !last.IsZero() && time.Since(last) < 10*time.Second {
				return jsonResponse(object{"errors": []object{{"message": "Whoa there pal! Try again in a sec"}}}), nil
			}
			last = time.Now()
			return jsonResponse(object{"data": object{"environmentCreate": data}}), nil
		})
		client := pool.Client(Credentials{Token: testToken})
		done := make(chan error)
		for i := range 8 {
			go func() {
				for {
					_, err := client.CreateEnvironment(t.Context(), "p1", fmt.Sprint("e", i))
					if ClassOf(err) != RateLimited {
						done <- err
						return
					}
					time.Sleep(RetryAfter(err))
				}
			}()
		}
		for range 8 {
			require.NoError(t, <-done)
		}
		assert.Len(t, requests, 7+8)
		assert.True(t, slices.IsSortedFunc(requests, time.Time.Compare))
	})
}

// Whoever creates has its project's turn, which others wait for: it is told to come back, whatever it would have to wait for.
func TestCreateEnvironmentNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, err := NewPool(Options{})
		require.NoError(t, err)
		pool.wire.http.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Second)
			return jsonResponse(object{"data": object{"environmentCreate": environmentData()["environment"]}}), nil
		})
		client := pool.Client(Credentials{Token: testToken})
		client.creating.spacing = 10 * time.Second // Railway has refused one before
		refused := func(name string, after time.Duration) {
			t.Helper()
			assert.Equal(t, after, RetryAfter(client.MayCreate("p1", name)), "known before it is tried")
			start := time.Now()
			_, err := client.CreateEnvironment(t.Context(), "p1", name)
			assert.Equal(t, RateLimited, ClassOf(err))
			assert.Equal(t, after, RetryAfter(err))
			assert.Zero(t, time.Since(start))
		}
		done := make(chan error)
		go func() {
			_, err := client.CreateEnvironment(t.Context(), "p1", "first")
			done <- err
		}()
		synctest.Wait()
		refused("second", 10*time.Second) // the first one is under way, and has the slot before
		require.NoError(t, <-done)
		client.creating.spacing = 0
		client.Budget().block(shortPause)
		refused("second", shortPause) // a pause that other requests wait out
		time.Sleep(shortPause)
		_, err = client.CreateEnvironment(t.Context(), "p1", "second")
		assert.NoError(t, err)
	})
}

// throttledBy is Railway's refusal of a request as too frequent.
func throttledBy(every, wait time.Duration) *Error {
	return &Error{Class: RateLimited, throttle: &throttle{every: every, wait: wait}}
}

// TestIdleGate: a gate that knows the rule and was idle gives each of many callers a slot of its own, and not the same one to all.
func TestIdleGate(t *testing.T) {
	clock := noon
	g := newGate(func() time.Time { return clock }, 30*time.Second)
	g.spacing, g.next = 30*time.Second, noon.Add(-10*time.Minute)
	for i := range 5 {
		assert.Equal(t, time.Duration(i)*30*time.Second, RetryAfter(g.ask("", fmt.Sprint(i))), "the caller %d", i)
		clock = clock.Add(time.Millisecond)
		assert.InDelta(t, float64(i)*30, RetryAfter(g.ask("", fmt.Sprint(i))).Seconds(), 0.1, "it keeps its slot")
		clock = clock.Add(-time.Millisecond)
	}
	assert.NoError(t, g.pass("", "0", func() error { return nil }))
	assert.Equal(t, 30*time.Second, RetryAfter(g.ask("", "1")))
}

// TestRefusedTogether: callers that were sent while the gate was open are refused together. They are told slots in that order, and a
// success that is answered late does not bring them forward.
func TestRefusedTogether(t *testing.T) {
	g := newGate(func() time.Time { return noon }, 30*time.Second)
	for i := range 4 {
		slotted, err := g.enter("", fmt.Sprint(i))
		require.NoError(t, err)
		require.False(t, slotted)
	}
	for i := range 3 {
		err := g.learn(fmt.Sprint(i), false, throttledBy(30*time.Second, 10*time.Minute))
		assert.Equal(t, 10*time.Minute+time.Duration(i)*30*time.Second, RetryAfter(err), "the caller %d", i)
		g.leave()
	}
	require.NoError(t, g.learn("3", false, nil))
	g.leave()
	assert.Equal(t, 10*time.Minute, RetryAfter(g.ask("", "0")), "Railway asked for it")
}

// TestPauseIsNotTheRule: one long pause makes no rule. When the rule is longer, the next refusal says so.
func TestPauseIsNotTheRule(t *testing.T) {
	clock := noon
	g := newGate(func() time.Time { return clock }, 30*time.Second)
	assert.Equal(t, 10*time.Minute, RetryAfter(g.pass("", "a", func() error { return throttledBy(0, 10*time.Minute) })))
	clock = clock.Add(10 * time.Minute)
	require.NoError(t, g.pass("", "a", func() error { return nil }))
	assert.Equal(t, 30*time.Second, RetryAfter(g.ask("", "b")))
}
