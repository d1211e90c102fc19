// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/claim"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// writerOf is how the object's commits are told from those of others.
func writerOf(p *pass) view.Writer { return view.NewWriter(p.key, string(p.object.UID)) }

// seeForeign notes commits of an operator in another cluster, by its marks in Railway's history
// (railway-api.md, "Staged changes and history"). Those from before the environment was taken over are the past.
func seeForeign(p *pass, v *view.View) {
	claim.SeeForeign(p.journal, v, writerOf(p), takenOverAt(p))
	if p.journal.Overrule(p.object.Annotations[v1alpha1.AnnotationTakeOver]) {
		p.eventOnceStored(normal, "TakenOver", "Locate", "Takes the environment back from EngineEnvironment %s in another cluster", p.journal.Claim().OtherObject)
	}
}

// takenOverAt is since when the environment is this object's, as its claim says. One that is known by its name only may be another's: then all
// commits count.
func takenOverAt(p *pass) time.Time {
	switch at := p.at(); {
	case at == nil:
		return time.Time{}
	case at.Since == nil: // an older version did not note it
		return p.object.CreationTimestamp.Time
	default:
		return at.Since.Time
	}
}

// disputed reports whether an operator in another cluster writes to the environment, and nobody has taken it back. Who sees it stops to
// write: two operators would undo each other for ever.
func disputed(p *pass) bool {
	known := p.journal.Claim()
	return known.OtherCommit != "" && !known.Overruled && p.object.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyObserve
}

// yieldToForeign ends a pass over a disputed environment; nil when it is not.
func yieldToForeign(p *pass) *outcome.Outcome {
	if !disputed(p) {
		return nil
	}
	known := p.journal.Claim()
	message := fmt.Sprintf("an operator in another cluster writes to this Railway environment. Nothing is written from here. Delete one of the "+
		"two objects: this one leaves everything on Railway. To go on with this one, also when the other one is deleted: "+
		"kubectl annotate eenv -n %s %s --overwrite %s=%s (it committed %s for its EngineEnvironment %s at %s)",
		p.object.Namespace, p.object.Name, v1alpha1.AnnotationTakeOver, known.OtherCommit,
		known.OtherCommit, known.OtherObject, known.OtherTime.UTC().Format(time.RFC3339))
	p.find(v1alpha1.ConditionSynced, status.Failed(v1alpha1.ReasonEnvironmentClaimed, message))
	return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClaimed, message)
}
