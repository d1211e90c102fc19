// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// checks asks the verifier for the checks of what runs. They run beside the loop.
type checks struct {
	verifier *verify.Verifier
	hosts    []string
	hasher   hasher
}

// build makes the checks of a spec ready to run against what the view shows; a nil view shows nothing yet.
func (c checks) build(
	spec *v1alpha1.EngineEnvironmentSpec, gathered desired.Sources, declared *desired.Environment, v *view, held bool,
) ([]verify.Check, error) {
	targets := map[string]verify.Target{}
	for _, service := range declared.Services {
		targets[service.Name] = v.target(service.Name)
	}
	return verify.Build(verify.BuildInput{
		Spec: spec, Sources: gathered, Targets: targets, AllowedHosts: c.hosts, Held: held, Unobserved: v == nil, Key: c.hasher.key,
	})
}

// ask wants the checks of what runs, and returns their last results.
func (c checks) ask(p *pass, v *view, chosen *chosen) (verify.Report, error) {
	built, err := c.build(chosen.decision.Spec, chosen.gathered, chosen.declared, v, chosen.decision.Rollback != nil)
	if err != nil {
		return verify.Report{}, err
	}
	forced := requestedAt(p.object)
	report := c.verifier.Want(p.key, verify.Job{
		Subject: v.subject(chosen.declared), Checks: built, Forced: forced, Interval: p.object.Spec.EffectiveVerificationInterval(),
		Gentle: sleepsByDesign(&chosen.decision.Spec.Engine.Service), Logs: patientLogs{p.client}, Redact: chosen.declared.Redact,
		Known: c.known(p),
	})
	p.journal.Verified(v.subject(chosen.declared), forced)
	return report, nil
}

// known are the results in the status: what was verified for the same deployments and the same checks stays verified. With another
// key the fingerprints cannot be compared, and results are believed until a run tells otherwise.
func (c checks) known(p *pass) verify.Known {
	subject, forced := p.journal.Subject()
	if subject == "" {
		subject = subjectOf(&p.object.Status)
		forced = p.object.Status.LastHandledReconcileAt
	}
	known := verify.Known{Subject: subject, Forced: forced, Results: map[string]verify.KnownResult{}}
	for _, check := range p.object.Status.Checks {
		outcome, ok := outcomes[check.Result]
		if !ok {
			continue
		}
		fingerprint := check.Fingerprint
		if p.journal.KeyLost(c.hasher.name()) {
			fingerprint = ""
		}
		known.Results[check.Name] = verify.KnownResult{Fingerprint: fingerprint, Result: verify.Result{
			Name: check.Name, Outcome: outcome, Message: check.Message, Duration: time.Duration(check.DurationMs) * time.Millisecond,
		}}
	}
	return known
}

// subjectOf is what the results in a status are about that an older version wrote: the deployments that it names.
func subjectOf(s *v1alpha1.EngineEnvironmentStatus) string {
	if s.Engine == nil {
		return ""
	}
	subject := s.Engine.DeploymentID
	for i := range s.Services {
		subject += "," + s.Services[i].DeploymentID
	}
	return subject
}

var outcomes = map[v1alpha1.CheckResult]verify.Outcome{
	v1alpha1.CheckPassed: verify.Passed, v1alpha1.CheckFailed: verify.Failed,
}

var checkResults = map[verify.Outcome]v1alpha1.CheckResult{
	verify.Pending: v1alpha1.CheckPending, verify.Passed: v1alpha1.CheckPassed, verify.Failed: v1alpha1.CheckFailed,
	verify.Skipped: v1alpha1.CheckSkipped,
}

// judgeChecks sums up the results: a failed check outweighs an undecided one.
func judgeChecks(report verify.Report) status.Finding {
	var failures, undecided []string
	first, passed := "", 0
	for _, result := range report.Results {
		switch result.Outcome {
		case verify.Failed:
			failures = append(failures, result.Name)
			if first == "" {
				first = fmt.Sprintf("check %s failed: %s", result.Name, result.Message)
			}
		case verify.Pending:
			undecided = append(undecided, result.Name)
		case verify.Passed:
			passed++
		case verify.Skipped:
		}
	}
	switch {
	case len(failures) > 1:
		return status.Failed(v1alpha1.ReasonCheckFailed, first+"; so did "+status.List(failures[1:]))
	case len(failures) > 0:
		return status.Failed(v1alpha1.ReasonCheckFailed, first)
	case len(undecided) > 0:
		return status.Failed(v1alpha1.ReasonVerifying, "waits for the checks "+status.List(undecided))
	default:
		return status.Passed(status.Count(passed, "check passes", "checks pass"))
	}
}

// describeChecks are the results for the status: the revision check, which the rollout has judged, and those of the report. A nil
// report leaves what is known of the others.
func describeChecks(known []v1alpha1.CheckStatus, healthy status.Finding, report *verify.Report) []v1alpha1.CheckStatus {
	all := []v1alpha1.CheckStatus{{Name: v1alpha1.CheckRevision, Result: revisionResult(healthy), Message: healthy.Message}}
	if report == nil {
		for _, check := range known {
			if check.Name != v1alpha1.CheckRevision {
				all = append(all, check)
			}
		}
		return all
	}
	for _, result := range report.Results {
		check := v1alpha1.CheckStatus{
			Name: result.Name, Result: checkResults[result.Outcome], Message: result.Message,
			DurationMs: result.Duration.Milliseconds(), Fingerprint: result.Fingerprint,
		}
		if result.Blames != v1alpha1.BlameRevision {
			check.Blames = string(result.Blames)
		}
		all = append(all, check)
	}
	return all
}

func revisionResult(healthy status.Finding) v1alpha1.CheckResult {
	switch healthy.Reason {
	case v1alpha1.ReasonSucceeded:
		return v1alpha1.CheckPassed
	case v1alpha1.ReasonDeploying, v1alpha1.ReasonNeedsApproval:
		return v1alpha1.CheckPending
	default:
		return v1alpha1.CheckFailed
	}
}

// patientLogs reads logs with the lowest priority: a check can wait, a rollout cannot.
type patientLogs struct{ client *railway.Client }

// Logs reads lines of a deployment's log.
func (l patientLogs) Logs(ctx context.Context, deploymentID string, query model.LogQuery) ([]model.LogLine, error) {
	return l.client.Logs(railway.WithPriority(ctx, railway.Poll), deploymentID, query)
}

func sleepsByDesign(service *v1alpha1.Service) bool {
	return service.Deploy != nil && service.Deploy.Serverless != nil && *service.Deploy.Serverless
}
