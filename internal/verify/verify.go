// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verify proves that an engine does its work: it sends requests to its domains, reads its log, and judges what it
// finds by CEL expressions. It runs beside the loop, which asks for checks and reads the last results, so that a slow engine
// never holds up a reconcile.
package verify

import (
	"context"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Check is one check, ready to run: compiled, with its values resolved.
type Check struct {
	Name string
	// Fingerprint changes whenever the check does.
	Fingerprint string
	// One of these is set.
	HTTP *Request
	Logs *Logs
	Load *Load
	// Expect judges what was found.
	Expect *Expectation
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
	// Filter is in Railway's own syntax (FACTS §3.5).
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
}

// LogReader reads the log of a deployment.
type LogReader interface {
	Logs(ctx context.Context, deploymentID string, query model.LogQuery) ([]model.LogLine, error)
}
