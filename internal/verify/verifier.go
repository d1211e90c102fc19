// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/notify"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Options configure a Verifier. The zero value is fit for production.
type Options struct {
	Guard GuardOptions
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

// Job is what is to be verified for one object.
type Job struct {
	// Subject names what is verified, for example a deployment. A new subject is verified at once and from the start.
	Subject string
	// Checks are run in order.
	Checks []Check
	// Forced runs the checks again when it changes, but for those whose result cannot change any more.
	Forced string
	// Interval is the time between two runs.
	Interval time.Duration
	// Gentle is for engines that are meant to sleep: after the first run only forced runs send requests.
	Gentle bool
	// Logs reads the log.
	Logs LogReader
	// Redact masks secret values in what came from outside, before it is cut or quoted.
	Redact func(string) string
}

func (j *Job) same(other *Job) bool {
	return j.Subject == other.Subject && j.Forced == other.Forced && j.Interval == other.Interval && j.Gentle == other.Gentle &&
		slices.EqualFunc(j.Checks, other.Checks, func(a, b Check) bool {
			return a.Fingerprint == b.Fingerprint && a.Unavailable == b.Unavailable
		})
}

// Report is the state of the checks of a job.
type Report struct {
	// Done is true when every check is decided.
	Done    bool
	Results []Result
}

// Verifier runs the checks of objects in the background and tells when a result changed. Keys name objects, for example
// "namespace/name". All methods are safe for concurrent use.
type Verifier struct {
	options Options
	prober  *prober
	slots   chan struct{}
	events  *notify.Keys
	// wake tells the scheduler that something is due.
	wake chan struct{}

	mu      sync.Mutex
	objects map[string]*object
}

// object is what the Verifier knows of one key.
type object struct {
	job     Job
	memory  map[string]*memory
	due     time.Time
	forced  bool
	running bool
}

// memory is what is known of one check of the current subject.
type memory struct {
	fingerprint string
	result      Result
	// failures counts failed runs in a row.
	failures int
	passed   bool
	// settled marks a result that cannot change for the subject: it was read from lines that stay as they are.
	settled bool
}

// New returns a Verifier that works once it is started.
func New(options Options) *Verifier {
	if options.Now == nil {
		options.Now = time.Now
	}
	defaultTo(&options.RetryPause, 2*time.Second)
	defaultTo(&options.LogGrace, time.Minute)
	defaultTo(&options.Parallel, 32)
	return &Verifier{
		options: options, prober: &prober{client: newClient(options.Guard), now: options.Now},
		slots: make(chan struct{}, options.Parallel), events: notify.New(), wake: make(chan struct{}, 1), objects: map[string]*object{},
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

// Events delivers the keys whose report changed. The channel is never closed.
func (v *Verifier) Events() <-chan string { return v.events.Out() }

// Start works until ctx ends and returns when every run has ended.
func (v *Verifier) Start(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { v.events.Deliver(ctx) })
	for {
		due, wait := v.take()
		for _, key := range due {
			running.Go(func() { v.work(ctx, key) })
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

// take marks the objects that are due as running, and returns them and how long to wait for the next.
func (v *Verifier) take() (due []string, wait time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.options.Now()
	wait = idle
	for key, o := range v.objects {
		switch left := o.due.Sub(now); {
		case o.running:
		case left <= 0:
			o.running = true
			due = append(due, key)
		default:
			wait = min(wait, left)
		}
	}
	return due, wait
}

func (v *Verifier) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Want asks for the job's checks under the key and returns what is known of them. The same job again changes nothing.
func (v *Verifier) Want(key string, job Job) Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	o := v.objects[key]
	switch {
	case o == nil || o.job.Subject != job.Subject:
		o = &object{job: job, memory: map[string]*memory{}, due: v.options.Now()}
		v.objects[key] = o
		v.rouse()
	case !o.job.same(&job):
		o.forced = o.forced || o.job.Forced != job.Forced
		o.job, o.due = job, v.options.Now()
		v.rouse()
	default:
		o.job.Logs, o.job.Redact = job.Logs, job.Redact
	}
	return o.report()
}

// Forget drops the key.
func (v *Verifier) Forget(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.objects, key)
	v.events.Forget(key)
}

// report lists the checks of the job with what is known of them.
func (o *object) report() Report {
	r := Report{Done: true}
	for _, c := range o.job.Checks {
		result := Result{Name: c.Name, Message: "has not run yet"}
		switch m := o.memory[c.Name]; {
		case c.Unavailable != "":
			result = Result{Name: c.Name, Outcome: Skipped, Message: c.Unavailable}
		case m != nil && m.fingerprint == c.Fingerprint && m.result.Name != "":
			result = m.result
		}
		r.Done = r.Done && result.Outcome != Pending
		r.Results = append(r.Results, result)
	}
	return r
}

// work runs the checks of the key that are to be run now, and books what they found.
func (v *Verifier) work(ctx context.Context, key string) {
	select {
	case v.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-v.slots }()
	o, job, checks := v.pick(key)
	if o == nil {
		return
	}
	reader := &readOnce{reader: job.Logs, known: map[logKey][]model.LogLine{}}
	results := make([]Result, 0, len(checks))
	for _, c := range checks {
		results = append(results, v.run(ctx, reader, job.Redact, c))
	}
	if ctx.Err() == nil {
		v.book(key, o, job, checks, results)
	}
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

// pick returns the object, its job, and the checks that this run is to make.
func (v *Verifier) pick(key string) (*object, Job, []Check) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o := v.objects[key]
	if o == nil {
		return nil, Job{}, nil
	}
	var checks []Check
	for _, c := range o.job.Checks {
		m := o.memory[c.Name]
		known := m != nil && m.fingerprint == c.Fingerprint && m.result.Outcome != Pending
		gentle := o.job.Gentle && c.Logs == nil && !o.forced
		if c.Unavailable != "" || (known && (m.settled || gentle)) {
			continue
		}
		checks = append(checks, c)
	}
	o.forced = false
	return o, o.job, checks
}

// book remembers the results, plans the next run, and tells when the report changed.
func (v *Verifier) book(key string, o *object, job Job, checks []Check, results []Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o.running = false
	if v.objects[key] != o {
		return // the object is gone, or another subject has taken its place
	}
	before := o.report()
	soon := false
	for i, c := range checks {
		soon = v.remember(o, c, results[i]) || soon
	}
	now := v.options.Now()
	if o.job.same(&job) { // else the new job is due already
		o.due = now.Add(job.Interval)
		if soon {
			o.due = now.Add(min(job.Interval, v.soon()))
		}
	}
	v.rouse()
	if !sameReport(before, o.report()) {
		v.events.Notify(key)
	}
}

// soon is when an undecided check runs again.
func (v *Verifier) soon() time.Duration {
	return min(max(v.options.LogGrace/6, 50*time.Millisecond), 10*time.Second)
}

// remember books one result, and reports whether the check should run again soon.
func (v *Verifier) remember(o *object, c Check, found Result) (soon bool) {
	m := o.memory[c.Name]
	if m == nil || m.fingerprint != c.Fingerprint {
		m = &memory{fingerprint: c.Fingerprint}
		o.memory[c.Name] = m
	}
	m.settled = false
	switch found.Outcome {
	case Passed:
		m.failures, m.passed = 0, true
		m.settled = c.Logs != nil && c.Logs.Start
	case Failed:
		m.failures++
		if m.passed && m.failures < c.Threshold {
			return true // one lost packet is no failure
		}
		if v.early(c) {
			found.Outcome, found.Message = Pending, "not in the log yet: "+found.Message
		}
	case Pending:
		if m.passed { // Railway does not give the log now: what is known stays
			return true
		}
	case Skipped:
	}
	m.result = found
	return found.Outcome == Pending
}

// early reports whether a line may still be on its way into the log.
func (v *Verifier) early(c Check) bool {
	return c.Logs != nil && v.options.Now().Before(c.Logs.StartedAt.Add(v.options.LogGrace))
}

func sameReport(a, b Report) bool {
	return slices.EqualFunc(a.Results, b.Results, func(x, y Result) bool {
		return x.Name == y.Name && x.Outcome == y.Outcome // a failing answer may differ each time; the first one tells
	})
}
