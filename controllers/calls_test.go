// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// TestFirstConvergenceCosts holds what a new environment costs: its finalizer, one announcement of all that is made, its verified
// revision and the verdict; and one request for each thing that is made, beside the list of the project.
func TestFirstConvergenceCosts(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.patience(time.Minute)
	l.apply("dev", loopDev)
	l.kubernetesWrites()
	l.settled("dev")
	assert.Equal(t, []string{
		"patch EngineEnvironment", "patch status EngineEnvironment",
		"create ControllerRevision", "patch status EngineEnvironment",
	}, l.kubernetesWrites())
	made := l.requests(0)
	for operation := range made {
		if strings.HasPrefix(operation, "ReadEnvironment") || operation == "ReadLogs" { // what the watch and the checks read
			delete(made, operation)
		}
	}
	assert.Equal(t, map[string]int{
		"ReadProject": 1, "CreateEnvironment": 1, "CreateService": 1, "CreateRailwayDomain": 1, "CommitPatch": 1,
	}, made)
}

// TestGoBeforeItsRevision: checks that end after the snapshot was read make the tier GO, but their revision is stored by a newer read only.
// When the process dies in between, the next one stores it.
func TestGoBeforeItsRevision(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.advance(-2 * ahead) // every check ends later than every read
	l.apply("dev", loopDev)
	require.Nil(t, l.settled("dev").Status.Verified)
	require.NotContains(t, l.kubernetesWrites(), "create ControllerRevision")
	l.crash()
	l.advance(2 * ahead)
	l.verified("dev", "1.4.2")
	assert.Contains(t, l.kubernetesWrites(), "create ControllerRevision")
}

// announced reports whether the status names the write.
func announced(o *v1alpha1.EngineEnvironment, kind v1alpha1.WriteKind) bool {
	record := o.Status.WorkingRecord
	if record == nil {
		return false
	}
	is := func(w v1alpha1.PendingWrite) bool { return w.Kind == kind }
	return (record.Pending != nil && is(*record.Pending)) || slices.ContainsFunc(record.Awaited, is)
}

// TestAProcessThatDiesForgetsProgressOnly: whatever waits to be written when the process dies, nothing is made twice after it.
func TestAProcessThatDiesForgetsProgressOnly(t *testing.T) {
	t.Parallel()
	for passes := 1; passes <= 6; passes++ {
		l := newLoop(t)
		l.patience(time.Minute)
		l.apply("dev", loopDev)
		for range passes {
			_, _ = l.tryPass("dev")
			l.advance(time.Second)
		}
		l.crash()
		l.settled("dev")
		assert.Equal(t, map[string]int{"CreateEnvironment": 1, "CreateService": 1, "CreateRailwayDomain": 1, "CommitPatch": 1}, l.mutations(), passes)
		assert.Len(t, l.sim.Deployments(), 1)
	}
}

// TestProgressIsWrittenAfterAWhile: a rollout that takes its time shows in the status.
func TestProgressIsWrittenAfterAWhile(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.patience(10 * time.Second)
	l.apply("dev", loopDev)
	l.pass("dev")
	assert.Equal(t, v1alpha1.ReasonCreating, ready(l.get("dev")).Reason, "the announcement")
	assert.True(t, announced(l.get("dev"), v1alpha1.WriteCommit))
	l.kubernetesWrites()
	result := l.pass("dev")
	assert.Empty(t, l.kubernetesWrites())
	assert.Positive(t, result.RequeueAfter)
	assert.LessOrEqual(t, result.RequeueAfter, 10*time.Second)
	l.advance(10 * time.Second)
	l.pass("dev")
	assert.Len(t, l.kubernetesWrites(), 1)
	assert.NotEqual(t, v1alpha1.ReasonCreating, ready(l.get("dev")).Reason)
	assert.False(t, announced(l.get("dev"), v1alpha1.WriteCommit), "the answer is known")
}

// TestKeptStatusOfAnOldObject: what waits to be written is told to whoever edits the spec meanwhile, and dropped when somebody else wrote
// the status.
func TestKeptStatusOfAnOldObject(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.patience(time.Minute)
	l.apply("dev", loopDev)
	l.pass("dev")
	kept, err := l.store.Get(t.Context(), client.ObjectKeyFromObject(l.get("dev")))
	require.NoError(t, err)
	require.NotNil(t, kept.Status.LastCommit)
	require.Nil(t, l.get("dev").Status.LastCommit, "not written")
	l.annotate("dev", "team.example/note", "edited")
	kept, err = l.store.Get(t.Context(), client.ObjectKeyFromObject(kept))
	require.NoError(t, err)
	require.NotNil(t, kept.Status.LastCommit, "somebody wrote something else")

	other := l.get("dev")
	before := other.DeepCopy()
	other.Status = v1alpha1.EngineEnvironmentStatus{}
	require.NoError(t, l.client.Status().Patch(t.Context(), other, client.MergeFrom(before)))
	kept, err = l.store.Get(t.Context(), client.ObjectKeyFromObject(other))
	require.NoError(t, err)
	assert.Nil(t, kept.Status.LastCommit, "somebody deleted the status")
	l.settled("dev")
	assert.Len(t, l.sim.Deployments(), 1)
}

// TestKeptStatusOfAnObjectWhoseFinalizerWasTakenOff: to put it back forgets nothing of what waits to be written.
func TestKeptStatusOfAnObjectWhoseFinalizerWasTakenOff(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.patience(time.Minute)
	l.apply("dev", "deletionPolicy: Delete\n"+loopDev)
	l.pass("dev")
	object := l.get("dev")
	require.Nil(t, object.Status.Railway, "not written")
	before := object.DeepCopy()
	object.Finalizers = nil
	require.NoError(t, l.client.Patch(t.Context(), object, client.MergeFrom(before)))
	require.True(t, l.settled("dev").Status.Railway.Created)
	require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
	l.gone("dev")
	assert.NotContains(t, l.sim.State()["ai-engine"], "dev")
}

// TestARefusedAnnouncementSendsNothing: what is stored ahead counts only once it is stored.
func TestARefusedAnnouncementSendsNothing(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.onWrite = func(verb string, _ client.Object) error {
		if verb == "patch status" {
			return errors.New("the API server is gone")
		}
		return nil
	}
	for range 3 {
		_, _ = l.tryPass("dev")
	}
	assert.Empty(t, l.mutations())
	l.onWrite = nil
	l.settled("dev")
	assert.Len(t, l.sim.Deployments(), 1)
}

// TestAFleetReadsTogether: after a restart the first reads share requests, and nothing is written.
func TestAFleetReadsTogether(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.crash()
	l.kubernetesWrites()
	before := l.mark()
	assert.Positive(t, l.pass("dev").RequeueAfter, "the safety net")
	assert.Empty(t, l.requests(before), "the read is left to the watch")
	_, known := l.watch.Latest("team/dev")
	require.False(t, known)
	l.poll("dev")
	assert.Zero(t, l.pass("dev").RequeueAfter)
	assert.Empty(t, l.kubernetesWrites())
	assert.Equal(t, 1, l.requests(before)["ReadEnvironment"])
}

// patience lets reports of progress wait.
func (l *loop) patience(d time.Duration) {
	l.options.Patience = d
	l.Reconciler = New(l.options)
}

// crash begins again as a new process does: with what the API server and Railway know.
func (l *loop) crash() {
	l.watch = railway.NewWatch(railway.WatchOptions{Now: l.clock})
	l.options.Watch = l.watch
	l.Reconciler = New(l.options)
}

// TestAWaitingCreateAnnouncesNothing: once Railway has refused a create as too frequent, who has to wait for a slot stores no announcement
// only to withdraw it, and Railway is not asked.
func TestAWaitingCreateAnnouncesNothing(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "environmentCreateInterval: 0s", "environmentCreateInterval: 30s")
	named := func(name string) { l.apply(name, loopDev, "projectID:", "environment: "+name+", projectID:") }
	for _, name := range []string{"one", "two"} {
		named(name)
		l.pass(name)
	}
	require.Equal(t, 2, l.requests(0)["CreateEnvironment"], "the second one was refused")
	named("three")
	l.kubernetesWrites()
	l.pass("three")
	assert.Equal(t, []string{"patch EngineEnvironment", "patch status EngineEnvironment"}, l.kubernetesWrites(), "its finalizer, and what it waits for")
	assert.Equal(t, 2, l.requests(0)["CreateEnvironment"])
	assert.False(t, announced(l.get("three"), v1alpha1.WriteEnvironment))
	assert.Equal(t, v1alpha1.ReasonRateLimited, ready(l.get("three")).Reason)
	assert.Contains(t, ready(l.get("three")).Message, "waits for its turn to create: Railway allows one every 30s")
}
