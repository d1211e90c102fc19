// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	sealedValue = "sk-sealed-8f3a"
	plainValue  = "plain-51c7"
)

func sealing() map[string]any {
	return service(engine, map[string]any{"variables": map[string]any{
		"API_KEY": map[string]any{"value": sealedValue, "isSealed": true}, "PLAIN": map[string]any{"value": plainValue},
	}})
}

func TestSealedNeverComesBack(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(sealing())
	for name, query := range map[string]string{
		"config":     `query($e: String!) { environment(id: $e) { config(decryptVariables: true) variables { edges { node { name isSealed } } } } }`,
		"rendered":   `query($e: String!) { variables(environmentId: $e, projectId: "` + project + `", serviceId: "` + engine + `") }`,
		"unrendered": `query($e: String!) { variables(environmentId: $e, projectId: "` + project + `", serviceId: "` + engine + `", unrendered: true) }`,
		"deployment": `query($e: String!) { variablesForServiceDeployment(environmentId: $e, projectId: "` + project + `", serviceId: "` + engine + `") }`,
	} {
		a := l.must(query, vars{"e": staging})
		assert.NotContains(t, a.Raw, sealedValue, name)
		if name != "config" {
			assert.Contains(t, a.Raw, plainValue, "%s: what is not sealed is there", name)
		}
	}
	variable, _ := dig(l.config(true), "services", engine, "variables", "API_KEY").(map[string]any)
	assert.Nil(t, variable["value"])
	assert.Equal(t, true, variable["isSealed"], "that it is sealed is told")
	assert.Equal(t, plainValue, dig(l.config(true), "services", engine, "variables", "PLAIN", "value"))
	assert.Nil(t, dig(l.config(false), "services", engine, "variables", "PLAIN", "value"), "undecrypted, no value comes back")

	stored, err := l.sim.Variables(railwaysim.Place{Environment: "staging", Service: "engine"})
	require.NoError(t, err)
	assert.Equal(t, sealedValue, stored["API_KEY"], "it is stored nevertheless")
}

func TestSealingIsForGood(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]any{
		"false":        {"isSealed": false},
		"null":         {"isSealed": nil},
		"with a value": {"value": "new", "isSealed": false},
		"value alone":  {"value": "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.patch(sealing())
			l.patch(service(engine, map[string]any{"variables": map[string]any{"API_KEY": change}}))
			assert.Equal(t, true, dig(l.config(true), "services", engine, "variables", "API_KEY", "isSealed"))
			want := sealedValue
			if change["value"] != nil {
				want = "new"
			}
			stored, err := l.sim.Variables(railwaysim.Place{Environment: "staging", Service: "engine"})
			require.NoError(t, err)
			assert.Equal(t, want, stored["API_KEY"], "a sealed variable can be updated")
		})
	}
}

func TestSealExisting(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": map[string]any{"isSealed": true}}}))
	assert.Equal(t, map[string]any{"value": nil, "isSealed": true}, dig(l.config(true), "services", engine, "variables", "LOG_LEVEL"))
	stored, err := l.sim.Variables(railwaysim.Place{Environment: "staging", Service: "engine"})
	require.NoError(t, err)
	assert.Equal(t, "debug", stored["LOG_LEVEL"], "sealing alone keeps the value")
}

func TestSealedIsNotDuplicated(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(sealing())
	a := l.must(`mutation($p: String!, $e: String!) { environmentCreate(input: {projectId: $p, name: "copy", sourceEnvironmentId: $e}) { config(decryptVariables: true) } }`,
		vars{"p": project, "e": staging})
	assert.Equal(t, plainValue, a.at("environmentCreate", "config", "services", engine, "variables", "PLAIN", "value"))
	assert.Nil(t, a.at("environmentCreate", "config", "services", engine, "variables", "API_KEY"))
	stored, err := l.sim.Variables(railwaysim.Place{Environment: "copy", Service: "engine"})
	require.NoError(t, err)
	assert.NotContains(t, stored, "API_KEY")
}

func TestSealedDoesNotLeakSideways(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(sealing())
	l.patch(service(engine, map[string]any{"variables": map[string]any{
		"REF": map[string]any{"value": "${{API_KEY}}"}, "API_KEY": map[string]any{"value": sealedValue},
	}}))
	for name, query := range map[string]string{
		"a reference to it":   `query($e: String!) { variables(environmentId: $e, projectId: "` + project + `", serviceId: "` + engine + `") }`,
		"for a deployment":    `query($e: String!) { variablesForServiceDeployment(environmentId: $e, projectId: "` + project + `", serviceId: "` + engine + `") }`,
		"the history":         `query($e: String!) { environmentPatches(environmentId: $e) { edges { node { patch(decryptVariables: true) } } } }`,
		"a deployment's copy": `query($e: String!) { environment(id: $e) { id } deploymentSnapshot(deploymentId: "` + l.newest(1)[0].ID + `") { variables } }`,
	} {
		assert.NotContains(t, l.must(query, vars{"e": staging}).Raw, sealedValue, name)
	}
}
