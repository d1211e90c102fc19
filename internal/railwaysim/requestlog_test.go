// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// TestNoSecretInTheLog sends secrets by every way in, and looks for them in the console.
func TestNoSecretInTheLog(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-4c1d"
	l := start(t)
	value := map[string]any{"value": secret}
	ways := []struct {
		name, query string
		variables   vars
	}{
		{"a patch", commit, vars{"e": staging, "p": service(engine, map[string]any{"variables": map[string]any{"A": value}})}},
		{"a patch of shared variables", commit, vars{"e": staging, "p": map[string]any{"sharedVariables": map[string]any{"A": value}}}},
		{"a staged patch", `mutation($e: String!, $p: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $p, merge: true) { id } }`,
			vars{"e": staging, "p": service(engine, map[string]any{"variables": map[string]any{"B": value}})}},
		{"an upsert", `mutation($i: VariableUpsertInput!) { variableUpsert(input: $i) }`,
			vars{"i": vars{"projectId": project, "environmentId": staging, "serviceId": engine, "name": "C", "value": secret}}},
		{"a batch", `mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }`,
			vars{"i": vars{"projectId": project, "environmentId": staging, "serviceId": engine, "variables": vars{"D": secret}}}},
		{"a literal in the query", `mutation { variableUpsert(input: {projectId: "` + project + `", environmentId: "` + staging + `", serviceId: "` + engine + `", name: "E", value: "` + secret + `"}) }`, nil},
		{"a new service", `mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }`,
			vars{"i": vars{"projectId": project, "environmentId": staging, "name": "new", "variables": vars{"F": secret}}}},
	}
	for _, way := range ways {
		l.must(way.query, way.variables)
	}
	stored, err := l.sim.Variables(railwaysim.Place{Environment: "staging", Service: "engine"})
	require.NoError(t, err)
	for _, name := range []string{"A", "C", "D", "E"} {
		require.Equal(t, secret, stored[name], "%s did arrive", name)
	}
	l.must(`mutation($e: String!, $s: String!) { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: {registryCredentials: {username: "robot", password: "`+secret+`"}}) }`,
		vars{"e": production, "s": engine})
	l.ask(secret, `{ me { id } }`, nil)

	for _, path := range []string{"/_sim/requests", "/_sim/deployments"} {
		status, text := l.console("GET", path, "")
		require.Equal(t, 200, status)
		assert.NotContains(t, text, secret, path)
		assert.NotContains(t, text, account, "%s: no token either", path)
	}
	log := l.sim.Requests()
	require.Len(t, log, len(ways)+2)
	assert.Equal(t, "***", dig(log[0].Variables, "patch", "services", engine, "variables", "A", "value"), "names are kept")
	assert.Equal(t, "***", dig(log[4].Variables, "input", "variables", "D"))
	assert.Equal(t, "dana", log[0].Token, "the token's name is logged")
	assert.Empty(t, log[len(log)-1].Token, "a bad token has none")
}

func TestNoVariableInTheState(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(sealing())
	l.must(`mutation($e: String!, $p: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $p, merge: true) { id } }`, vars{"e": staging, "p": sealing()})
	status, text := l.console("GET", "/_sim/state", "")
	require.Equal(t, 200, status)
	assert.Contains(t, text, "API_KEY", "names are there")
	for _, value := range []string{sealedValue, plainValue, "debug", account} {
		assert.NotContains(t, text, value)
	}
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.must(`query Two { apiToken { workspaces { id } } more: projects { pageInfo { hasNextPage } } }`, nil)
	l.patch(map[string]any{})
	l.ask(account, `{ nonsense }`, nil)

	read := func(query string) []railwaysim.Request {
		status, text := l.console("GET", "/_sim/requests"+query, "")
		require.Equal(t, 200, status)
		var list []railwaysim.Request
		require.NoError(t, json.Unmarshal([]byte(text), &list))
		return list
	}
	log := read("")
	require.Len(t, log, 3)
	assert.Equal(t, []string{"apiToken", "projects"}, log[0].RootFields, "by name, not by alias")
	assert.Equal(t, []string{"Two", "Commit", ""}, []string{log[0].Operation, log[1].Operation, log[2].Operation})
	assert.Equal(t, []string{"query", "mutation"}, []string{log[0].Kind, log[1].Kind})
	assert.Equal(t, "test", log[0].Source, "the source of the URL")
	assert.Contains(t, log[2].Error, "nonsense")
	assert.False(t, log[2].Applied, "what does not validate does not run")

	since := read("?since=" + strconv.Itoa(log[0].Seq))
	assert.Len(t, since, 2)
	l.console("DELETE", "/_sim/requests", "")
	assert.Empty(t, read(""))
}

func TestLogSeesThroughFragments(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.ask(account, `mutation M { ...F } fragment F on Mutation { variableUpsert(input: {projectId: "x", environmentId: "x", name: "A", value: "topsecret9"}) }`, nil)
	entry := l.sim.Requests()[0]
	assert.Equal(t, []string{"variableUpsert"}, entry.RootFields)
	_, text := l.console("GET", "/_sim/requests", "")
	assert.NotContains(t, text, "topsecret9")
}

func TestLogOfAnUnansweredRequest(t *testing.T) {
	t.Parallel()
	l := start(t)
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultResetAfter}))
	_, err := l.try(account, commit, vars{"e": staging, "p": map[string]any{}})
	require.Error(t, err)
	entry := l.sim.Requests()[0]
	assert.Zero(t, entry.Status, "no answer was sent")
	assert.True(t, entry.Applied, "it was applied all the same")
}
