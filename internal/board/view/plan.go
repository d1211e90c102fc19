// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/proposal"
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
	State proposal.State `json:"state"`
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

func planOf(object *v1alpha1.EngineEnvironment) *Plan {
	known := object.Status.Plan
	if known == nil {
		return nil
	}
	plan := &Plan{
		Hash: known.Hash, Message: known.Message, More: int(known.More), Deployments: known.Deployments,
		State: proposal.StateOf(object), Stale: proposal.Stale(object),
		Changes: make([]PlannedChange, 0, len(known.Changes)),
	}
	for _, c := range known.Changes {
		plan.Changes = append(plan.Changes, PlannedChange{Path: c.Path, Action: string(proposal.ActionOf(c.Action, c.From)), From: c.From, To: c.To})
	}
	return plan
}

// planWaits reports whether the plan waits for a person.
func planWaits(object *v1alpha1.EngineEnvironment) bool {
	return proposal.StateOf(object) == proposal.Waits
}

func waitsForPlan(object *v1alpha1.EngineEnvironment) []Wait {
	plan := planOf(object)
	switch {
	case plan == nil || object.Spec.Suspend:
		return nil
	case plan.State == proposal.Approved:
		return []Wait{{For: ForOperator, What: fmt.Sprintf("plan %s is approved and written next", plan.Hash)}}
	case plan.State != proposal.Waits:
		return nil
	}
	what := fmt.Sprintf("plan %s waits for an approval: %s", plan.Hash, plan.Message)
	if plan.Stale != "" {
		what = fmt.Sprintf("plan %s waits for an approval, since %s was approved before it changed: %s", plan.Hash, plan.Stale, plan.Message)
	}
	return []Wait{{For: ForPerson, What: what, Action: ActionApprovePlan, Command: commandOf(object, ActionApprovePlan)}}
}
