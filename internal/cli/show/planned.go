// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
)

// plannedAtMost is how many changes of a plan a screen names.
const plannedAtMost = 10

// PlanWaits reports whether the operator's plan waits for an approval.
func PlanWaits(object *v1alpha1.EngineEnvironment) bool {
	p := object.Status.Plan
	return p != nil && !p.Approved && object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyApprove
}

// PlannedChanges are the changes of a plan in the status, one a line, as many as a screen names.
func PlannedChanges(p *v1alpha1.PlanStatus) []string {
	var lines []string
	shown := p.Changes[:min(len(p.Changes), plannedAtMost)]
	for _, c := range shown {
		lines = append(lines, "  "+planned(c))
	}
	if more := len(p.Changes) + int(p.More) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more: see status.plan", more))
	}
	return lines
}

// planned is one change in the words of the command plan.
func planned(c v1alpha1.PlannedChange) string {
	action := preview.ActionOf(c.Action, c.From)
	if action == preview.Create && c.To == "" {
		return signs[action] + " " + c.Path
	}
	return signs[action] + " " + change(preview.Change{Path: c.Path, Action: action, From: c.From, To: c.To})
}

// plan is what the operator would write, and what that waits for.
func (s *screen) plan(object *v1alpha1.EngineEnvironment) {
	p := object.Status.Plan
	if p == nil {
		return
	}
	s.line("plan", s.paint.Doubt(p.Message))
	for _, line := range PlannedChanges(p) {
		s.line("", line)
	}
	switch {
	case p.Approved:
		s.line("", "approved, and being written")
	case PlanWaits(object):
		if approval := object.Annotations[v1alpha1.AnnotationApprovePlan]; approval != "" && approval != p.Hash {
			s.line("", "the approval so far, "+approval+", is for another plan: this one has changed since")
		}
		s.line("", Command(object, "approve"))
	default:
		s.line("", "only observed: set spec.writePolicy to Apply, or to Approve, to have it written")
	}
}

// hold is a person's hold of what runs.
func (s *screen) hold(object *v1alpha1.EngineEnvironment) {
	if why := object.Annotations[v1alpha1.AnnotationHold]; why != "" && object.Spec.Promotion != nil {
		s.line("held", s.paint.Doubt("by a person: "+why))
		s.line("", Command(object, "resume")+"  # ends the hold")
	}
}
