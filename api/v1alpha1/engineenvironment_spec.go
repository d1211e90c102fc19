// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WritePolicy says what the operator may write to Railway.
// +kubebuilder:validation:Enum=Apply;Approve;Observe
type WritePolicy string

const (
	// WritePolicyApply writes whatever differs.
	WritePolicyApply WritePolicy = "Apply"
	// WritePolicyApprove shows in status.plan what it would write, and writes just that once a person has approved its hash.
	WritePolicyApprove WritePolicy = "Approve"
	// WritePolicyObserve writes nothing, not even what is missing, and shows in status.plan what it would.
	WritePolicyObserve WritePolicy = "Observe"
)

// DriftPolicy says what happens when Railway differs from what was last applied.
// +kubebuilder:validation:Enum=Repair;Warn
type DriftPolicy string

const (
	// DriftPolicyRepair writes the declared value back.
	DriftPolicyRepair DriftPolicy = "Repair"
	// DriftPolicyWarn reports the difference in status.drift and leaves Railway as it is until the spec changes.
	DriftPolicyWarn DriftPolicy = "Warn"
)

// UnmanagedPolicy says what happens to variables on Railway that the spec does not declare.
// +kubebuilder:validation:Enum=Ignore;Warn;Prune
type UnmanagedPolicy string

const (
	// UnmanagedIgnore leaves them alone and does not mention them.
	UnmanagedIgnore UnmanagedPolicy = "Ignore"
	// UnmanagedWarn lists their names in status.unmanagedVariables.
	UnmanagedWarn UnmanagedPolicy = "Warn"
	// UnmanagedPrune deletes them. RAILWAY_* names are never touched.
	UnmanagedPrune UnmanagedPolicy = "Prune"
)

// DeletionPolicy says what happens to Railway, or to the Local tier's Secret, when the object is deleted.
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

const (
	// DeletionPolicyRetain leaves everything as it is.
	DeletionPolicyRetain DeletionPolicy = "Retain"
	// DeletionPolicyDelete deletes the declared services, and the environment too when the operator created it and nothing
	// else is left in it.
	DeletionPolicyDelete DeletionPolicy = "Delete"
)

// EngineEnvironmentSpec declares one tier of an engine.
//
// +kubebuilder:validation:XValidation:rule="self.tier == oldSelf.tier",message="tier cannot be changed: create another EngineEnvironment for the other tier"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Local' || !has(self.railway)",message="the Local tier writes a Secret and never calls Railway: remove railway, or choose another tier"
// +kubebuilder:validation:XValidation:rule="self.tier == 'Local' || has(self.railway)",message="this tier runs on Railway: set railway with projectID and tokenSecretRef, or choose tier Local"
// +kubebuilder:validation:XValidation:rule="!has(self.railway) || !has(oldSelf.railway) || self.railway.projectID == oldSelf.railway.projectID",message="railway.projectID cannot be changed: create another EngineEnvironment for the other project"
// +kubebuilder:validation:XValidation:rule="!has(self.railway) || !has(oldSelf.railway) || (has(self.railway.environment) ? self.railway.environment == (has(oldSelf.railway.environment) ? oldSelf.railway.environment : oldSelf.tier.lowerAscii()) : !has(oldSelf.railway.environment) || oldSelf.railway.environment == self.tier.lowerAscii())",message="railway.environment cannot be changed (left out it is the tier in lower case): create another EngineEnvironment for the other environment"
// +kubebuilder:validation:XValidation:rule="self.tier == 'Local' || has(self.engine.source) != has(self.promotion)",message="set exactly one of engine.source (an image, or a repo) and promotion, which takes the source from the tier before"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Local' || !has(self.budget)",message="the Local tier costs nothing on Railway: remove budget, or choose another tier"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Local' || !has(self.writePolicy)",message="the Local tier writes nothing to Railway: remove writePolicy, or choose another tier"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Local' || !has(self.promotion)",message="nothing is promoted to the Local tier: remove promotion, or choose another tier"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Local' || (!has(self.engine.pullSecretRef) && (!has(self.services) || self.services.all(s, !has(s.pullSecretRef))))",message="the Local tier pulls no image: remove pullSecretRef from engine and services, or choose another tier"
// +kubebuilder:validation:XValidation:rule="self.tier == 'Local' || has(self.promotion) || !has(self.services) || self.services.all(s, has(s.source))",message="every service needs a source: set image, or repo"
// +kubebuilder:validation:XValidation:rule="!has(self.services) || self.services.all(s, s.name.lowerAscii() != self.engine.name.lowerAscii())",message="a service has the engine's name, or one that differs in case only: names are unique within the project, rename one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.services) || self.services.all(s, !self.services.exists(t, t.name != s.name && t.name.lowerAscii() == s.name.lowerAscii()))",message="two services have names that differ in case only: names are unique within the project, rename one of them"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || self.?settings.?securityMiddleware.?enabled.orValue(true)",message="the Production tier keeps its security middleware on: remove settings.securityMiddleware.enabled or set it to true"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !self.?settings.?debug.orValue(false)",message="the Production tier keeps debug off: remove settings.debug or set it to false"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || self.?settings.?logging.?format.orValue('JSON') == 'JSON'",message="the Production tier logs JSON: remove settings.logging.format or set it to JSON"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || self.?settings.?rateLimit.?enabled.orValue(true)",message="the Production tier keeps its rate limit on: remove settings.rateLimit.enabled or set it to true"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !has(self.engine.source) || !has(self.engine.source.image) || (self.engine.source.image.contains('@') || (self.engine.source.image.matches(':[^/]+$') && !self.engine.source.image.endsWith(':latest')))",message="engine.source.image must name a version in the Production tier: a tag other than latest, or a digest"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !has(self.services) || self.services.all(s, !has(s.source) || !has(s.source.image) || (s.source.image.contains('@') || (s.source.image.matches(':[^/]+$') && !s.source.image.endsWith(':latest'))))",message="source.image of every service must name a version in the Production tier: a tag other than latest, or a digest"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !has(self.engine.variables) || self.engine.variables.all(v, !(v.name in ['ENV','DEBUG','LOG_FORMAT','SECURITY_MIDDLEWARE_ENABLED','TENANT_ISOLATION_ENABLED','RATE_LIMIT_ENABLED','RATE_LIMIT_RPM']))",message="the Production tier fixes ENV, DEBUG, LOG_FORMAT, SECURITY_MIDDLEWARE_ENABLED, TENANT_ISOLATION_ENABLED, RATE_LIMIT_ENABLED and RATE_LIMIT_RPM: remove them from engine.variables, and set the rate in settings.rateLimit"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !has(self.services) || self.services.all(s, !s.?inheritSettings.orValue(false) || !has(s.variables) || s.variables.all(v, !(v.name in ['ENV','DEBUG','LOG_FORMAT','SECURITY_MIDDLEWARE_ENABLED','TENANT_ISOLATION_ENABLED','RATE_LIMIT_ENABLED','RATE_LIMIT_RPM'])))",message="the Production tier fixes ENV, DEBUG, LOG_FORMAT, SECURITY_MIDDLEWARE_ENABLED, TENANT_ISOLATION_ENABLED, RATE_LIMIT_ENABLED and RATE_LIMIT_RPM for services that inherit the settings: remove them from their variables"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Local' || !has(self.verification)",message="the Local tier runs nowhere that could be checked: remove verification, or choose another tier"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !has(self.verification) || !has(self.verification.disabledChecks) || !('middleware' in self.verification.disabledChecks)",message="the Production tier always checks its middleware: remove middleware from verification.disabledChecks"
// +kubebuilder:validation:XValidation:rule="self.tier != 'Production' || !has(self.verification) || !has(self.verification.checks) || !self.verification.checks.exists(c, c.name == 'middleware')",message="the Production tier's middleware check cannot be replaced: give yours another name"
type EngineEnvironmentSpec struct {
	// tier is the kind of environment; it fills every setting that spec.settings leaves out (see the tier table). Immutable.
	// +required
	Tier Tier `json:"tier,omitempty"`

	// suspend stops all work on Railway for this object. Deletion still works. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// interval is how old the operator's view of Railway may get, which is how soon an edit on the dashboard is noticed. At
	// least 30s; the token's request budget may stretch it. Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('30s') && duration(self) <= duration('24h')",message="interval must be between 30s and 24h, for example 5m"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`

	// writePolicy says what the operator may write to Railway: whatever differs, only what a person has approved, or nothing. With
	// Observe nothing is deleted on Railway either when this object is. Not for the Local tier. Default: Apply.
	// +optional
	WritePolicy WritePolicy `json:"writePolicy,omitempty"`

	// driftPolicy says what happens when somebody changes Railway behind the spec's back. Default: Repair.
	// +optional
	DriftPolicy DriftPolicy `json:"driftPolicy,omitempty"`

	// unmanagedVariables says what happens to variables of declared services, and to shared variables, that the spec does not
	// declare. Default: Ignore.
	// +optional
	UnmanagedVariables UnmanagedPolicy `json:"unmanagedVariables,omitempty"`

	// deletionPolicy says what is left when this object is deleted. Default: Delete for the Local tier, Retain for the others.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// railway says where on Railway the tier lives. Not for the Local tier.
	// +optional
	Railway *Railway `json:"railway,omitempty"`

	// settings overrides cells of the tier table.
	// +optional
	Settings *Settings `json:"settings,omitempty"`

	// engine is the engine's service.
	// +required
	Engine Engine `json:"engine,omitzero"`

	// services are the engine's companions in the same environment, for example a worker or a cache.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Services []Companion `json:"services,omitempty"`

	// sharedVariables are the environment's shared variables; services read them as ${{shared.NAME}}.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	// +optional
	SharedVariables []Variable `json:"sharedVariables,omitempty"`

	// verification says how it is proved that the engine does its work. With it, Ready waits until every check has passed;
	// without it the tier's own checks run all the same and make the verdict. Not for the Local tier.
	// +optional
	Verification *Verification `json:"verification,omitempty"`

	// promotion takes the engine's source from another tier once it has passed there, instead of engine.source. Services
	// without a source of their own run the engine's. Not for the Local tier.
	// +optional
	Promotion *Promotion `json:"promotion,omitempty"`

	// budget is what the environment may cost. Not for the Local tier.
	// +optional
	Budget *Budget `json:"budget,omitempty"`

	// revisionHistoryLimit is how many verified revisions are kept to roll back to. Between 1 and 50. Default: 10.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=50
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
}

// Railway says where on Railway a tier lives.
type Railway struct {
	// projectID is the Railway project's id (a UUID; the dashboard's URL shows it). Immutable.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",message="projectID must be a UUID in lower case: copy it from the address of the project on Railway's dashboard"
	// +required
	ProjectID string `json:"projectID,omitempty"`

	// environment is the Railway environment's name. It is created when missing. Immutable. Default: the tier in lower case.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=30
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9])?$')",message="an environment's name has letters, digits, spaces and . _ - only, and starts and ends with a letter or digit"
	// +optional
	Environment string `json:"environment,omitempty"`

	// tokenSecretRef names a Secret in the same namespace that holds a Railway token under Railway's own names: key
	// RAILWAY_API_TOKEN for an account or workspace token, RAILWAY_TOKEN for a project token.
	// +required
	TokenSecretRef LocalReference `json:"tokenSecretRef,omitzero"`
}

// LocalReference names an object in the namespace of the EngineEnvironment.
type LocalReference struct {
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}
