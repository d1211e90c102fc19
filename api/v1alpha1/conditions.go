// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types. Ready, Reconciling and Stalled follow kstatus: Reconciling and Stalled are only present while they are True.
const (
	// ConditionReady sums up: Railway is as declared, every declared service is healthy, what was declared is what runs, and,
	// with spec.verification, every check has passed.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the operator works towards the declared state.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when only a person can help.
	ConditionStalled = "Stalled"
	// ConditionCredentialsValid says whether Railway accepts the token and shows it the project.
	ConditionCredentialsValid = "CredentialsValid"
	// ConditionSynced says whether Railway's config is as declared.
	ConditionSynced = "Synced"
	// ConditionHealthy says whether every declared service's current deployment serves.
	ConditionHealthy = "Healthy"
	// ConditionVerified says whether every check passes for what runs.
	ConditionVerified = "Verified"
	// ConditionPromoted says, with spec.promotion, whether the tier runs what the tier before it has verified last.
	ConditionPromoted = "Promoted"
	// ConditionWithinBudget says, with spec.budget, whether the month is projected to stay within it. Unknown while Railway
	// does not tell what was used.
	ConditionWithinBudget = "WithinBudget"
)

// Reasons. Each says what to do, or what is being waited for; the message says what happened.
const (
	// ReasonSucceeded: nothing to do.
	ReasonSucceeded = "Succeeded"
	// ReasonProgressing: the operator is at work.
	ReasonProgressing = "Progressing"
	// ReasonCreating: an environment, service or domain is being created.
	ReasonCreating = "Creating"
	// ReasonApplying: a commit was sent and is not visible yet.
	ReasonApplying = "Applying"
	// ReasonDeploying: deployments are on their way.
	ReasonDeploying = "Deploying"
	// ReasonVerifyingWrite: the outcome of a write is unknown; the operator looks before it writes again.
	ReasonVerifyingWrite = "VerifyingWrite"
	// ReasonSuspended: spec.suspend is true.
	ReasonSuspended = "Suspended"
	// ReasonObserving: writePolicy is Observe, and Railway is not as declared: status.plan says what would be written.
	ReasonObserving = "Observing"
	// ReasonAwaitingPlanApproval: writePolicy is Approve: approve the plan in status.plan, or change the spec.
	ReasonAwaitingPlanApproval = "AwaitingPlanApproval"
	// ReasonDeleting: the object is being deleted.
	ReasonDeleting = "Deleting"

	// ReasonSecretNotFound: create the Secret that the spec names.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonConfigMapNotFound: create the ConfigMap that the spec names.
	ReasonConfigMapNotFound = "ConfigMapNotFound"
	// ReasonKeyNotFound: add the key to the Secret or ConfigMap.
	ReasonKeyNotFound = "KeyNotFound"
	// ReasonInvalidVariable: a Secret or ConfigMap brings a variable that cannot be set.
	ReasonInvalidVariable = "InvalidVariable"
	// ReasonInvalidPullSecret: the Secret that pullSecretRef names has no usable credentials for the image's registry.
	ReasonInvalidPullSecret = "InvalidPullSecret" //nolint:gosec // a reason, not a credential
	// ReasonInvalidSpec: Railway refused a declared value.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonTokenRejected: put a valid token into the Secret.
	ReasonTokenRejected = "TokenRejected"
	// ReasonTokenScope: the project token is for another project or environment, or may not do what is needed.
	ReasonTokenScope = "TokenScopeMismatch"
	// ReasonProjectNotFound: the project does not exist, or the token may not see it.
	ReasonProjectNotFound = "ProjectNotFound"
	// ReasonPlanLimit: the workspace's Railway plan does not allow it.
	ReasonPlanLimit = "PlanLimitReached"
	// ReasonNameTaken: something of that name exists that this object may not take.
	ReasonNameTaken = "NameTaken"
	// ReasonEnvironmentClaimed: another EngineEnvironment holds the same Railway environment.
	ReasonEnvironmentClaimed = "EnvironmentClaimed"
	// ReasonEnvironmentClosed: Railway deleted a pull request's environment; delete the object.
	ReasonEnvironmentClosed = "EnvironmentClosed"
	// ReasonConfigFileOwned: a railway.json or railway.toml overrides settings that the spec declares.
	ReasonConfigFileOwned = "ConfigFileOwned"
	// ReasonEnvironmentGone: somebody deleted the Railway environment and driftPolicy is Warn.
	ReasonEnvironmentGone = "EnvironmentGone"
	// ReasonContested: something keeps undoing the operator's repairs.
	ReasonContested = "Contested"
	// ReasonDrifted: Railway differs from the spec and driftPolicy is Warn.
	ReasonDrifted = "Drifted"
	// ReasonCommitFailed: Railway accepted a commit and could not apply it.
	ReasonCommitFailed = "CommitFailed"
	// ReasonSchemaMismatch: Railway's API has changed; upgrade the operator.
	ReasonSchemaMismatch = "RailwayAPIChanged"

	// ReasonRateLimited: Railway's request budget is used up for now.
	ReasonRateLimited = "RateLimited"
	// ReasonRailwayUnavailable: Railway does not answer as it should.
	ReasonRailwayUnavailable = "RailwayUnavailable"
	// ReasonInternalError: the operator failed; see its log.
	ReasonInternalError = "InternalError"

	// ReasonImageNotFound: the image cannot be pulled.
	ReasonImageNotFound = "ImageNotFound"
	// ReasonImagePullDenied: the registry refuses the pull; set pullSecretRef beside source, or check its credentials.
	ReasonImagePullDenied = "ImagePullDenied"
	// ReasonBuildFailed: the build failed.
	ReasonBuildFailed = "BuildFailed"
	// ReasonPreDeployFailed: the pre-deploy command failed.
	ReasonPreDeployFailed = "PreDeployCommandFailed"
	// ReasonHealthcheckFailed: Railway's health check did not get its 200 in time.
	ReasonHealthcheckFailed = "HealthcheckFailed"
	// ReasonCrashed: the process ended.
	ReasonCrashed = "Crashed"
	// ReasonDeploymentFailed: the deployment failed for another reason.
	ReasonDeploymentFailed = "DeploymentFailed"
	// ReasonDeadlineExceeded: the deployment takes longer than deploy.progressDeadline.
	ReasonDeadlineExceeded = "ProgressDeadlineExceeded"
	// ReasonNeedsApproval: the deployment waits for an approval on Railway.
	ReasonNeedsApproval = "NeedsApproval"
	// ReasonNotDeployed: the service has no deployment that serves.
	ReasonNotDeployed = "NotDeployed"
	// ReasonRevisionMismatch: what runs is not what was declared.
	ReasonRevisionMismatch = "RevisionMismatch"

	// ReasonVerifying: checks have not run yet for what runs now.
	ReasonVerifying = "Verifying"
	// ReasonCheckFailed: a check does not pass; status.checks says what it found.
	ReasonCheckFailed = "CheckFailed"
	// ReasonInvalidCheck: a check cannot be run as it is written.
	ReasonInvalidCheck = "InvalidCheck"

	// ReasonAwaitingPromotion: there is nothing to run until the tier before has verified a revision.
	ReasonAwaitingPromotion = "AwaitingPromotion"
	// ReasonSoaking: the tier before has verified a revision, for less long than promotion.soak.
	ReasonSoaking = "Soaking"
	// ReasonAwaitingApproval: approve the revision by annotation.
	ReasonAwaitingApproval = "AwaitingApproval"
	// ReasonPromotionBlocked: the message says what must be fixed before the promotion.
	ReasonPromotionBlocked = "PromotionBlocked"
	// ReasonPromotionHeld: a person keeps the tier at what it runs, by annotation.
	ReasonPromotionHeld = "PromotionHeld"
	// ReasonRolledBack: a revision failed and the last verified one runs until the spec changes or a person says resume.
	ReasonRolledBack = "RolledBack"

	// ReasonOverBudget: the month is projected to cost more than the budget.
	ReasonOverBudget = "OverBudget"
	// ReasonUsageNotReadable: this token cannot read what was used.
	ReasonUsageNotReadable = "UsageNotReadable"
)

// Annotations and the finalizer.
const (
	// AnnotationTakeOver takes an environment back from an operator in another cluster; its value is the commit that the status names.
	AnnotationTakeOver = "railway.engine-operator.dev/take-over"
	// AnnotationRequestedAt forces a pass; its value is echoed in status.lastHandledReconcileAt.
	AnnotationRequestedAt = "railway.engine-operator.dev/requested-at"
	// AnnotationFluxRequestedAt is Flux's name for the same.
	AnnotationFluxRequestedAt = "reconcile.fluxcd.io/requestedAt"
	// AnnotationApprove approves the promotion of the source that it names: the value of status.promotion.candidate.
	AnnotationApprove = "railway.engine-operator.dev/approve"
	// AnnotationApprovedBy says who approved. The approval policy holds that it is the user who sets it.
	AnnotationApprovedBy = "railway.engine-operator.dev/approved-by"
	// AnnotationApprovePlan approves the plan whose hash it names: the value of status.plan.hash, with writePolicy Approve.
	AnnotationApprovePlan = "railway.engine-operator.dev/approve-plan"
	// AnnotationHold keeps a promoted tier at what it runs while it is set; its value says why.
	AnnotationHold = "railway.engine-operator.dev/hold"
	// AnnotationRollback asks for a verified revision to be put back: its number, its ControllerRevision's name, what it is called in
	// status, or previous. It is carried out once for each value, and ends like any other rollback.
	AnnotationRollback = "railway.engine-operator.dev/rollback"
	// AnnotationResume ends the hold after a rollback when its value changes.
	AnnotationResume = "railway.engine-operator.dev/resume"
	// Finalizer lets the operator carry out the deletion policy.
	Finalizer = "railway.engine-operator.dev/finalizer"
)
