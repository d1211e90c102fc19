// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EngineEnvironmentStatus is what the operator saw and did.
type EngineEnvironmentStatus struct {
	// observedGeneration is the generation of the spec that the status speaks of; -1 until the operator has looked.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready, Reconciling, Stalled, CredentialsValid, Synced, Healthy, Verified, Promoted, WithinBudget.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// lastHandledReconcileAt echoes the annotation that last forced a pass.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// settings in force: the tier table with the overrides of the spec.
	// +optional
	Settings *EffectiveSettings `json:"settings,omitempty"`

	// railway says which environment this is.
	// +optional
	Railway *RailwayStatus `json:"railway,omitempty"`

	// envSecret is the Secret that a Local tier's settings and variables are in, for envFrom.
	// +optional
	EnvSecret string `json:"envSecret,omitempty"`

	// engine is the engine's service.
	// +optional
	Engine *ServiceStatus `json:"engine,omitempty"`

	// services are the companions.
	// +listType=map
	// +listMapKey=name
	// +optional
	Services []ServiceStatus `json:"services,omitempty"`

	// verdict says whether the tier may be relied on: GO or NO-GO.
	// +optional
	Verdict Verdict `json:"verdict,omitempty"`

	// readiness is how many of the checks passed, for example 6/7.
	// +optional
	Readiness string `json:"readiness,omitempty"`

	// verdictReasons says why the verdict is NO-GO, the weightiest first, at most 16 entries.
	// +listType=atomic
	// +optional
	VerdictReasons []string `json:"verdictReasons,omitempty"`

	// goSince is since when the verdict has been GO without a break.
	// +optional
	GoSince *metav1.Time `json:"goSince,omitempty"`

	// verified is the engine's source that was last verified here: what other tiers may take.
	// +optional
	Verified *VerifiedStatus `json:"verified,omitempty"`

	// promotion is how far the promotion is.
	// +optional
	Promotion *PromotionStatus `json:"promotion,omitempty"`

	// cost is what the environment costs, with spec.budget.
	// +optional
	Cost *CostStatus `json:"cost,omitempty"`

	// rollback says that a verified revision is held in place of what is declared.
	// +optional
	Rollback *RollbackStatus `json:"rollback,omitempty"`

	// checks are the last results of the checks.
	// +listType=map
	// +listMapKey=name
	// +optional
	Checks []CheckStatus `json:"checks,omitempty"`

	// drift lists what differs from what was last applied, at most 64 entries.
	// +listType=map
	// +listMapKey=path
	// +optional
	Drift []Drift `json:"drift,omitempty"`

	// unmanagedVariables lists variables on Railway that the spec does not declare, with unmanagedVariables: Warn, at most 64.
	// +listType=atomic
	// +optional
	UnmanagedVariables []string `json:"unmanagedVariables,omitempty"`

	// stagedChanges lists what somebody staged on Railway's dashboard and did not deploy, at most 64. The operator leaves it.
	// +listType=atomic
	// +optional
	StagedChanges []string `json:"stagedChanges,omitempty"`

	// lastCommit is the operator's last commit to Railway.
	// +optional
	LastCommit *Commit `json:"lastCommit,omitempty"`

	// pendingWrite is a write whose outcome is not known yet. It is what keeps a crash from creating anything twice.
	// +optional
	PendingWrite *PendingWrite `json:"pendingWrite,omitempty"`

	// awaited are things that Railway has created and does not show yet, at most 64 entries.
	// +listType=atomic
	// +optional
	Awaited []PendingWrite `json:"awaited,omitempty"`

	// repairs counts how often the same field had to be repaired lately, at most 1024 entries.
	// +listType=map
	// +listMapKey=path
	// +optional
	Repairs []Repair `json:"repairs,omitempty"`

	// writtenFields is the operator's record of what it last wrote, as path=hash with keyed hashes: it tells drift from a change
	// of the spec, and whether a sealed value must be written again. A field that had its value before the operator wrote it
	// says (adopted); it is not deleted when the spec drops it.
	// +listType=atomic
	// +optional
	WrittenFields []string `json:"writtenFields,omitempty"`
}

// RailwayStatus says which Railway environment this is.
type RailwayStatus struct {
	// projectID is the project.
	ProjectID string `json:"projectID"`
	// environmentID is the environment.
	EnvironmentID string `json:"environmentID"`
	// environment is the environment's name.
	Environment string `json:"environment"`
	// created is true when the operator created the environment.
	// +optional
	Created bool `json:"created,omitempty"`
	// ephemeral is true for the environment of a pull request, which Railway deletes when that is closed.
	// +optional
	Ephemeral bool `json:"ephemeral,omitempty"`
	// url opens the environment on Railway's dashboard.
	// +optional
	URL string `json:"url,omitempty"`
}

// ServiceStatus is one service as it runs.
type ServiceStatus struct {
	// name of the service.
	Name string `json:"name"`
	// serviceID on Railway.
	// +optional
	ServiceID string `json:"serviceID,omitempty"`
	// revision is what runs, in short: the image's tag or digest, or the commit.
	// +optional
	Revision string `json:"revision,omitempty"`
	// image that runs.
	// +optional
	Image string `json:"image,omitempty"`
	// commit that runs.
	// +optional
	Commit string `json:"commit,omitempty"`
	// deploymentID is the newest deployment.
	// +optional
	DeploymentID string `json:"deploymentID,omitempty"`
	// deploymentStatus is its status in Railway's words.
	// +optional
	DeploymentStatus string `json:"deploymentStatus,omitempty"`
	// replicas declared or, when the spec does not say, configured.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// readyReplicas run.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// url under which the service is reached from outside.
	// +optional
	URL string `json:"url,omitempty"`
}

// Drift is one field that differs from what was last applied.
type Drift struct {
	// path of the field: <service>.variables.<NAME>, <service>.deploy.<field>, shared.<NAME>.
	Path string `json:"path"`
	// declared value; (secret) for values from Secrets.
	// +optional
	Declared string `json:"declared,omitempty"`
	// actual value on Railway; (secret), (sealed) or (absent) where there is none to show.
	// +optional
	Actual string `json:"actual,omitempty"`
	// firstSeen is when the operator noticed.
	FirstSeen metav1.Time `json:"firstSeen"`
	// changedBy is who changed it, when Railway says.
	// +optional
	ChangedBy string `json:"changedBy,omitempty"`
}

// Commit is one commit to Railway.
type Commit struct {
	// id is the operator's mark in the commit message.
	ID string `json:"id"`
	// message of the commit.
	Message string `json:"message"`
	// time of the commit.
	Time metav1.Time `json:"time"`
	// services that the commit touched.
	// +listType=atomic
	// +optional
	Services []string `json:"services,omitempty"`
	// generation of the spec that was committed.
	// +optional
	Generation int64 `json:"generation,omitempty"`
}

// PendingWrite is a write whose outcome is not known yet.
type PendingWrite struct {
	// kind of write.
	Kind WriteKind `json:"kind"`
	// name of what is created, or the id of the commit.
	Name string `json:"name"`
	// startedAt is when the write was sent.
	StartedAt metav1.Time `json:"startedAt"`
	// services that a commit touches.
	// +listType=atomic
	// +optional
	Services []string `json:"services,omitempty"`
	// message of the commit.
	// +optional
	Message string `json:"message,omitempty"`
	// fields that a commit writes, as in writtenFields. One that it deletes has no hash.
	// +listType=atomic
	// +optional
	Fields []string `json:"fields,omitempty"`
}

// WriteKind is a kind of write to Railway.
type WriteKind string

// The writes that must not be repeated blindly.
const (
	WriteEnvironment WriteKind = "Environment"
	WriteService     WriteKind = "Service"
	WriteDomain      WriteKind = "Domain"
	WriteCommit      WriteKind = "Commit"
)

// Repair counts repairs of one field.
type Repair struct {
	// path of the field.
	Path string `json:"path"`
	// count of repairs since the first one.
	Count int32 `json:"count"`
	// lastTime is when the field was last repaired.
	LastTime metav1.Time `json:"lastTime"`
}

// EngineEnvironment declares what one tier of an engine must be on Railway.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=engineenvironments,shortName=eenv,categories=engine
// +kubebuilder:printcolumn:name="Tier",type=string,JSONPath=`.spec.tier`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.verdict`
// +kubebuilder:printcolumn:name="Checks",type=string,JSONPath=`.status.readiness`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.engine.revision`
// +kubebuilder:printcolumn:name="Cost",type=string,JSONPath=`.status.cost.summary`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.engine.url`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Candidate",type=string,JSONPath=`.status.promotion.candidate`,priority=1
// +kubebuilder:validation:XValidation:rule="!has(self.spec.promotion) || self.spec.promotion.from != self.metadata.name",message="promotion.from names this object itself: name the tier before it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 59",message="the name must have at most 59 characters, because the Local tier's Secret is called <name>-env"
type EngineEnvironment struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the tier must be.
	// +required
	Spec EngineEnvironmentSpec `json:"spec"`

	// status is what the operator saw and did.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status EngineEnvironmentStatus `json:"status,omitempty"`
}

// EngineEnvironmentList is a list of EngineEnvironments.
//
// +kubebuilder:object:root=true
type EngineEnvironmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EngineEnvironment `json:"items"`
}

// EnvSecretName is the Secret that a Local tier's settings and variables go to.
func (e *EngineEnvironment) EnvSecretName() string {
	return e.Name + "-env"
}
