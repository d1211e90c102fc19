// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newTestBudget() (*Budget, *clock) {
	c := &clock{at: noon}
	return newBudget(c.now, 5, 10), c
}

func TestBudgetReserves(t *testing.T) {
	tests := []struct {
		reason    string
		priority  Priority
		remaining int
		admitted  bool
	}{
		{"plenty", Poll, 1000, true},
		{"a poll leaves a fifth", Poll, 201, true},
		{"a poll leaves a fifth", Poll, 200, false},
		{"a rollout may go on", Rollout, 200, true},
		{"a rollout leaves a twentieth", Rollout, 51, true},
		{"a rollout leaves a twentieth", Rollout, 50, false},
		{"a write may use it", Write, 50, true},
		{"a write may use the last one", Write, 1, true},
		{"nobody can use what is not there", Write, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			b, _ := newTestBudget()
			b.learn(quota{limit: 1000, remaining: tt.remaining, known: true, reset: noon.Add(10 * time.Minute)})
			wait, ok := b.admit(tt.priority)
			assert.Equal(t, tt.admitted, ok)
			if !tt.admitted {
				assert.Equal(t, 10*time.Minute, wait, "until the window ends")
			}
		})
	}
}

func TestBudgetCountsWhatIsUnderWay(t *testing.T) {
	b, _ := newTestBudget()
	b.learn(quota{limit: 100, remaining: 22, known: true, reset: noon.Add(time.Hour)})
	for range 2 {
		_, ok := b.admit(Poll)
		assert.True(t, ok)
	}
	_, ok := b.admit(Poll)
	assert.False(t, ok, "two are under way, twenty are reserved")
	remaining, known := b.Remaining()
	assert.True(t, known)
	assert.Equal(t, 20, remaining)
}

func TestBudgetStartsANewWindow(t *testing.T) {
	b, c := newTestBudget()
	b.learn(quota{limit: 100, remaining: 0, known: true, reset: noon.Add(10 * time.Minute)})
	c.advance(10*time.Minute - time.Second)
	_, ok := b.admit(Write)
	assert.False(t, ok)
	c.advance(time.Second)
	_, ok = b.admit(Poll)
	assert.True(t, ok)
}

func TestBudgetLooksAgainWhenNobodySaysWhen(t *testing.T) {
	b, c := newTestBudget()
	b.learn(quota{limit: 100, remaining: 0, known: true})
	wait, ok := b.admit(Write)
	assert.False(t, ok)
	assert.Equal(t, time.Minute, wait)
	c.advance(time.Minute)
	_, ok = b.admit(Write)
	assert.True(t, ok)
}

func TestBudgetWithoutHeaders(t *testing.T) {
	b, _ := newTestBudget()
	b.learn(quota{})
	for range 2000 {
		_, ok := b.admit(Poll)
		assert.True(t, ok, "nothing is known, so Railway decides")
	}
}

func TestBudgetBlocks(t *testing.T) {
	b, c := newTestBudget()
	b.block(30 * time.Second)
	b.block(10 * time.Second)
	for _, p := range []Priority{Poll, Rollout, Write} {
		wait, ok := b.admit(p)
		assert.False(t, ok)
		assert.Equal(t, 30*time.Second, wait, "the shorter pause does not end the longer")
	}
	c.advance(30 * time.Second)
	_, ok := b.admit(Poll)
	assert.True(t, ok)
}

// TestShortPauseIsWaitedOut: in a large fleet each object whose pass falls into a pause of a second would say so in its status.
func TestShortPauseIsWaitedOut(t *testing.T) {
	tests := []struct {
		name, reason string
		priority     Priority
		pause        time.Duration
		canceled     bool
		left         time.Duration
		waits, ok    bool
	}{
		{"a short pause", "is waited out", Write, time.Second, false, time.Hour, true, true},
		{"a read that somebody waits for", "waits too", Rollout, shortPause, false, time.Hour, true, true},
		{"a poll", "the watch comes back to it", Poll, time.Second, false, time.Hour, false, false},
		{"a long pause", "a worker would be lost to other tokens", Write, shortPause + time.Millisecond, false, time.Hour, false, false},
		{"at the end of the pass", "the pass has ended", Write, time.Second, true, time.Hour, false, false},
		{"beyond the end of the pass", "its time would be lost", Write, time.Second, false, time.Second / 2, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, start := newBudget(time.Now, 5, 10), time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tt.left)
				defer cancel()
				if tt.canceled {
					cancel()
				}
				b.block(tt.pause)
				_, ok := b.enter(ctx, tt.priority)
				assert.Equal(t, tt.ok, ok, tt.reason)
				assert.Equal(t, tt.waits, time.Since(start) > 0, tt.reason)
			})
		})
	}
}

// TestPauseIsProlonged: of the requests that are under way when Railway refuses one, some are refused after it.
func TestPauseIsProlonged(t *testing.T) {
	for _, tt := range []struct {
		reason string
		then   time.Duration
		ok     bool
	}{
		{"both pauses together are short", time.Second, true},
		{"together they are a long one: a worker would be lost to other tokens", shortPause, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(time.Now, 5, 5)
			b.block(time.Second)
			time.AfterFunc(time.Second/2, func() { b.block(tt.then) })
			_, ok := b.enter(t.Context(), Write)
			assert.Equal(t, tt.ok, ok, tt.reason)
			assert.Equal(t, tt.ok, !b.Holds(Write), tt.reason)
		})
	}
}

func TestBudgetStretch(t *testing.T) {
	tests := []struct {
		reason         string
		limit, polled  int
		interval, want time.Duration
	}{
		{"one environment needs no stretch", 1000, 1, time.Minute, time.Minute},
		{"ten environments a minute are 600 an hour", 1000, 10, time.Minute, time.Minute},
		{"a hundred do not fit", 1000, 100, time.Minute, 10 * time.Minute},
		{"the free plan is small", 100, 4, time.Minute, 4 * time.Minute},
		{"a large plan carries a fleet", 10000, 100, time.Minute, time.Minute},
		{"unknown counts as the smallest paid plan", 0, 100, time.Minute, 10 * time.Minute},
		{"nothing polled yet", 1000, 0, 30 * time.Second, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			b, _ := newTestBudget()
			b.learn(quota{limit: tt.limit, remaining: tt.limit, known: tt.limit > 0})
			b.setPolled("token", tt.polled)
			assert.Equal(t, tt.want, b.Stretch(tt.interval))
		})
	}
}

func TestBudgetLearnsTheLimitAlone(t *testing.T) {
	b, _ := newTestBudget()
	b.setPolled("token", 100)
	b.learn(quota{limit: 10000})
	assert.Equal(t, time.Minute, b.Stretch(time.Minute), "a policy header tells the limit without what is left of it")
	b.learn(quota{})
	assert.Equal(t, time.Minute, b.Stretch(time.Minute), "an answer without headers changes nothing")
	_, known := b.Remaining()
	assert.False(t, known)
}

func TestPriorityOf(t *testing.T) {
	ctx := context.Background()
	assert.Equal(t, Rollout, priorityOf(ctx, false), "somebody waits for it")
	assert.Equal(t, Poll, priorityOf(WithPriority(ctx, Poll), false))
	assert.Equal(t, Write, priorityOf(WithPriority(ctx, Write), false))
	assert.Equal(t, Write, priorityOf(WithPriority(ctx, Poll), true), "a mutation is always a write")
}
