// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// chosen is the revision that a pass works on, and the environment that it declares.
type chosen struct {
	input    promotion.Input
	decision promotion.Decision
	stored   []promotion.Stored
	gathered desired.Sources
	declared *desired.Environment
}

// promote decides which revision counts, and builds the environment that it declares.
func (r *Reconciler) promote(ctx context.Context, p *pass, v *view, gathered desired.Sources) (*chosen, *outcome) {
	stored, err := r.history.list(ctx, p)
	if err != nil {
		return nil, failed(err)
	}
	input, err := r.promotionInput(ctx, p, v, stored)
	if err != nil {
		return nil, failed(err)
	}
	c := &chosen{input: input, decision: promotion.Decide(input), stored: stored, gathered: gathered}
	r.adoptDecision(p, c.decision)
	switch d := c.decision; {
	case d.Stuck != "" && d.Invalid:
		about := v1alpha1.ConditionPromoted
		if d.Promotion == nil {
			about = v1alpha1.ConditionSynced
		}
		return nil, stalled(about, reasonOfStuck(d), d.Stuck)
	case d.Stuck != "":
		return nil, progressing(v1alpha1.ReasonAwaitingPromotion, d.Stuck, 0)
	case d.Rollback != nil:
		if c.gathered, err = r.sources.gather(ctx, p, d.Spec); err != nil {
			return nil, failed(err)
		}
	}
	if c.declared, err = desired.Build(c.decision.Spec, c.gathered); err != nil {
		return nil, failed(err)
	}
	nameTo(c.declared, p.object)
	p.facts.Redact = c.declared.Redact
	return c, nil
}

func reasonOfStuck(d promotion.Decision) string {
	if d.Rollback != nil {
		return v1alpha1.ReasonRolledBack
	}
	return v1alpha1.ReasonInvalidSpec
}

// adoptDecision notes the decision for the status and tells its transitions.
func (r *Reconciler) adoptDecision(p *pass, d promotion.Decision) {
	p.facts.Promotion, p.facts.Hold = d.Promotion, &status.Hold{Rollback: d.Rollback}
	if d.Promotion != nil && d.Reason != "" {
		finding := status.Failed(d.Reason, d.Message)
		if d.UpToDate {
			finding = status.Passed(d.Message)
		}
		p.find(v1alpha1.ConditionPromoted, finding)
	}
	p.wakeAt(d.Wake)
	if d.Resumed != "" {
		p.event(normal, "Resumed", "Resume", "The hold after the rollback has ended: %s", d.Resumed)
	}
	if d.Taken != "" {
		p.event(normal, "Promoted", "Promote", "Promotes %s from %s", d.Taken, p.object.Spec.Promotion.From)
	}
}

// promotionInput gathers what the decision depends on.
func (r *Reconciler) promotionInput(ctx context.Context, p *pass, v *view, stored []promotion.Stored) (promotion.Input, error) {
	object := p.object
	in := promotion.Input{
		Namespace: object.Namespace, Name: object.Name, Spec: &object.Spec, Annotations: object.Annotations,
		Previous: object.Status.Promotion, Rollback: object.Status.Rollback, Runs: v.running(object.Spec.Engine.Name),
		Gate: cost.Gate(object.Spec.Budget, p.cost(), p.now), Now: p.now,
	}
	if rollback := in.Rollback; rollback != nil {
		for i := range stored {
			if stored[i].Name == rollback.RevisionName {
				in.Held = &stored[i].Content
			}
		}
	}
	if object.Spec.Promotion == nil {
		return in, nil
	}
	var err error
	in.Upstream, err = r.upstream(ctx, p)
	return in, err
}

// cost is what the environment costs as far as this pass knows.
func (p *pass) cost() *v1alpha1.CostStatus {
	if p.facts.Cost != nil {
		return p.facts.Cost
	}
	return p.object.Status.Cost
}

// upstream reads the tier whose verified source is taken.
func (r *Reconciler) upstream(ctx context.Context, p *pass) (promotion.Upstream, error) {
	name := p.object.Spec.Promotion.From
	key := types.NamespacedName{Namespace: p.object.Namespace, Name: name}
	object, err := r.objects.get(ctx, key)
	if apierrors.IsNotFound(err) {
		return promotion.Upstream{Name: name}, nil
	}
	if err != nil {
		return promotion.Upstream{}, fmt.Errorf("read EngineEnvironment %s: %w", name, err)
	}
	up := promotion.UpstreamOf(object)
	snapshot, known := r.views.watch.Latest(key.String())
	// A snapshot says nothing yet: the status must be what a pass over it has found.
	up.Unread = !r.objects.isJudged(key.String()) || !known || snapshot.Environment == nil ||
		p.now.Sub(snapshot.ReadAt) > staleAfter*object.Spec.EffectiveInterval()
	up.Circle, err = r.circle(ctx, p, object)
	if up.Unread && !up.GoSince.IsZero() {
		p.wakeAt(p.now.Add(busyRetry))
	}
	return up, err
}

// chainAtMost bounds the walk along a chain of tiers.
const chainAtMost = 16

// circle reports whether the upstream tiers lead back to this one: they would swap their sources for ever.
func (r *Reconciler) circle(ctx context.Context, p *pass, upstream *v1alpha1.EngineEnvironment) (bool, error) {
	for range chainAtMost {
		if upstream.Name == p.object.Name {
			return true, nil
		}
		from := upstreamOf(upstream)
		if from == "" {
			return false, nil
		}
		next := &v1alpha1.EngineEnvironment{}
		err := r.options.Client.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: from}, next)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read EngineEnvironment %s: %w", from, err)
		}
		upstream = next
	}
	return true, nil
}

func upstreamOf(object *v1alpha1.EngineEnvironment) string {
	if object.Spec.Promotion == nil {
		return ""
	}
	return object.Spec.Promotion.From
}

// trial is what a pass found out about the revision that runs.
type trial struct {
	health health
	// report is nil when the checks were not asked, because the services are not healthy.
	report *verify.Report
	end    promotion.Conclusion
}

// conclude follows the deployments, asks for the checks, and decides what follows for the revision. What an old snapshot cannot
// decide is decided by a newer one.
func (r *Reconciler) conclude(ctx context.Context, p *pass, v *view, c *chosen) *outcome {
	t, err := r.try(ctx, p, v, c)
	if err != nil {
		return failed(err)
	}
	if !v.fresh(p) && (t.end.Read || (!t.health.due.IsZero() && !p.now.Before(t.health.due))) {
		newer, err := r.views.refresh(ctx, p, railway.Rollout)
		if err != nil {
			return r.undecided(p, c, t, err)
		}
		if t, err = r.try(ctx, p, newer, c); err != nil {
			return failed(err)
		}
	}
	if t.end.Read { // the checks were faster than the read
		p.wakeAt(p.now.Add(busyRetry))
	}
	p.facts.Checks = describeChecks(p.object.Status.Checks, t.health.finding, t.report)
	if out := r.carryOut(ctx, p, c, t); out != nil {
		return out
	}
	return r.sumUp(p, c, t)
}

// undecided ends a pass whose decision needs a newer snapshot that cannot be read now: what is known is told, and nothing is rolled
// back or verified meanwhile.
func (r *Reconciler) undecided(p *pass, c *chosen, t trial, err error) *outcome {
	r.views.watch.Hurry(p.key, p.now.Add(hurry))
	p.wakeAt(p.now.Add(max(railway.RetryAfter(err), busyRetry)))
	p.facts.Checks = describeChecks(p.object.Status.Checks, t.health.finding, t.report)
	return r.sumUp(p, c, t)
}

// try finds out how the revision does by the view.
func (r *Reconciler) try(ctx context.Context, p *pass, v *view, c *chosen) (trial, error) {
	t := trial{health: r.rollout.assess(ctx, p, v, c.declared)}
	p.find(v1alpha1.ConditionHealthy, t.health.finding)
	tried := promotion.Tried{
		Object: p.object.Name, Decision: c.decision, Runs: v.newest(c.decision.Spec.Engine.Name), ReadAt: v.readAt, Stored: c.stored,
		RollsBack: p.object.Spec.RollsBack(), Previous: p.object.Status.Verified, Resume: p.object.Annotations[v1alpha1.AnnotationResume],
		InPlace: t.health.state == rollout.Healthy && p.facts.Findings[v1alpha1.ConditionSynced].Reason == v1alpha1.ReasonSucceeded,
		Now:     p.now,
	}
	if t.health.state == rollout.Failed && blamesRevision[t.health.finding.Reason] {
		tried.Failed = t.health.finding.Message
	}
	if t.health.state == rollout.Healthy {
		report, err := r.checks.ask(p, v, c)
		if err != nil {
			return t, err
		}
		t.report = &report
		p.find(v1alpha1.ConditionVerified, judgeChecks(report))
		tried.Passed, tried.CheckedAt, tried.Failed = blame(report)
	}
	tried.Failed = status.Cut(c.declared.Redact(tried.Failed), 512)
	t.end = promotion.Conclude(tried)
	return t, nil
}

// blamesRevision are the reasons that say that what was deployed is bad, and not that somebody deleted it, say.
var blamesRevision = map[string]bool{
	v1alpha1.ReasonImageNotFound: true, v1alpha1.ReasonBuildFailed: true, v1alpha1.ReasonPreDeployFailed: true,
	v1alpha1.ReasonHealthcheckFailed: true, v1alpha1.ReasonCrashed: true, v1alpha1.ReasonDeploymentFailed: true,
	v1alpha1.ReasonDeadlineExceeded: true,
}

// blame says whether every check that blames the revision has passed, when the newest result was found, and what failed.
func blame(report verify.Report) (passed bool, at time.Time, failure string) {
	passed = true
	for _, result := range report.Results {
		if result.At.After(at) {
			at = result.At
		}
		if result.Blames == v1alpha1.BlameRevision && (result.Outcome == verify.Failed || result.Outcome == verify.Pending) {
			passed = false
		}
	}
	if bad := report.BlamesRevision(); len(bad) > 0 {
		failure = fmt.Sprintf("check %s failed: %s", bad[0].Name, bad[0].Message)
	}
	return passed, at, failure
}

// carryOut stores what was verified, or puts a verified revision in place of the one that failed.
func (r *Reconciler) carryOut(ctx context.Context, p *pass, c *chosen, t trial) *outcome {
	p.facts.Promotion, p.facts.Verified = t.end.Promotion, t.end.Verified
	if t.end.Keep != nil {
		if err := r.history.keep(ctx, p, *t.end.Keep, c.stored); err != nil {
			return failed(err)
		}
	}
	rollback := t.end.Rollback
	if rollback == nil || c.decision.Rollback != nil {
		return nil
	}
	p.facts.Hold = &status.Hold{Rollback: rollback}
	p.event(warning, v1alpha1.ReasonRolledBack, "Rollback", "Rolls %s back to %s: %s", rollback.From, rollback.To, rollback.Reason)
	return progressing(v1alpha1.ReasonApplying, fmt.Sprintf("rolls %s back to %s: %s", rollback.From, rollback.To, rollback.Reason), conflictDelay)
}

// sumUp ends a pass in which every step went through.
func (r *Reconciler) sumUp(p *pass, c *chosen, t trial) *outcome {
	synced := p.facts.Findings[v1alpha1.ConditionSynced]
	if synced.Reason == v1alpha1.ReasonCommitFailed && t.health.finding.Reason == v1alpha1.ReasonNotDeployed {
		return stalled(v1alpha1.ConditionSynced, synced.Reason, synced.Message) // nothing runs because the commit was refused
	}
	if out := t.health.outcome(p, r.views.watch); out != nil {
		return t.withoutTarget(out)
	}
	if out := r.judgeVerification(p, t); out != nil {
		return t.withoutTarget(out)
	}
	if slices.Contains([]string{v1alpha1.ReasonConfigFileOwned, v1alpha1.ReasonContested, v1alpha1.ReasonCommitFailed}, synced.Reason) {
		return stalled(v1alpha1.ConditionSynced, synced.Reason, synced.Message)
	}
	if c.decision.Rollback != nil {
		return stalled("", v1alpha1.ReasonRolledBack, promotion.HeldMessage(c.input, c.decision))
	}
	return done() // drift that the policy leaves alone is told by the conditions
}

// judgeVerification is how a pass over healthy services ends when their checks do not pass; nil when they do. Without
// spec.verification only the verdict waits for them.
func (r *Reconciler) judgeVerification(p *pass, t trial) *outcome {
	verified := judgeChecks(*t.report)
	r.views.watch.Hurry(p.key, hurryFor(p, verified))
	switch {
	case p.object.Spec.Verification == nil || verified.Reason == v1alpha1.ReasonSucceeded:
		return nil
	case verified.Reason == v1alpha1.ReasonVerifying:
		return progressing(verified.Reason, verified.Message, 0)
	default:
		return stalled(v1alpha1.ConditionVerified, verified.Reason, verified.Message)
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
func (t trial) withoutTarget(out *outcome) *outcome {
	if t.end.NoTarget {
		out.Message += "; no verified revision is known that could be rolled back to"
	}
	return out
}

// upstreamChanged reports whether anything changed that the promotion of a downstream tier depends on.
func upstreamChanged(before, after *v1alpha1.EngineEnvironment) bool {
	a, b := promotion.UpstreamOf(before), promotion.UpstreamOf(after)
	return !a.GoSince.Equal(b.GoSince) || !sameVerified(a.Verified, b.Verified)
}

func sameVerified(a, b *v1alpha1.VerifiedStatus) bool {
	if a == nil || b == nil {
		return a == b
	}
	return promotion.SourceOf(&a.Source) == promotion.SourceOf(&b.Source) && a.Since.Equal(&b.Since)
}
