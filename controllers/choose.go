// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/redact"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// chooser decides which revision a tier runs.
type chooser struct {
	store   store
	watch   watcher
	reader  reader
	history cluster.History
}

// chosen is the revision that a pass works on, and the environment that it declares.
type chosen struct {
	input    promotion.Input
	decision promotion.Decision
	stored   []promotion.Stored
	gathered desired.Sources
	declared *desired.Environment
}

// promote decides which revision counts, and builds the environment that it declares.
func (ch chooser) promote(ctx context.Context, p *pass, v *view.View, gathered desired.Sources) (*chosen, *outcome.Outcome) {
	stored, err := ch.history.List(ctx, p.object)
	if err != nil {
		return nil, outcome.Failed(err)
	}
	input, err := ch.input(ctx, p, v, stored)
	if err != nil {
		return nil, outcome.Failed(err)
	}
	input.Mask = p.facts.Redact
	c := &chosen{input: input, decision: promotion.Decide(input), stored: stored, gathered: gathered}
	adoptDecision(p, c.decision)
	defer p.tellHold() // a person may have named a secret in the reason: those of a rollback are known at the end only
	switch d := c.decision; {
	case d.Stuck != "" && d.Invalid:
		about := v1alpha1.ConditionPromoted
		if d.Promotion == nil {
			about = v1alpha1.ConditionSynced
		}
		return nil, outcome.Stalled(about, reasonOfStuck(d), d.Stuck)
	case d.Stuck != "":
		return nil, outcome.Progressing(v1alpha1.ReasonAwaitingPromotion, d.Stuck, 0)
	case d.Rollback != nil:
		if c.gathered, err = ch.reader.gather(ctx, p, d.Spec); err != nil {
			return nil, outcome.Failed(err)
		}
	}
	if c.declared, err = desired.Build(c.decision.Spec, c.gathered); err != nil {
		return nil, outcome.Failed(err)
	}
	p.declares(c.declared)
	return c, nil
}

func reasonOfStuck(d promotion.Decision) string {
	if d.Rollback != nil {
		return v1alpha1.ReasonRolledBack
	}
	return v1alpha1.ReasonInvalidSpec
}

// adoptDecision notes the decision for the status and tells its transitions.
func adoptDecision(p *pass, d promotion.Decision) {
	p.facts.Promotion, p.facts.Hold = d.Promotion, &status.Hold{Rollback: d.Rollback}
	if d.Promotion != nil && d.Reason != "" {
		p.find(v1alpha1.ConditionPromoted, findings.Promoted(d))
	}
	p.wakeAt(d.Wake)
	p.journal.RollbackRequested(d.RollbackRequest)
	if d.Refused != "" {
		p.eventOnceStored(warning, "RollbackRefused", "Rollback", "Does not roll back: %s", d.Refused)
	}
	if d.Resumed != "" {
		p.eventOnceStored(normal, "Resumed", "Resume", "The hold after the rollback has ended: %s", d.Resumed)
	}
	p.tellResumed(d)
	if p.object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyObserve {
		return // status.plan says what would be written; nothing is
	}
	if d.Rollback != nil && p.object.Status.Rollback == nil {
		p.tellRollback(d.Rollback)
	}
	if d.Taken != "" {
		p.eventOnceStored(normal, "Promoted", "Promote", "Promotes %s from %s%s", d.Taken, p.object.Spec.Promotion.From, proposal.OnceApproved(&p.object.Spec))
	}
}

// tellResumed tells that what was rejected may be promoted again, where that ends no hold: the annotation that says so may be gone when
// somebody asks.
func (p *pass) tellResumed(d promotion.Decision) {
	before := p.object.Status.Promotion
	if d.Promotion == nil || before == nil || len(before.Rejected) == 0 || d.Promotion.Resume == redact.Identity(before.Resume) || d.Resumed != "" {
		return
	}
	p.eventOnceStored(normal, "Resumed", "Resume", "A person resumed it: %s that failed here may be promoted again",
		status.Count(len(before.Rejected), "source", "sources"))
}

// holdAtMost is how many bytes the status keeps of the reason for a hold.
const holdAtMost = 512

// tellHold notes a person's hold for the status, and tells that it begins or ends: the annotation may be gone when somebody asks. While
// it is not known what is secret nothing is told.
func (p *pass) tellHold() {
	state := p.facts.Promotion
	if state == nil || p.facts.Redact == nil {
		return
	}
	before := state.Hold
	state.Hold = redact.Cut(p.facts.Redact(p.object.Annotations[v1alpha1.AnnotationHold]), holdAtMost)
	switch {
	case state.Hold == before:
	case state.Hold != "":
		p.eventOnceStored(normal, "Held", "Hold", "%s%s", promotion.HeldEvent, state.Hold)
	default:
		p.eventOnceStored(normal, "Resumed", "EndHold", "A person has ended the hold: %s", before)
	}
}

func (p *pass) tellRollback(r *v1alpha1.RollbackStatus) {
	p.eventOnceStored(warning, v1alpha1.ReasonRolledBack, "Rollback", "Rolls back %s%s: %s", promotion.FromTo(r), proposal.OnceApproved(&p.object.Spec), r.Reason)
}

// input gathers what the decision depends on.
func (ch chooser) input(ctx context.Context, p *pass, v *view.View, stored []promotion.Stored) (promotion.Input, error) {
	object := p.object
	in := promotion.Input{
		Namespace: object.Namespace, Name: object.Name, Spec: &object.Spec, Annotations: object.Annotations,
		Previous: object.Status.Promotion, Rollback: object.Status.Rollback, Stored: stored, RollbackRequest: p.journal.RollbackRequest(),
		Runs: v.Runs(object.Spec.Engine.Name),
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
	in.Upstream, err = ch.upstream(ctx, p)
	return in, err
}

// upstream reads the tier whose verified source is taken.
func (ch chooser) upstream(ctx context.Context, p *pass) (promotion.Upstream, error) {
	name := p.object.Spec.Promotion.From
	key := types.NamespacedName{Namespace: p.object.Namespace, Name: name}
	object, err := ch.store.Get(ctx, key)
	if apierrors.IsNotFound(err) {
		return promotion.Upstream{Name: name}, nil
	}
	if err != nil {
		return promotion.Upstream{}, fmt.Errorf("read EngineEnvironment %s: %w", name, err)
	}
	up := promotion.UpstreamOf(object)
	snapshot, known := ch.watch.Latest(key.String())
	// A snapshot says nothing yet: the status must be what a pass over it has found.
	up.Unread = !ch.store.IsJudged(key.String()) || !known || snapshot.Environment == nil ||
		p.now.Sub(snapshot.ReadAt) > staleAfter*object.Spec.EffectiveInterval()
	up.Circle, err = ch.store.LeadsBack(ctx, p.object, object)
	if up.Unread && !up.GoSince.IsZero() {
		p.wakeAt(p.now.Add(outcome.BusyRetry))
	}
	return up, err
}
