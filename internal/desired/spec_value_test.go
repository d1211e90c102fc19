// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

func TestSpecValue(t *testing.T) {
	for _, c := range []struct {
		reason, field string
		railway       any
		want          string
	}{
		{"a binary quantity", "memoryBytes", float64(2 << 30), "2Gi"},
		{"a decimal quantity", "memoryBytes", 2e9, "2G"},
		{"a fraction of a byte is not declared like that", "memoryBytes", 1.5, "1.5"},
		{"too much for a quantity", "memoryBytes", 1e30, "1e+30"},
		{"processors", "cpu", 0.5, "0.5"},
		{"minutes", "healthcheckTimeout", float64(300), "5m"},
		{"hours", "drainingSeconds", float64(3600), "1h"},
		{"minutes and seconds", "overlapSeconds", float64(90), "1m30s"},
		{"ten minutes keep their zero", "overlapSeconds", float64(600), "10m"},
		{"seconds", "overlapSeconds", float64(30), "30s"},
		{"none", "overlapSeconds", float64(0), "0s"},
		{"longer than a duration holds", "overlapSeconds", 1e15, "1000000000000000"},
		{"a policy", "restartPolicyType", "ON_FAILURE", "OnFailure"},
		{"a policy that Railway adds one day", "restartPolicyType", "SOMETIMES", "SOMETIMES"},
		{"a builder", "builder", "RAILPACK", "Railpack"},
		{"one command", "preDeployCommand", []any{"make migrate"}, "make migrate"},
		{"two commands cannot be declared", "preDeployCommand", []any{"a", "b"}, `["a","b"]`},
		{"regions", "multiRegionConfig", map[string]any{"us-west2": map[string]any{"numReplicas": 2.0}}, `{"us-west2":2}`},
		{"a region with more than replicas", "multiRegionConfig",
			map[string]any{"us-west2": map[string]any{"numReplicas": 2.0, "stackerId": "x"}}, `{"us-west2":{"numReplicas":2,"stackerId":"x"}}`},
		{"replicas that are no number", "multiRegionConfig", map[string]any{"us-west2": map[string]any{"numReplicas": "2"}}, `{"us-west2":{"numReplicas":"2"}}`},
		{"an empty command is none", "preDeployCommand", []any{""}, `[""]`},
		{"a switch", "sleepApplication", true, "true"},
		{"any text", "startCommand", "RAILPACK", "RAILPACK"},
	} {
		assert.Equal(t, c.want, SpecValue(c.field, c.railway), c.reason)
	}
}

// TestSpecValueIsWhatWasDeclared: what is shown of limits and durations can be declared, and means the same.
func TestSpecValueIsWhatWasDeclared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := resource.NewQuantity(rapid.Int64Range(1<<20, 1<<40).Draw(t, "memory"), resource.BinarySI)
		draining := time.Duration(rapid.IntRange(0, 3600).Draw(t, "draining")) * time.Second
		declared := &v1alpha1.Service{Deploy: &v1alpha1.Deploy{
			Limits: &v1alpha1.Limits{Memory: memory}, Draining: &metav1.Duration{Duration: draining},
		}}
		for _, field := range fields(declared) {
			shown := SpecValue(field.Keys[len(field.Keys)-1], field.Value)
			if field.Keys[len(field.Keys)-1] == "memoryBytes" {
				quantity, err := resource.ParseQuantity(shown)
				require.NoError(t, err)
				assert.Equal(t, memory.Value(), quantity.Value())
				continue
			}
			duration, err := time.ParseDuration(shown)
			require.NoError(t, err)
			assert.Equal(t, draining, duration)
		}
	})
}

// TestWordsGoBothWays: each of the spec's words has one of Railway's, which is shown as it again.
func TestWordsGoBothWays(t *testing.T) {
	for _, builder := range []v1alpha1.Builder{v1alpha1.BuilderRailpack, v1alpha1.BuilderNixpacks, v1alpha1.BuilderDockerfile} {
		railway := railwayWord(builders, builder)
		assert.NotEmpty(t, railway)
		assert.Equal(t, builder, BuilderOf(railway))
		assert.Equal(t, string(builder), SpecValue("builder", railway))
	}
	for _, policy := range []v1alpha1.RestartPolicy{v1alpha1.RestartOnFailure, v1alpha1.RestartAlways, v1alpha1.RestartNever} {
		railway := railwayWord(restartPolicies, policy)
		assert.NotEmpty(t, railway)
		assert.Equal(t, policy, RestartPolicyOf(railway))
		assert.Equal(t, string(policy), SpecValue("restartPolicyType", railway))
	}
}
