// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout reads deployments: how far a service's newest one is, whether what was declared runs, and what failed. It is
// pure: values in, values out.
package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// State is how a service is doing.
type State int

const (
	// Progressing: a deployment is on its way.
	Progressing State = iota
	// Healthy: the newest deployment serves what was declared.
	Healthy
	// Failed: the newest deployment failed, or there is none.
	Failed
)

// appearGrace is how long Railway may take to start a deployment after a commit. Commits are applied asynchronously
// (railway-api.md, "Config patches").
const appearGrace = 2 * time.Minute

// Input is one service: what should run and what does.
type Input struct {
	Desired  desired.Service
	Instance model.ServiceInstance
	// Commit is the operator's last commit, when it touched this service so that Railway starts a deployment, or its last request
	// to deploy the service.
	Commit *Commit
	// ReadAt is when the instance was read. Graces and deadlines are judged by it and never by the wall clock: what a snapshot does
	// not show may have happened since.
	ReadAt time.Time
	// HasSource is true when Railway's config of the service has a source, Synced when nothing of the config is to be written.
	HasSource, Synced bool
}

// Commit is a commit whose deployment is awaited.
type Commit struct {
	// PatchID is the commit's entry in Railway's history, empty while the history does not show it.
	PatchID string
	// At is when Railway made the commit, by Railway's clock, or when it was sent.
	At time.Time
}

// Result is what can be said about one service.
type Result struct {
	Service string
	State   State
	// Reason is a condition reason.
	Reason  string
	Message string
	// Deployment is the deployment spoken of, or nil.
	Deployment *model.Deployment
	// Due is when the answer changes without Railway changing: a grace or deadline ends. Zero when it does not. Who sees it pass
	// needs a newer snapshot: a later clock does not change the answer.
	Due time.Time
}

// Assess judges one service.
func Assess(in Input) Result {
	r := Result{Service: in.Desired.Name, Deployment: Current(in.Instance)}
	if in.Instance.ServiceID == "" {
		return r.failed(v1alpha1.ReasonNotDeployed, "is not in the Railway environment")
	}
	if waiting, ok := r.awaitCommit(in); ok {
		return waiting
	}
	if r.Deployment == nil {
		return r.failed(v1alpha1.ReasonNotDeployed, "has no deployment: deploy it on Railway, or change its spec")
	}
	switch status := r.Deployment.Status; {
	case status.InProgress():
		return r.progress(in)
	case status == model.DeploymentFailed:
		return r.failed(v1alpha1.ReasonDeploymentFailed, failed+stillServing(in.Instance))
	case status == model.DeploymentCrashed:
		return r.failed(v1alpha1.ReasonCrashed, "deployment crashed"+runningReplicas(r.Deployment))
	case status.Serving():
		return r.serving(in)
	default:
		return r.failed(v1alpha1.ReasonNotDeployed, fmt.Sprintf("newest deployment is %s and none serves", status))
	}
}

// Current is the deployment that tells how the service is doing: the newest, or the one that serves when the newest was
// skipped or removed (railway-api.md, "Deployment status").
func Current(instance model.ServiceInstance) *model.Deployment {
	latest := instance.Latest
	if latest == nil {
		return nil
	}
	switch latest.Status {
	case model.DeploymentSkipped, model.DeploymentRemoved, model.DeploymentRemoving:
		if len(instance.Active) > 0 {
			serving := slices.IndexFunc(instance.Active, func(d model.Deployment) bool { return d.Status.Serving() })
			return &instance.Active[max(0, serving)]
		}
	default: // the newest speaks for itself
	}
	return latest
}

// awaitCommit waits for the deployment that a commit starts. When none appears within the grace, the running one counts:
// Railway does not say which settings start a deployment (railway-api.md, "Not established").
func (r Result) awaitCommit(in Input) (Result, bool) {
	if !in.awaits() {
		return r, false
	}
	r.State, r.Reason, r.Message = Progressing, v1alpha1.ReasonDeploying, "waits for Railway to start the deployment"
	r.Due = in.Commit.At.Add(appearGrace)
	return r, true
}

// awaits reports whether the deployment that the commit starts does not show yet.
func (in Input) awaits() bool {
	if in.Commit == nil || in.ReadAt.Sub(in.Commit.At) >= appearGrace {
		return false
	}
	latest := in.Instance.Latest
	if latest == nil {
		return true
	}
	caused := latest.Meta.PatchID != "" && latest.Meta.PatchID == in.Commit.PatchID
	return !caused && latest.CreatedAt.Before(in.Commit.At)
}

func (r Result) progress(in Input) Result {
	if r.Deployment.Status == model.DeploymentNeedsApproval { // people take the time they take: no deadline
		r.State, r.Reason, r.Message = Progressing, v1alpha1.ReasonNeedsApproval, "deployment waits for an approval on Railway"
		return r
	}
	deadline := r.Deployment.CreatedAt.Add(in.Desired.ProgressDeadline)
	if !in.ReadAt.Before(deadline) {
		return r.failed(v1alpha1.ReasonDeadlineExceeded, fmt.Sprintf("deployment is still %s after %s%s",
			r.Deployment.Status, in.Desired.ProgressDeadline, stillServing(in.Instance)))
	}
	r.State, r.Reason, r.Due = Progressing, v1alpha1.ReasonDeploying, deadline
	r.Message = "deployment is " + string(r.Deployment.Status)
	return r
}

func (r Result) serving(in Input) Result {
	if r.Deployment.Stopped && !in.Desired.Cron {
		return r.failed(v1alpha1.ReasonCrashed, "every replica has ended: the process exited, or somebody stopped the deployment")
	}
	if problem := revisionProblem(in.Desired, r.Deployment.Meta); problem != "" {
		return r.failed(v1alpha1.ReasonRevisionMismatch, problem)
	}
	r.State, r.Reason = Healthy, v1alpha1.ReasonSucceeded
	r.Message = "runs " + orElse(Revision(r.Deployment.Meta), "its deployment")
	if r.Deployment.Status == model.DeploymentSleeping {
		r.Message = "sleeps until the next request"
	}
	return r
}

func (r Result) failed(reason, message string) Result {
	r.State, r.Reason, r.Message = Failed, reason, message
	return r
}

func stillServing(instance model.ServiceInstance) string {
	for _, d := range instance.Active {
		if d.Status.Serving() && !d.Stopped {
			return "; an older deployment still serves " + orElse(Revision(d.Meta), "requests")
		}
	}
	return ""
}

func runningReplicas(d *model.Deployment) string {
	if n := d.Replicas["RUNNING"]; n > 0 {
		return fmt.Sprintf(", %d of its replicas still run", n)
	}
	return ""
}

func orElse(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
