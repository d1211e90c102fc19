// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

// DeploymentStatus is Railway's status of a deployment (railway-api.md, "Deployment status"). Values unknown to this
// version are kept as they are: Railway's schema grows.
type DeploymentStatus string

// The statuses of railway-api.md, "Deployment status".
const (
	DeploymentInitializing  DeploymentStatus = "INITIALIZING"
	DeploymentQueued        DeploymentStatus = "QUEUED"
	DeploymentWaiting       DeploymentStatus = "WAITING"
	DeploymentNeedsApproval DeploymentStatus = "NEEDS_APPROVAL"
	DeploymentBuilding      DeploymentStatus = "BUILDING"
	DeploymentDeploying     DeploymentStatus = "DEPLOYING"
	DeploymentSuccess       DeploymentStatus = "SUCCESS"
	DeploymentSleeping      DeploymentStatus = "SLEEPING"
	DeploymentCrashed       DeploymentStatus = "CRASHED"
	DeploymentFailed        DeploymentStatus = "FAILED"
	DeploymentSkipped       DeploymentStatus = "SKIPPED"
	DeploymentRemoving      DeploymentStatus = "REMOVING"
	DeploymentRemoved       DeploymentStatus = "REMOVED"
)

// InProgress reports whether the deployment is still on its way. NEEDS_APPROVAL counts: a person must act, but nothing failed.
func (s DeploymentStatus) InProgress() bool {
	switch s {
	case DeploymentInitializing, DeploymentQueued, DeploymentWaiting, DeploymentNeedsApproval,
		DeploymentBuilding, DeploymentDeploying:
		return true
	default:
		return false
	}
}

// Serving reports whether the deployment runs, or sleeps and wakes on request.
func (s DeploymentStatus) Serving() bool {
	return s == DeploymentSuccess || s == DeploymentSleeping
}
