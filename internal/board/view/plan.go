// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Plan is what the operator would write to Railway. Its values come from the status, where those of Secrets are not.
type Plan struct {
	Hash    string `json:"hash"`
	Message string `json:"message"`
	// Changes are those that the status lists, More how many it leaves out.
	Changes     []PlannedChange `json:"changes"`
	More        int             `json:"more,omitempty"`
	Deployments []string        `json:"deployments,omitempty"`
	// State says what it waits for.
	State string `json:"state"`
	// Stale is the hash that was approved and is not this plan's.
	Stale string `json:"stale,omitempty"`
}

// PlannedChange is one thing that would be written.
type PlannedChange struct {
	Path   string `json:"path"`
	Action string `json:"action"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// The states of a plan.
const (
	PlanWaits    = "waits"    // for an approval
	PlanApproved = "approved" // and is being written
	PlanObserved = "observed" // and is not written while writePolicy is Observe
	PlanOutdated = "outdated" // it is for a spec that has changed since
)

func planOf(object *v1alpha1.EngineEnvironment) *Plan {
	known := object.Status.Plan
	if known == nil {
		return nil
	}
	plan := &Plan{
		Hash: known.Hash, Message: known.Message, More: int(known.More), Deployments: known.Deployments, State: planState(object),
		Changes: make([]PlannedChange, 0, len(known.Changes)),
	}
	if approval := object.Annotations[v1alpha1.AnnotationApprovePlan]; approval != known.Hash && plan.State == PlanWaits {
		plan.Stale = approval
	}
	for _, c := range known.Changes {
		plan.Changes = append(plan.Changes, PlannedChange{Path: c.Path, Action: string(c.Action), From: c.From, To: c.To})
	}
	return plan
}

func planState(object *v1alpha1.EngineEnvironment) string {
	known := object.Status.Plan
	switch {
	case object.Status.ObservedGeneration != object.Generation:
		return PlanOutdated
	case object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyObserve:
		return PlanObserved
	case known.Approved, object.Annotations[v1alpha1.AnnotationApprovePlan] == known.Hash:
		return PlanApproved
	default:
		return PlanWaits
	}
}

// planWaits reports whether the plan waits for a person.
func planWaits(object *v1alpha1.EngineEnvironment) bool {
	return object.Status.Plan != nil && planState(object) == PlanWaits
}

func waitsForPlan(object *v1alpha1.EngineEnvironment) []Wait {
	plan := planOf(object)
	switch {
	case plan == nil || object.Spec.Suspend:
		return nil
	case plan.State == PlanApproved:
		return []Wait{{For: ForOperator, What: fmt.Sprintf("plan %s is approved and written next", plan.Hash)}}
	case plan.State != PlanWaits:
		return nil
	}
	what := fmt.Sprintf("plan %s waits for an approval: %s", plan.Hash, plan.Message)
	if plan.Stale != "" {
		what = fmt.Sprintf("plan %s waits for an approval, since %s was approved before it changed: %s", plan.Hash, plan.Stale, plan.Message)
	}
	return []Wait{{For: ForPerson, What: what, Action: ActionApprovePlan, Command: commandOf(object, ActionApprovePlan)}}
}
