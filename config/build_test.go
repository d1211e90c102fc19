// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config holds the tests of the manifests beside it: they build, a real Kubernetes API server takes them, and they
// fit the program that they run.
package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/options"
)

// build does what kustomize build does.
func build(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err, dir)
	var objects []*unstructured.Unstructured
	for _, resource := range built.Resources() {
		document, err := resource.AsYAML()
		require.NoError(t, err)
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.UnmarshalStrict(document, &object.Object))
		objects = append(objects, object)
	}
	return objects
}

func find[T any](t *testing.T, objects []*unstructured.Unstructured, kind, name string) *T {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			typed := new(T)
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true))
			return typed
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

// TestEveryKustomizationBuilds also holds that no manifest lies beside a kustomization without being part of it.
func TestEveryKustomizationBuilds(t *testing.T) {
	var dirs []string
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry.Name() == "kustomization.yaml" {
			dirs = append(dirs, filepath.Dir(path))
		}
		return err
	}))
	require.Contains(t, dirs, "default")
	for _, dir := range dirs {
		t.Run(dir, func(t *testing.T) {
			assert.NotEmpty(t, build(t, dir))
			var kustomization struct {
				Resources []string `json:"resources"`
			}
			raw, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
			require.NoError(t, err)
			require.NoError(t, yaml.Unmarshal(raw, &kustomization))
			files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
			require.NoError(t, err)
			for _, file := range files {
				if name := filepath.Base(file); name != "kustomization.yaml" {
					assert.Contains(t, kustomization.Resources, name)
				}
			}
		})
	}
}

// TestDefaultStaysInItsNamespace holds that the operator is installed into a namespace of its own, which refuses whatever
// would run there with more rights than it needs.
func TestDefaultStaysInItsNamespace(t *testing.T) {
	objects := build(t, "default")
	for _, object := range objects {
		if namespace := object.GetNamespace(); namespace != "" {
			assert.Equal(t, options.DefaultNamespace, namespace, "%s %s", object.GetKind(), object.GetName())
		}
	}
	namespace := find[unstructured.Unstructured](t, objects, "Namespace", options.DefaultNamespace)
	assert.Equal(t, "restricted", namespace.GetLabels()["pod-security.kubernetes.io/enforce"])
}

// TestDeploymentFitsTheProgram holds the flags, ports and probes of the Deployment against the program's own.
func TestDeploymentFitsTheProgram(t *testing.T) {
	deployment := find[appsv1.Deployment](t, build(t, "default"), "Deployment", "engine-operator-controller-manager")
	container := deployment.Spec.Template.Spec.Containers[0]
	parsed, err := options.Parse(container.Args, io.Discard)
	require.NoError(t, err)
	assert.True(t, parsed.LeaderElect)
	assert.Less(t, parsed.ShutdownTimeout.Seconds(), float64(*deployment.Spec.Template.Spec.TerminationGracePeriodSeconds))

	addresses := map[string]string{}
	for _, port := range container.Ports {
		addresses[port.Name] = fmt.Sprintf(":%d", port.ContainerPort)
	}
	assert.Equal(t, map[string]string{"metrics": parsed.MetricsAddress, "probes": parsed.ProbeAddress}, addresses)
	assert.Equal(t, "probes", container.ReadinessProbe.HTTPGet.Port.String())
	assert.Equal(t, "probes", container.LivenessProbe.HTTPGet.Port.String())
}

// TestAlertsNameOurMetrics holds that every metric of ours that an alert asks for is one that the program has.
func TestAlertsNameOurMetrics(t *testing.T) {
	ours := regexp.MustCompile(`engine_operator_\w+`)
	var known []string
	for _, file := range []string{"../controllers/metrics.go", "../internal/railway/metrics.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		known = append(known, ours.FindAllString(string(source), -1)...)
	}
	rules, err := os.ReadFile("prometheus/rules.yaml")
	require.NoError(t, err)
	asked := ours.FindAllString(string(rules), -1)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	assert.Equal(t, []string{
		"engine_operator_environment_drift_fields", "engine_operator_environment_promotion", "engine_operator_environment_ready",
		"engine_operator_environment_suspended", "engine_operator_environment_verdict", "engine_operator_railway_rate_limit_remaining",
	}, asked)
	assert.Subset(t, known, asked)
}
