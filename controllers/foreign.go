// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// clockSkew is how far Railway's clock may be from ours: what was committed right when the environment was taken over is the past.
const clockSkew = time.Minute

// writerOf is how the object's commits are told from those of others.
func writerOf(p *pass) view.Writer { return view.NewWriter(p.key, string(p.object.UID)) }

// seeForeign notes commits of an operator in another cluster, by its marks in Railway's history
// (railway-api.md, "Staged changes and history"). Those from before the environment was taken over are the past.
func seeForeign(p *pass, v *view.View) {
	at, own := p.at(), writerOf(p)
	if at == nil || at.Since == nil {
		return
	}
	if claim := p.journal.Claim(); claim.UID != "" && claim.UID != own.UID { // a restored object
		p.journal.TakeOver(own.UID, v.LastCommit())
	}
	after := at.Since.Add(clockSkew)
	if taken := p.journal.Claim().TakenOver; taken != nil && taken.After(after) {
		after = taken.Time
	}
	if foreign, found := v.ForeignCommit(own, after); found {
		p.journal.SeeOther(foreign.ID, fmt.Sprintf("%s (uid %s…)", foreign.Object, foreign.UID), foreign.At)
	}
	if p.journal.Overrule(p.object.Annotations[v1alpha1.AnnotationTakeOver]) {
		p.event(normal, "TakenOver", "Locate", "Takes the environment back from EngineEnvironment %s in another cluster", p.journal.Claim().OtherObject)
	}
}

// disputed reports whether an operator in another cluster writes to the environment, and nobody has taken it back. Who sees it stops to
// write: two operators would undo each other for ever.
func disputed(p *pass) bool {
	claim := p.journal.Claim()
	return claim.OtherCommit != "" && !claim.Overruled && p.object.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyObserve
}

// yieldToForeign ends a pass over a disputed environment; nil when it is not.
func yieldToForeign(p *pass) *outcome.Outcome {
	if !disputed(p) {
		return nil
	}
	claim := p.journal.Claim()
	message := fmt.Sprintf("an operator in another cluster writes to this Railway environment: it committed %s for its EngineEnvironment %s at %s. "+
		"Nothing is written from here. Delete one of the two objects: this one leaves everything on Railway. To go on with this one, also "+
		"when the other one is deleted: kubectl annotate eenv -n %s %s --overwrite %s=%s", claim.OtherCommit, claim.OtherObject,
		claim.OtherTime.UTC().Format(time.RFC3339), p.object.Namespace, p.object.Name, v1alpha1.AnnotationTakeOver, claim.OtherCommit)
	p.find(v1alpha1.ConditionSynced, status.Failed(v1alpha1.ReasonEnvironmentClaimed, message))
	return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClaimed, message)
}
