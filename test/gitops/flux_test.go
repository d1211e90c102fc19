// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// TestFluxHealth evaluates the expressions of flux.yaml with Flux's own evaluator over the states that Argo CD's script is tested
// with. The expected health is Argo CD's, in Flux's words; Suspended is the one state that Flux has no word for.
func TestFluxHealth(t *testing.T) {
	words := map[string]string{"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}
	kustomization := read[kustomizev1.Kustomization](t, "flux.yaml")
	require.Len(t, kustomization.Spec.HealthCheckExprs, 1)
	evaluator, err := cel.NewStatusEvaluator(&kustomization.Spec.HealthCheckExprs[0].HealthCheckExpressions)
	require.NoError(t, err)

	const states = samples + "/resource_customizations/railway.engine-operator.dev/EngineEnvironment"
	cases := read[struct {
		Tests []struct {
			HealthStatus struct{ Status, Message string } `json:"healthStatus"`
			InputPath    string                           `json:"inputPath"`
		} `json:"tests"`
	}](t, "resource_customizations/railway.engine-operator.dev/EngineEnvironment/health_test.yaml").Tests
	for _, tc := range cases {
		want, known := words[tc.HealthStatus.Status]
		t.Run(tc.InputPath, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(states, tc.InputPath))
			require.NoError(t, err)
			object := &unstructured.Unstructured{}
			raw, err = yaml.YAMLToJSON(raw)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, &object.Object)) // whole numbers become int64, as in Kubernetes
			if object.Object["status"] == nil {
				t.Skip("the API server never serves it: observedGeneration has a default in the CRD, as in new.yaml")
			}
			result, err := evaluator.Evaluate(t.Context(), object)
			require.NoError(t, err)
			if !known { // Suspended
				want = "InProgress"
				if strings.HasSuffix(tc.InputPath, "/observing.yaml") {
					want = "Current" // nothing more happens by itself
				}
			}
			assert.Equal(t, want, string(result.Status), result.Message)
		})
	}
}
