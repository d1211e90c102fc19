// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"time"
)

// object is what the Verifier knows of one key.
type object struct {
	key string
	job Job
	// known are the checks of the job by name. Those of an earlier subject are gone.
	known   map[string]*tracked
	running bool
	// due is when its next check is, while it is queued, at that place of the queue.
	due    time.Time
	queued bool
	at     int
}

// tracked is what is known of one check of the current subject.
type tracked struct {
	check  Check
	result Result
	// due is when it runs next.
	due time.Time
	// failures and blanks count runs in a row that failed, or told nothing.
	failures, blanks int
	// passed is true once it has passed.
	passed bool
	// forced: somebody asked for this run.
	forced bool
}

// decided reports whether a run has told something.
func (t *tracked) decided() bool { return t.result.Outcome == Passed || t.result.Outcome == Failed }

// rests reports whether the check does not run, whatever the time.
func (t *tracked) rests(gentle bool) bool {
	// An engine that is meant to sleep is left alone, but for its log.
	leftAlone := gentle && t.check.Logs == nil && t.decided() && !t.forced
	return t.check.Unavailable != "" || (t.result.Settled && t.decided()) || leftAlone
}

// adopt makes the job the object's own. Checks that have not changed keep what is known of them and when they are due.
func (o *object) adopt(job Job, now time.Time) {
	forced, shorter := job.Forced != o.job.Forced, job.Interval < o.job.Interval
	known := make(map[string]*tracked, len(job.Checks))
	for _, c := range job.Checks {
		t := o.known[c.Name]
		if t == nil || t.check.Fingerprint != c.Fingerprint {
			t = &tracked{due: now}
		}
		t.check = c
		if shorter {
			t.due = earlier(t.due, now.Add(job.Interval))
		}
		if forced {
			t.due, t.forced = now, true
		}
		known[c.Name] = t
	}
	o.job, o.known = job.kept(), known
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// begin makes the object of a subject that the Verifier does not know. Checks with a known result start with it and run again
// later, so that a restart sends nothing at once; the others run now.
func begin(job Job, now, later time.Time) *object {
	o := &object{job: job.kept(), known: make(map[string]*tracked, len(job.Checks))}
	for _, c := range job.Checks {
		t := &tracked{check: c, due: now}
		if result, fits := job.Known.fits(job.Subject, c); fits {
			t.restore(result)
			t.due = later
			if job.Forced != job.Known.Forced {
				t.due, t.forced = now, true
			}
		}
		o.known[c.Name] = t
	}
	return o
}

// kept is the job without what is used only when it is new.
func (j Job) kept() Job {
	j.Known = Known{}
	return j
}

// fits returns what was known of the check for the subject.
func (k *Known) fits(subject string, c Check) (Result, bool) {
	known, ok := k.Results[c.Name]
	decided := known.Outcome == Passed || known.Outcome == Failed
	if !ok || !decided || k.Subject != subject || (known.Fingerprint != "" && known.Fingerprint != c.Fingerprint) {
		return Result{}, false
	}
	result := known.Result
	result.Name, result.Fingerprint = c.Name, c.Fingerprint
	// Lines of a start stay as they are, whoever kept the result.
	result.Settled = result.Outcome == Passed && c.Logs != nil && c.Logs.Start
	return result, true
}

func (t *tracked) restore(result Result) {
	t.result, t.passed = result, result.Outcome == Passed
	if !t.passed {
		t.failures = t.check.Threshold
	}
}

// report lists the checks of the job with what is known of them.
func (o *object) report() Report {
	r := Report{Done: true, Results: make([]Result, 0, len(o.job.Checks))}
	for _, c := range o.job.Checks {
		result := o.known[c.Name].result
		switch {
		case c.Unavailable != "":
			result = Result{Outcome: Skipped, Message: c.Unavailable}
		case result.At.IsZero() && result.Outcome == Pending:
			result = Result{Message: "has not run yet"}
		}
		result.Name, result.Blames = c.Name, c.Blames
		r.Done = r.Done && result.Outcome != Pending
		r.Results = append(r.Results, result)
	}
	return r
}

// next is when the first check of the object is due; ok is false when none is.
func (o *object) next() (due time.Time, ok bool) {
	for _, t := range o.known {
		if !t.rests(o.job.Gentle) && (!ok || t.due.Before(due)) {
			due, ok = t.due, true
		}
	}
	return due, ok
}

// take returns the checks that are due, in order.
func (o *object) take(now time.Time) (due []Check) {
	for _, c := range o.job.Checks {
		if t := o.known[c.Name]; !t.rests(o.job.Gentle) && !t.due.After(now) {
			t.forced = false
			due = append(due, c)
		}
	}
	return due
}

// pace is when checks run again.
type pace struct {
	// interval is between two runs that told something, soon after one that may tell another tale in a moment.
	interval, soon time.Duration
}

// longestWait bounds the waits for a log that cannot be read.
const longestWait = 10 * time.Minute

// book remembers what a run found, and plans the next. A run that told nothing leaves what is known. now is the same for all
// checks of a run: they stay together, and their object is woken once.
func (t *tracked) book(found finding, now time.Time, p pace) {
	wait := p.interval
	switch found.Outcome {
	case Passed:
		t.failures, t.blanks, t.passed, t.result = 0, 0, true, found.Result
	case Failed:
		t.failures++
		t.blanks = 0
		if t.passed && t.failures < t.check.Threshold { // one lost packet is no failure
			wait = min(p.soon, p.interval)
			break
		}
		t.result = found.Result
	default:
		if !t.decided() {
			t.result = found.Result
		}
		wait = t.blank(found.early, p)
	}
	t.due = now.Add(wait)
}

// blank counts a run that told nothing, and is how long to wait after it: twice as long each time, but for lines that are on
// their way.
func (t *tracked) blank(early bool, p pace) time.Duration {
	limit := min(p.interval, longestWait)
	if early {
		return min(p.soon, limit)
	}
	wait := p.soon
	for range min(t.blanks, 16) {
		wait *= 2
	}
	t.blanks++
	return min(wait, limit)
}
