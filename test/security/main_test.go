// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package security runs the operator as a cluster does, as its ServiceAccount with the rights of config/default, through a story in
// which everything that can tell a secret tells it, and then looks at what it left behind: no secret shows anywhere, every right
// was used, and none was missing. A short story does the same with the rights of config/namespaced.
package security

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/controlplane"
)

// cluster is an API server with an audit log; nil with -short.
var cluster *controlplane.Cluster

var auditLog string

// stderr is the file that takes what this process writes to standard error from its start: what the operator logs, and what a library
// writes past its logger.
var stderr *os.File

// console is where a failed start is told.
var console = os.Stderr

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse() // testing.Short reads a flag, and m.Run, which parses them, comes later
	if !testing.Short() {
		dir, err := os.MkdirTemp("", "security-")
		if err != nil {
			return fail(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if os.Stderr, err = os.Create(filepath.Join(dir, "stderr")); err != nil {
			return fail(err)
		}
		stderr, auditLog = os.Stderr, filepath.Join(dir, "audit.log")
		if cluster, err = controlplane.Start(context.Background(), controlplane.Options{AuditLog: auditLog, AuditReads: true}); err != nil {
			return fail(err)
		}
		defer func() {
			if err := cluster.Stop(); err != nil {
				fail(err)
			}
		}()
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(console, err)
	return 1
}

// manifests is what kustomize build of a directory of config gives.
func manifests(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	return build(t, filepath.Join("../../config", dir))
}

// namespaced is config/namespaced for a team's namespace, as its comment tells to install it.
func namespaced(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	//nolint:usetesting // beside the tests: kustomize takes no absolute paths
	dir, err := os.MkdirTemp(".", ".overlay-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte("namespace: "+team+"\nresources: [../../../config/namespaced]\n"), 0o600))
	return build(t, dir)
}

func build(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	var objects []*unstructured.Unstructured
	for _, resource := range built.Resources() {
		document, err := resource.AsYAML()
		require.NoError(t, err)
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal(document, &object.Object))
		objects = append(objects, object)
	}
	return objects
}

// install applies the manifests.
func install(t *testing.T, kube client.Client, manifests []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range manifests {
		require.NoError(t, kube.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
			client.FieldOwner("install"), client.ForceOwnership), "%s %s", object.GetKind(), object.GetName())
	}
}
