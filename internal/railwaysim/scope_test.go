// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// TestProjectTokenScope walks what a project token may and may not do (railway-api.md, "Tokens").
func TestProjectTokenScope(t *testing.T) {
	t.Parallel()
	variables := vars{"p": project, "own": staging, "other": production, "s": engine}
	for name, test := range map[string]struct {
		query   string
		refused bool
	}{
		"itself":               {`{ projectToken { projectId environmentId } }`, false},
		"its environment":      {`query($own: String!) { environment(id: $own) { config(decryptVariables: true) } }`, false},
		"its project":          {`query($p: String!) { project(id: $p) { services { edges { node { name } } } } }`, false},
		"its staging area":     {`query($own: String!) { environmentStagedChanges(environmentId: $own) { id } }`, false},
		"its instance":         {`query($own: String!, $s: String!) { serviceInstance(environmentId: $own, serviceId: $s) { id } }`, false},
		"its commit":           {`mutation($own: String!) { environmentPatchCommit(environmentId: $own, patch: {}) }`, false},
		"its variable":         {`mutation($p: String!, $own: String!, $s: String!) { variableUpsert(input: {projectId: $p, environmentId: $own, serviceId: $s, name: "A", value: "1"}) }`, false},
		"its deployment":       {`mutation($own: String!, $s: String!) { serviceInstanceDeployV2(environmentId: $own, serviceId: $s) }`, false},
		"a service of its own": {`mutation($p: String!, $own: String!) { serviceCreate(input: {projectId: $p, environmentId: $own, name: "new"}) { id } }`, false},

		"me":                        {`{ me { id } }`, true},
		"list projects":             {`{ projects { edges { node { id } } } }`, true},
		"workspaces":                {`{ apiToken { workspaces { id } } }`, true},
		"a workspace":               {`{ workspace(workspaceId: "w1") { id } }`, true},
		"another environment":       {`query($other: String!) { environment(id: $other) { id } }`, true},
		"another instance":          {`query($other: String!, $s: String!) { serviceInstance(environmentId: $other, serviceId: $s) { id } }`, true},
		"another's variables":       {`query($p: String!, $other: String!, $s: String!) { variables(projectId: $p, environmentId: $other, serviceId: $s) }`, true},
		"another commit":            {`mutation($other: String!) { environmentPatchCommit(environmentId: $other, patch: {}) }`, true},
		"another variable":          {`mutation($p: String!, $other: String!, $s: String!) { variableUpsert(input: {projectId: $p, environmentId: $other, serviceId: $s, name: "A", value: "1"}) }`, true},
		"a service everywhere":      {`mutation($p: String!) { serviceCreate(input: {projectId: $p, name: "new"}) { id } }`, true},
		"delete a service there":    {`mutation($s: String!, $other: String!) { serviceDelete(id: $s, environmentId: $other) }`, true},
		"connect a source":          {`mutation($s: String!) { serviceConnect(id: $s, input: {image: "x:1"}) { id } }`, true},
		"create a project":          {`mutation { projectCreate(input: {name: "new", workspaceId: "w1"}) { id } }`, true},
		"create an environment":     {`mutation($p: String!) { environmentCreate(input: {projectId: $p, name: "new"}) { id } }`, true},
		"delete its environment":    {`mutation($own: String!) { environmentDelete(id: $own) }`, true},
		"mint a token":              {`mutation($p: String!, $own: String!) { projectTokenCreate(input: {projectId: $p, environmentId: $own, name: "more"}) }`, true},
		"rename its project":        {`mutation($p: String!) { projectUpdate(id: $p, input: {name: "mine"}) { id } }`, true},
		"delete its project":        {`mutation($p: String!) { projectDelete(id: $p) }`, true},
		"list tokens":               {`query($p: String!) { projectTokens(projectId: $p) { edges { node { id } } } }`, true},
		"list other environments":   {`query($p: String!, $own: String!) { environments(projectId: $p) { edges { node { id } } } environment(id: $own) { id } }`, false},
		"another's staging":         {`query($other: String!) { environmentStagedChanges(environmentId: $other) { id } }`, true},
		"another's history":         {`query($other: String!) { environmentPatches(environmentId: $other) { edges { node { id } } } }`, true},
		"another's newest releases": {`query($other: String!) { deployments(input: {environmentId: $other}) { edges { node { id } } } }`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			if !test.refused {
				a := l.ask(scoped, test.query, variables)
				assert.Empty(t, a.Errors)
				assert.NotContains(t, a.Raw, production, "nothing of another environment shows")
				return
			}
			state := l.sim.State()
			a := l.ask(scoped, test.query, variables)
			assert.Equal(t, "Not Authorized", a.message())
			assert.Equal(t, 200, a.Status, "Railway refuses with HTTP 200")
			assert.Equal(t, state, l.sim.State(), "what is refused changes nothing")
			assert.Empty(t, l.ask(account, test.query, variables).Errors, "the same is granted to the account, so that the token is what was refused")
		})
	}
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	l := start(t)
	const query = `query($p: String!) { project(id: $p) { id } }`
	for name, test := range map[string]struct{ token, message string }{
		"none":              {"", "Not Authorized"},
		"unknown":           {"99999999-9999-4999-8999-999999999999", "Not Authorized"},
		"another workspace": {stranger, "Not Authorized"},
		"unknown project's": {revoked, "Project Token not found"},
	} {
		a := l.ask(test.token, query, vars{"p": project})
		assert.Equal(t, test.message, a.message(), name)
		assert.Equal(t, 200, a.Status, name)
		assert.Nil(t, a.at("project", "id"), name)
	}
	assert.Equal(t, "Not Authorized", l.ask(stranger, `{ me { id } }`, nil).message(), "a workspace token knows no person")
	assert.Empty(t, l.ask(stranger, `{ apiToken { workspaces { id } } }`, nil).Errors)
}

func TestMintedTokenWorks(t *testing.T) {
	t.Parallel()
	l := start(t)
	created := l.must(`mutation($p: String!, $e: String!) { projectTokenCreate(input: {projectId: $p, environmentId: $e, name: "ci"}) }`, vars{"p": project, "e": staging})
	value, _ := created.at("projectTokenCreate").(string)
	listed := l.must(`query($p: String!) { projectTokens(projectId: $p) { edges { node { name displayToken } } } }`, vars{"p": project})
	assert.Contains(t, listed.Raw, `"ci"`)
	assert.NotContains(t, listed.Raw, value, "the value is shown once")
	status, log := l.console("GET", "/_sim/requests", "")
	assert.Equal(t, 200, status)
	assert.NotContains(t, log, value)
}

// TestProjectTokenSeesNoOtherEnvironment holds that what hangs below a visible object keeps the token's scope.
func TestProjectTokenSeesNoOtherEnvironment(t *testing.T) {
	t.Parallel()
	l := start(t)
	for name, query := range map[string]string{
		"environments": `query($p: String!) { project(id: $p) { environments { edges { node { id } } } } }`,
		"deployments":  `query($p: String!) { project(id: $p) { deployments { edges { node { environmentId } } } } }`,
		"instances":    `query($p: String!) { project(id: $p) { services { edges { node { serviceInstances { edges { node { environmentId } } } } } } } }`,
	} {
		a := l.ask(scoped, query, vars{"p": project})
		assert.Contains(t, a.Raw, staging, name)
		assert.NotContains(t, a.Raw, production, name)
	}
}

// TestServiceMutationsReachEveryEnvironmentThatIsNoFork holds the descriptions of the schema: given an environment that is no fork,
// serviceCreate, serviceDelete and serviceInstanceUpdate act on all that are none; given a fork, on it alone
// (railway-api.md, "Service mutations and forks").
func TestServiceMutationsReachEveryEnvironmentThatIsNoFork(t *testing.T) {
	t.Parallel()
	l := start(t)
	fork := l.must(`mutation($p: String!, $s: String!) { environmentCreate(input: {projectId: $p, name: "pr-1", sourceEnvironmentId: $s}) { id } }`,
		vars{"p": project, "s": staging}).at("environmentCreate", "id")
	in := func(service string) (names []string) {
		state := l.sim.State()["ai-engine"]
		for _, name := range []string{"production", "staging", "pr-1"} {
			environment, _ := state[name].(map[string]any)
			services, _ := environment["services"].(map[string]string)
			if _, ok := services[service]; ok {
				names = append(names, name)
			}
		}
		return names
	}
	create := `mutation($p: String!, $e: String!, $n: String!) { serviceCreate(input: {projectId: $p, environmentId: $e, name: $n, source: {image: "redis:7"}}) { id } }`
	everywhere, _ := l.must(create, vars{"p": project, "e": staging, "n": "cache"}).at("serviceCreate", "id").(string)
	assert.Equal(t, []string{"production", "staging"}, in(everywhere))
	elsewhere, err := l.sim.Config(railwaysim.Place{Environment: "production", Service: "cache"})
	require.NoError(t, err)
	assert.Empty(t, elsewhere, "without a source")
	alone, _ := l.must(create, vars{"p": project, "e": fork, "n": "only"}).at("serviceCreate", "id").(string)
	assert.Equal(t, []string{"pr-1"}, in(alone))

	remove := `mutation($s: String!, $e: String!) { serviceDelete(id: $s, environmentId: $e) }`
	l.must(remove, vars{"s": worker, "e": fork})
	assert.Equal(t, []string{"staging"}, in(worker))
	l.must(remove, vars{"s": engine, "e": staging})
	assert.Equal(t, []string{"pr-1"}, in(engine), "production's is gone, too")
	patch := `mutation($e: String!, $p: EnvironmentConfig!) { environmentPatchCommit(environmentId: $e, patch: $p) }`
	l.must(patch, vars{"e": staging, "p": map[string]any{"services": map[string]any{everywhere: map[string]any{"isDeleted": true}}}})
	assert.Equal(t, []string{"production"}, in(everywhere), "a patch stays where it is sent")
}
