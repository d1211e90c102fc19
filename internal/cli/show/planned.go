// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"slices"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/proposal"
)

// plannedAtMost is how many changes of a plan a screen names.
const plannedAtMost = 10

// PlannedChanges are the changes of a plan in the status, one a line and so many at most: first what is created.
func PlannedChanges(p *v1alpha1.PlanStatus, atMost int) []string {
	var lines []string
	all := slices.Clone(p.Changes)
	slices.SortStableFunc(all, func(a, b v1alpha1.PlannedChange) int { return creation(a) - creation(b) })
	shown := all[:min(len(all), atMost)]
	for _, c := range shown {
		lines = append(lines, "  "+planned(c))
	}
	if more := len(p.Changes) + int(p.More) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more: see status.plan", more))
	}
	return lines
}

// creation is 0 for what is created as a whole, else 1.
func creation(c v1alpha1.PlannedChange) int {
	if c.Action == v1alpha1.PlannedCreate {
		return 0
	}
	return 1
}

// planned is one change in the words of the command plan.
func planned(c v1alpha1.PlannedChange) string {
	action := proposal.ActionOf(c.Action, c.From)
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
	for _, line := range PlannedChanges(p, plannedAtMost) {
		s.line("", Visible(line))
	}
	switch state := proposal.StateOf(object); {
	case state == proposal.Approved && object.Spec.Suspend:
		s.line("", "approved, and written once the tier is no longer suspended")
	case state == proposal.Approved:
		s.line("", "approved, and being written")
	case state == proposal.Observed:
		s.line("", "only observed: set spec.writePolicy to Apply, or to Approve, to have it written")
	case state == proposal.Outdated:
		s.line("", "for an older spec: the operator has not read the newest one yet")
	case state == proposal.Waits:
		if stale := proposal.Stale(object); stale != "" {
			s.line("", Visible("the approval so far, "+stale+", is for another plan: this one has changed since"))
		}
		s.line("", Visible(s.flags.Command(object, "approve")))
	}
}

// hold is a person's hold of what runs.
func (s *screen) hold(object *v1alpha1.EngineEnvironment) {
	if why := object.Annotations[v1alpha1.AnnotationHold]; why != "" && object.Spec.Promotion != nil {
		s.line("held", s.paint.Doubt("by a person: "+why))
		s.line("", Visible(s.flags.Command(object, "resume"))+"  # ends the hold")
	}
}
