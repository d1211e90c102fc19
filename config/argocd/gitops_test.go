// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestWaves holds that what tiers need comes before them, and that no tier waits for another: a suspended one would block a fix.
func TestWaves(t *testing.T) {
	application := decode[map[string]any](t, "application.yaml")
	path, _, err := unstructured.NestedString(application, "spec", "source", "path")
	require.NoError(t, err)
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join("..", "..", path))
	require.NoError(t, err)
	waves := map[string]string{}
	for _, resource := range built.Resources() {
		name := resource.GetName()
		if kind := resource.GetKind(); kind != "EngineEnvironment" {
			name = kind
		}
		waves[name] = resource.GetAnnotations()["argocd.argoproj.io/sync-wave"]
		if name == "production" {
			assert.Equal(t, "Prune=confirm,Delete=confirm", resource.GetAnnotations()["argocd.argoproj.io/sync-options"])
		}
	}
	assert.Equal(t, map[string]string{
		"Namespace": "-2", "Secret": "-1", "RoleBinding": "-1", "local": "", "dev": "", "preview": "", "production": "", // none is 0
	}, waves)
}

// TestFluxExpressions holds that Flux sees what kstatus says, waits for the verdict besides, and does not wait for what is only
// observed.
func TestFluxExpressions(t *testing.T) {
	flux := convert[struct {
		Spec struct {
			Path             string              `json:"path"`
			HealthCheckExprs []map[string]string `json:"healthCheckExprs"`
		} `json:"spec"`
	}](t, decode[map[string]any](t, "flux.yaml"))
	assert.FileExists(t, filepath.Join("..", "..", flux.Spec.Path, "kustomization.yaml"))
	require.Len(t, flux.Spec.HealthCheckExprs, 1)
	expressions := flux.Spec.HealthCheckExprs[0]
	files, err := os.ReadDir(filepath.Join(customization, "testdata"))
	require.NoError(t, err)
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			fields := object(t, filepath.Join("testdata", file.Name()))
			if fields["status"] == nil {
				return // the API server shows the default of the CRD, as in new.yaml
			}
			result, err := status.Compute(&unstructured.Unstructured{Object: fields})
			require.NoError(t, err)
			current := result.Status == status.CurrentStatus && !pending(t, fields) || file.Name() == "observing.yaml"
			assert.Equal(t, current, evaluate(t, expressions["current"], fields), "current")
			assert.Equal(t, result.Status == status.FailedStatus, evaluate(t, expressions["failed"], fields), "failed")
		})
	}
}

// TestActionsSurviveSelfHealing holds that Argo CD leaves alone what its own server wrote by an action, and nothing else: a path
// would also hide what Git says.
func TestActionsSurviveSelfHealing(t *testing.T) {
	ignored := []any{map[string]any{
		"group": "railway.engine-operator.dev", "kind": "EngineEnvironment", "managedFieldsManagers": []any{"argocd-server"},
	}}
	one, _, err := unstructured.NestedSlice(decode[map[string]any](t, "application.yaml"), "spec", "ignoreDifferences")
	require.NoError(t, err)
	assert.Equal(t, ignored, one)
	many, _, err := unstructured.NestedSlice(decode[map[string]any](t, "applicationset.yaml"), "spec", "template", "spec", "ignoreDifferences")
	require.NoError(t, err)
	assert.Equal(t, ignored, many)
}

// TestApplicationSetIsTheApplication holds that an engine of the set is synced as the one of application.yaml is.
func TestApplicationSetIsTheApplication(t *testing.T) {
	one, _, err := unstructured.NestedMap(decode[map[string]any](t, "application.yaml"), "spec", "syncPolicy")
	require.NoError(t, err)
	many, _, err := unstructured.NestedMap(decode[map[string]any](t, "applicationset.yaml"), "spec", "template", "spec", "syncPolicy")
	require.NoError(t, err)
	one["syncOptions"] = append([]any{"CreateNamespace=true"}, one["syncOptions"].([]any)...) // the samples bring their namespace
	assert.Equal(t, one, many)
	refresh, found, err := unstructured.NestedBool(one, "retry", "refresh")
	require.NoError(t, err)
	assert.True(t, found && refresh, "a retry takes the newest commit: a fix must not wait until the bad one has been given up")
}

// evaluate runs an expression as Flux does: the fields of the object are its variables.
func evaluate(t *testing.T, expression string, fields map[string]any) any {
	t.Helper()
	var variables []cel.EnvOption
	for name := range fields {
		variables = append(variables, cel.Variable(name, cel.DynType))
	}
	env, err := cel.NewEnv(variables...)
	require.NoError(t, err)
	checked, issues := env.Compile(expression)
	require.NoError(t, issues.Err())
	program, err := env.Program(checked)
	require.NoError(t, err)
	result, _, err := program.Eval(fields)
	require.NoError(t, err)
	return result.Value()
}
