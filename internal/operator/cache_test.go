// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
)

// TestCacheHasNoValues holds that the cache keeps neither the values of Secrets, which kubectl apply writes into an annotation, nor the
// ControllerRevisions of others.
func TestCacheHasNoValues(t *testing.T) {
	config := controlplane.Need(t, kubernetes)
	scheme, err := operator.Scheme()
	require.NoError(t, err)
	kube, err := client.New(config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "cache-"}}
	require.NoError(t, kube.Create(t.Context(), namespace))
	owner := []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: namespace.Name, UID: namespace.UID}}
	object := func(name string, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: namespace.Name, OwnerReferences: owner, Labels: labels, Annotations: map[string]string{
			corev1.LastAppliedConfigAnnotation: `{"stringData":{"KEY":"sk-live-0123456789"}}`,
		}}
	}
	nothing := runtime.RawExtension{Raw: []byte("{}")}
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: object("applied", map[string]string{"app": "engine"})},
		&corev1.ConfigMap{ObjectMeta: object("applied", map[string]string{"app": "engine"})},
		&appsv1.ControllerRevision{ObjectMeta: object("ours", map[string]string{cluster.LabelOwner: "x"}), Data: nothing},
		&appsv1.ControllerRevision{ObjectMeta: object("theirs", map[string]string{"app": "a-stateful-set"}), Data: nothing},
	} {
		require.NoError(t, kube.Create(t.Context(), o))
	}

	cached := run(t, config, namespace.Name, labels.Everything()).GetCache()
	require.True(t, cached.WaitForCacheSync(t.Context()))
	for _, kind := range []string{"Secret", "ConfigMap"} {
		got := &metav1.PartialObjectMetadata{}
		got.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		require.NoError(t, cached.Get(t.Context(), client.ObjectKey{Namespace: namespace.Name, Name: "applied"}, got))
		assert.Equal(t, owner, got.OwnerReferences, "who owns it is asked")
		raw, err := json.Marshal(got)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), "sk-live", kind)
		assert.Empty(t, got.ManagedFields, kind)
		assert.Empty(t, got.Labels, kind)
	}
	revisions := &appsv1.ControllerRevisionList{}
	require.NoError(t, cached.List(t.Context(), revisions))
	require.Len(t, revisions.Items, 1)
	assert.Equal(t, "ours", revisions.Items[0].Name)
}
