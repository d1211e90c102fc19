// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waitingFor starts waits of the priority and returns the times at which they had their turn.
func (p *pace) waitingFor(ctx context.Context, n int, priority Priority) func() []time.Time {
	var mu sync.Mutex
	var turns []time.Time
	for range n {
		go func() {
			if p.wait(ctx, priority) == nil {
				mu.Lock()
				defer mu.Unlock()
				turns = append(turns, time.Now())
			}
		}()
	}
	synctest.Wait()
	return func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(turns)
	}
}

func TestPaceLetsTheUrgentPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(5, 1)
		start := time.Now()
		polls := p.waitingFor(t.Context(), 500, Poll)
		time.Sleep(time.Second)
		asked := time.Now()
		writes := p.waitingFor(t.Context(), 8, Write)
		rollouts := p.waitingFor(t.Context(), 8, Rollout)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Len(t, writes(), 8)
		assert.LessOrEqual(t, writes()[7].Sub(asked), 2200*time.Millisecond, "eight turns and two for those who wait longest")
		assert.LessOrEqual(t, rollouts()[7].Sub(asked), 4200*time.Millisecond)
		before := len(polls())
		assert.InDelta(t, 1+5*11-16, before, 2, "nothing is lost to the pace")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.InDelta(t, before+50, len(polls()), 1)
		assert.Equal(t, start, polls()[0])
		time.Sleep(5 * time.Minute)
	})
}

func TestPaceStarvesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(10, 1)
		ctx, cancel := context.WithCancel(t.Context())
		p.waitingFor(ctx, 10_000, Write)
		polls := p.waitingFor(ctx, 50, Poll)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 20, len(polls()), 1, "every fifth turn")
		cancel()
		synctest.Wait()
		for i := range p.waiting {
			assert.Zero(t, p.waiting[i].Len(), "who gives up leaves the queue")
		}
		time.Sleep(time.Second)
	})
}

func TestPaceRefusesWhatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(5, 1)
		p.waitingFor(t.Context(), 51, Poll)
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, p.wait(ctx, Poll), context.DeadlineExceeded)
		assert.Equal(t, start, time.Now(), "at once")
		assert.NoError(t, p.wait(ctx, Rollout), "the urgent one passes")
		time.Sleep(time.Minute)
	})
}

// TestDefaultPace: Railway refuses the eleventh request of any second on its smallest plan (railway-api.md, "Rate limits"), and then
// everything waits.
func TestDefaultPace(t *testing.T) {
	const perSecond = 10
	synctest.Test(t, func(t *testing.T) {
		o := Options{}.withDefaults()
		p := newPace(o.RequestsPerSecond, o.Burst)
		time.Sleep(time.Minute)
		turns := p.waitingFor(t.Context(), 60, Write)
		time.Sleep(time.Minute)
		synctest.Wait()
		sent := turns()
		require.Len(t, sent, 60)
		for i, at := range sent[perSecond:] {
			assert.GreaterOrEqual(t, at.Sub(sent[i]), time.Second, "request %d", i+perSecond)
		}
		time.Sleep(time.Minute)
	})
}
