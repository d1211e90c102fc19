// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// WatchOptions configure a Watch. The zero value is fit for production.
type WatchOptions struct {
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets a line at V(1) when the state of an environment's reads changes. Default: none.
	Log logr.Logger
	// Jitter returns a duration to wait instead of the given one, so that polls spread out. Default: up to a tenth longer.
	Jitter func(time.Duration) time.Duration
	// Changed is called with a key when there is something about it that its reader does not know; see Watch. It is called without
	// locks, from the goroutine that polls, so it must not block. Default: nothing is told.
	Changed func(key string)
	// Fast is the time between polls during a rollout. Default: 5s, as Railway's CLI polls
	// (railway-api.md, "Rate limits").
	Fast time.Duration

	// gather is how long a read that somebody asked for waits for others to share its request.
	gather time.Duration
	// read reads environments with a client.
	read func(*Client, context.Context, []want, func(int, outcome))
}

// Target is what to follow, with which client, and how old the view may get.
type Target struct {
	Client        *Client
	ProjectID     string
	EnvironmentID string
	// Interval is the time between polls; the token's Budget may stretch it.
	Interval time.Duration
}

// Snapshot is the last known state of an environment. It is shared: treat Environment as immutable.
type Snapshot struct {
	// Environment is the last good read, nil before the first. A failed read never erases it.
	Environment *model.Environment
	// ReadAt is when the request of that read began, before it waited for its turn: Environment is at least as new as this, and
	// whatever happened before is in it unless Railway's reads lag. (The time of the answer would promise more than is known.)
	ReadAt time.Time
	// ClientKey is the Key of the client whose token read Environment.
	ClientKey string
	// Err is why the last read failed, nil when it succeeded.
	Err error
	// FailingSince is when the first request of the run of failed reads began whose last error is Err, rate limits included; zero after
	// a success.
	FailingSince time.Time
	// FollowedAt is when this process began to follow the environment, with whatever client and interval.
	FollowedAt time.Time
	// Interval is how much time may pass between two polls when the request budget does not allow the interval asked for: a doubling
	// of that, which rarely changes. Zero when polls are as often as asked for.
	Interval time.Duration
	// Digest is equal as long as Environment stays the same, ordering aside.
	Digest string
}

// Tolerance is for how many intervals reads may fail before the run of failures is told a second time.
const Tolerance = 3

// Watch keeps a snapshot of every followed environment and tells when it changed. Environments
// that are read with the same token share requests.
// Keys name followers, for example "namespace/name". All methods are safe for concurrent use.
//
// Options.Changed is told when a poll finds another state than the reader has seen or was told of:
//   - another Digest: something is different on Railway,
//   - another Interval: the request budget allows fewer polls, or more again,
//   - another class of error: reads began to fail, fail in another way, or succeed again,
//   - once, the first failure more than Tolerance intervals after FailingSince, so that whoever tolerates failures that long learns
//     that it is over. Failing reads are repeated once an interval, or as often as the budget allows.
//
// An unchanged state is never told, and neither is being rate limited, however long: it says nothing about the environment, and
// waking everybody would make it worse. The schedule goes on after it, no earlier than Railway allows. Who wants to act on the age
// of a view that is rate limited asks for a time of his own.
type Watch struct {
	options WatchOptions

	mu sync.Mutex
	// run is the context of Start while it runs, nil before and after.
	run       context.Context //nolint:containedctx // reads start and end with what is followed, within Start
	reads     sync.WaitGroup
	followers map[string]*follower
	// environments are the followers by the id of what they follow.
	environments map[string]map[*follower]bool
	// lanes are what is read with each token, by its key. A token that nobody is followed with has none.
	lanes map[string]*lane
}

// NewWatch returns a Watch that polls once it is started.
func NewWatch(options WatchOptions) *Watch {
	defaultTo(&options.Fast, 5*time.Second)
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Changed == nil {
		options.Changed = func(string) {}
	}
	if options.Jitter == nil {
		options.Jitter = upToATenthLonger
	}
	options.gather, options.read = gather, (*Client).read
	return &Watch{options: options, followers: map[string]*follower{}, environments: map[string]map[*follower]bool{}, lanes: map[string]*lane{}}
}

// Fast is the time between polls during a rollout.
func (w *Watch) Fast() time.Duration { return w.options.Fast }

func upToATenthLonger(d time.Duration) time.Duration {
	return d + time.Duration(rand.Float64()*0.1*float64(d))
}

// Start polls until ctx ends and returns when every read has. It must be called at most once.
func (w *Watch) Start(ctx context.Context) error {
	w.mu.Lock()
	w.run = ctx
	for _, l := range w.lanes {
		w.dispatch(l)
	}
	w.mu.Unlock()
	<-ctx.Done()
	w.mu.Lock()
	w.run = nil // from here on nobody begins a read
	for _, l := range w.lanes {
		l.close()
	}
	w.mu.Unlock()
	w.reads.Wait()
	return nil
}

// NeedLeaderElection says that only the leader polls.
func (w *Watch) NeedLeaderElection() bool { return true }

// Follow keeps a snapshot of the target under the key. The same target again changes nothing; another one replaces it. When
// only the client or the interval is new, the snapshot stays. A new target is first polled after Fast: whoever follows it
// reads it with Refresh, and two reads of the same thing would be one too many.
func (w *Watch) Follow(key string, target Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.followers[key]
	if old != nil && old.target == target {
		return
	}
	now := w.options.Now()
	f := &follower{key: key, target: target, due: now.Add(w.options.Fast), snapshot: Snapshot{FollowedAt: now}}
	if old != nil && old.target.ProjectID == target.ProjectID && old.target.EnvironmentID == target.EnvironmentID {
		f.snapshot, f.held, f.print, f.current, f.seen = old.snapshot, old.held, old.print, old.current, old.seen
		f.hurryUntil, f.started = old.hurryUntil, old.started
		if old.target.Client == target.Client && !f.snapshot.ReadAt.IsZero() {
			f.due = w.next(f, f.snapshot.ReadAt)
		}
	}
	w.followers[key] = f
	w.enter(f)
	if old != nil {
		w.leave(old)
	}
}

// Forget drops the key and its snapshot.
func (w *Watch) Forget(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f, ok := w.followers[key]; ok {
		delete(w.followers, key)
		w.leave(f)
	}
}

// Hurry polls the key at the pace of a rollout until then. A time that has passed, or zero, ends the hurry.
func (w *Watch) Hurry(key string, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.followers[key]
	if !ok {
		return
	}
	now := w.options.Now()
	hurried := now.Before(f.hurryUntil)
	f.hurryUntil = until
	switch hurries := now.Before(until); {
	case hurries && !hurried:
		if fast := now.Add(w.options.Fast); fast.Before(f.due) {
			f.due = fast
		}
	case !hurries && hurried:
		f.due = w.next(f, now)
	default:
		return
	}
	w.plan(f)
}

// Hint asks for a read soon, of every key that follows the environment: somebody says that something happened there.
// The reads join those that are due, and Changed is told what they find, so nobody waits. An environment is read for a
// hint no more often than every Fast.
func (w *Watch) Hint(environmentID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.options.Now()
	for f := range w.environments[environmentID] {
		if f.apart || f.hinted.After(now) { // what fails by itself has its own time, and one read is enough for many hints
			continue
		}
		delay := hintDelay
		if f.snapshot.ReadAt.IsZero() {
			delay = min(firstDelay, w.options.Fast)
		}
		soon := latest(now.Add(delay), f.hinted.Add(w.options.Fast))
		if f.polling || soon.Before(f.due) {
			f.hinted, f.due = soon, soon
			w.plan(f)
		}
	}
}

// Latest returns the key's snapshot; false when there is none yet, not even a failed read. FollowedAt is set as soon as the key is
// followed.
func (w *Watch) Latest(key string) (Snapshot, bool) {
	w.mu.Lock()
	f, ok := w.followers[key]
	if !ok {
		w.mu.Unlock()
		return Snapshot{}, false
	}
	snapshot, held := f.snapshot, f.held
	w.mu.Unlock()
	return snapshot.with(held), held != nil || snapshot.Err != nil
}

// with returns the snapshot with its environment.
func (s Snapshot) with(held *packed) Snapshot {
	s.Environment = held.environment()
	return s
}

// Refresh reads the key's environment now, with the priority of ctx, and stores and returns the snapshot. Changed is not called:
// the caller has seen the result. A failed read is returned as the error, too. Reads that are asked for at about the same time share a
// request; one that is under way already is never waited for, because it may have begun before what the caller wants to see.
func (w *Watch) Refresh(ctx context.Context, key string) (Snapshot, error) {
	w.mu.Lock()
	f, ok := w.followers[key]
	if !ok {
		w.mu.Unlock()
		return Snapshot{}, &Error{Class: Internal, Message: "nothing is followed under " + key}
	}
	now := w.options.Now()
	a := &ask{follower: f, priority: priorityOf(ctx, false), turn: f.begin(now), done: make(chan refreshed, 1)}
	f.due = w.next(f, now) // however long this read waits for its turn, the schedule does not read the same beside it
	if w.run == nil || w.run.Err() != nil {
		w.plan(f)
		w.mu.Unlock()
		return w.readAlone(ctx, a)
	}
	run := w.run
	f.lane.asked = append(f.lane.asked, a)
	w.plan(f)
	w.mu.Unlock()
	select {
	case r := <-a.done:
		return r.snapshot.with(r.held), r.err
	case <-ctx.Done():
	case <-run.Done():
	}
	return w.giveUp(ctx, a)
}

// readAlone is Refresh while the Watch does not run.
func (w *Watch) readAlone(ctx context.Context, a *ask) (Snapshot, error) {
	w.mu.Lock()
	wants := []want{a.follower.want()}
	w.mu.Unlock()
	var found outcome
	w.options.read(a.follower.target.Client, ctx, wants, func(_ int, o outcome) { found = o })
	if ctx.Err() == nil {
		w.conclude(&job{}, &reading{follower: a.follower, turn: a.turn, asks: []*ask{a}}, found)
		r := <-a.done
		return r.snapshot.with(r.held), r.err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return a.follower.snapshot.with(a.follower.held), found.err
}

// giveUp ends the wait for a read whose context has ended, or whose Watch has.
func (w *Watch) giveUp(ctx context.Context, a *ask) (Snapshot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.left = true
	l := a.follower.lane
	l.asked = slices.DeleteFunc(l.asked, func(other *ask) bool { return other == a })
	err := cmp.Or(ctx.Err(), context.Canceled)
	return a.follower.snapshot.with(a.follower.held), &Error{Class: Transient, Operation: "ReadEnvironment", Message: describe(err), cause: err}
}

// Store puts a state under the key that a write returned whose request began at that time. Changed is not called.
func (w *Watch) Store(key string, env *model.Environment, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.followers[key]
	if !ok {
		return
	}
	w.finish(f, f.begin(began), outcome{view: view{held: pack(env), digest: digest(env)}})
	f.seen = f.current
}
