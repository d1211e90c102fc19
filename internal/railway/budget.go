// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// Priority says who goes first when requests get scarce.
type Priority int

const (
	// Poll is a routine read of an environment; it leaves a fifth of the limit to the others.
	Poll Priority = iota
	// Rollout is a read that somebody waits for: the first one of an object, those of a rollout, of a log, of a lost environment. It
	// leaves a twentieth of the limit to writes.
	Rollout
	// Write is a mutation, or a read that decides whether one is sent: what a patch is compared with just before it is committed,
	// a lookup before a create, the search for a write of unknown outcome. It may use everything.
	Write
)

// reserves are the parts of the hourly limit that a priority must leave to those above it.
var reserves = map[Priority]float64{Poll: 0.20, Rollout: 0.05, Write: 0}

const (
	// window is the period of Railway's limits (railway-api.md, "Rate limits").
	window = time.Hour
	// assumedLimit is used until an answer tells the real one: that of the smallest paid plan
	// (railway-api.md, "Rate limits").
	assumedLimit = 1000
	// pollShare is the part of the limit that routine polls may plan with. The rest is for rollouts, writes and whoever else
	// uses the workspace's tokens, since all may share one bucket (railway-api.md, "Rate limits").
	pollShare = 0.6
	// doubt is how long a scarce remainder is believed when nobody says when it resets; then one request may look again.
	doubt = time.Minute
)

type priorityKey struct{}

// WithPriority returns a context whose requests have the priority. Without it a query counts as Rollout and a mutation as
// Write; a mutation always counts as Write.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

func priorityOf(ctx context.Context, mutation bool) Priority {
	if mutation {
		return Write
	}
	if p, ok := ctx.Value(priorityKey{}).(Priority); ok {
		return p
	}
	return Rollout
}

// Budget keeps one token, or those of a workspace that share one limit, within Railway's limits: requests an hour as the rate limit
// headers tell them, a pause after a 429, and a steady pace (railway-api.md, "Rate limits"). It is safe for concurrent use.
type Budget struct {
	now  func() time.Time
	pace *pace

	mu sync.Mutex
	// limit is the requests an hour, 0 before an answer has told.
	limit int
	// quota is the last known state; remaining also counts the requests sent since.
	quota quota
	// readAt is when quota was read.
	readAt time.Time
	// blockedUntil is the end of the pause that a 429 asked for.
	blockedUntil time.Time
	// sent is how many requests were let through, share which part of the limit they were.
	sent  int
	share share
	// polled is how many requests it takes to poll every environment once, by the key of each token with this budget.
	polled map[string]int
}

func newBudget(now func() time.Time, requestsPerSecond float64, burst int) *Budget {
	return &Budget{now: now, pace: newPace(requestsPerSecond, burst), polled: map[string]int{}}
}

// Stretch returns how long a poll interval must be, at least interval, so that polling every followed environment stays
// within the polls' part of the hourly limit, and leaves as much of it to others as they use.
func (b *Budget) Stretch(interval time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(interval, b.round())
}

// round is how long it takes to poll every environment once. The mutex is held.
func (b *Budget) round() time.Duration {
	perHour := float64(cmp.Or(b.limit, assumedLimit)) * pollShare * b.share.part()
	return time.Duration(float64(b.allPolled()) * float64(window) / perHour)
}

// allPolled is how many requests it takes to poll every environment once. The mutex is held.
func (b *Budget) allPolled() int {
	total := 0
	for _, n := range b.polled {
		total += n
	}
	return total
}

// Interval returns the time between the polls of an environment that is in force for the interval asked for, and whether it is
// longer: then more is followed with the token than its limit allows to poll that often.
func (b *Budget) Interval(asked time.Duration) (inForce time.Duration, stretched bool) {
	inForce = b.Stretch(asked)
	return inForce, inForce > asked
}

// Remaining returns how many requests are left in the current window, false when Railway has not said.
func (b *Budget) Remaining() (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.quota.remaining, b.quota.known
}

// admit takes one request out of the budget. When it may not be sent, wait is how long until it might.
func (b *Budget) admit(p Priority) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if now.Before(b.blockedUntil) {
		return b.blockedUntil.Sub(now), false
	}
	if !b.quota.known {
		b.sent++
		return 0, true
	}
	end := b.windowEnd()
	if !now.Before(end) {
		// A new window: what remains is known again when the answer arrives.
		b.quota.remaining, b.quota.reset, b.readAt = b.quota.limit, time.Time{}, now
		end = now.Add(doubt)
	}
	if b.short(p) {
		return end.Sub(now), false
	}
	b.quota.remaining--
	b.sent++
	return 0, true
}

// shortPause is a pause that a request waits out: without it each object that is passed meanwhile says in its status that it waits.
const shortPause = 2 * time.Second

// enter is admit after a pause that is short, even when it is prolonged meanwhile: requests that were under way when Railway refused one
// are refused after it. Routine polls do not wait: the watch comes back to them.
func (b *Budget) enter(ctx context.Context, p Priority) (wait time.Duration, ok bool) {
	return patiently(ctx, p, func() (time.Duration, bool) { return b.admit(p) })
}

// open is enter for a request that is not sent yet: it takes nothing out of the budget.
func (b *Budget) open(ctx context.Context, p Priority) (wait time.Duration, ok bool) {
	return patiently(ctx, p, func() (time.Duration, bool) {
		wait := b.opensIn(p)
		return wait, wait == 0
	})
}

func patiently(ctx context.Context, p Priority, try func() (time.Duration, bool)) (wait time.Duration, ok bool) {
	for left := shortPause; ; left -= wait {
		wait, ok = try()
		if deadline, ends := ctx.Deadline(); ok || p == Poll || wait > left || (ends && time.Until(deadline) < wait) {
			return wait, ok
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return wait, false
		}
	}
}

// Holds reports whether requests of the priority are held back now.
func (b *Budget) Holds(p Priority) bool { return b.opensIn(p) > 0 }

// opensIn returns how long requests of the priority are held back, 0 when they are not. It takes nothing out of the budget.
func (b *Budget) opensIn(p Priority) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch end := b.windowEnd(); {
	case now.Before(b.blockedUntil):
		return b.blockedUntil.Sub(now)
	case b.quota.known && now.Before(end) && b.short(p):
		return end.Sub(now)
	default:
		return 0
	}
}

// windowEnd is when what remains is no longer known. The mutex is held.
func (b *Budget) windowEnd() time.Time {
	if b.quota.reset.IsZero() {
		return b.readAt.Add(doubt)
	}
	return b.quota.reset
}

// short reports whether one more request would touch what the priority must leave. The mutex is held.
func (b *Budget) short(p Priority) bool {
	return float64(b.quota.remaining-1) < reserves[p]*float64(b.quota.limit)
}

// leastTime is what a request needs at least once its turn has come. One that could only time out is not sent.
const leastTime = time.Second

// smooth waits for the request's turn at the steady pace.
func (b *Budget) smooth(ctx context.Context, p Priority) error {
	if deadline, ok := ctx.Deadline(); ok {
		early, cancel := context.WithDeadline(ctx, deadline.Add(-min(leastTime, time.Until(deadline)/10)))
		defer cancel()
		ctx = early
	}
	return b.pace.wait(ctx, p)
}

// learn takes over what an answer's headers say.
func (b *Budget) learn(q quota) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = cmp.Or(q.limit, b.limit)
	if q.known {
		b.quota, b.readAt = q, b.now()
		b.share.sees(q, b.sent, b.readAt, b.round())
	}
}

// block stops every request for the time. A shorter pause does not end a longer one.
func (b *Budget) block(pause time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := b.now().Add(pause); until.After(b.blockedUntil) {
		b.blockedUntil = until
	}
}

// budgetState is what metrics show of a budget.
type budgetState struct {
	remaining int
	known     bool
	// interval is the shortest time between two polls of an environment; paused is how long nothing at all may be sent.
	interval, paused time.Duration
}

func (b *Budget) state() budgetState {
	interval := b.Stretch(0)
	b.mu.Lock()
	defer b.mu.Unlock()
	return budgetState{
		remaining: b.quota.remaining, known: b.quota.known, interval: interval,
		paused: max(0, b.blockedUntil.Sub(b.now())),
	}
}

// setPolled says how many requests it takes to poll every environment of the token with that key once.
func (b *Budget) setPolled(key string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.polled[key] = n
}

// takePolled takes the token with that key out of the budget, and returns what setPolled said of it.
func (b *Budget) takePolled(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.polled[key]
	delete(b.polled, key)
	return n
}

// isShared reports whether more than one token has this budget.
func (b *Budget) isShared() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.polled) > 1
}

// polls reports whether environments are polled with the token of that key.
func (b *Budget) polls(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.polled[key] > 0
}
