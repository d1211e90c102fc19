// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

// What a check gets when the spec does not say.
const (
	defaultTimeout     = 10 * time.Second
	defaultRetries     = 2
	defaultThreshold   = 2
	defaultRequests    = 50
	defaultConcurrency = 4
	defaultDuration    = 30 * time.Second
	defaultMethod      = "GET"
)

// BuildInput is everything that checks are made of.
type BuildInput struct {
	// Spec has the checks and the services they name.
	Spec *v1alpha1.EngineEnvironmentSpec
	// Sources are the Secrets and ConfigMaps that the checks take values from.
	Sources desired.Sources
	// Targets are the declared services by name, as they run.
	Targets map[string]Target
	// AllowedHosts are those that the administrator lets checks name.
	AllowedHosts []string
	// Held is true while an earlier revision is held: a check of a service that it does not have is skipped.
	Held bool
	// Unobserved is true until Railway has been read: nothing is known of the domains, and checks that name one are skipped.
	Unobserved bool
	// Key makes the fingerprints, which are stored, useless for guessing the values in the checks.
	Key []byte
}

// Target is a service as it runs, for the checks that look at it.
type Target struct {
	// Host is its generated domain, empty when it has none.
	Host string
	// CustomHosts are its custom domains, true for those that Railway has verified.
	CustomHosts map[string]bool
	// DeploymentID is the deployment that serves, StartedAt when it was made.
	DeploymentID string
	StartedAt    time.Time
	// Sleeping is true while it sleeps.
	Sleeping bool
}

// Build makes the spec's checks, the tier's own among them, ready to run against what runs. It is pure. Its errors are of type
// *desired.Error.
func Build(in BuildInput) ([]Check, error) {
	declared := in.Spec.EffectiveChecks()
	checks := make([]Check, 0, len(declared))
	for i := range declared {
		check, err := in.check(&declared[i])
		if err != nil {
			return nil, ofCheck(declared[i].Name, err)
		}
		if words, ok := inWords(in.Spec, check.Name); ok {
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
		return "one that reports the security middleware as on, and none that reports it as off", true
	default:
		return "", false
	}
}

func (in *BuildInput) check(declared *v1alpha1.Check) (Check, error) {
	place := fmt.Sprintf("spec.verification.checks[%s]", declared.Name)
	check := Check{
		Name: declared.Name, Timeout: defaultTimeout, Retries: valueOr(declared.Retries, defaultRetries),
		Threshold: valueOr(declared.FailureThreshold, defaultThreshold), Blames: cmp.Or(declared.Blames, v1alpha1.BlameRevision),
	}
	if declared.Timeout != nil {
		check.Timeout = declared.Timeout.Duration
	}
	kind, err := in.look(&check, declared, place)
	if err != nil {
		return check, err
	}
	text := expectation(kind, declared)
	if check.Expect, err = compile(kind, text, place+".expect"); err != nil {
		if text != declared.Expect && declared.Expect != "" { // the place is to be that in what a person wrote
			if _, own := compile(kind, declared.Expect, place+".expect"); own != nil {
				err = own
			}
		}
		return check, err
	}
	if declared.Inconclusive != "" {
		if check.Inconclusive, err = compile(kind, declared.Inconclusive, place+".inconclusive"); err != nil {
			return check, err
		}
	}
	check.Fingerprint = in.fingerprint(&check, text, declared.Inconclusive)
	return check, nil
}

// look fills in what the check looks at.
func (in *BuildInput) look(check *Check, declared *v1alpha1.Check, place string) (kind Kind, err error) {
	switch {
	case declared.HTTP != nil:
		check.HTTP, check.Unavailable, err = in.request(declared.HTTP, place+".http")
		return KindHTTP, err
	case declared.Load != nil:
		check.Load, check.Unavailable, err = in.load(declared.Load, place+".load")
		return KindLoad, err
	default:
		check.Logs, check.Unavailable, err = in.logs(declared.Logs, place+".logs")
		return KindLogs, err
	}
}

// expectation is what expect, status and contains ask for together.
func expectation(kind Kind, declared *v1alpha1.Check) string {
	text := declared.Expect
	if declared.Status != nil {
		text = and(text, fmt.Sprintf("status == %d", *declared.Status))
	}
	if declared.Contains != "" {
		text = and(text, Contains(kind, declared.Contains))
	}
	return text
}

func and(left, right string) string {
	if left == "" {
		return right
	}
	return "(" + left + ") && " + right
}

func compile(kind Kind, text, place string) (*Expectation, error) {
	compiled, err := compiledOnce.get(kind, text)
	if err != nil {
		return nil, invalid("%s: %s", place, err)
	}
	own := *compiled // the check may say it in other words
	return &own, nil
}

// ofCheck names the check in the error.
func ofCheck(name string, err error) error {
	var refusal *desired.Error
	if errors.As(err, &refusal) && refusal.Reason == v1alpha1.ReasonInvalidCheck {
		refusal.Check = name
	}
	return err
}

func invalid(format string, args ...any) error {
	return &desired.Error{Reason: v1alpha1.ReasonInvalidCheck, Message: fmt.Sprintf(format, args...)}
}

// fingerprint is equal for checks that do the same.
func (in *BuildInput) fingerprint(c *Check, expect, inconclusive string) string {
	sum := hmac.New(sha256.New, in.Key)
	// Plain values always marshal, and a hash takes them.
	_ = json.NewEncoder(sum).Encode([]any{c.HTTP, c.Logs, c.Load, expect, inconclusive, c.Timeout, c.Retries, c.Threshold})
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func valueOr(value *int32, fallback int) int {
	if value == nil {
		return fallback
	}
	return int(*value)
}

func (in *BuildInput) load(declared *v1alpha1.LoadCheck, place string) (*Load, string, error) {
	request, unavailable, err := in.request(&declared.HTTPCheck, place)
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

func (in *BuildInput) logs(declared *v1alpha1.LogsCheck, place string) (*Logs, string, error) {
	target, unavailable, err := in.target(declared.Service, place)
	if err != nil {
		return nil, "", err
	}
	l := &Logs{
		DeploymentID: target.DeploymentID, StartedAt: target.StartedAt, Filter: declared.Filter,
		Start: declared.Window != v1alpha1.LogWindowRecent,
	}
	if target.DeploymentID == "" {
		unavailable = cmp.Or(unavailable, noDeployment)
	}
	return l, unavailable, nil
}

// TargetOf is a service as Railway shows it.
func TargetOf(instance model.ServiceInstance) Target {
	target := Target{CustomHosts: map[string]bool{}}
	if len(instance.RailwayDomains) > 0 {
		target.Host = instance.RailwayDomains[0].Host
	}
	for _, domain := range instance.CustomDomains {
		target.CustomHosts[domain.Host] = domain.Verified
	}
	if d := rollout.Current(instance); d != nil {
		target.DeploymentID, target.StartedAt = d.ID, d.CreatedAt
		target.Sleeping = d.Status == model.DeploymentSleeping
	}
	return target
}
