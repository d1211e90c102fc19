// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ApprovalPolicy says whether a person must approve a promotion.
// +kubebuilder:validation:Enum=Automatic;Manual
type ApprovalPolicy string

const (
	// ApprovalAutomatic promotes after the soak.
	ApprovalAutomatic ApprovalPolicy = "Automatic"
	// ApprovalManual waits for the annotation railway.engine-operator.dev/approve with the revision.
	ApprovalManual ApprovalPolicy = "Manual"
)

// Promotion takes the engine's source from the tier before.
type Promotion struct {
	// from is the EngineEnvironment, in the same namespace, whose last verified source this one takes.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	From string `json:"from"`

	// soak is how long the verdict upstream must have been GO without a break. Between 0s and 168h. Default: 0s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(m|s|h))+$') && duration(self) <= duration('168h')",message="promotion.soak must be at most 168h, in whole seconds, for example 30m"
	// +optional
	Soak *metav1.Duration `json:"soak,omitempty"`

	// approval says whether a person must approve each revision. Default: Automatic.
	// +optional
	Approval ApprovalPolicy `json:"approval,omitempty"`
}

// VerifiedStatus is the source that was last verified here.
type VerifiedStatus struct {
	// revision in short.
	Revision string `json:"revision"`
	// source that was verified. For a repository it pins the commit.
	Source Source `json:"source"`
	// since is when it was first verified.
	Since metav1.Time `json:"since"`
}

// PromotionState says what a promotion waits for.
type PromotionState string

// The states of a promotion.
const (
	PromotionUpToDate         PromotionState = "UpToDate"
	PromotionWaiting          PromotionState = "Waiting"
	PromotionSoaking          PromotionState = "Soaking"
	PromotionAwaitingApproval PromotionState = "AwaitingApproval"
	PromotionBlocked          PromotionState = "Blocked"
	PromotionPromoting        PromotionState = "Promoting"
)

// PromotionStatus is how far the promotion is.
type PromotionStatus struct {
	// state: UpToDate, Waiting, Soaking, AwaitingApproval, Blocked or Promoting.
	State PromotionState `json:"state"`
	// source that was taken last; it is what the engine is declared to run.
	// +optional
	Source *Source `json:"source,omitempty"`
	// revision of source, in short.
	// +optional
	Revision string `json:"revision,omitempty"`
	// candidate is the revision that is next, in short. It is what an approval must name.
	// +optional
	Candidate string `json:"candidate,omitempty"`
	// soakedAt is when the candidate's soak ends, unless it is broken.
	// +optional
	SoakedAt *metav1.Time `json:"soakedAt,omitempty"`
	// rejected are sources that were rolled back here, at most 10. They are not promoted again unless approved by name.
	// +listType=atomic
	// +optional
	Rejected []string `json:"rejected,omitempty"`
	// history of promotions, the newest first, at most 10.
	// +listType=atomic
	// +optional
	History []PromotionRecord `json:"history,omitempty"`
}

// PromotionOutcome is how a promotion ended.
type PromotionOutcome string

const (
	// PromotionUnderWay: it is being rolled out and verified.
	PromotionUnderWay PromotionOutcome = "UnderWay"
	// PromotionVerified: it passed here.
	PromotionVerified PromotionOutcome = "Verified"
	// PromotionRolledBack: it failed here and was rolled back.
	PromotionRolledBack PromotionOutcome = "RolledBack"
	// PromotionSuperseded: another one took its place before it was decided.
	PromotionSuperseded PromotionOutcome = "Superseded"
)

// PromotionRecord is one promotion.
type PromotionRecord struct {
	// revision in short.
	Revision string `json:"revision"`
	// from is the EngineEnvironment it came from.
	From string `json:"from"`
	// approvedBy is what the annotation railway.engine-operator.dev/approved-by says; empty when nobody had to approve.
	// +optional
	ApprovedBy string `json:"approvedBy,omitempty"`
	// at is when it was taken.
	At metav1.Time `json:"at"`
	// outcome: UnderWay, Verified, RolledBack or Superseded.
	Outcome PromotionOutcome `json:"outcome"`
}

// RollbackStatus says that a verified revision is held in place of what is declared.
type RollbackStatus struct {
	// from is the revision that failed, in short.
	From string `json:"from"`
	// to is the revision that runs instead, in short.
	To string `json:"to"`
	// revisionName is the ControllerRevision that holds it.
	RevisionName string `json:"revisionName"`
	// reason is why.
	Reason string `json:"reason"`
	// at is when.
	At metav1.Time `json:"at"`
	// generation of the spec that failed: another one ends the hold.
	Generation int64 `json:"generation"`
	// resume is the annotation's value at that time: another one ends the hold.
	// +optional
	Resume string `json:"resume,omitempty"`
}
