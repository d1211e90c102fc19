// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EngineEnvironmentStatus is what the operator found and did. What people read comes first; workingRecord is the operator's own.
type EngineEnvironmentStatus struct {
	// observedGeneration is the generation of the spec that the status is about; -1 until the operator has read it.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// verdict says whether the tier may be relied on: GO, NO-GO (something is known to be wrong) or PENDING (not decided yet:
	// rolling out, first checks, suspended, Railway not readable for a while).
	// +optional
	Verdict Verdict `json:"verdict,omitempty"`

	// verdictReasons says why the verdict is not GO, the weightiest first, at most 16 entries.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	VerdictReasons []string `json:"verdictReasons,omitempty"`

	// goSince is since when the verdict has been GO without a break.
	// +optional
	GoSince *metav1.Time `json:"goSince,omitempty"`

	// readiness is how many of the checks passed, for example 6/7.
	// +optional
	Readiness string `json:"readiness,omitempty"`

	// conditions of the object: Ready, Reconciling, Stalled, CredentialsValid, Synced, Healthy, Verified, Promoted, WithinBudget.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// engine is the engine's service.
	// +optional
	Engine *ServiceStatus `json:"engine,omitempty"`

	// services are the companions.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Services []ServiceStatus `json:"services,omitempty"`

	// checks are the last results of the checks.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Checks []CheckStatus `json:"checks,omitempty"`

	// drift lists what differs from what was last applied, at most 64 entries.
	// +listType=map
	// +listMapKey=path
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Drift []Drift `json:"drift,omitempty"`

	// plan is what the operator would write, while writePolicy keeps it from doing so.
	// +optional
	Plan *PlanStatus `json:"plan,omitempty"`

	// promotion is how far the promotion is.
	// +optional
	Promotion *PromotionStatus `json:"promotion,omitempty"`

	// verified is the engine's source that was last verified here: what downstream tiers may take.
	// +optional
	Verified *VerifiedStatus `json:"verified,omitempty"`

	// rollback says that a verified revision is held in place of what is declared.
	// +optional
	Rollback *RollbackStatus `json:"rollback,omitempty"`

	// cost is what the environment costs, with spec.budget.
	// +optional
	Cost *CostStatus `json:"cost,omitempty"`

	// railway says which environment this is.
	// +optional
	Railway *RailwayStatus `json:"railway,omitempty"`

	// settings in force: the tier table with the overrides of the spec.
	// +optional
	Settings *EffectiveSettings `json:"settings,omitempty"`

	// envSecret is the Secret that a Local tier's settings and variables are in, for envFrom.
	// +optional
	EnvSecret string `json:"envSecret,omitempty"`

	// unmanagedVariables lists variables on Railway that the spec does not declare, with unmanagedVariables: Warn, at most 64.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	UnmanagedVariables []string `json:"unmanagedVariables,omitempty"`

	// stagedChanges lists what somebody staged on Railway's dashboard and did not deploy, at most 64. The operator leaves it.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	StagedChanges []string `json:"stagedChanges,omitempty"`

	// lastCommit is the operator's last commit to Railway.
	// +optional
	LastCommit *Commit `json:"lastCommit,omitempty"`

	// lastHandledReconcileAt echoes the annotation that last forced a pass; of a value of more than 1024 bytes its digest.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// workingRecord is the operator's memory of what it wrote and verified; it is not meant for people.
	// +optional
	WorkingRecord *WorkingRecord `json:"workingRecord,omitempty"`

	// pendingWrite moved to workingRecord. It is read from objects that an older version wrote.
	// +optional
	PendingWrite *PendingWrite `json:"pendingWrite,omitempty"`

	// awaited moved to workingRecord. It is read from objects that an older version wrote.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Awaited []PendingWrite `json:"awaited,omitempty"`

	// repairs moved to workingRecord. It is read from objects that an older version wrote.
	// +listType=map
	// +listMapKey=path
	// +kubebuilder:validation:MaxItems=1024
	// +optional
	Repairs []Repair `json:"repairs,omitempty"`

	// writtenFields moved to workingRecord. It is read from objects that an older version wrote.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4096
	// +optional
	WrittenFields []string `json:"writtenFields,omitempty"`
}

// WorkingRecord is what the operator must know after a restart: what it announced, wrote, repaired and verified.
type WorkingRecord struct {
	// hashKey tells which key the hashes below were made with.
	// +optional
	HashKey string `json:"hashKey,omitempty"`

	// subject is what the results in status.checks are about: the deployments that ran.
	// +optional
	Subject string `json:"subject,omitempty"`

	// forced is the annotation's value that the checks were last forced with, or its digest.
	// +optional
	Forced string `json:"forced,omitempty"`

	// serviceIDs are Railway's ids of the declared services, by the declared name: a service that is renamed on Railway stays the
	// same one.
	// +optional
	ServiceIDs map[string]string `json:"serviceIDs,omitempty"`

	// written is what the operator last wrote, by the beginning of the field's path: the last part of each path with a keyed hash
	// of its value. It tells drift from a change of the spec, and whether a value that cannot be read must be written again. ~ marks
	// a field that had its value before the operator wrote it, and ! one that cannot be read.
	// +optional
	Written map[string]string `json:"written,omitempty"`

	// pending is a write whose outcome is not known yet. It is what keeps a crash from creating anything twice.
	// +optional
	Pending *PendingWrite `json:"pending,omitempty"`

	// awaited are writes that Railway has accepted and does not show yet, and those that were announced ahead and may have been
	// sent, at most 128 entries.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +optional
	Awaited []PendingWrite `json:"awaited,omitempty"`

	// claim is what the operator knows about its right to the environment.
	// +optional
	Claim *ClaimRecord `json:"claim,omitempty"`

	// refused is the commit that Railway accepted and could not apply: its fields are not written again until their value
	// changes, a person forces it, or the time that attempts stands for has passed.
	// +optional
	Refused *RefusedCommit `json:"refused,omitempty"`

	// repairs counts how often the same field had to be repaired lately, at most 1024 entries.
	// +listType=map
	// +listMapKey=path
	// +kubebuilder:validation:MaxItems=1024
	// +optional
	Repairs []Repair `json:"repairs,omitempty"`

	// approvedPlan is the plan that a person approved last; without changes once it is carried out.
	// +optional
	ApprovedPlan *ApprovedPlan `json:"approvedPlan,omitempty"`

	// rollbackRequest is the annotation's value by which a person last asked for a rollback; of one of more than 1024 bytes its digest.
	// +optional
	RollbackRequest string `json:"rollbackRequest,omitempty"`

	// deletion is when Railway accepted to delete what belongs to this object, which is being deleted.
	// +optional
	Deletion *metav1.Time `json:"deletion,omitempty"`
}

// ClaimRecord is what the operator knows about its right to the environment.
type ClaimRecord struct {
	// uid is the beginning of the uid of the object that took the environment over. With another one, for instance after a restore,
	// it is taken over anew.
	// +optional
	UID string `json:"uid,omitempty"`
	// unchecked is true while the claim is stored and not compared with those of others.
	// +optional
	Unchecked bool `json:"unchecked,omitempty"`
	// takenOver is when Railway's history was last written before the environment was taken over.
	// +optional
	TakenOver *metav1.Time `json:"takenOver,omitempty"`
	// otherCommit is the last commit of an operator in another cluster, by its mark.
	// +optional
	OtherCommit string `json:"otherCommit,omitempty"`
	// otherObject is the namespace, the name and the beginning of the uid of the object that it was made for.
	// +optional
	OtherObject string `json:"otherObject,omitempty"`
	// otherTime is when it was made.
	// +optional
	OtherTime *metav1.Time `json:"otherTime,omitempty"`
	// overruled is true when a person has taken the environment back since.
	// +optional
	Overruled bool `json:"overruled,omitempty"`
}

// RefusedCommit is a commit that Railway accepted and could not apply.
type RefusedCommit struct {
	// id is the operator's mark in the commit message.
	// +required
	ID string `json:"id"`
	// message is Railway's.
	// +required
	Message string `json:"message"`
	// time is when it was noticed.
	// +required
	Time metav1.Time `json:"time"`
	// fields that it wrote, as path=hash.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4096
	// +optional
	Fields []string `json:"fields,omitempty"`
	// attempts is how often in a row Railway has refused what was sent last. A value waits for one minute after the first, and twice as
	// long after each further one, up to ten minutes.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
}

// RailwayStatus says which Railway environment this is.
type RailwayStatus struct {
	// projectID is the project.
	// +required
	ProjectID string `json:"projectID"`
	// environmentID is the environment.
	// +required
	EnvironmentID string `json:"environmentID"`
	// environment is the environment's name.
	// +required
	Environment string `json:"environment"`
	// since is when this object's token first reached the environment. Of several objects that declare it, the one that reached
	// it first holds it.
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`
	// created is true when the operator created the environment.
	// +optional
	Created bool `json:"created,omitempty"`
	// ephemeral is true for the environment of a pull request, which Railway deletes when that is closed.
	// +optional
	Ephemeral bool `json:"ephemeral,omitempty"`
	// interval is how much time may pass between two polls while the token's request budget does not allow spec.interval; absent
	// while it does.
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
	// url opens the environment on Railway's dashboard.
	// +optional
	URL string `json:"url,omitempty"`
}

// ServiceStatus is one service as it runs.
type ServiceStatus struct {
	// name of the service.
	// +required
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
	// digest of the image that runs, where Railway tells it. It, not the tag, says which revision it is.
	// +optional
	Digest string `json:"digest,omitempty"`
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
	// +required
	Path string `json:"path"`
	// declared value; (secret) for values from Secrets.
	// +optional
	Declared string `json:"declared,omitempty"`
	// actual value on Railway; (secret), (sealed) or (absent) where there is none to show.
	// +optional
	Actual string `json:"actual,omitempty"`
	// firstSeen is when the operator noticed.
	// +required
	FirstSeen metav1.Time `json:"firstSeen"`
	// changedBy is who changed it, when Railway says.
	// +optional
	ChangedBy string `json:"changedBy,omitempty"`
}

// Commit is one commit to Railway.
type Commit struct {
	// id is the operator's mark in the commit message.
	// +required
	ID string `json:"id"`
	// message of the commit.
	// +required
	Message string `json:"message"`
	// time of the commit.
	// +required
	Time metav1.Time `json:"time"`
	// services for which the commit starts a deployment.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Services []string `json:"services,omitempty"`
	// generation of the spec that was committed.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// fields that it wrote, as path=hash, until Railway shows that it applied them.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4096
	// +optional
	Fields []string `json:"fields,omitempty"`
}

// PendingWrite is a write whose outcome is not known yet.
type PendingWrite struct {
	// kind of write.
	// +required
	Kind WriteKind `json:"kind"`
	// name of what is created, or the id of the commit.
	// +required
	Name string `json:"name"`
	// startedAt is when the write was announced; of one that was announced ahead, until when it may be sent.
	// +required
	StartedAt metav1.Time `json:"startedAt"`
	// services for which a commit starts a deployment.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Services []string `json:"services,omitempty"`
	// message of the commit.
	// +optional
	Message string `json:"message,omitempty"`
	// fields that a commit writes, as path=hash. One that it deletes has no hash.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4096
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
	WriteDeployment  WriteKind = "Deployment"
)

// Repair counts repairs of one field.
type Repair struct {
	// path of the field.
	// +required
	Path string `json:"path"`
	// count of repairs since the first one.
	// +required
	Count int32 `json:"count"`
	// lastTime is when the field was last repaired.
	// +required
	LastTime metav1.Time `json:"lastTime"`
}

// EngineEnvironment declares what one tier of an engine must be on Railway.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=`.spec.railway.projectID`
// +kubebuilder:resource:path=engineenvironments,shortName=eenv,categories=engine
// +kubebuilder:printcolumn:name="Tier",type=string,JSONPath=`.spec.tier`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.verdict`
// +kubebuilder:printcolumn:name="Checks",type=string,JSONPath=`.status.readiness`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.engine.revision`
// +kubebuilder:printcolumn:name="Promotion",type=string,JSONPath=`.status.promotion.state`
// +kubebuilder:printcolumn:name="Cost",type=string,JSONPath=`.status.cost.summary`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.engine.url`,priority=1
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan.message`,priority=1
// +kubebuilder:printcolumn:name="Candidate",type=string,JSONPath=`.status.promotion.candidateRevision`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="!has(self.spec.promotion) || self.spec.promotion.from != self.metadata.name",message="promotion.from names this object itself: name the tier before it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 59",message="the name must have at most 59 characters, because the Local tier's Secret is called <name>-env"
type EngineEnvironment struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the tier must be.
	// +required
	Spec EngineEnvironmentSpec `json:"spec,omitzero"`

	// status is what the operator saw and did.
	// +default={"observedGeneration":-1}
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
