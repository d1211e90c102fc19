// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/admission"
)

const whole = `
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: dev}
spec:
  tier: Dev
  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
  engine: {name: ai-engine, source: {image: "ghcr.io/acme/ai-engine:1.4.2"}}
`

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &fields))
	return fields
}

// TestCheck: test/apivalidation holds that every answer is that of an API server; here is what an API server does not decide.
func TestCheck(t *testing.T) {
	cases := []struct{ name, reason, from, to, want string }{
		{"whole", "a namespace may come from kubectl", "", "", ""},
		{"the object's name", "every object of Kubernetes has one", "name: dev", "name: Dev_1", `metadata.name: Invalid value: "Dev_1"`},
		{
			"a variable's value", "it may be a secret: nothing of it is told", "engine: {name: ai-engine,",
			"engine: {name: ai-engine, variables: [{name: A, value: {canary: 1}}],",
			`spec.engine.variables[0].value: Invalid value: spec.engine.variables[0].value in body must be of type string: "object"`,
		},
		{
			"a whole object", "it would fill the screen, and hold values", "engine: {name: ai-engine,",
			"engine: {name: ai-engine, variables: [{name: A, value: canary, valueFrom: {secretKeyRef: {name: a, key: canary}}}],",
			"spec.engine.variables[0]: Invalid value: set exactly one of value and valueFrom",
		},
		{
			"a name twice", "its key names it", "engine: {name: ai-engine,",
			"engine: {name: ai-engine, variables: [{name: A, value: canary}, {name: A, value: canary}],",
			`spec.engine.variables[1]: Duplicate value: {"name":"A"}`,
		},
		{"two things", "both are told", "tier: Dev", "tier: Dev\n  driftPolicy: Fight\n  deletionPolicy: Maybe", "; spec.driftPolicy: Unsupported value"},
		{"a rule of the whole object", "it has no field to name", "name: dev", "name: " + strings.Repeat("x", 60), "Invalid value: the name must have at most 59"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			fields := object(t, strings.Replace(whole, tc.from, tc.to, 1))
			admission.Default(fields)
			err := admission.Explain(admission.Check(t.Context(), fields, nil))
			if tc.want == "" {
				require.NoError(t, err, tc.reason)
				return
			}
			require.ErrorContains(t, err, tc.want, tc.reason)
			assert.NotContains(t, err.Error(), "canary", tc.reason)
			assert.NotContains(t, err.Error(), "<nil>")
		})
	}
}

// TestDefault: a null is a field that is left out, as it is for the API server.
func TestDefault(t *testing.T) {
	fields := object(t, whole+"  budget: null\n  driftPolicy: null\n")
	require.NotEmpty(t, admission.Check(t.Context(), fields, nil))
	admission.Default(fields)
	assert.Equal(t, map[string]any{"observedGeneration": int64(-1)}, fields["status"], "the one default that the definition has")
	delete(fields, "status")
	assert.Equal(t, object(t, whole), fields)
	assert.Empty(t, admission.Check(t.Context(), fields, nil))
}
