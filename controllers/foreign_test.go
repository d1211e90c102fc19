// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// elsewhere is the loop of another cluster over the same Railway.
func (l *loop) elsewhere() *loop {
	other := &loop{t: l.t, uid: "else-", here: l, sim: l.sim, events: l.events}
	other.client = other.kubernetes()
	other.watch = railway.NewWatch(railway.WatchOptions{Now: other.clock})
	o := l.options
	o.Client, o.Live, o.Watch, o.Now = other.client, other.client, other.watch, other.clock
	other.Reconciler = New(o)
	other.secret("railway", map[string]string{"RAILWAY_API_TOKEN": loopToken})
	other.secret("openai", map[string]string{"api-key": loopSecret})
	return other
}

// takenOver is a settled object whose environment an operator in another cluster has taken over.
func takenOver(t *testing.T, edits ...string) (here, there *loop) {
	t.Helper()
	l := newLoop(t)
	l.apply("dev", loopDev, edits...)
	l.settled("dev")
	l.advance(10 * time.Minute)
	other := l.elsewhere()
	other.apply("dev", loopDev, "value: dev", "value: theirs")
	other.settled("dev")
	require.Equal(t, "theirs", l.variable("DB_SCHEMA"))
	l.advance(5 * time.Minute)
	return l, other
}

// minutes passes all the loops for some minutes.
func minutes(n int, loops ...*loop) {
	for range n {
		loops[0].advance(time.Minute)
		for _, l := range loops {
			l.poll("dev")
			_, _ = l.tryPass("dev")
		}
	}
}

// TestAnOperatorInAnotherCluster: who sees the commits of another one stops to write and says whose they are; a person decides.
func TestAnOperatorInAnotherCluster(t *testing.T) {
	t.Parallel()
	l, other := takenOver(t)
	commits := l.mutations()["CommitPatch"]
	minutes(5, l, other)
	o := l.get("dev")
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(o).Reason)
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
	assert.Contains(t, ready(o).Message, "team/dev (uid else-dev…)")
	assert.Contains(t, ready(o).Message, v1alpha1.AnnotationTakeOver+"="+o.Status.WorkingRecord.Claim.OtherCommit)
	assert.Equal(t, commits, l.mutations()["CommitPatch"], "neither fights")
	assert.Equal(t, v1alpha1.VerdictGo, other.get("dev").Status.Verdict)

	l.annotate("dev", v1alpha1.AnnotationTakeOver, o.Status.WorkingRecord.Claim.OtherCommit)
	l.settled("dev")
	assert.Equal(t, "dev", l.variable("DB_SCHEMA"), "a person took it back")
	assert.True(t, l.told("TakenOver"))
	minutes(5, other, l)
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(other.get("dev")).Reason, "and now the other one stops")
	assert.Equal(t, v1alpha1.VerdictGo, l.get("dev").Status.Verdict)
	assert.Equal(t, "dev", l.variable("DB_SCHEMA"))
}

// TestAForcedPassTakesNothingOver: whoever asks for a pass may not know of the other cluster.
func TestAForcedPassTakesNothingOver(t *testing.T) {
	t.Parallel()
	l, _ := takenOver(t)
	l.annotate("dev", v1alpha1.AnnotationFluxRequestedAt, "flux reconcile")
	minutes(3, l)
	l.annotate("dev", v1alpha1.AnnotationRequestedAt, "again")
	minutes(3, l)
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get("dev")).Reason)
	assert.Equal(t, "again,flux reconcile", l.get("dev").Status.LastHandledReconcileAt)
	assert.Equal(t, "theirs", l.variable("DB_SCHEMA"))
}

// TestDeletingOneOfTwoClustersObjects deletes nothing that the other one runs, whether this one knows of it or not, and since when it is
// here or not.
func TestDeletingOneOfTwoClustersObjects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		act  func(*loop)
	}{
		{"known", func(l *loop) { minutes(1, l) }},
		{"unknown", func(*loop) {}},
		{"the status of an older version", func(l *loop) {
			o := l.get("dev")
			before := o.DeepCopy()
			o.Status.Railway.Since = nil
			require.NoError(t, l.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
		}},
	} {
		l, _ := takenOver(t, "interval: 30s", "interval: 30s\ndeletionPolicy: Delete")
		tt.act(l)
		before := l.mutations()
		require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
		l.gone("dev")
		assert.Equal(t, before, l.mutations(), tt.name)
		assert.True(t, l.told("Retained"))
	}
}

// TestDeletingWhatAnotherClusterCreated: an object whose creation was announced and not answered finds the environment by its name. The
// other cluster may have been faster.
func TestDeletingWhatAnotherClusterCreated(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	other := l.elsewhere()
	other.apply("dev", loopDev)
	other.settled("dev")
	l.apply("dev", "deletionPolicy: Delete\n"+loopDev)
	o := l.get("dev")
	before := o.DeepCopy()
	o.Finalizers = []string{v1alpha1.Finalizer}
	require.NoError(t, l.client.Patch(t.Context(), o, client.MergeFrom(before)))
	before = o.DeepCopy()
	o.Status.WorkingRecord = &v1alpha1.WorkingRecord{Pending: &v1alpha1.PendingWrite{
		Kind: v1alpha1.WriteEnvironment, Name: "dev", StartedAt: metav1.NewTime(l.clock()),
	}}
	require.NoError(t, l.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	mutations := l.mutations()
	require.NoError(t, l.client.Delete(t.Context(), o))
	l.gone("dev")
	assert.Equal(t, mutations, l.mutations())
	assert.True(t, l.told("Retained"))
	assert.Contains(t, l.sim.State()["ai-engine"], "dev")
}

// TestAnEditMeetsTheOtherCluster: an edit here does not go on top of a commit of the other one that no poll has shown yet.
func TestAnEditMeetsTheOtherCluster(t *testing.T) {
	t.Parallel()
	l, other := takenOver(t, "interval: 30s", "interval: 10m")
	before := l.mutations()["CommitPatch"]
	l.apply("dev", loopDev, "interval: 30s", "interval: 10m", "value: dev", "value: mine")
	l.pass("dev")
	assert.Equal(t, before, l.mutations()["CommitPatch"])
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get("dev")).Reason)
	minutes(5, l, other)
	assert.Equal(t, v1alpha1.VerdictGo, other.get("dev").Status.Verdict, "one of them goes on")
}

// TestTheOtherClusterIsNotForgotten when others push its commit out of the history that is read.
func TestTheOtherClusterIsNotForgotten(t *testing.T) {
	t.Parallel()
	l, _ := takenOver(t)
	minutes(1, l)
	for i := range 11 {
		l.edit(fmt.Sprintf("SOMEBODYS_%d", i), "x")
		l.advance(time.Second)
	}
	minutes(5, l)
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get("dev")).Reason)
	assert.Equal(t, "theirs", l.variable("DB_SCHEMA"))
}

// TestARestoredObjectIsNoOther: its own commits under an earlier uid are no other cluster's, whether its status was restored or not; and
// its earlier revisions, which the garbage collector has not collected, are its own.
func TestARestoredObjectIsNoOther(t *testing.T) {
	t.Parallel()
	for _, withStatus := range []bool{true, false} {
		l := newLoop(t)
		l.apply("dev", loopDev)
		l.settled("dev")
		l.advance(10 * time.Minute)
		l.apply("dev", loopDev, "value: dev", "value: two")
		l.settled("dev")
		backup := l.get("dev").Status
		o := l.get("dev")
		o.Finalizers = nil
		require.NoError(t, l.client.Update(t.Context(), o))
		require.NoError(t, l.client.Delete(t.Context(), o))
		l.crash()
		l.uid = "new-"
		l.apply("dev", loopDev, "value: dev", "value: two")
		if withStatus {
			o = l.get("dev")
			o.UID = types.UID("new-dev")
			before := o.DeepCopy()
			o.Status = backup
			require.NoError(t, l.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
		}
		l.settled("dev")
		minutes(3, l)
		assert.Equal(t, v1alpha1.VerdictGo, l.get("dev").Status.Verdict, "with status: %v", withStatus)
		l.apply("dev", loopDev, "value: dev", "value: three")
		l.settled("dev")
		assert.Equal(t, "three", l.variable("DB_SCHEMA"))
	}
}
