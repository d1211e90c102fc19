// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const (
	// firstRetry is the wait after the first failed poll; it doubles with every further one.
	firstRetry = time.Second
	// lastRetry is the longest wait, when the interval is longer still.
	lastRetry = 5 * time.Minute
)

// follower is one followed environment. The Watch's mutex guards it.
type follower struct {
	target   Target
	snapshot Snapshot
	// current is the state of the snapshot, seen the state that the reader knows or has been told of.
	current, seen state
	// due is when the next poll is.
	due        time.Time
	hurryUntil time.Time
	// retry is the wait after the last failure; 0 after a success.
	retry time.Duration
	// started counts the reads begun, applied is the number of the read that the snapshot shows.
	started, applied int
	// good is the number of the last read that succeeded.
	good int
}

// state is what a reader is told of when it changes.
type state struct {
	digest string
	class  Class
	// overdue is true when reads have failed for longer than the tolerance.
	overdue bool
}

// turn is one read: its number and when it began.
type turn struct {
	number int
	began  time.Time
}

// begin takes a number for a read. Of two reads that overlap, the one begun later counts.
func (f *follower) begin(at time.Time) turn {
	f.started++
	return turn{number: f.started, began: at}
}

// finish takes over the result of a read, unless a later one is already there, and sets the next poll.
func (w *Watch) finish(key string, f *follower, t turn, env *model.Environment, err error) {
	if t.number <= f.applied && (err != nil || t.number <= f.good) { // a failure that began later does not outrank a success
		return
	}
	f.applied = max(f.applied, t.number)
	if err == nil {
		f.good = t.number
	}
	before := f.current.class
	if err == nil {
		f.succeeded(t, env)
		f.due = w.next(f, w.options.Now())
	} else {
		f.failed(t, err, w.options.Now())
		f.due = w.options.Now().Add(w.options.Jitter(max(f.retry, RetryAfter(err))))
	}
	if after := f.current.class; after != before {
		w.options.Log.V(1).Info("reading Railway changed its outcome", "key", key, "class", after.String())
	}
	if w.followers[key] == f {
		w.rescheduled(f.target.Client)
	}
}

func (f *follower) succeeded(t turn, env *model.Environment) {
	f.snapshot = Snapshot{
		Environment: env, Digest: digest(env), ReadAt: t.began, ClientKey: f.target.Client.Key(),
		FollowedAt: f.snapshot.FollowedAt,
	}
	f.retry = 0
	f.current = state{digest: f.snapshot.Digest}
}

func (f *follower) failed(t turn, err error, now time.Time) {
	wasLimited := ClassOf(f.snapshot.Err) == RateLimited && ClassOf(err) != RateLimited
	f.snapshot.Err = err
	if f.snapshot.FailingSince.IsZero() || wasLimited { // a rate limit says nothing about the environment: it does not count
		f.snapshot.FailingSince = t.began
	}
	f.retry = min(max(2*f.retry, firstRetry), f.target.Interval, lastRetry)
	if class := ClassOf(err); class != RateLimited { // being rate limited is no news
		overdue := now.Sub(f.snapshot.FailingSince) > Tolerance*f.target.Interval
		f.current = state{digest: f.snapshot.Digest, class: class, overdue: overdue}
	}
}

// next is when to poll after a read at that time.
func (w *Watch) next(f *follower, read time.Time) time.Time {
	interval := f.target.Client.Budget().Stretch(f.target.Interval)
	if w.options.Now().Before(f.hurryUntil) {
		interval = min(interval, w.options.Fast)
	}
	return read.Add(w.options.Jitter(interval))
}
