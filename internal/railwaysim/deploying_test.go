// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	redeployInstance = `mutation($e: String!, $s: String!) { serviceInstanceRedeploy(environmentId: $e, serviceId: $s) }`
	updateInstance   = `mutation($e: String!, $s: String!, $i: ServiceInstanceUpdateInput!) { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: $i) }`
	snapshot         = `query($id: String!) { deploymentSnapshot(deploymentId: $id) { variables } }`
)

// bare makes a service without a source in staging.
func (l *local) bare() string {
	id, _ := l.must(`mutation($p: String!, $e: String!) { serviceCreate(input: {projectId: $p, environmentId: $e, name: "bare"}) { id } }`, vars{"p": project, "e": staging}).at("serviceCreate", "id").(string)
	return id
}

// TestServiceWithoutDeployments holds the trap of railway-api.md, "Config patches": the config matches, and nothing
// runs.
func TestServiceWithoutDeployments(t *testing.T) {
	t.Parallel()
	l := start(t)
	id := l.bare()
	latest := func() any {
		return l.must(`query($e: String!, $s: String!) { serviceInstance(environmentId: $e, serviceId: $s) { latestDeployment { id } } }`, vars{"e": staging, "s": id}).at("serviceInstance", "latestDeployment")
	}
	assert.Contains(t, l.ask(account, deployNow, vars{"e": staging, "s": id}).message(), "no source")
	assert.Empty(t, l.deployments(func() {
		l.must(updateInstance, vars{"e": staging, "s": id, "i": vars{"source": vars{"repo": "acme/bare"}, "startCommand": "serve"}})
	}), "serviceInstanceUpdate applies at once and deploys nothing")
	assert.Equal(t, "acme/bare", dig(l.config(true), "services", id, "source", "repo"))
	assert.Empty(t, l.deployments(func() {
		l.patch(service(id, map[string]any{"source": map[string]any{"repo": "acme/bare"}, "deploy": map[string]any{"startCommand": "serve"}}))
	}), "a patch equal to the config deploys nothing")
	assert.Nil(t, latest())

	assert.Equal(t, map[string]int{"staging/bare": 1}, l.deployments(func() { l.must(deployNow, vars{"e": staging, "s": id, "c": pushed}) }))
	assert.NotNil(t, latest())
	assert.Equal(t, pushed, l.newest(1)[0].Commit)
	assert.Equal(t, "SUCCESS", l.run().at("deployment", "status"))
	assert.Equal(t, "Commit not found", l.ask(account, deployNow, vars{"e": staging, "s": id, "c": "nonsense"}).message())
}

func TestCommitWithoutDeploys(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.must(`mutation($e: String!, $p: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $p, merge: true) { id } }`, vars{"e": staging, "p": image("acme/engine:2.0")})
	assert.Empty(t, l.deployments(func() {
		l.must(`mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e, skipDeploys: true) }`, vars{"e": staging})
	}))
	assert.Equal(t, "acme/engine:2.0", dig(l.config(true), "services", engine, "source", "image"))
	assert.Empty(t, l.deployments(func() { l.patch(image("acme/engine:2.0")) }), "what runs is older than the config, and an equal patch does not notice")
}

// TestRedeployOfAService holds railway-api.md, "Config patches", "Mutations of one field": never deployed, it takes the
// current settings; else the source of the last deployment, whatever the config says.
func TestRedeployOfAService(t *testing.T) {
	t.Parallel()
	l := start(t)
	id := l.bare()
	assert.Contains(t, l.ask(account, redeployInstance, vars{"e": staging, "s": id}).message(), "without a snapshot")
	l.must(updateInstance, vars{"e": staging, "s": id, "i": vars{"source": vars{"image": "acme/bare:1.0"}}})
	l.must(redeployInstance, vars{"e": staging, "s": id})
	assert.Equal(t, "acme/bare:1.0", l.newest(1)[0].Image)

	assert.Equal(t, "Cannot redeploy yet, please wait for the original deployment to finish building",
		l.ask(account, redeployInstance, vars{"e": staging, "s": id}).message(), "right after a deployment it is refused")
	require.Equal(t, "SUCCESS", l.run().at("deployment", "status"))
	l.must(updateInstance, vars{"e": staging, "s": id, "i": vars{"source": vars{"image": "acme/bare:2.0"}, "startCommand": "serve"}})
	l.must(`mutation($i: VariableUpsertInput!) { variableUpsert(input: $i) }`,
		vars{"i": vars{"projectId": project, "environmentId": staging, "serviceId": id, "name": "A", "value": "1", "skipDeploys": true}})
	l.must(redeployInstance, vars{"e": staging, "s": id})
	a := l.run()
	assert.Equal(t, "SUCCESS", a.at("deployment", "status"))
	assert.Equal(t, "acme/bare:1.0", a.at("deployment", "meta", "image"), "the previous image reference, although the config has another")
	assert.Equal(t, "serve", a.at("deployment", "meta", "serviceManifest", "deploy", "startCommand"), "the current settings")
	assert.Equal(t, map[string]any{"A": "1"}, l.must(snapshot, vars{"id": l.newest(1)[0].ID}).at("deploymentSnapshot", "variables"), "and variables")
	assert.Equal(t, "acme/bare:2.0", dig(l.config(true), "services", id, "source", "image"))
}

func TestRedeployOfADeploymentTakesNewVariables(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		l := start(t)
		l.patch(image("acme/engine:2.0"))
		require.Equal(t, "SUCCESS", l.run().at("deployment", "status"))
		id := l.newest(1)[0].ID
		l.patch(service(engine, map[string]any{"source": map[string]any{"image": "acme/engine:3.0"}, "variables": map[string]any{"LOG_LEVEL": map[string]any{"value": "warn"}}}))
		l.advance(30 * step)
		l.must(`mutation($id: String!, $k: Boolean) { deploymentRedeploy(id: $id, usePreviousImageTag: $k) { id } }`, vars{"id": id, "k": keep})
		again := l.newest(1)[0]
		assert.Equal(t, "acme/engine:2.0", again.Image)
		assert.Equal(t, "warn", l.must(snapshot, vars{"id": again.ID}).at("deploymentSnapshot", "variables", "LOG_LEVEL"))
	}
}

// TestStopLeavesSuccess holds that only deploymentStopped tells (railway-api.md, "Mutations of one field").
func TestStopLeavesSuccess(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(image("acme/engine:2.0"))
	require.Equal(t, "SUCCESS", l.run().at("deployment", "status"))
	id := l.newest(1)[0].ID
	l.must(`mutation($id: String!) { deploymentStop(id: $id) }`, vars{"id": id})
	a := l.must(`query($id: String!, $e: String!, $s: String!) { deployment(id: $id) { status deploymentStopped } serviceInstance(environmentId: $e, serviceId: $s) { activeDeployments { id } } }`,
		vars{"id": id, "e": staging, "s": engine})
	assert.Equal(t, map[string]any{"status": "SUCCESS", "deploymentStopped": true}, a.at("deployment"))
	assert.Equal(t, []any{}, a.at("serviceInstance", "activeDeployments"))
}
