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
	// seen is the state that the reader knows, or has been told to look at.
	seen state
	// due is when the next poll is.
	due        time.Time
	hurryUntil time.Time
	// retry is the wait after the last failure; 0 after a success.
	retry time.Duration
	// started counts the reads begun, applied is the number of the read that the snapshot shows.
	started, applied int
}

// state is what a reader is woken for when it changes.
type state struct {
	digest string
	class  Class
}

func (f *follower) state() state {
	return state{digest: f.snapshot.Digest, class: ClassOf(f.snapshot.Err)}
}

// begin takes a number for a read. Of two reads that overlap, the one begun later counts.
func (f *follower) begin() int {
	f.started++
	return f.started
}

// finish takes over the result of a read, unless a later one is already there, and sets the next poll.
func (w *Watch) finish(key string, f *follower, turn int, env *model.Environment, err error) {
	if turn <= f.applied {
		return
	}
	f.applied = turn
	now := w.options.Now()
	before := f.state()
	if f.snapshot.Err = err; err == nil {
		f.snapshot = Snapshot{Environment: env, ReadAt: now, Digest: digest(env)}
		f.retry = 0
		f.due = w.next(f, now)
	} else {
		f.retry = min(max(2*f.retry, firstRetry), f.target.Interval, lastRetry)
		f.due = now.Add(w.options.Jitter(max(f.retry, RetryAfter(err))))
	}
	if after := f.state(); after.class != before.class {
		w.options.Log.V(1).Info("reading Railway changed its outcome", "key", key, "class", after.class.String())
	}
	if w.followers[key] == f {
		w.rescheduled(f.target.Client)
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
