// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PlanStatus is what the operator would write to Railway, and does not: because writePolicy is Observe, or because nobody has
// approved it.
type PlanStatus struct {
	// hash names the plan. An approval is for it, and for what is left of it while it is carried out.
	// +required
	Hash string `json:"hash"`

	// message sums the plan up, for example "2 to create, 5 to set, 1 to delete; deploys ai-engine".
	// +optional
	Message string `json:"message,omitempty"`

	// changes are what it would write, in the order of their paths, at most 64 entries.
	// +listType=map
	// +listMapKey=path
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Changes []PlannedChange `json:"changes,omitempty"`

	// more is how many changes are left out of the list. They are part of the hash.
	// +optional
	More int32 `json:"more,omitempty"`

	// deployments are the services of which it would start a deployment.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Deployments []string `json:"deployments,omitempty"`

	// approved is true once a person has approved it, and it is being carried out.
	// +optional
	Approved bool `json:"approved,omitempty"`
}

// PlannedAction is what happens to something on Railway.
type PlannedAction string

const (
	// PlannedCreate makes an environment, a service, a domain or a deployment.
	PlannedCreate PlannedAction = "Create"
	// PlannedSet writes a field.
	PlannedSet PlannedAction = "Set"
	// PlannedDelete deletes a field, or a trigger that deploys pushes.
	PlannedDelete PlannedAction = "Delete"
)

// PlannedChange is one thing that would be written.
type PlannedChange struct {
	// path of what is written: environment, <service>, <service>.domains.railway, <service>.deployment,
	// <service>.variables.<NAME>, <service>.deploy.<field>, shared.<NAME>.
	// +required
	Path string `json:"path"`
	// action is Create, Set or Delete.
	// +required
	Action PlannedAction `json:"action"`
	// from is the value on Railway; (secret), (sealed) or (absent) where there is none to show.
	// +optional
	From string `json:"from,omitempty"`
	// to is the declared value; (secret) for values from Secrets.
	// +optional
	To string `json:"to,omitempty"`
}

// ApprovedPlan is a plan that a person has approved.
type ApprovedPlan struct {
	// hash of the plan.
	// +required
	Hash string `json:"hash"`
	// changes that it has, as hashes: what is left of it while it is carried out is approved, too.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4096
	// +optional
	Changes []string `json:"changes,omitempty"`
}
