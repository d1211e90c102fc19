// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"time"
)

const (
	// firstRetry is the wait after the first failed poll; it doubles with every further one.
	firstRetry = time.Second
	// lastRetry is the longest wait, when the interval is longer still.
	lastRetry = 5 * time.Minute
)

// follower is one followed environment. The Watch's mutex guards it.
type follower struct {
	key    string
	target Target
	// snapshot has no Environment: held has it.
	snapshot Snapshot
	held     *packed
	// print is the fingerprint of the answer that the snapshot was made of.
	print uint64
	// current is the state of the snapshot, seen the state that the reader knows or has been told of.
	current, seen state
	// due is when the next poll is.
	due        time.Time
	hurryUntil time.Time
	// hinted is the time of the read for the last hint; a read that began before does not stand for it.
	hinted time.Time
	// retry is the wait after the last failure; 0 after a success.
	retry time.Duration
	// started counts the reads begun, applied is the number of the read that the snapshot shows.
	started, applied int
	// good is the number of the last read that succeeded.
	good int
	// apart is true after a failure of its own.
	apart bool
	// polling is true while the schedule's own read of it is under way.
	polling bool
	// gone is true when it is followed no longer.
	gone bool
	lane *lane
	// in is the schedule in which it waits, at that place; nil when it does not.
	in    *schedule
	place int
}

// state is what a reader is told of when it changes.
type state struct {
	digest string
	class  Class
	// overdue is true when reads have failed for longer than the tolerance.
	overdue bool
	// interval is what is told of the time between polls; zero when it is as asked for.
	interval time.Duration
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

// want is what is to be read, and what is known of it.
func (f *follower) want() want {
	return want{
		environmentRef: environmentRef{f.target.ProjectID, f.target.EnvironmentID},
		known:          view{held: f.held, digest: f.snapshot.Digest, print: f.print},
		failing:        f.retry > 0,
	}
}

// finish takes over the outcome of a read, unless a later one is already there, and plans the next poll.
func (w *Watch) finish(f *follower, t turn, o outcome) {
	defer w.plan(f)
	if t.number <= f.applied && (o.err != nil || t.number <= f.good) { // a failure that began later does not outrank a success
		return
	}
	f.applied = max(f.applied, t.number)
	before := f.current.class
	if o.err == nil {
		f.good = t.number
		f.succeeded(t, o.view)
		f.due = w.next(f, w.options.Now())
	} else {
		f.failed(t, o, w.options.Now())
		f.due = w.options.Now().Add(w.options.Jitter(max(f.wait(), RetryAfter(o.err))))
	}
	if t.began.Before(f.hinted) && f.hinted.Before(f.due) {
		f.due = f.hinted
	}
	if after := f.current.class; after != before {
		w.options.Log.V(1).Info("reading Railway changed its outcome", "key", f.key, "class", after.String())
	}
}

func (f *follower) succeeded(t turn, seen view) {
	asked := f.target.Interval
	inForce, _ := f.target.Client.Budget().Interval(asked)
	f.snapshot = Snapshot{
		Interval: Stretched(f.snapshot.Interval, asked, inForce),
		Digest:   seen.digest, ReadAt: t.began, ClientKey: f.target.Client.Key(),
		FollowedAt: f.snapshot.FollowedAt,
	}
	f.held, f.print, f.retry, f.apart = seen.held, seen.print, 0, false
	f.current = state{digest: seen.digest, interval: f.snapshot.Interval}
}

func (f *follower) failed(t turn, o outcome, now time.Time) {
	err := o.err
	f.apart = f.apart || o.own
	wasLimited := ClassOf(f.snapshot.Err) == RateLimited && ClassOf(err) != RateLimited
	f.snapshot.Err = err
	if f.snapshot.FailingSince.IsZero() || wasLimited { // a rate limit says nothing about the environment: it does not count
		f.snapshot.FailingSince = t.began
	}
	f.retry = min(max(2*f.retry, firstRetry), f.target.Interval, lastRetry)
	if class := ClassOf(err); class != RateLimited { // being rate limited is no news
		overdue := now.Sub(f.snapshot.FailingSince) > Tolerance*f.target.Interval
		f.current = state{digest: f.snapshot.Digest, class: class, overdue: overdue, interval: f.snapshot.Interval}
	}
}

// wait is how long until the next try of a read that failed. What goes on failing alone is read at the pace that the budget allows.
func (f *follower) wait() time.Duration {
	if !f.apart || f.retry < min(f.target.Interval, lastRetry) {
		return f.retry
	}
	return f.target.Client.Budget().Stretch(f.retry)
}

// next is when to poll after a read at that time.
func (w *Watch) next(f *follower, read time.Time) time.Time {
	interval := f.target.Client.Budget().Stretch(f.target.Interval)
	if w.options.Now().Before(f.hurryUntil) {
		interval = min(interval, w.options.Fast)
	}
	return read.Add(w.options.Jitter(interval))
}
