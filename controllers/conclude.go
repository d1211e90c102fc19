// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/redact"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
	"github.com/engine-operator/engine-operator/internal/view"
)

// follower follows what was deployed to its end: healthy, verified, or rolled back.
type follower struct {
	watch    watcher
	checks   checks
	history  cluster.History
	failures *railway.Failures
}

// assess judges every declared service by the view, and fills in how they run.
func (f follower) assess(ctx context.Context, p *pass, v *view.View, declared *desired.Environment) findings.Health {
	results := make([]rollout.Result, 0, len(declared.Services))
	p.facts.Services = nil
	for _, service := range declared.Services {
		result := rollout.Assess(v.Rollout(service, p.journal))
		if result.State == rollout.Failed && result.Deployment != nil {
			result = f.explain(ctx, p, declared, result)
		}
		if result.State != rollout.Healthy {
			result.Message = declared.Redact(result.Message) // before it is cut
		}
		results = append(results, result)
		p.facts.Services = append(p.facts.Services, v.Service(service, result.Deployment))
	}
	return findings.HealthOf(results)
}

// explain asks Railway once per deployment why it failed. Without an answer the status says that it failed; why is a courtesy.
func (f follower) explain(ctx context.Context, p *pass, declared *desired.Environment, result rollout.Result) rollout.Result {
	switch result.Deployment.Status {
	case model.DeploymentFailed, model.DeploymentCrashed:
	default:
		return result
	}
	failure, err := f.failures.Of(railway.WithPriority(ctx, railway.Rollout), p.client, result.Deployment.ID, declared.Redact)
	if err != nil {
		return result
	}
	return result.Explain(failure, declared.Redact)
}

// rolling is how a pass over services ends that are not healthy; nil when they are.
func (f follower) rolling(p *pass, h findings.Health) *outcome.Outcome {
	switch h.State {
	case rollout.Failed:
		return outcome.Stalled(v1alpha1.ConditionHealthy, h.Finding.Reason, h.Finding.Message)
	case rollout.Progressing:
		f.watch.hurry(p)
		p.wakeAt(h.Due)
		return outcome.Progressing(h.Finding.Reason, h.Finding.Message, hurry-10*time.Second)
	default:
		return nil
	}
}

// trial is what a pass found out about the revision that runs.
type trial struct {
	health findings.Health
	// report is nil when the checks were not asked, because the services are not healthy.
	report *verify.Report
	// checks are the results for the status, of which the condition Verified is the sum.
	checks []v1alpha1.CheckStatus
	end    promotion.Conclusion
}

// conclude follows the deployments, asks for the checks, and decides what follows for the revision. What an old snapshot cannot
// decide is decided by a newer one.
func (f follower) conclude(ctx context.Context, p *pass, v *view.View, c *chosen) *outcome.Outcome {
	t, err := f.try(ctx, p, v, c)
	if err != nil {
		return outcome.Failed(err)
	}
	if !v.FreshAt(p.now) && (t.end.Read || (!t.health.Due.IsZero() && !p.now.Before(t.health.Due))) {
		newer, err := f.watch.reread(ctx, p, railway.Rollout)
		if err != nil {
			return f.undecided(p, c, t, err)
		}
		if t, err = f.try(ctx, p, newer, c); err != nil {
			return outcome.Failed(err)
		}
	}
	if t.end.Read { // the checks were faster than the read
		p.wakeAt(p.now.Add(outcome.BusyRetry))
	}
	p.facts.Checks = t.checks
	if out := f.carryOut(ctx, p, c, t); out != nil {
		return out
	}
	return f.sumUp(p, c, t)
}

// undecided ends a pass whose decision needs a newer snapshot that cannot be read now: what is known is told, and nothing is rolled
// back or verified meanwhile.
func (f follower) undecided(p *pass, c *chosen, t trial, err error) *outcome.Outcome {
	f.watch.hurry(p)
	p.wakeAfter(err)
	p.facts.Checks = t.checks
	return f.sumUp(p, c, t)
}

// try finds out how the revision does by the view.
func (f follower) try(ctx context.Context, p *pass, v *view.View, c *chosen) (trial, error) {
	t := trial{health: f.assess(ctx, p, v, c.declared)}
	t.checks = findings.Checks(p.object.Status.Checks, t.health.Finding, nil)
	p.find(v1alpha1.ConditionHealthy, t.health.Finding)
	tried := promotion.Tried{
		Object: p.object.Name, Decision: c.decision, Runs: v.Newest(c.decision.Spec.Engine.Name), ReadAt: v.ReadAt, Stored: c.stored,
		RollsBack: rollsBack(p), Previous: p.object.Status.Verified, Resume: promotion.ResumeOf(p.object.Annotations),
		InPlace: t.health.State == rollout.Healthy && p.facts.Findings[v1alpha1.ConditionSynced].Reason == v1alpha1.ReasonSucceeded,
		Failed:  t.health.Blame(), Now: p.now,
	}
	if t.health.State == rollout.Healthy {
		report, err := f.checks.ask(p, v, c)
		if err != nil {
			return t, err
		}
		t.report = &report
		t.checks = findings.Checks(p.object.Status.Checks, t.health.Finding, t.report)
		p.find(v1alpha1.ConditionVerified, findings.Verified(t.checks))
		blame := findings.BlameOf(report)
		tried.Passed, tried.CheckedAt, tried.Failed = blame.Passed, blame.At, blame.Failure
	}
	tried.Failed = redact.Cut(c.declared.Redact(tried.Failed), 512)
	t.end = promotion.Conclude(tried)
	return t, nil
}

// rollsBack reports whether what fails is rolled back. What is not written yet is not to blame for what runs instead.
func rollsBack(p *pass) bool {
	return p.object.Spec.RollsBack() && p.object.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyObserve &&
		!withheld(p.facts.Findings[v1alpha1.ConditionSynced])
}

// withheld reports whether the writePolicy keeps a plan from being written.
func withheld(synced status.Finding) bool {
	return synced.Reason == v1alpha1.ReasonObserving || synced.Reason == v1alpha1.ReasonAwaitingPlanApproval
}

// carryOut stores what was verified, or puts a verified revision in place of the one that failed.
func (f follower) carryOut(ctx context.Context, p *pass, c *chosen, t trial) *outcome.Outcome {
	p.facts.Promotion, p.facts.Verified = t.end.Promotion, t.end.Verified
	if t.end.Keep != nil {
		if err := f.history.Keep(ctx, p.object, *t.end.Keep, c.stored); err != nil {
			return outcome.Failed(err)
		}
	}
	rollback := t.end.Rollback
	if rollback == nil || c.decision.Rollback != nil {
		return nil
	}
	p.facts.Hold = &status.Hold{Rollback: rollback}
	p.tellRollback(rollback)
	return outcome.Progressing(v1alpha1.ReasonApplying, fmt.Sprintf("rolls back %s: %s", promotion.FromTo(rollback), rollback.Reason), outcome.ConflictDelay)
}

// sumUp ends a pass in which every step went through.
func (f follower) sumUp(p *pass, c *chosen, t trial) *outcome.Outcome {
	synced := p.facts.Findings[v1alpha1.ConditionSynced]
	if withheld(synced) {
		f.rolling(p, t.health) // somebody else's rollout is followed, too
		return outcome.Waiting(v1alpha1.ConditionSynced, synced.Reason, synced.Message)
	}
	if synced.Reason == v1alpha1.ReasonCommitFailed && t.health.Finding.Reason == v1alpha1.ReasonNotDeployed {
		return outcome.Stalled(v1alpha1.ConditionSynced, synced.Reason, synced.Message) // nothing runs because the commit was refused
	}
	if out := f.rolling(p, t.health); out != nil {
		return t.withoutTarget(out)
	}
	if out := f.judgeVerification(p, t); out != nil {
		return t.withoutTarget(out)
	}
	if slices.Contains([]string{v1alpha1.ReasonConfigFileOwned, v1alpha1.ReasonContested, v1alpha1.ReasonCommitFailed}, synced.Reason) {
		return outcome.Stalled(v1alpha1.ConditionSynced, synced.Reason, synced.Message)
	}
	if c.decision.Rollback != nil {
		return outcome.Stalled("", v1alpha1.ReasonRolledBack, promotion.HeldMessage(c.input, c.decision))
	}
	return outcome.Done() // drift that the policy leaves alone is told by the conditions
}

// judgeVerification is how a pass over healthy services ends when their checks do not pass; nil when they do. Without
// spec.verification only the verdict waits for them.
func (f follower) judgeVerification(p *pass, t trial) *outcome.Outcome {
	verified := findings.Verified(t.checks)
	f.watch.Hurry(p.key, hurryFor(p, verified))
	switch {
	case p.object.Spec.Verification == nil || verified.Reason == v1alpha1.ReasonSucceeded:
		return nil
	case verified.Reason == v1alpha1.ReasonVerifying:
		return outcome.Progressing(verified.Reason, verified.Message, 0)
	default:
		return outcome.Stalled(v1alpha1.ConditionVerified, verified.Reason, verified.Message)
	}
}

// hurryFor is how long the watch polls at the rollout pace over healthy services: for a while after a check began to fail, because
// what fails has a cause that Railway may know.
func hurryFor(p *pass, verified status.Finding) time.Time {
	if verified.Reason != v1alpha1.ReasonCheckFailed {
		return time.Time{}
	}
	before := meta.FindStatusCondition(p.object.Status.Conditions, v1alpha1.ConditionVerified)
	if before == nil || before.Reason != v1alpha1.ReasonCheckFailed {
		return p.now.Add(hurry)
	}
	return before.LastTransitionTime.Add(hurry)
}

// withoutTarget says when there is nothing to roll back to.
func (t trial) withoutTarget(out *outcome.Outcome) *outcome.Outcome {
	if t.end.NoTarget {
		out.Message += "; no verified revision is known that could be rolled back to"
	}
	return out
}
