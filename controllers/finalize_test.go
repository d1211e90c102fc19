// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// gone passes until the object is deleted.
func (l *loop) gone(name string) {
	l.t.Helper()
	for range 60 {
		_, _ = l.tryPass(name)
		err := l.client.Get(l.t.Context(), types.NamespacedName{Namespace: "team", Name: name}, &v1alpha1.EngineEnvironment{})
		if apierrors.IsNotFound(err) {
			return
		}
		l.advance(time.Second)
	}
	l.t.Fatalf("%s is still there: %s", name, ready(l.get(name)).Message)
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, policy, seed, reason string
		environment, ran           bool
	}{
		{name: "retain", policy: "Retain", environment: true, ran: true, reason: "nothing is deleted on Railway"},
		{name: "delete what the operator made", policy: "Delete", reason: "the environment held nothing else"},
		{name: "delete in what was there before", policy: "Delete", seed: "{id: d1, name: dev}, ", environment: true, reason: "only the declared services"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t, "environments: [", "environments: ["+tt.seed)
			l.apply("dev", "deletionPolicy: "+tt.policy+"\n"+loopDev)
			l.settled("dev")
			require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
			l.gone("dev")
			environments := l.sim.State()["ai-engine"]
			_, environment := environments["dev"]
			assert.Equal(t, tt.environment, environment, tt.reason)
			assert.Contains(t, environments, "production", "other environments stay")
			if environment {
				services := environments["dev"].(map[string]any)["services"].(map[string]string)
				assert.Equal(t, tt.ran, len(services) > 0, tt.reason)
			}
		})
	}
}

// TestDeletionWithoutTheToken: the Secret may go in the same sweep as the object.
func TestDeletionWithoutTheToken(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", "deletionPolicy: Delete\n"+loopDev)
	l.settled("dev")
	require.NoError(t, l.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "railway"}}))
	require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
	l.gone("dev")
	assert.NotContains(t, l.sim.State()["ai-engine"], "dev", "the last token serves")

	l.secret("railway", map[string]string{"RAILWAY_API_TOKEN": loopToken})
	l.apply("again", "deletionPolicy: Delete\n"+loopDev)
	l.settled("again")
	require.NoError(t, l.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "railway"}}))
	require.NoError(t, l.client.Delete(t.Context(), l.get("again")))
	l.reader.tokens.Forget("team/again") // another process knows no token
	_, _ = l.tryPass("again")
	assert.Contains(t, ready(l.get("again")).Message, "kubectl patch eenv -n team again", "there is a way out")
	before := l.mark()
	l.apply("again", "deletionPolicy: Retain\n"+loopDev)
	l.gone("again")
	assert.Empty(t, l.requests(before))
}

// TestDeletionOutlivesARefusedWrite: while the finalizer stays, the token that served last serves on.
func TestDeletionOutlivesARefusedWrite(t *testing.T) {
	t.Parallel()
	l, _ := takenOver(t, "interval: 30s", "interval: 30s\ndeletionPolicy: Delete")
	require.NoError(t, l.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "railway"}}))
	require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
	refused := 0
	l.onWrite = func(verb string, object client.Object) error {
		if refused++; verb == "patch" && refused == 1 {
			return apierrors.NewServiceUnavailable("etcd has no leader")
		}
		return nil
	}
	_, _ = l.tryPass("dev")
	require.Positive(t, refused)
	require.NotEmpty(t, l.get("dev").Finalizers)
	l.gone("dev")
}

// TestDeletionYieldsAloud: what another object claims stays on Railway, and people are told why.
func TestDeletionYieldsAloud(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", "deletionPolicy: Delete\n"+loopDev)
	claimed := l.settled("dev").Status.Railway
	l.apply("rival", loopDev)
	rival := l.get("rival")
	before := rival.DeepCopy()
	rival.Status.Railway = claimed
	require.NoError(t, l.client.Status().Patch(t.Context(), rival, client.MergeFrom(before)))
	mutations := l.mutations()
	require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
	l.gone("dev")
	assert.Equal(t, mutations, l.mutations())
	assert.True(t, l.told("Retained"))
}
