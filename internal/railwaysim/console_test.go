// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// human does something on the console and wants it accepted.
func (l *local) human(path, body string) {
	l.t.Helper()
	status, text := l.console("POST", path, body)
	require.Equal(l.t, 200, status, text)
}

// TestRenames holds that names change and ids stay, and that references by a service's old name break
// (railway-api.md, "Object model", "Variables").
func TestRenames(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(service(engine, map[string]any{"variables": map[string]any{"JOBS": map[string]any{"value": "${{worker.QUEUE}}"}}}))
	l.human("/_sim/service/rename", `{"environment":"staging","service":"worker","name":"queue"}`)
	l.human("/_sim/environment/rename", `{"environment":"staging","name":"preview"}`)
	a := l.must(`query($e: String!, $s: String!) { environment(id: $e) { name } service(id: $s) { name } serviceInstance(environmentId: $e, serviceId: $s) { serviceName } }`,
		vars{"e": staging, "s": worker})
	assert.Equal(t, []any{"preview", "queue", "queue"}, []any{a.at("environment", "name"), a.at("service", "name"), a.at("serviceInstance", "serviceName")})
	rendered := l.must(`query($p: String!, $e: String!, $s: String!) { variables(projectId: $p, environmentId: $e, serviceId: $s) }`, vars{"p": project, "e": staging, "s": engine})
	assert.Equal(t, "", rendered.at("variables", "JOBS"))
	for path, body := range map[string]string{
		"/_sim/service/rename":     `{"environment":"preview","service":"queue","name":"engine"}`,
		"/_sim/environment/rename": `{"environment":"preview","name":"production"}`,
		"/_sim/variable/seal":      `{"environment":"preview","service":"queue","name":"NOTHING"}`,
	} {
		status, _ := l.console("POST", path, body)
		assert.Equal(t, 400, status, path)
	}
}

// TestSealedByAHuman holds that sealing keeps the value, hides it and deploys nothing.
func TestSealedByAHuman(t *testing.T) {
	t.Parallel()
	l := start(t)
	assert.Empty(t, l.deployments(func() {
		l.human("/_sim/variable/seal", `{"environment":"staging","service":"engine","name":"LOG_LEVEL"}`)
		l.human("/_sim/variable/seal", `{"environment":"staging","name":"REGION_NAME"}`)
	}))
	sealed := map[string]any{"value": nil, "isSealed": true}
	assert.Equal(t, sealed, dig(l.config(true), "services", engine, "variables", "LOG_LEVEL"))
	assert.Equal(t, sealed, dig(l.config(true), "sharedVariables", "REGION_NAME"))
	stored, err := l.sim.Variables(in("staging", "engine"))
	require.NoError(t, err)
	assert.Equal(t, "debug", stored["LOG_LEVEL"])
}

// TestDeletedByAPatch holds that the project keeps a service whose last instance went by a patch, with its name.
func TestDeletedByAPatch(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(service(worker, map[string]any{"isDeleted": true}))
	a := l.must(`query($p: String!, $e: String!) { project(id: $p) { services { edges { node { id } } } } environment(id: $e) { config(decryptVariables: true) serviceInstances { edges { node { serviceId deletedAt } } } } }`,
		vars{"p": project, "e": staging})
	gone := map[string]bool{}
	instances, _ := a.at("environment", "serviceInstances", "edges").([]any)
	for _, edge := range instances {
		instance, _ := edge.(map[string]any)["node"].(map[string]any)
		gone[instance["serviceId"].(string)] = instance["deletedAt"] != nil
	}
	assert.Equal(t, map[string]bool{engine: false, worker: true}, gone, "the instance is listed, marked")
	assert.Equal(t, map[string]any{"isDeleted": true}, a.at("environment", "config", "services", worker), "and so is its config")
	services, _ := a.at("project", "services", "edges").([]any)
	assert.Contains(t, services, map[string]any{"node": map[string]any{"id": worker}}, "the row stays")
	create := `mutation($p: String!) { serviceCreate(input: {projectId: $p, name: "worker"}) { id } }`
	assert.Contains(t, l.ask(account, create, vars{"p": project}).message(), "already exists", "and its name is taken")
	l.patch(service(worker, map[string]any{"isCreated": true, "source": map[string]any{"image": "acme/worker:2.0"}}))
	assert.Equal(t, "acme/worker:2.0", dig(l.config(true), "services", worker, "source", "image"), "it can be instantiated again")
}
