// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// The actions of the board. Each writes annotations, or spec.suspend, and nothing else.
const (
	ActionApprove     = "approve"
	ActionApprovePlan = "approve-plan"
	ActionResume      = "resume"
	ActionReconcile   = "reconcile"
	ActionSuspend     = "suspend"
	ActionUnsuspend   = "unsuspend"
	ActionHold        = "hold"
	ActionRelease     = "release"
	ActionRollback    = "rollback"
)

// Verbs that a user needs on the object. Approving is asked for by the approval policy (config/admission/approval.yaml).
const (
	VerbPatch   = "patch"
	VerbApprove = "approve"
)

// Offer is an action that the state of a tier allows.
type Offer struct {
	Action string   `json:"action"`
	Label  string   `json:"label"`
	Verbs  []string `json:"verbs"`
	// Input says what the person has to enter: reason, revision, or nothing.
	Input string `json:"input,omitempty"`
	// Weighty is true for an action that changes what runs.
	Weighty bool `json:"weighty,omitempty"`
}

// Offers lists the actions that the object's state allows, the most pressing first. Whether the user may is another question.
func Offers(object *v1alpha1.EngineEnvironment) []Offer {
	offers := []Offer{}
	for _, a := range actions {
		if a.allowed(object) == nil {
			offers = append(offers, a.Offer)
		}
	}
	return offers
}

// OfferOf returns how an action is offered.
func OfferOf(action string) (Offer, bool) {
	at := slices.IndexFunc(actions, func(a act) bool { return a.Action == action })
	if at < 0 {
		return Offer{}, false
	}
	return actions[at].Offer, true
}

// act is an action: when it can be done, and what it writes.
type act struct {
	Offer

	effect  string
	allowed func(*v1alpha1.EngineEnvironment) error
	writes  func(*v1alpha1.EngineEnvironment, Request) []write
	title   func(*v1alpha1.EngineEnvironment, Request) string
}

// write sets one annotation, or spec.suspend when key is empty. A nil value removes the annotation.
type write struct {
	key     string
	value   *string
	suspend bool
}

func annotation(key, value string) write { return write{key: key, value: &value} }

func stamp(key string) func(*v1alpha1.EngineEnvironment, Request) []write {
	return func(_ *v1alpha1.EngineEnvironment, r Request) []write {
		return []write{annotation(key, r.Now.UTC().Format(time.RFC3339))}
	}
}

func named(format string) func(*v1alpha1.EngineEnvironment, Request) string {
	return func(object *v1alpha1.EngineEnvironment, _ Request) string { return fmt.Sprintf(format, object.Name) }
}

// when is the rule that an action can be done while a condition holds.
func when(holds func(*v1alpha1.EngineEnvironment) bool, otherwise string) func(*v1alpha1.EngineEnvironment) error {
	return func(object *v1alpha1.EngineEnvironment) error {
		switch {
		case object.DeletionTimestamp != nil:
			return fmt.Errorf("%s is being deleted", object.Name)
		case !holds(object):
			return fmt.Errorf("%s %s", object.Name, otherwise)
		}
		return nil
	}
}

// heldByPerson reports whether a person keeps what was promoted: a tier without promotion runs what its spec says.
func heldByPerson(object *v1alpha1.EngineEnvironment) bool {
	return object.Spec.Promotion != nil && object.Annotations[v1alpha1.AnnotationHold] != ""
}

var actions = []act{
	{
		Offer:  Offer{Action: ActionApprove, Label: "Approve", Verbs: []string{VerbPatch, VerbApprove}, Weighty: true},
		effect: "The operator promotes exactly these bytes into the tier. An approval fits no other source.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool {
			p := o.Status.Promotion
			return p != nil && p.State == v1alpha1.PromotionAwaitingApproval && p.Candidate != "" && !approved(o)
		}, "has nothing to approve now"),
		writes: func(o *v1alpha1.EngineEnvironment, r Request) []write {
			return []write{annotation(v1alpha1.AnnotationApprove, o.Status.Promotion.Candidate), annotation(v1alpha1.AnnotationApprovedBy, r.User)}
		},
		title: func(o *v1alpha1.EngineEnvironment, _ Request) string {
			return fmt.Sprintf("Approve %s for %s", o.Status.Promotion.CandidateRevision, o.Name)
		},
	},
	{
		Offer:   Offer{Action: ActionApprovePlan, Label: "Approve the plan", Verbs: []string{VerbPatch, VerbApprove}, Weighty: true},
		effect:  "The operator writes this plan to Railway and nothing else. A plan that changes before it is written needs another approval.",
		allowed: when(planWaits, "has no plan that waits for an approval"),
		writes: func(o *v1alpha1.EngineEnvironment, _ Request) []write {
			return []write{annotation(v1alpha1.AnnotationApprovePlan, o.Status.Plan.Hash)}
		},
		title: func(o *v1alpha1.EngineEnvironment, _ Request) string {
			return fmt.Sprintf("Approve plan %s of %s", o.Status.Plan.Hash, o.Name)
		},
	},
	{
		Offer:  Offer{Action: ActionResume, Label: "Resume after the rollback", Verbs: []string{VerbPatch}, Weighty: true},
		effect: "The hold after the rollback ends, and what was rejected is tried again.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool {
			return o.Status.Rollback != nil || o.Status.Promotion != nil && len(o.Status.Promotion.Rejected) > 0
		}, "holds nothing after a rollback"),
		writes: stamp(v1alpha1.AnnotationResume), title: named("Resume %s after the rollback"),
	},
	{
		Offer:  Offer{Action: ActionRelease, Label: "End the hold", Verbs: []string{VerbPatch}, Weighty: true},
		effect: "The person's hold ends, and the tier follows what is declared or promoted again.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool {
			return heldByPerson(o)
		}, "is not held by a person"),
		writes: func(*v1alpha1.EngineEnvironment, Request) []write { return []write{{key: v1alpha1.AnnotationHold}} },
		title:  named("End the hold of %s"),
	},
	{
		Offer:   Offer{Action: ActionUnsuspend, Label: "Resume", Verbs: []string{VerbPatch}, Weighty: true},
		effect:  "The operator works on this tier again: it reads Railway and writes what differs.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool { return o.Spec.Suspend }, "is not suspended"),
		writes:  func(*v1alpha1.EngineEnvironment, Request) []write { return []write{{suspend: false}} },
		title:   named("Resume %s"),
	},
	{
		Offer:   Offer{Action: ActionReconcile, Label: "Reconcile now", Verbs: []string{VerbPatch}},
		effect:  "The operator reads Railway, compares and runs the checks now. Nothing that is as declared is written.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool { return !o.Spec.Suspend }, "is suspended"),
		writes:  stamp(v1alpha1.AnnotationRequestedAt), title: named("Reconcile %s now"),
	},
	{
		Offer:  Offer{Action: ActionHold, Label: "Hold", Verbs: []string{VerbPatch}, Input: "reason", Weighty: true},
		effect: "What runs stays, whatever is verified upstream, until a person ends the hold.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool {
			return o.Spec.Promotion != nil && !heldByPerson(o)
		}, "cannot be held: it is held already, or takes nothing by promotion"),
		writes: func(_ *v1alpha1.EngineEnvironment, r Request) []write {
			return []write{annotation(v1alpha1.AnnotationHold, r.Input)}
		},
		title: named("Hold what runs in %s"),
	},
	{
		Offer:  Offer{Action: ActionRollback, Label: "Roll back", Verbs: []string{VerbPatch}, Input: "revision", Weighty: true},
		effect: "The tier goes back to a revision that was verified here before, in one commit, and holds it.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool {
			return o.Status.Verified != nil && !o.Spec.Suspend && o.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyObserve
		}, "has no verified revision to go back to, or is suspended or only observed"),
		writes: func(_ *v1alpha1.EngineEnvironment, r Request) []write {
			return []write{annotation(v1alpha1.AnnotationRollback, r.Input)}
		},
		title: func(o *v1alpha1.EngineEnvironment, r Request) string {
			return fmt.Sprintf("Roll %s back to %s", o.Name, r.Input)
		},
	},
	{
		Offer:   Offer{Action: ActionSuspend, Label: "Suspend", Verbs: []string{VerbPatch}, Weighty: true},
		effect:  "The operator neither reads nor writes Railway for this tier. What runs keeps running; drift goes unnoticed.",
		allowed: when(func(o *v1alpha1.EngineEnvironment) bool { return !o.Spec.Suspend }, "is suspended already"),
		writes:  func(*v1alpha1.EngineEnvironment, Request) []write { return []write{{suspend: true}} },
		title:   named("Suspend %s"),
	},
}
