// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const deadline = 10 * time.Minute

var (
	inProgress = []model.DeploymentStatus{
		model.DeploymentInitializing, model.DeploymentQueued, model.DeploymentWaiting, model.DeploymentNeedsApproval,
		model.DeploymentBuilding, model.DeploymentDeploying,
	}
	serving  = []model.DeploymentStatus{model.DeploymentSuccess, model.DeploymentSleeping}
	replaced = []model.DeploymentStatus{model.DeploymentSkipped, model.DeploymentRemoving, model.DeploymentRemoved}
	broken   = []model.DeploymentStatus{model.DeploymentFailed, model.DeploymentCrashed}
	unknown  = model.DeploymentStatus("ADDED_NEXT_YEAR")
)

func deployment(status model.DeploymentStatus, age time.Duration) *model.Deployment {
	return &model.Deployment{ID: "new", Status: status, CreatedAt: now.Add(-age), Meta: model.DeploymentMeta{Image: "ghcr.io/acme/app:2"}}
}

func older() model.Deployment {
	return model.Deployment{ID: "old", Status: model.DeploymentSuccess, CreatedAt: now.Add(-time.Hour), Meta: model.DeploymentMeta{Image: "ghcr.io/acme/app:1"}}
}

func input(latest *model.Deployment, active ...model.Deployment) rollout.Input {
	return rollout.Input{
		Desired:  desired.Service{Name: "engine", Image: "ghcr.io/acme/app:2", ProgressDeadline: deadline},
		Instance: model.ServiceInstance{ServiceID: "s1", Name: "engine", Latest: latest, Active: active}, ReadAt: now,
	}
}

// verdict is what is told of a result.
type verdict struct {
	state           rollout.State
	reason, message string
}

func assess(t *testing.T, in rollout.Input) (rollout.Result, verdict) {
	t.Helper()
	r := rollout.Assess(in)
	assert.Equal(t, "engine", r.Service)
	return r, verdict{r.State, r.Reason, r.Message}
}

func TestEveryStatus(t *testing.T) {
	progressing := func(status model.DeploymentStatus) verdict {
		return verdict{rollout.Progressing, v1alpha1.ReasonDeploying, "deployment is " + string(status)}
	}
	want := map[model.DeploymentStatus]verdict{
		model.DeploymentInitializing:  progressing("INITIALIZING"),
		model.DeploymentQueued:        progressing("QUEUED"),
		model.DeploymentWaiting:       progressing("WAITING"),
		model.DeploymentNeedsApproval: {rollout.Progressing, v1alpha1.ReasonNeedsApproval, "deployment waits for an approval on Railway"},
		model.DeploymentBuilding:      progressing("BUILDING"),
		model.DeploymentDeploying:     progressing("DEPLOYING"),
		model.DeploymentSuccess:       {rollout.Healthy, v1alpha1.ReasonSucceeded, "runs 2"},
		model.DeploymentSleeping:      {rollout.Healthy, v1alpha1.ReasonSucceeded, "sleeps until the next request"},
		model.DeploymentCrashed:       {rollout.Failed, v1alpha1.ReasonCrashed, "deployment crashed"},
		model.DeploymentFailed:        {rollout.Failed, v1alpha1.ReasonDeploymentFailed, "deployment failed"},
		model.DeploymentSkipped:       {rollout.Failed, v1alpha1.ReasonNotDeployed, "newest deployment is SKIPPED and none serves"},
		model.DeploymentRemoving:      {rollout.Failed, v1alpha1.ReasonNotDeployed, "newest deployment is REMOVING and none serves"},
		model.DeploymentRemoved:       {rollout.Failed, v1alpha1.ReasonNotDeployed, "newest deployment is REMOVED and none serves"},
		unknown:                       {rollout.Failed, v1alpha1.ReasonNotDeployed, "newest deployment is ADDED_NEXT_YEAR and none serves"},
	}
	assert.Len(t, want, len(inProgress)+len(serving)+len(replaced)+len(broken)+1, "every status of railway-api.md#deployment-status")
	for status, expected := range want {
		r, got := assess(t, input(deployment(status, time.Minute)))
		assert.Equal(t, expected, got, string(status))
		assert.Equal(t, "new", r.Deployment.ID)
	}
	_, got := assess(t, input(nil))
	assert.Equal(t, verdict{rollout.Failed, v1alpha1.ReasonNotDeployed, "has no deployment: deploy it on Railway, or change its spec"}, got)

	missing := rollout.Input{Desired: input(nil).Desired, Commit: &rollout.Commit{At: now}, ReadAt: now}
	_, got = assess(t, missing)
	assert.Equal(t, verdict{rollout.Failed, v1alpha1.ReasonNotDeployed, "is not in the Railway environment"}, got, "no commit deploys it")
}

func TestOlderDeploymentStillServes(t *testing.T) {
	stopped, crashed := older(), older()
	stopped.Stopped, crashed.Status = true, model.DeploymentCrashed
	unnamed := older()
	unnamed.Meta = model.DeploymentMeta{}

	r, got := assess(t, input(deployment(model.DeploymentFailed, time.Minute), older()))
	assert.Equal(t, verdict{rollout.Failed, v1alpha1.ReasonDeploymentFailed, "deployment failed; an older deployment still serves 1"}, got)
	assert.Equal(t, "new", r.Deployment.ID, "the failed one is spoken of")
	_, got = assess(t, input(deployment(model.DeploymentFailed, time.Minute), unnamed))
	assert.Equal(t, "deployment failed; an older deployment still serves requests", got.message)
	for _, dead := range []model.Deployment{stopped, crashed} {
		_, got = assess(t, input(deployment(model.DeploymentFailed, time.Minute), dead))
		assert.Equal(t, "deployment failed", got.message, "what is stopped or crashed serves nothing")
	}
	_, got = assess(t, input(deployment(model.DeploymentBuilding, deadline), older()))
	assert.Equal(t, verdict{rollout.Failed, v1alpha1.ReasonDeadlineExceeded, "deployment is still BUILDING after 10m0s; an older deployment still serves 1"}, got)

	degraded := deployment(model.DeploymentCrashed, time.Minute)
	degraded.Replicas = map[string]int{"RUNNING": 2, "CRASHED": 1}
	_, got = assess(t, input(degraded))
	assert.Equal(t, "deployment crashed, 2 of its replicas still run", got.message, "railway-api.md#deployment-status")
}

func TestReplacedDeploymentGivesWayToTheActiveOne(t *testing.T) {
	removing := older()
	removing.ID, removing.Status = "removing", model.DeploymentRemoving
	for _, status := range replaced {
		in := input(deployment(status, time.Minute), removing, older())
		in.Desired.Image = "ghcr.io/acme/app:1"
		r, got := assess(t, in)
		assert.Equal(t, verdict{rollout.Healthy, v1alpha1.ReasonSucceeded, "runs 1"}, got, "%s: the one that serves counts", status)
		assert.Equal(t, "old", r.Deployment.ID)

		_, got = assess(t, input(deployment(status, time.Minute), older()))
		assert.Equal(t, v1alpha1.ReasonRevisionMismatch, got.reason, "%s: it serves, and not what was declared", status)

		r, got = assess(t, input(deployment(status, time.Minute), removing))
		assert.Equal(t, verdict{rollout.Failed, v1alpha1.ReasonNotDeployed, "newest deployment is REMOVING and none serves"}, got)
		assert.Equal(t, "removing", r.Deployment.ID)
	}
}

func TestApprovalHasNoDeadline(t *testing.T) {
	r, got := assess(t, input(deployment(model.DeploymentNeedsApproval, 10*deadline)))
	assert.Equal(t, rollout.Progressing, got.state, "people take the time they take")
	assert.Equal(t, v1alpha1.ReasonNeedsApproval, got.reason)
	assert.Zero(t, r.Due)
}

func TestDeadline(t *testing.T) {
	for _, status := range inProgress {
		if status == model.DeploymentNeedsApproval {
			continue
		}
		in := input(deployment(status, deadline-time.Nanosecond))
		r, got := assess(t, in)
		assert.Equal(t, rollout.Progressing, got.state, "%s: not yet", status)
		assert.Equal(t, now.Add(time.Nanosecond), r.Due, "%s: the deadline is when the answer changes", status)
		in.ReadAt = r.Due
		r, got = assess(t, in)
		assert.Equal(t, verdict{rollout.Failed, v1alpha1.ReasonDeadlineExceeded, fmt.Sprintf("deployment is still %s after 10m0s", status)}, got)
		assert.Zero(t, r.Due, "it stays so until Railway changes")
	}
	for _, status := range append(serving, broken...) {
		r, got := assess(t, input(deployment(status, time.Hour)))
		assert.NotEqual(t, v1alpha1.ReasonDeadlineExceeded, got.reason, "%s has ended, so the deadline is past caring", status)
		assert.Zero(t, r.Due)
	}
}

func TestAwaitedCommit(t *testing.T) {
	const grace = 2 * time.Minute
	waits := verdict{rollout.Progressing, v1alpha1.ReasonDeploying, "waits for Railway to start the deployment"}
	caused := deployment(model.DeploymentBuilding, 2*time.Minute)
	caused.Meta.PatchID = "patch"
	other := deployment(model.DeploymentSuccess, 2*time.Minute)
	other.Meta.PatchID = "other"
	tests := []struct {
		name, reason string
		latest       *model.Deployment
		commit       rollout.Commit
		want         bool
	}{
		{"no deployment", "a new service has none until the commit starts one", nil, rollout.Commit{At: now.Add(-time.Minute)}, true},
		{"older deployment", "it cannot hold the commit", deployment(model.DeploymentSuccess, 2*time.Minute), rollout.Commit{At: now.Add(-time.Minute)}, true},
		{"older failure", "yesterday's failure is not the commit's", deployment(model.DeploymentFailed, time.Hour), rollout.Commit{At: now.Add(-time.Minute)}, true},
		{"older and in progress", "it was started without the commit", deployment(model.DeploymentBuilding, 2*time.Minute), rollout.Commit{At: now.Add(-time.Minute)}, true},
		{"older, of another patch", "another patch caused it", other, rollout.Commit{PatchID: "patch", At: now.Add(-time.Minute)}, true},
		{"no patch on either", "two empty ids are not the same patch", deployment(model.DeploymentSuccess, 2*time.Minute), rollout.Commit{At: now.Add(-time.Minute)}, true},
		{"caused by the patch", "Railway names the patch that caused it, whatever the clocks say", caused, rollout.Commit{PatchID: "patch", At: now.Add(-time.Minute)}, false},
		{"newer deployment", "it started after the commit, so it holds it", deployment(model.DeploymentBuilding, 30*time.Second), rollout.Commit{PatchID: "patch", At: now.Add(-time.Minute)}, false},
		{"at the same time", "not before the commit", deployment(model.DeploymentBuilding, time.Minute), rollout.Commit{At: now.Add(-time.Minute)}, false},
		{"grace over", "Railway does not say which settings start a deployment: the running one counts (railway-api.md#not-established)", deployment(model.DeploymentSuccess, time.Hour), rollout.Commit{At: now.Add(-grace)}, false},
		{"grace over, none", "then there is none", nil, rollout.Commit{At: now.Add(-grace)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(tt.latest)
			without := rollout.Assess(in)
			in.Commit = &tt.commit
			r, got := assess(t, in)
			if !tt.want {
				assert.Equal(t, without, r, tt.reason)
				return
			}
			assert.Equal(t, waits, got, tt.reason)
			assert.Equal(t, tt.commit.At.Add(grace), r.Due, "the grace is when the answer changes")
		})
	}
}

func TestStopped(t *testing.T) {
	for _, status := range serving {
		ended := deployment(status, time.Minute)
		ended.Stopped = true
		in := input(ended)
		_, got := assess(t, in)
		assert.Equal(t, rollout.Failed, got.state, "a service that ended serves nothing")
		assert.Equal(t, v1alpha1.ReasonCrashed, got.reason)
		in.Desired.Cron = true
		_, got = assess(t, in)
		assert.Equal(t, rollout.Healthy, got.state, "a cron job that ended has done its work (railway-api.md#deployment-status)")
	}
}

// TestClocksThatDiffer holds that neither clock being ahead fails or forgets anything.
func TestClocksThatDiffer(t *testing.T) {
	in := input(deployment(model.DeploymentBuilding, -time.Hour))
	_, got := assess(t, in)
	assert.Equal(t, rollout.Progressing, got.state, "a deployment made after the snapshot was read, by Railway's clock, has its deadline before it")
	in.Instance.Latest.Status = model.DeploymentSuccess
	_, got = assess(t, in)
	assert.Equal(t, rollout.Healthy, got.state)
	in.Commit = &rollout.Commit{At: now.Add(time.Minute)}
	_, got = assess(t, in)
	assert.Equal(t, rollout.Healthy, got.state, "it started after the commit, so it holds it")
}

// TestEveryCombination holds what must be true of any service, over the product of all that can differ.
func TestEveryCombination(t *testing.T) {
	statuses := append(append(append(append([]model.DeploymentStatus{unknown}, inProgress...), serving...), replaced...), broken...)
	ages := []time.Duration{30 * time.Second, 3 * time.Minute, deadline, time.Hour}
	commits := []*rollout.Commit{nil, {At: now.Add(-time.Minute)}, {PatchID: "patch", At: now.Add(-time.Minute)}, {At: now.Add(-time.Hour)}}
	yesNo := []bool{false, true}
	count := 0
	for _, status := range statuses {
		for _, age := range ages {
			for _, commit := range commits {
				for i := range 16 {
					stopped, cron, mismatch, old := yesNo[i&1], yesNo[i>>1&1], yesNo[i>>2&1], yesNo[i>>3&1]
					latest := deployment(status, age)
					latest.Stopped = stopped
					in := input(latest)
					in.Commit, in.Desired.Cron = commit, cron
					if old {
						in.Instance.Active = []model.Deployment{older()}
					}
					if mismatch {
						in.Desired.Image = "ghcr.io/acme/app:3"
					}
					requireSound(t, in)
					count++
				}
			}
		}
	}
	assert.Equal(t, 14*4*4*16, count)
}

func requireSound(t *testing.T, in rollout.Input) {
	t.Helper()
	r := rollout.Assess(in)
	require.NotEmpty(t, r.Reason)
	require.NotEmpty(t, r.Message)
	require.NotNil(t, r.Deployment)
	switch r.State {
	case rollout.Healthy:
		require.True(t, r.Deployment.Status.Serving(), "what is healthy serves")
		require.Equal(t, in.Desired.Image, r.Deployment.Meta.Image, "what is healthy is what was declared")
		require.True(t, !r.Deployment.Stopped || in.Desired.Cron, "what is healthy runs, unless it is a job")
		require.Equal(t, v1alpha1.ReasonSucceeded, r.Reason)
		require.Zero(t, r.Due)
	case rollout.Failed:
		require.NotEqual(t, v1alpha1.ReasonSucceeded, r.Reason)
		require.Zero(t, r.Due, "only Railway or a person can change it")
	case rollout.Progressing:
		if r.Reason == v1alpha1.ReasonNeedsApproval {
			require.Zero(t, r.Due, "people take the time they take")
			return
		}
		require.True(t, r.Due.After(in.ReadAt), "what is waited for has an end")
		later := in
		later.ReadAt = r.Due
		require.NotEqual(t, r, rollout.Assess(later), "when it is due, the answer changes")
	}
}
