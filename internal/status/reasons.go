// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// ReasonRow is all there is to say about some reasons that call for the same: a new reason is one constant in the API and its place
// in a row here. The runbook is generated from it (make docs).
type ReasonRow struct {
	Reasons []string
	// Wrong is true when something is known to be wrong: a transition to it is a warning among the events, and no info in the log.
	Wrong bool
	// Means says what happened or is waited for, Do what a person does about it. Both are Markdown without a full stop at the end.
	Means, Do string
}

// Reasons are all reasons that a condition may have.
var Reasons = []ReasonRow{
	{
		Reasons: []string{v1alpha1.ReasonSucceeded},
		Means:   "Railway is as declared and every service is healthy",
		Do:      "nothing",
	},
	{
		Reasons: []string{v1alpha1.ReasonProgressing, v1alpha1.ReasonCreating, v1alpha1.ReasonApplying, v1alpha1.ReasonDeploying},
		Means:   "the operator works, or Railway does",
		Do:      "wait",
	},
	{
		Reasons: []string{v1alpha1.ReasonObserving},
		Means:   "`writePolicy` is Observe, and Railway is not as declared: `status.plan` lists what would be written",
		Do:      "read the plan; set `writePolicy` to Apply or Approve to have it written, or change the spec",
	},
	{
		Reasons: []string{v1alpha1.ReasonAwaitingPlanApproval},
		Means:   "`writePolicy` is Approve, and nobody has approved the plan in `status.plan`, or it has changed since",
		Do:      "read the plan, and approve it with the command in the message, or change the spec",
	},
	{
		Reasons: []string{v1alpha1.ReasonVerifyingWrite},
		Means:   "Railway did not confirm whether a write was applied; the operator reads first, up to `--settle`",
		Do:      "wait",
	},
	{
		Reasons: []string{v1alpha1.ReasonRateLimited},
		Means:   "the token's request budget is used up for now",
		Do:      "wait; use fewer objects per token or a longer `interval`",
	},
	{
		Reasons: []string{v1alpha1.ReasonRailwayUnavailable},
		Wrong:   true,
		Means: "Railway has not answered as it should for three intervals, or while something must be written. Until " +
			"then the verdict stays as it was: one failed or refused read proves nothing",
		Do: "wait; see status.railway.com",
	},
	{
		Reasons: []string{v1alpha1.ReasonInternalError},
		Wrong:   true,
		Means:   "the operator failed and tries again",
		Do:      "read its log",
	},
	{
		Reasons: []string{v1alpha1.ReasonSuspended},
		Means:   "`spec.suspend` is true",
		Do:      "set it to false to go on",
	},
	{
		Reasons: []string{v1alpha1.ReasonDeleting},
		Means:   "the object is being deleted",
		Do:      "wait",
	},
	{
		Reasons: []string{v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonConfigMapNotFound, v1alpha1.ReasonKeyNotFound},
		Wrong:   true,
		Means:   "an object or key that the spec names is missing",
		Do:      "create it; the operator notices at once",
	},
	{
		Reasons: []string{v1alpha1.ReasonInvalidVariable},
		Wrong:   true,
		Means:   "a Secret or ConfigMap brings a variable that cannot be set",
		Do:      "rename or remove the key that the message names",
	},
	{
		Reasons: []string{v1alpha1.ReasonInvalidSpec},
		Wrong:   true,
		Means:   "Railway refused a declared value",
		Do:      "change the field that the message names",
	},
	{
		Reasons: []string{v1alpha1.ReasonTokenRejected},
		Wrong:   true,
		Means:   "Railway does not accept the token for this, and a second question confirmed it",
		Do:      "put a valid token into the Secret and key that the message names",
	},
	{
		Reasons: []string{v1alpha1.ReasonTokenScope},
		Wrong:   true,
		Means:   "the project token is for another environment or project",
		Do:      "use that environment's token, or a workspace token",
	},
	{
		Reasons: []string{v1alpha1.ReasonProjectNotFound},
		Wrong:   true,
		Means:   "the token is valid and shows no such project",
		Do:      "check `spec.railway.projectID` and what the token may see",
	},
	{
		Reasons: []string{v1alpha1.ReasonPlanLimit},
		Wrong:   true,
		Means:   "the workspace's plan does not allow it",
		Do:      "upgrade, or ask for less; tried again every ten minutes",
	},
	{
		Reasons: []string{v1alpha1.ReasonNameTaken},
		Wrong:   true,
		Means:   "the name is in use by something this object may not take",
		Do:      "rename one of the two",
	},
	{
		Reasons: []string{v1alpha1.ReasonEnvironmentClaimed},
		Wrong:   true,
		Means: "another object, whose token reached it first, holds the Railway environment; or an operator in another cluster commits to it, " +
			"as its marks in Railway's history show: then nothing is written from here",
		Do: "delete one of the two; where it is another cluster's, the message has the command that goes on with this one",
	},
	{
		Reasons: []string{v1alpha1.ReasonConfigFileOwned},
		Wrong:   true,
		Means:   "a railway.json or railway.toml overrides declared settings",
		Do:      "remove the file, or the fields from the spec",
	},
	{
		Reasons: []string{v1alpha1.ReasonContested},
		Wrong:   true,
		Means: "a field that was repaired three times within an hour differs again, and is left alone until the time " +
			"in the message",
		Do: "find out what writes it, declare another value, drop it from the spec, or force a pass to try again",
	},
	{
		Reasons: []string{v1alpha1.ReasonDrifted},
		Wrong:   true,
		Means:   "Railway differs from the spec and `driftPolicy` is Warn (Ready stays True, Synced is False)",
		Do:      "read `status.drift`; change the spec or Railway",
	},
	{
		Reasons: []string{v1alpha1.ReasonCommitFailed},
		Wrong:   true,
		Means:   "Railway accepted a commit and could not apply it; its fields are held back, everything else goes on",
		Do:      "read the message; change the value, or force a pass to try again",
	},
	{
		Reasons: []string{v1alpha1.ReasonSchemaMismatch},
		Wrong:   true,
		Means:   "Railway's schema and the operator's disagree",
		Do:      "upgrade the operator",
	},
	{
		Reasons: []string{v1alpha1.ReasonImageNotFound},
		Wrong:   true,
		Means:   "the image does not exist",
		Do:      "check name, tag and digest",
	},
	{
		Reasons: []string{v1alpha1.ReasonImagePullDenied},
		Wrong:   true,
		Means:   "the registry does not let Railway pull the image",
		Do: "set `pullSecretRef` beside `source`, or put valid credentials into its Secret; GHCR wants a " +
			"`read:packages` token",
	},
	{
		Reasons: []string{v1alpha1.ReasonInvalidPullSecret},
		Wrong:   true,
		Means:   "the Secret that `pullSecretRef` names has no credentials for the image's registry",
		Do: "put a `.dockerconfigjson` for that registry, or `username` and `password`, into the Secret that the " +
			"message names",
	},
	{
		Reasons: []string{
			v1alpha1.ReasonBuildFailed, v1alpha1.ReasonPreDeployFailed, v1alpha1.ReasonHealthcheckFailed,
			v1alpha1.ReasonCrashed, v1alpha1.ReasonDeploymentFailed,
		},
		Wrong: true,
		Means: "the deployment failed; the message quotes the last log lines",
		Do:    "fix the engine or its settings",
	},
	{
		Reasons: []string{v1alpha1.ReasonDeadlineExceeded},
		Wrong:   true,
		Means: "the deployment takes longer than `deploy.progressDeadline`, by a read of Railway that is newer than " +
			"the deadline",
		Do: "see it on Railway",
	},
	{
		Reasons: []string{v1alpha1.ReasonNeedsApproval},
		Means:   "the deployment waits for an approval on Railway",
		Do:      "approve it there",
	},
	{
		Reasons: []string{v1alpha1.ReasonNotDeployed},
		Wrong:   true,
		Means: "the service has no deployment that serves. One that was never deployed is deployed by the operator " +
			"once its config is as declared",
		Do: "if it was stopped or removed: deploy it on Railway, or change the spec",
	},
	{
		Reasons: []string{v1alpha1.ReasonVerifying},
		Means:   "checks have not run yet for what runs now",
		Do:      "wait",
	},
	{
		Reasons: []string{v1alpha1.ReasonCheckFailed},
		Wrong:   true,
		Means:   "a check does not pass",
		Do:      "read `status.checks` and what each one `blames`: fix the engine, its environment, or the check",
	},
	{
		Reasons: []string{v1alpha1.ReasonInvalidCheck},
		Wrong:   true,
		Means:   "a check cannot be run as it is written",
		Do:      "fix the place that the message names",
	},
	{
		Reasons: []string{v1alpha1.ReasonAwaitingPromotion},
		Means:   "there is nothing to run until the upstream tier has verified a revision, or upstream is not GO",
		Do:      "see that tier",
	},
	{
		Reasons: []string{v1alpha1.ReasonSoaking},
		Means:   "upstream has been GO with the candidate for less long than `promotion.soak`",
		Do:      "wait",
	},
	{
		Reasons: []string{v1alpha1.ReasonAwaitingApproval},
		Means:   "a person must approve the candidate",
		Do:      "run the command in the message",
	},
	{
		Reasons: []string{v1alpha1.ReasonPromotionBlocked},
		Means:   "a rollback holds the tier, the candidate was rolled back here, or the budget is exceeded",
		Do:      "follow the message: it names the waiting candidate and its command",
	},
	{
		Reasons: []string{v1alpha1.ReasonPromotionHeld},
		Means:   "a person keeps the tier at what it runs, by the annotation `…/hold`, and a candidate waits",
		Do:      "end the hold with the command in the message, once its reason is gone",
	},
	{
		Reasons: []string{v1alpha1.ReasonRolledBack},
		Wrong:   true,
		Means: "a new revision failed, or a person asked for a rollback, and a verified revision is held in place of what is declared; the hold belongs to the " +
			"rejected content",
		Do: "fix what failed and change settings, engine, services or shared variables; or set `…/resume` to try " +
			"the same again; a newer candidate that upstream has verified ends it too",
	},
	{
		Reasons: []string{v1alpha1.ReasonOverBudget},
		Wrong:   true,
		Means:   "the month is projected to cost more than `budget.monthlyUSD`",
		Do:      "spend less, or raise it",
	},
	{
		Reasons: []string{v1alpha1.ReasonUsageNotReadable},
		Means:   "this token cannot read what was used",
		Do:      "use an account or workspace token, or drop the budget",
	},
	{
		Reasons: []string{v1alpha1.ReasonEnvironmentClosed},
		Wrong:   true,
		Means:   "Railway deleted a pull request's environment",
		Do:      "delete the object",
	},
	{
		Reasons: []string{v1alpha1.ReasonEnvironmentGone},
		Wrong:   true,
		Means:   "somebody deleted the environment, and `driftPolicy` is Warn",
		Do:      "delete the object, or set `driftPolicy: Repair` to have it created again",
	},
	{
		Reasons: []string{v1alpha1.ReasonRevisionMismatch},
		Wrong:   true,
		Means:   "another image (by digest, where Railway reports it) or commit runs than the one declared",
		Do:      "deploy on Railway, or change the spec",
	},
}

// Wrong reports that the reason says that something is known to be wrong. So does one that this version does not know.
func Wrong(reason string) bool {
	for _, row := range Reasons {
		if slices.Contains(row.Reasons, reason) {
			return row.Wrong
		}
	}
	return reason != ""
}
