// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
)

var kubernetes *rest.Config

func TestMain(m *testing.M) { os.Exit(controlplane.ForTests(m, &kubernetes)) }

// TestShard holds that an instance with a selector leaves the objects of others alone, and takes them over when they are labelled.
func TestShard(t *testing.T) {
	config := controlplane.Need(t, kubernetes)
	scheme, err := operator.Scheme()
	require.NoError(t, err)
	kube, err := client.New(config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shard-"}}
	require.NoError(t, kube.Create(t.Context(), namespace))
	ours, theirs := local(t, kube, namespace.Name, "ours", "a"), local(t, kube, namespace.Name, "theirs", "b")
	run(t, config, namespace.Name, labels.SelectorFromSet(labels.Set{"shard": "a"}))

	ready := func(object *v1alpha1.EngineEnvironment) func() bool {
		return func() bool {
			require.NoError(t, kube.Get(t.Context(), client.ObjectKeyFromObject(object), object))
			return object.Status.EnvSecret != ""
		}
	}
	require.Eventually(t, ready(ours), time.Minute, 100*time.Millisecond)
	require.False(t, ready(theirs)())
	assert.Empty(t, theirs.Finalizers, "another instance's object is not written")
	before := theirs.DeepCopy()
	theirs.Labels["shard"] = "a"
	require.NoError(t, kube.Patch(t.Context(), theirs, client.MergeFrom(before)))
	require.Eventually(t, ready(theirs), time.Minute, 100*time.Millisecond)
}

// local makes an object of the Local tier: it needs no Railway.
func local(t *testing.T, kube client.Client, namespace, name, shard string) *v1alpha1.EngineEnvironment {
	t.Helper()
	object := &v1alpha1.EngineEnvironment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"shard": shard}},
		Spec:       v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierLocal, Engine: v1alpha1.Engine{Service: v1alpha1.Service{Name: "ai-engine"}}},
	}
	require.NoError(t, kube.Create(t.Context(), object))
	return object
}

// run runs an instance until the test ends.
func run(t *testing.T, config *rest.Config, namespace string, selector labels.Selector) *operator.Operator {
	t.Helper()
	started, err := operator.New(t.Context(), config, operator.Options{
		Namespaces: []string{namespace}, Selector: selector, Concurrency: 1, Settle: time.Second, ShutdownTimeout: 5 * time.Second,
		Metrics: metricsserver.Options{BindAddress: "0"}, HealthAddress: "0", HashKeyNamespace: namespace, AnyName: true,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- started.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	return started
}
