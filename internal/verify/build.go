// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// What a check gets when the spec does not say.
const (
	defaultTimeout         = 10 * time.Second
	defaultRetries         = 2
	defaultThreshold       = 2
	defaultRequests        = 50
	defaultConcurrency     = 4
	defaultDuration        = 30 * time.Second
	defaultMethod          = "GET"
	sleeps, noDomain, none = "the service sleeps, and a request would wake it", "the service has no public domain", "the service has no deployment"
)

// Target is a service as it runs, for the checks that look at it.
type Target struct {
	// Host is its public domain, empty when it has none.
	Host string
	// DeploymentID is the deployment that serves, StartedAt when it was made.
	DeploymentID string
	StartedAt    time.Time
	// Sleeping is true while it sleeps.
	Sleeping bool
}

// Build makes the spec's checks, the tier's own among them, ready to run against what runs. allowed are the hosts that the
// administrator lets checks name. Its errors are of type *desired.Error.
func Build(spec *v1alpha1.EngineEnvironmentSpec, sources desired.Sources, targets map[string]Target, allowed []string) ([]Check, error) {
	declared := spec.EffectiveChecks()
	checks := make([]Check, 0, len(declared))
	b := builder{sources: sources, targets: targets, allowed: allowed, engine: spec.Engine.Name}
	for i := range declared {
		check, err := b.check(&declared[i])
		if err != nil {
			return nil, err
		}
		if words, ok := inWords(spec, check.Name); ok {
			check.Expect.text = words
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// inWords says what a check that the tier brings asks of the log; ok is false for every other check.
func inWords(spec *v1alpha1.EngineEnvironmentSpec, name string) (words string, ok bool) {
	replaced := spec.Verification != nil && slices.ContainsFunc(spec.Verification.Checks, func(c v1alpha1.Check) bool { return c.Name == name })
	if replaced {
		return "", false
	}
	switch v1alpha1.TierCheckName(name) {
	case v1alpha1.CheckPythonVersion:
		return "one that names Python " + spec.EffectiveSettings().PythonVersion, true
	case v1alpha1.CheckStructuredLogs:
		return "most of them to be JSON with a time and a level", true
	case v1alpha1.CheckMiddleware:
		return "one that says that the security middleware is on, and none that says that it is off", true
	default:
		return "", false
	}
}

type builder struct {
	sources desired.Sources
	targets map[string]Target
	allowed []string
	engine  string
}

func (b *builder) check(declared *v1alpha1.Check) (Check, error) {
	place := fmt.Sprintf("spec.verification.checks[%s]", declared.Name)
	check := Check{
		Name: declared.Name, Timeout: defaultTimeout, Retries: valueOr(declared.Retries, defaultRetries),
		Threshold: valueOr(declared.FailureThreshold, defaultThreshold),
	}
	if declared.Timeout != nil {
		check.Timeout = declared.Timeout.Duration
	}
	kind, text := KindHTTP, declared.Expect
	var err error
	switch {
	case declared.HTTP != nil:
		check.HTTP, check.Unavailable, err = b.request(declared.HTTP, place+".http")
	case declared.Load != nil:
		kind = KindLoad
		check.Load, check.Unavailable, err = b.load(declared.Load, place+".load")
	default:
		kind = KindLogs
		check.Logs, check.Unavailable, err = b.logs(declared.Logs, place+".logs")
	}
	if err != nil {
		return check, err
	}
	if declared.Status != nil {
		text = and(text, fmt.Sprintf("status == %d", *declared.Status))
	}
	if declared.Contains != "" {
		text = and(text, Contains(kind, declared.Contains))
	}
	if check.Expect, err = Compile(kind, text); err != nil {
		return check, &desired.Error{Reason: v1alpha1.ReasonInvalidCheck, Message: fmt.Sprintf("%s.expect: %s", place, err)}
	}
	check.Fingerprint = fingerprint(check, text)
	return check, nil
}

func and(left, right string) string {
	if left == "" {
		return right
	}
	return "(" + left + ") && " + right
}

// fingerprint is equal for equal checks. It holds no value in clear.
func fingerprint(c Check, text string) string {
	raw, err := json.Marshal([]any{c.HTTP, c.Logs, c.Load, text, c.Timeout, c.Retries, c.Threshold})
	if err != nil { // plain values always marshal
		return text
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func valueOr(value *int32, fallback int) int {
	if value == nil {
		return fallback
	}
	return int(*value)
}

func (b *builder) target(service, place string) (Target, error) {
	if service == "" {
		service = b.engine
	}
	target, known := b.targets[service]
	if !known {
		return target, &desired.Error{
			Reason: v1alpha1.ReasonInvalidCheck, Message: fmt.Sprintf("%s.service: the spec declares no service %q", place, service),
		}
	}
	return target, nil
}

func (b *builder) request(declared *v1alpha1.HTTPCheck, place string) (*Request, string, error) {
	r := &Request{Method: string(declared.Method), Host: declared.Host, Path: declared.Path, Body: declared.Body, Headers: map[string]string{}}
	if r.Method == "" {
		r.Method = defaultMethod
	}
	unavailable := ""
	if r.Host == "" {
		target, err := b.target(declared.Service, place)
		if err != nil {
			return nil, "", err
		}
		r.Host = target.Host
		switch {
		case target.Host == "":
			unavailable = noDomain
		case target.Sleeping:
			unavailable = sleeps
		}
	} else if !slices.Contains(b.allowed, r.Host) {
		return nil, "", &desired.Error{Reason: v1alpha1.ReasonInvalidCheck, Message: fmt.Sprintf(
			"%s.host: %s is not allowed: the operator's administrator allows hosts with --probe-allow-hosts", place, r.Host)}
	}
	if declared.BodyFrom != nil {
		value, _, err := desired.Value(declared.BodyFrom, b.sources, place+".bodyFrom")
		if err != nil {
			return nil, "", err
		}
		r.Body = value
	}
	for i := range declared.Headers {
		header := &declared.Headers[i]
		if header.Value != nil {
			r.Headers[header.Name] = *header.Value
			continue
		}
		value, _, err := desired.Value(header.ValueFrom, b.sources, fmt.Sprintf("%s.headers[%s]", place, header.Name))
		if err != nil {
			return nil, "", err
		}
		r.Headers[header.Name] = value
	}
	return r, unavailable, nil
}

func (b *builder) load(declared *v1alpha1.LoadCheck, place string) (*Load, string, error) {
	request, unavailable, err := b.request(&declared.HTTPCheck, place)
	if err != nil {
		return nil, "", err
	}
	l := &Load{
		Request: *request, Requests: valueOr(declared.Requests, defaultRequests),
		Concurrency: valueOr(declared.Concurrency, defaultConcurrency), Duration: defaultDuration,
	}
	if declared.Duration != nil {
		l.Duration = declared.Duration.Duration
	}
	return l, unavailable, nil
}

func (b *builder) logs(declared *v1alpha1.LogsCheck, place string) (*Logs, string, error) {
	target, err := b.target(declared.Service, place)
	if err != nil {
		return nil, "", err
	}
	l := &Logs{
		DeploymentID: target.DeploymentID, StartedAt: target.StartedAt, Filter: declared.Filter,
		Start: declared.Window != v1alpha1.LogWindowRecent,
	}
	if target.DeploymentID == "" {
		return l, none, nil
	}
	return l, "", nil
}
