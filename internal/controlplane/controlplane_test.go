// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// TestClusterServesTheCRD walks the whole life of a cluster, seen through the kubeconfig it writes.
func TestClusterServesTheCRD(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Kubernetes API server; run without -short")
	}
	t.Setenv("USE_EXISTING_CLUSTER", "true") // must not matter
	log := filepath.Join(t.TempDir(), "audit.log")
	cluster, err := Start(t.Context(), Options{AuditLog: log, EtcdQuota: 1 << 30})
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			assert.NoError(t, cluster.Stop())
		}
	})

	kubeconfig := filepath.Join(t.TempDir(), "new", "kubeconfig")
	require.NoError(t, cluster.WriteKubeconfig(kubeconfig))
	info, err := os.Stat(kubeconfig)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds the administrator's key")

	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	kube, err := client.New(config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	var list v1alpha1.EngineEnvironmentList
	require.NoError(t, kube.List(t.Context(), &list))
	assert.Empty(t, list.Items)
	assert.NotEmpty(t, list.ResourceVersion, "the answer came from a server")

	audited(t, cluster, NewAudit(log))

	require.NoError(t, cluster.Stop())
	stopped = true
	require.Error(t, kube.List(t.Context(), &list), "a stopped server answers nobody")
}

// audited holds that the audit log tells who wrote what.
func audited(t *testing.T, cluster *Cluster, audit *Audit) {
	t.Helper()
	before, err := audit.Writes()
	require.NoError(t, err)
	kubeconfig := filepath.Join(t.TempDir(), "other")
	require.NoError(t, cluster.WriteUserKubeconfig(kubeconfig, "dana"))
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	kube, err := client.New(config, client.Options{})
	require.NoError(t, err)
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "default"}}
	require.NoError(t, kube.Create(t.Context(), configMap))
	require.Error(t, kube.Create(t.Context(), configMap.DeepCopy()), "it exists")
	require.NoError(t, kube.Get(t.Context(), client.ObjectKeyFromObject(configMap), configMap))
	after, err := audit.Writes()
	require.NoError(t, err)
	since := Since(before, after)
	assert.Equal(t, 2, since[Write{User: "dana", Verb: "create", Resource: "configmaps"}], "a write that was refused counts, a read does not")
}

func TestAuditCountsWholeLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	audit := NewAudit(file)
	writes, err := audit.Writes()
	require.NoError(t, err, "nothing was written yet")
	assert.Empty(t, writes)
	line := `{"verb":"patch","user":{"username":"op"},"objectRef":{"resource":"engineenvironments","subresource":"status"}}` + "\n"
	write := Write{User: "op", Verb: "patch", Resource: "engineenvironments/status"}
	for _, step := range []struct {
		text string
		want int
	}{{line + line[:20], 1}, {line + line[:20], 1}, {line + line, 2}, {line + line + line, 3}} {
		require.NoError(t, os.WriteFile(file, []byte(step.text), 0o600))
		writes, err = audit.Writes()
		require.NoError(t, err)
		assert.Equal(t, map[Write]int{write: step.want}, writes)
	}
}

func TestStartHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestNeedHandsOutCopies(t *testing.T) {
	shared := &rest.Config{Host: "https://127.0.0.1:1"}
	own := Need(t, shared)
	own.Host = "changed"
	assert.Equal(t, "https://127.0.0.1:1", shared.Host)

	skipped := false
	t.Run("without a server", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		Need(t, nil)
	})
	assert.True(t, skipped)
}

func TestCRDPaths(t *testing.T) {
	assert.Equal(t, []string{"/root/config/crd/bases"}, crdPaths("/root", nil))
	assert.Equal(t, []string{"/root/a.yaml", "/b"}, crdPaths("/root", []string{"a.yaml", "/b"}))
}
