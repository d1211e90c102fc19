// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/cli/manifest"
)

// tier is a manifest whose engine has more fields, and whose spec has.
func tier(engine, spec string) string {
	return `
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: dev}
spec:
  tier: Dev
  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
  engine: {name: ai-engine, source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + engine + "}\n" + spec
}

func refusal(t *testing.T, text string) string {
	t.Helper()
	_, err := manifest.Read(t.Context(), []string{"-"}, strings.NewReader(text), "default")
	require.Error(t, err)
	return err.Error()
}

// TestNoValueInErrors: plan runs in CI, whose log many read.
func TestNoValueInErrors(t *testing.T) {
	check := func(http string) string {
		return tier("", "  verification: {checks: [{name: a, status: 200, http: {path: /, "+http+"}}]}\n")
	}
	for _, tc := range []struct{ name, text, at string }{
		{"a number as a value", tier(", variables: [{name: A, value: 7700}]", ""), "spec.engine.variables[0].value"},
		{"an object as a value", tier(", variables: [{name: A, value: {b: 7700}}]", ""), "spec.engine.variables[0].value"},
		{"variables as a map", tier(", variables: {A: p7700}", ""), "spec.engine.variables"},
		{"variables as texts", tier(", variables: [A=p7700]", ""), "spec.engine.variables[0]"},
		{"variables as a text", tier(", variables: A=p7700", ""), "spec.engine.variables"},
		{"a shared variable", tier("", "  sharedVariables: [{name: A, value: 7700}]\n"), "spec.sharedVariables[0].value"},
		{"a value in the name", tier(", variables: [{name: A=p7700, value: x}]", ""), "spec.engine.variables[0].name"},
		{"a value in place of its source", tier(", variables: [{name: A, valueFrom: p7700}]", ""), "spec.engine.variables[0].valueFrom"},
		{"headers as a map", check("headers: {Authorization: p7700}"), "headers"},
		{"a header's value in its name", check("headers: [{name: 'Authorization: p7700', value: x}]"), "headers[0].name"},
		{"a header's value", check("headers: [{name: a, value: 7700}]"), "headers[0].value"},
		{"a body as an object", check("body: {a: p7700}"), "http.body"},
		{"a token in place of its Secret", strings.Replace(tier("", ""), "{name: railway}", "p7700", 1), "spec.railway.tokenSecretRef"},
	} {
		message := refusal(t, tc.text)
		assert.Contains(t, message, tc.at, tc.name)
		assert.NotContains(t, message, "7700", tc.name)
	}
}

// TestMisfitIsFoundSoon: the place of a misfit is searched for in a time that grows with the file, not with its square.
func TestMisfitIsFoundSoon(t *testing.T) {
	var variables strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&variables, "{name: A%d, value: %s}, ", i, strings.Repeat("x", 50))
	}
	start := time.Now()
	assert.Contains(t, refusal(t, tier(", variables: ["+variables.String()+"{name: B, value: 1}]", "")), "variables[1000].value: ")
	deep := strings.Replace(tier("", ""), "tier: Dev", "budget: "+strings.Repeat("[", 5000)+strings.Repeat("]", 5000), 1)
	assert.Contains(t, refusal(t, deep), "spec.budget: the value does not fit")
	assert.Less(t, time.Since(start), 4*time.Second)
}
