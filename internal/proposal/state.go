// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proposal

import "github.com/engine-operator/engine-operator/api/v1alpha1"

// State is what a plan in the status waits for.
type State string

// The states of a plan.
const (
	Waits    State = "waits"    // for an approval
	Approved State = "approved" // and is being written
	Observed State = "observed" // and is not written while writePolicy is Observe
	Outdated State = "outdated" // it is for a spec that has changed since
)

// StateOf is the state of the plan in an object's status, empty when there is none.
func StateOf(object *v1alpha1.EngineEnvironment) State {
	known := object.Status.Plan
	switch {
	case known == nil:
		return ""
	case object.Status.ObservedGeneration != object.Generation:
		return Outdated
	case object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyObserve:
		return Observed
	case known.Approved, object.Annotations[v1alpha1.AnnotationApprovePlan] == known.Hash:
		return Approved
	default:
		return Waits
	}
}

// Stale is the hash that was approved while the plan that waits is another one; empty when there is none.
func Stale(object *v1alpha1.EngineEnvironment) string {
	if StateOf(object) != Waits {
		return ""
	}
	return object.Annotations[v1alpha1.AnnotationApprovePlan]
}
