// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// verify asks for the checks of what runs, and judges by their last results. The checks themselves run beside the loop.
func (r *Reconciler) verify(_ context.Context, p *pass) *Outcome {
	checks, err := verify.Build(p.spec, p.gathered, p.targets(), r.ProbeHosts)
	if err != nil {
		return failed(err)
	}
	report := r.Verifier.Want(p.key, verify.Job{
		Subject: p.subject(), Checks: checks, Forced: requestedAt(p.object), Interval: p.object.Spec.EffectiveVerificationInterval(),
		Gentle: sleepsByDesign(&p.spec.Engine.Service), Logs: patientLogs{p.client}, Redact: p.declared.Redact,
	})
	p.results = report.Results
	p.verified = judgeChecks(report)
	if p.verified.reason == v1alpha1.ReasonCheckFailed && !meta.IsStatusConditionFalse(p.base.Status.Conditions, v1alpha1.ConditionVerified) {
		r.Watch.Hurry(p.key, p.now.Add(hurry)) // what fails has a cause that Railway may know
	}
	if p.verified.ok || p.object.Spec.Verification == nil {
		return nil
	}
	if p.verified.reason == v1alpha1.ReasonVerifying {
		return progressing(p.verified.reason, p.verified.message, hurry)
	}
	out := stalled(v1alpha1.ConditionVerified, p.verified.reason, p.verified.message)
	out.After = 0 // the verifier wakes the object when a result changes
	return out
}

// judgeChecks sums up the results: a failed check outweighs an undecided one.
func judgeChecks(report verify.Report) *verdict {
	var failures, undecided []string
	first, count := "", 0
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
			count++
		case verify.Skipped:
		}
	}
	switch {
	case len(failures) > 1:
		return &verdict{reason: v1alpha1.ReasonCheckFailed, message: first + "; so did " + list(failures[1:])}
	case len(failures) > 0:
		return &verdict{reason: v1alpha1.ReasonCheckFailed, message: first}
	case len(undecided) > 0:
		return &verdict{reason: v1alpha1.ReasonVerifying, message: "waits for the checks " + list(undecided)}
	default:
		return passed(fmt.Sprintf("%d checks pass", count))
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

// targets are the declared services as they run. Before Railway was looked at they are names alone.
func (p *pass) targets() map[string]verify.Target {
	targets := map[string]verify.Target{}
	for _, service := range p.declared.Services {
		target := verify.Target{}
		if p.environment != nil {
			instance, _ := p.environment.Instance(service.Name)
			for _, domains := range [][]model.Domain{instance.RailwayDomains, instance.CustomDomains} {
				if len(domains) > 0 {
					target.Host = domains[0].Host // a custom domain, which is asked last, wins
				}
			}
			if d := instance.Latest; d != nil {
				target.DeploymentID, target.StartedAt = d.ID, d.CreatedAt
				target.Sleeping = d.Status == model.DeploymentSleeping
			}
		}
		targets[service.Name] = target
	}
	return targets
}

// subject names what runs: the deployments of all declared services.
func (p *pass) subject() string {
	var ids []string
	for _, service := range p.declared.Services {
		if instance, _ := p.environment.Instance(service.Name); instance.Latest != nil {
			ids = append(ids, instance.Latest.ID)
		}
	}
	return strings.Join(ids, ",")
}

// describeChecks writes the results into the status. One that has not changed keeps its time and message.
func (p *pass) describeChecks() {
	if p.healthy == nil {
		return
	}
	known := map[string]v1alpha1.CheckStatus{}
	for _, check := range p.object.Status.Checks {
		known[check.Name] = check
	}
	all := []v1alpha1.CheckStatus{p.checkStatus(known, p.revisionResult())}
	if p.results == nil { // nothing was verified in this pass: what is known stays
		for _, check := range p.object.Status.Checks {
			if check.Name != v1alpha1.CheckRevision {
				all = append(all, check)
			}
		}
	}
	for _, result := range p.results {
		all = append(all, p.checkStatus(known, result))
	}
	p.object.Status.Checks = all
}

// revisionResult is the check that what was declared is what runs: rollout has judged it.
func (p *pass) revisionResult() verify.Result {
	result := verify.Result{Name: v1alpha1.CheckRevision, Outcome: verify.Failed, Message: p.healthy.message}
	switch {
	case p.healthy.ok:
		result.Outcome = verify.Passed
	case p.healthy.reason == v1alpha1.ReasonDeploying || p.healthy.reason == v1alpha1.ReasonNeedsApproval:
		result.Outcome = verify.Pending
	}
	return result
}

var checkResults = map[verify.Outcome]v1alpha1.CheckResult{
	verify.Pending: v1alpha1.CheckPending, verify.Passed: v1alpha1.CheckPassed, verify.Failed: v1alpha1.CheckFailed,
	verify.Skipped: v1alpha1.CheckSkipped,
}

// checkMessageSize bounds a check's message, in bytes.
const checkMessageSize = 512

func (p *pass) checkStatus(known map[string]v1alpha1.CheckStatus, result verify.Result) v1alpha1.CheckStatus {
	status := v1alpha1.CheckStatus{
		Name: result.Name, Result: checkResults[result.Outcome], Since: metav1.NewTime(p.now),
		Message: boundedTo(p.redact(result.Message), checkMessageSize), DurationMs: result.Duration.Milliseconds(),
	}
	before, ok := known[result.Name]
	if !ok || before.Result != status.Result {
		return status
	}
	status.Since = before.Since
	if status.Result != v1alpha1.CheckFailed || result.Name == v1alpha1.CheckRevision {
		status.DurationMs = before.DurationMs
		return status
	}
	return before // a failing answer may differ each time; the first one tells
}

// sumUp writes the verdict: GO when the object is Ready, every check passes, nothing drifts and the budget holds.
func (p *pass) sumUp(out *Outcome) {
	status := &p.object.Status
	var reasons []string
	if out.Kind != outcomeDone && out.Reason != v1alpha1.ReasonCheckFailed && out.Reason != v1alpha1.ReasonVerifying {
		reasons = append(reasons, fmt.Sprintf("%s: %s", out.Reason, p.redact(out.Message)))
	}
	readiness, lacking := tally(status.Checks, out.Kind == outcomeDone)
	reasons = append(reasons, lacking...)
	if len(status.Drift) > 0 {
		reasons = append(reasons, fmt.Sprintf("%d fields drift: %s", len(status.Drift), list(driftPaths(status.Drift))))
	}
	if budget := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWithinBudget); budget != nil && budget.Status == metav1.ConditionFalse {
		reasons = append(reasons, budget.Reason+": "+budget.Message)
	}
	status.Verdict, status.Readiness = v1alpha1.VerdictGo, readiness
	if len(reasons) > 0 {
		status.Verdict = v1alpha1.VerdictNoGo
	}
	status.VerdictReasons = nil
	for _, reason := range reasons[:min(len(reasons), verdictReasons)] {
		status.VerdictReasons = append(status.VerdictReasons, boundedTo(reason, verdictReasonSize))
	}
	if p.object.Spec.Tier != v1alpha1.TierLocal {
		p.recordVerified()
	}
}

// tally counts the checks that pass, and says what is lacking. The outcome of an object that is not done speaks for the
// revision check itself.
func tally(checks []v1alpha1.CheckStatus, done bool) (readiness string, lacking []string) {
	passing, counted := 0, 0
	for _, check := range checks {
		told := check.Name == v1alpha1.CheckRevision && !done
		switch {
		case check.Result == v1alpha1.CheckSkipped:
			continue
		case check.Result == v1alpha1.CheckPassed:
			passing++
		case check.Result == v1alpha1.CheckFailed && !told:
			lacking = append(lacking, fmt.Sprintf("check %s failed: %s", check.Name, check.Message))
		case !told:
			lacking = append(lacking, fmt.Sprintf("check %s is not decided: %s", check.Name, check.Message))
		}
		counted++
	}
	if counted == 0 {
		return "", lacking
	}
	return fmt.Sprintf("%d/%d", passing, counted), lacking
}

const (
	// verdictReasons and verdictReasonSize bound what the status says of the verdict.
	verdictReasons    = 16
	verdictReasonSize = 256
)
