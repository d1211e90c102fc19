// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Options configure a Verifier. The zero value is fit for production.
type Options struct {
	Guard GuardOptions
	// Changed is called with the key of an object whose report changed. It must not block; no lock is held.
	Changed func(key string)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// RetryPause is the time between two attempts of a check. Default: 2s.
	RetryPause time.Duration
	// LogGrace is how long a line of a deployment's start may take to appear in its log; until then a check of the log that
	// fails is undecided. Default: 1m.
	LogGrace time.Duration
	// Parallel is how many objects are verified at once, so that some slow engines do not hold up the others. Default: 32.
	Parallel int
}

// Verifier runs the checks of objects in the background and tells when a result changed. Keys name objects, for example
// "namespace/name". All methods are safe for concurrent use.
type Verifier struct {
	options Options
	prober  *prober
	slots   chan struct{}
	// wake tells the scheduler that something is due.
	wake chan struct{}

	mu      sync.Mutex
	objects map[string]*object
	queue   queue
	// until is when the scheduler looks again if nobody wakes it.
	until time.Time
}

// New returns a Verifier that works once it is started.
func New(options Options) *Verifier {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Changed == nil {
		options.Changed = func(string) {}
	}
	defaultTo(&options.RetryPause, 2*time.Second)
	defaultTo(&options.LogGrace, time.Minute)
	defaultTo(&options.Parallel, 32)
	return &Verifier{
		options: options, prober: &prober{client: newClient(options.Guard), now: options.Now},
		slots: make(chan struct{}, options.Parallel), wake: make(chan struct{}, 1), objects: map[string]*object{},
	}
}

func defaultTo[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// NeedLeaderElection says that only the leader verifies.
func (v *Verifier) NeedLeaderElection() bool { return true }

// Want asks for the job's checks under the key and returns what is known of them. The same job again changes nothing.
func (v *Verifier) Want(key string, job Job) Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.options.Now()
	o := v.objects[key]
	if o == nil || o.job.Subject != job.Subject {
		v.queue.drop(o)
		o = begin(job, now, now.Add(sometime(job.Interval)))
		o.key, v.objects[key] = key, o
	} else {
		o.adopt(job, now)
	}
	v.queue.place(o)
	if o.queued && o.due.Before(v.until) {
		v.rouse()
	}
	return o.report()
}

// sometime is a random part of the interval, at least a tenth: checks that are known do not run all at once after a restart.
func sometime(interval time.Duration) time.Duration {
	least := interval / 10
	return least + rand.N(max(interval-least, 1)) //nolint:gosec // nobody gains by guessing it
}

// Forget drops the key.
func (v *Verifier) Forget(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.queue.drop(v.objects[key])
	delete(v.objects, key)
}

// Start works until ctx ends and returns when every run has ended.
func (v *Verifier) Start(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		due, wait := v.due()
		for _, o := range due {
			running.Go(func() { v.work(ctx, o) })
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-v.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// idle is how long the scheduler waits when nothing is due.
const idle = time.Minute

// due marks the objects that are due as running, and returns them and how long to wait for the next.
func (v *Verifier) due() (due []*object, wait time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.options.Now()
	due, wait, ok := v.queue.take(now)
	for _, o := range due {
		o.running = true
	}
	if !ok || wait > idle {
		wait = idle
	}
	v.until = now.Add(wait)
	return due, wait
}

func (v *Verifier) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// work runs the checks of the object that are due, and books what they found.
func (v *Verifier) work(ctx context.Context, o *object) {
	select {
	case v.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-v.slots }()
	job, checks := v.take(o)
	reader := &readOnce{reader: job.Logs, known: map[logKey][]model.LogLine{}}
	found := make([]finding, 0, len(checks))
	for _, c := range checks {
		f := v.run(ctx, reader, job.Redact, c)
		if ctx.Err() != nil { // it was cut off, and found nothing; those before it did
			break
		}
		found = append(found, f)
	}
	if v.book(o, found) {
		v.options.Changed(o.key)
	}
}

// take returns the checks to run; none when another subject has taken the object's place.
func (v *Verifier) take(o *object) (Job, []Check) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.objects[o.key] != o {
		return Job{}, nil
	}
	return o.job, o.take(v.options.Now())
}

// book remembers what the checks found, and reports whether the report changed. What was found for another subject, or by a
// check that has changed meanwhile, is dropped.
func (v *Verifier) book(o *object, found []finding) (changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o.running = false
	if v.objects[o.key] != o {
		return false
	}
	before, now := o.report(), v.options.Now()
	p := pace{interval: o.job.Interval, soon: min(max(v.options.LogGrace/6, 50*time.Millisecond), 10*time.Second)}
	for _, f := range found {
		if t := o.known[f.Name]; t != nil && t.check.Fingerprint == f.Fingerprint {
			t.book(f, now, p)
		}
	}
	v.queue.place(o)
	v.rouse()
	return !sameReport(before, o.report())
}

// sameReport ignores messages: a failing answer may differ each time; the first one tells.
func sameReport(a, b Report) bool {
	return slices.EqualFunc(a.Results, b.Results, func(x, y Result) bool {
		return x.Name == y.Name && x.Outcome == y.Outcome && x.At.IsZero() == y.At.IsZero()
	})
}

// readOnce reads the same lines once for all checks of a run.
type readOnce struct {
	reader LogReader
	known  map[logKey][]model.LogLine
}

type logKey struct {
	deploymentID string
	query        model.LogQuery
}

// Logs reads lines, or returns those that were read before.
func (r *readOnce) Logs(ctx context.Context, deploymentID string, query model.LogQuery) ([]model.LogLine, error) {
	key := logKey{deploymentID, query}
	if lines, ok := r.known[key]; ok {
		return lines, nil
	}
	lines, err := r.reader.Logs(ctx, deploymentID, query)
	if err == nil {
		r.known[key] = lines
	}
	return lines, err
}
