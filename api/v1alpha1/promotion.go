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
	From string `json:"from,omitempty"`

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
	// +required
	Revision string `json:"revision"`
	// source that was verified, pinned: an image by its digest where Railway tells it, a repository by its commit.
	// +required
	Source Source `json:"source"`
	// since is when it was first verified.
	// +required
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
	// state is UpToDate, Waiting, Soaking, AwaitingApproval, Blocked or Promoting.
	// +required
	State PromotionState `json:"state"`
	// source that was taken last; it is what the engine is declared to run.
	// +optional
	Source *Source `json:"source,omitempty"`
	// revision of source, in short.
	// +optional
	Revision string `json:"revision,omitempty"`
	// candidate is the source that is next: image@digest, or repository@commit. It is what an approval must name.
	// +optional
	Candidate string `json:"candidate,omitempty"`
	// candidateRevision is the candidate in short.
	// +optional
	CandidateRevision string `json:"candidateRevision,omitempty"`
	// soakedAt is when the candidate's soak ends, unless it is broken.
	// +optional
	SoakedAt *metav1.Time `json:"soakedAt,omitempty"`
	// approval is the last approval that was given, and by whom.
	// +optional
	Approval *Approval `json:"approval,omitempty"`
	// rejected are sources that were rolled back here, at most 10. They are not promoted again until a person says resume.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	Rejected []string `json:"rejected,omitempty"`
	// resume is the annotation's last value that was carried out; of one of more than 1024 bytes its digest.
	// +optional
	Resume string `json:"resume,omitempty"`
	// hold is why a person keeps the tier at what it runs, as the annotation says; empty when nobody does.
	// +optional
	Hold string `json:"hold,omitempty"`
	// history of promotions, the newest first, at most 10.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	History []PromotionRecord `json:"history,omitempty"`
}

// Approval is a person's approval of one source.
type Approval struct {
	// source that was approved; of a value of more than 1024 bytes its digest.
	// +required
	Source string `json:"source"`
	// by is who approved, as the annotation railway.engine-operator.dev/approved-by says. With the approval policy installed it is
	// the user that the API server authenticated. At most 480 bytes of it.
	// +optional
	By string `json:"by,omitempty"`
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
	// +required
	Revision string `json:"revision"`
	// from is the EngineEnvironment it came from.
	// +required
	From string `json:"from"`
	// approvedBy is who approved just this, as in approval.by; empty when nobody had to.
	// +optional
	ApprovedBy string `json:"approvedBy,omitempty"`
	// at is when it was taken.
	// +required
	At metav1.Time `json:"at"`
	// outcome is UnderWay, Verified, RolledBack or Superseded.
	// +required
	Outcome PromotionOutcome `json:"outcome"`
}

// RollbackStatus says that a verified revision is held in place of what is declared. The hold ends when what was rejected changes,
// when upstream has verified a newer source that may be promoted, or when a person says resume.
type RollbackStatus struct {
	// from is the revision that was rolled back, in short.
	// +required
	From string `json:"from"`
	// to is the revision that runs instead, in short.
	// +required
	To string `json:"to"`
	// revisionName is the ControllerRevision that holds it.
	// +required
	RevisionName string `json:"revisionName"`
	// reason says why it was rolled back.
	// +required
	Reason string `json:"reason"`
	// requested is true when a person asked for it.
	// +optional
	Requested bool `json:"requested,omitempty"`
	// at is when it was rolled back.
	// +required
	At metav1.Time `json:"at"`
	// content is a hash of what was rejected: settings, engine, services and shared variables as they were declared.
	// +optional
	Content string `json:"content,omitempty"`
	// resume is the annotation's value at that time, or its digest as in promotion.resume: another value ends the hold.
	// +optional
	Resume string `json:"resume,omitempty"`
}
