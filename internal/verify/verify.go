// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verify proves that an engine does its work: it sends requests to its domains, reads its log, and judges what it
// finds by CEL expressions. It runs beside the loop, which asks for checks and reads the last results, so that a slow engine
// never holds up a reconcile. Building the checks is pure.
package verify

import (
	"context"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Check is one check, ready to run: compiled, with its values resolved.
type Check struct {
	Name string
	// Fingerprint changes whenever what the check does changes. It is keyed: it tells nothing about the values.
	Fingerprint string
	// Blames says what is at fault when the check fails.
	Blames v1alpha1.Blame
	// One of these is set.
	HTTP *Request
	Logs *Logs
	Load *Load
	// Expect judges what was found.
	Expect *Expectation
	// Inconclusive is true of what was found when the run says nothing; nil when the spec has none.
	Inconclusive *Expectation
	// Timeout bounds one attempt, Retries are the attempts after a failed one.
	Timeout time.Duration
	Retries int
	// Threshold is how many runs in a row must fail until a check that has passed counts as failed.
	Threshold int
	// Unavailable says why the check cannot be run now; it is skipped then.
	Unavailable string
}

// Request is an HTTP request over TLS.
type Request struct {
	Method  string
	Host    string
	Path    string
	Headers map[string]string
	Body    string
}

// Logs selects lines of a deployment's log.
type Logs struct {
	DeploymentID string
	// StartedAt is when the deployment was made.
	StartedAt time.Time
	// Start reads the lines of the deployment's start, else the newest ones are read.
	Start bool
	// Filter is in Railway's own syntax (railway-api.md, "Logs").
	Filter string
}

// Load is a bounded number of requests.
type Load struct {
	Request
	Requests    int
	Concurrency int
	Duration    time.Duration
}

// Outcome is how a check ended.
type Outcome int

const (
	// Pending: it has not been decided.
	Pending Outcome = iota
	// Passed: what must hold holds.
	Passed
	// Failed: it does not.
	Failed
	// Skipped: it could not be run, and does not count.
	Skipped
)

// Result is what a check found.
type Result struct {
	Name    string
	Outcome Outcome
	// Message says what was found. It may hold parts of an answer: redact it before it is shown.
	Message  string
	Duration time.Duration
	// At is when the run ended that brought the result; zero when there was none.
	At time.Time
	// Fingerprint is that of the check that ran.
	Fingerprint string
	// Settled marks a result that cannot change for the subject: it was read from lines that stay as they are.
	Settled bool
	// Blames is what is at fault if the check has failed.
	Blames v1alpha1.Blame
}

// Report is the state of the checks of a job.
type Report struct {
	// Done is true when every check is decided.
	Done    bool
	Results []Result
}

// BlamesRevision returns the failed results that blame the revision: what may reject it and roll it back.
func (r Report) BlamesRevision() (failed []Result) {
	for _, result := range r.Results {
		if result.Outcome == Failed && result.Blames != v1alpha1.BlameEnvironment {
			failed = append(failed, result)
		}
	}
	return failed
}

// Known is what was known before this process: the loop keeps it in the status.
type Known struct {
	// Subject is what the results are about. Those of another subject are not used.
	Subject string
	// Forced is the value of Job.Forced that has been served.
	Forced string
	// Results by the name of the check.
	Results map[string]KnownResult
}

// KnownResult is a result and the check it belongs to.
type KnownResult struct {
	// Fingerprint of the check that brought the result. An empty one fits any check of that name.
	Fingerprint string
	Result
}

// Job is what is to be verified for one object.
type Job struct {
	// Subject names what is verified, for example a deployment. A new subject is verified at once and from the start.
	Subject string
	// Checks are run in order.
	Checks []Check
	// Forced runs the checks again when it changes, but for those whose result cannot change any more.
	Forced string
	// Interval is the time between two runs of a check.
	Interval time.Duration
	// Gentle is for engines that are meant to sleep: after the first run only forced runs send requests.
	Gentle bool
	// Logs reads the log.
	Logs LogReader
	// Redact masks secret values in what came from outside, before it is cut or quoted.
	Redact func(string) string
	// Known is used when the Verifier knows nothing of the subject: checks that have a result start with it.
	Known Known
}

// LogReader reads the log of a deployment. Its errors are of type *railway.Error.
type LogReader interface {
	Logs(ctx context.Context, deploymentID string, query model.LogQuery) ([]model.LogLine, error)
}
