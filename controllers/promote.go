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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

// historyAtMost bounds what the status remembers of promotions.
const historyAtMost = 10

// promote decides which source the engine is declared to run, and builds the environment anew with it.
func (r *Reconciler) promote(ctx context.Context, p *pass) *Outcome {
	declared := p.object.Spec.Promotion
	if declared == nil {
		p.object.Status.Promotion = nil
		return nil
	}
	status := p.object.Status.Promotion
	if status == nil { // the first pass, or a lost status: what runs is what was promoted
		status = &v1alpha1.PromotionStatus{Source: p.runningSource()}
		p.object.Status.Promotion = status
	}
	decision, upstream, err := p.decide(ctx, status)
	if err != nil {
		return failed(err)
	}
	if circle, err := p.circle(ctx, upstream); err != nil {
		return failed(err)
	} else if circle {
		return stalled(v1alpha1.ConditionPromoted, v1alpha1.ReasonInvalidSpec, fmt.Sprintf(
			"spec.promotion.from: the promotion from %s goes round in a circle: give one of the tiers an engine.source", declared.From))
	}
	if decision.State == promotion.UpToDate && p.object.Status.Rollback != nil {
		decision.State, decision.Message = promotion.Blocked, p.promotionBlock()
	}
	status.State, status.Candidate, status.SoakedAt = promotionStates[decision.State], "", nil
	if decision.Candidate != "" {
		status.Candidate = revisionOf(&upstream.Status.Verified.Source)
	}
	if !decision.At.IsZero() {
		at := metav1.NewTime(decision.At)
		status.SoakedAt = &at
		p.wakeAt(decision.At)
	}
	p.promoted = &verdict{ok: decision.State == promotion.UpToDate, reason: promotionReasons[decision.State], message: p.withCandidate(decision.Message)}
	if decision.State == promotion.Due && p.object.Status.Rollback == nil {
		p.take(upstream)
	}
	if status.Source == nil {
		p.promoted.reason = v1alpha1.ReasonAwaitingPromotion
		return progressing(v1alpha1.ReasonAwaitingPromotion, "nothing to run yet: "+p.promoted.message, p.untilWake())
	}
	status.Revision = revisionOf(status.Source)
	if p.object.Status.Rollback == nil {
		p.spec = withSource(&p.object.Spec, status.Source)
	}
	return p.build()
}

var promotionStates = map[promotion.State]v1alpha1.PromotionState{
	promotion.UpToDate: v1alpha1.PromotionUpToDate, promotion.Waiting: v1alpha1.PromotionWaiting,
	promotion.Soaking: v1alpha1.PromotionSoaking, promotion.AwaitingApproval: v1alpha1.PromotionAwaitingApproval,
	promotion.Blocked: v1alpha1.PromotionBlocked, promotion.Due: v1alpha1.PromotionPromoting,
}

var promotionReasons = map[promotion.State]string{
	promotion.UpToDate: v1alpha1.ReasonSucceeded, promotion.Waiting: v1alpha1.ReasonAwaitingPromotion,
	promotion.Soaking: v1alpha1.ReasonSoaking, promotion.AwaitingApproval: v1alpha1.ReasonAwaitingApproval,
	promotion.Blocked: v1alpha1.ReasonPromotionBlocked, promotion.Due: v1alpha1.ReasonProgressing,
}

// withCandidate names the candidate before the message.
func (p *pass) withCandidate(message string) string {
	candidate := p.object.Status.Promotion.Candidate
	switch {
	case candidate == "":
		return message
	case p.object.Status.Promotion.State == v1alpha1.PromotionAwaitingApproval:
		return fmt.Sprintf("%s: %s (kubectl annotate eenv %s %s=%s --overwrite)", candidate, message, p.object.Name, v1alpha1.AnnotationApprove, candidate)
	default:
		return candidate + ": " + message
	}
}

func (p *pass) decide(ctx context.Context, status *v1alpha1.PromotionStatus) (promotion.Decision, *v1alpha1.EngineEnvironment, error) {
	declared := p.object.Spec.Promotion
	upstream := &v1alpha1.EngineEnvironment{}
	err := p.r.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: declared.From}, upstream)
	if err != nil && !apierrors.IsNotFound(err) {
		return promotion.Decision{}, nil, fmt.Errorf("read EngineEnvironment %s: %w", declared.From, err)
	}
	approval := p.object.Annotations[v1alpha1.AnnotationApprove]
	in := promotion.Input{
		Upstream: promotion.Upstream{Name: declared.From, Found: err == nil}, Current: keyOf(status.Source), Soak: declared.EffectiveSoak(),
		Manual: declared.Approval == v1alpha1.ApprovalManual, Approval: approval, Block: p.promotionBlock(), Now: p.now,
	}
	for _, rejected := range status.Rejected {
		in.Rejected = append(in.Rejected, promotion.Source(rejected))
	}
	if verified := upstream.Status.Verified; verified != nil {
		in.Upstream.Verified = keyOf(&verified.Source)
		in.Approved = func(promotion.Source) bool {
			return approval != "" && (approval == verified.Revision || approval == string(keyOf(&verified.Source)))
		}
		// Only while upstream is GO with just this source does its soak count.
		if since := upstream.Status.GoSince; since != nil && upstream.Status.ObservedGeneration == upstream.Generation {
			in.Upstream.GoSince = later(since.Time, verified.Since.Time)
		}
	}
	return promotion.Decide(in), upstream, nil
}

// chainAtMost bounds the walk along a chain of tiers.
const chainAtMost = 16

// circle reports whether the tiers before this one lead back to it: they would swap their sources for ever.
func (p *pass) circle(ctx context.Context, upstream *v1alpha1.EngineEnvironment) (bool, error) {
	for range chainAtMost {
		if upstream.Name == p.object.Name {
			return true, nil
		}
		from := upstreamOf(upstream)
		if from == "" {
			return false, nil
		}
		next := &v1alpha1.EngineEnvironment{}
		err := p.r.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: from}, next)
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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// promotionBlock says why nothing may be promoted into this tier now.
func (p *pass) promotionBlock() string {
	if rollback := p.object.Status.Rollback; rollback != nil {
		return fmt.Sprintf("%s was rolled back here and is held: change the spec, or resume", rollback.From)
	}
	budget := p.object.Spec.Budget
	within := meta.FindStatusCondition(p.object.Status.Conditions, v1alpha1.ConditionWithinBudget)
	if budget != nil && budget.Enforcement == v1alpha1.BudgetBlockPromotion && within != nil && within.Status == metav1.ConditionFalse {
		return "this tier is over its budget: " + within.Message
	}
	return ""
}

// take makes upstream's verified source the declared one.
func (p *pass) take(upstream *v1alpha1.EngineEnvironment) {
	status, verified := p.object.Status.Promotion, upstream.Status.Verified
	source := verified.Source
	key := string(keyOf(&source))
	status.Source, status.Candidate, status.State = &source, "", v1alpha1.PromotionPromoting
	status.Rejected = slices.DeleteFunc(status.Rejected, func(rejected string) bool { return rejected == key })
	p.endPromotion(v1alpha1.PromotionSuperseded)
	record := v1alpha1.PromotionRecord{
		Revision: verified.Revision, From: upstream.Name, At: metav1.NewTime(p.now), Outcome: v1alpha1.PromotionUnderWay,
	}
	if p.object.Spec.Promotion.Approval == v1alpha1.ApprovalManual {
		record.ApprovedBy = p.object.Annotations[v1alpha1.AnnotationApprovedBy]
		if record.ApprovedBy == "" {
			record.ApprovedBy = "(not said)"
		}
	}
	status.History = append([]v1alpha1.PromotionRecord{record}, status.History...)
	status.History = status.History[:min(len(status.History), historyAtMost)]
	p.promoted = &verdict{ok: true, reason: v1alpha1.ReasonSucceeded, message: fmt.Sprintf("runs what %s has verified", upstream.Name)}
	p.event(normal, "Promoted", "Promote", "Promotes %s from %s", verified.Revision, upstream.Name)
}

// endPromotion writes the outcome of the promotion that is under way, if one is.
func (p *pass) endPromotion(outcome v1alpha1.PromotionOutcome) {
	status := p.object.Status.Promotion
	if status != nil && len(status.History) > 0 && status.History[0].Outcome == v1alpha1.PromotionUnderWay {
		status.History[0].Outcome = outcome
	}
}

// runningSource is what the engine runs on Railway, as far as it can be told; nil when nothing serves.
func (p *pass) runningSource() *v1alpha1.Source {
	instance, _ := p.environment.Instance(p.object.Spec.Engine.Name)
	if instance.Latest == nil {
		return nil
	}
	runs := runsOn(instance, instance.Latest)
	if runs == nil {
		return nil
	}
	return sourceOf(runs.Meta)
}

func sourceOf(meta model.DeploymentMeta) *v1alpha1.Source {
	switch {
	case meta.Repo != "" && meta.CommitHash != "":
		return &v1alpha1.Source{Repo: meta.Repo, Branch: meta.Branch, Commit: meta.CommitHash}
	case meta.Image != "":
		return &v1alpha1.Source{Image: meta.Image}
	default:
		return nil
	}
}

// keyOf is equal for equal sources.
func keyOf(source *v1alpha1.Source) promotion.Source {
	switch {
	case source == nil:
		return ""
	case source.Repo != "":
		return promotion.Source(source.Repo + "@" + source.Commit)
	default:
		return promotion.Source(source.Image)
	}
}

// revisionOf is the source in short.
func revisionOf(source *v1alpha1.Source) string {
	return rollout.Revision(model.DeploymentMeta{Image: source.Image, CommitHash: source.Commit})
}

// withSource is the spec with the engine's source, which services without one of their own run too.
func withSource(spec *v1alpha1.EngineEnvironmentSpec, source *v1alpha1.Source) *v1alpha1.EngineEnvironmentSpec {
	spec = spec.DeepCopy()
	spec.Engine.Source = source.DeepCopy()
	for i := range spec.Services {
		if spec.Services[i].Source == nil {
			spec.Services[i].Source = source.DeepCopy()
		}
	}
	return spec
}

// build builds the environment that p.spec declares, from what was gathered.
func (p *pass) build() *Outcome {
	environment, err := desired.Build(p.spec, p.gathered)
	if err != nil {
		return failed(err)
	}
	p.declared = environment
	return nil
}

// wakeAt asks for a pass at that time, although nothing may have changed by then.
func (p *pass) wakeAt(at time.Time) {
	if p.wake.IsZero() || at.Before(p.wake) {
		p.wake = at
	}
}

// untilWake is how long until the pass that was asked for; zero when none was.
func (p *pass) untilWake() time.Duration {
	if p.wake.IsZero() {
		return 0
	}
	return max(p.wake.Sub(p.r.Now()), time.Second)
}

// recordVerified remembers what was verified, for the tiers after this one.
func (p *pass) recordVerified() {
	status := &p.object.Status
	if status.Verdict != v1alpha1.VerdictGo {
		status.GoSince = nil
		return
	}
	if status.GoSince == nil {
		now := metav1.NewTime(p.now)
		status.GoSince = &now
	}
	source := p.verifiedSource()
	if source == nil {
		return
	}
	p.endPromotion(v1alpha1.PromotionVerified)
	if status.Verified == nil || keyOf(&status.Verified.Source) != keyOf(source) {
		now := metav1.NewTime(p.now)
		status.Verified = &v1alpha1.VerifiedStatus{Revision: revisionOf(source), Source: *source, Since: now}
		status.GoSince = &now // a newer revision starts a new soak
	}
}

// verifiedSource is what runs and was verified in this pass, with its commit pinned; nil when nothing was.
func (p *pass) verifiedSource() *v1alpha1.Source {
	if p.environment == nil || p.verified == nil || !p.verified.ok || p.spec.Engine.Source == nil {
		return nil
	}
	source := p.spec.Engine.Source.DeepCopy()
	if running := p.runningSource(); running != nil && source.Repo != "" {
		source.Commit = running.Commit
	}
	if source.Repo != "" && source.Commit == "" {
		return nil // Railway does not say which commit runs: nothing that could be pinned
	}
	return source
}
