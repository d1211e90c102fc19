// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason string
		patch  map[string]any
		keys   []string
		want   any
	}{
		"adds": {
			"a new variable", service(engine, map[string]any{"variables": map[string]any{"NEW": map[string]any{"value": "1"}}}),
			[]string{"services", engine, "variables", "NEW", "value"}, "1",
		},
		"replaces": {
			"a known variable", service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": map[string]any{"value": "warn"}}}),
			[]string{"services", engine, "variables", "LOG_LEVEL", "value"}, "warn",
		},
		"deletes": {
			"null takes it away", service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": nil}}),
			[]string{"services", engine, "variables", "LOG_LEVEL"}, nil,
		},
		"leaves siblings": {
			"deep merge: a sibling is untouched", service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": nil}}),
			[]string{"services", engine, "variables", "WHERE", "value"}, "${{shared.REGION_NAME}}",
		},
		"leaves other services": {
			"deep merge: another service is untouched", service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": nil}}),
			[]string{"services", worker, "variables", "QUEUE", "value"}, "jobs",
		},
		"keeps an empty value": {
			"an empty string is a legal value", service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": map[string]any{"value": ""}}}),
			[]string{"services", engine, "variables", "LOG_LEVEL", "value"}, "",
		},
		"keeps unknown fields": {
			"the schema of the config is open", service(engine, map[string]any{"deploy": map[string]any{"fromTheFuture": "yes"}}),
			[]string{"services", engine, "deploy", "fromTheFuture"}, "yes",
		},
		"shared": {
			"shared variables stand beside services", map[string]any{"sharedVariables": map[string]any{"REGION_NAME": map[string]any{"value": "east"}}},
			[]string{"sharedVariables", "REGION_NAME", "value"}, "east",
		},
		"regions replace the default": {
			"the platform's default region is not added to declared ones",
			service(engine, map[string]any{"deploy": map[string]any{"multiRegionConfig": map[string]any{"us-east4-eqdc4a": map[string]any{"numReplicas": 2}}}}),
			[]string{"services", engine, "deploy", "multiRegionConfig"}, map[string]any{"us-east4-eqdc4a": map[string]any{"numReplicas": 2.0}},
		},
		"removes a service": {
			"of a service that is deleted only the mark is left", service(worker, map[string]any{"isDeleted": true}),
			[]string{"services", worker}, map[string]any{"isDeleted": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.patch(test.patch)
			assert.Equal(t, test.want, dig(l.config(true), test.keys...), test.reason)
		})
	}
}

func TestPatchRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason      string
		environment string
		patch       map[string]any
		code        string
		message     string
	}{
		"unknown service":  {"keys are ids of the project's services", staging, service("nope", map[string]any{}), "BAD_USER_INPUT", "nope"},
		"name for id":      {"a name is no id", staging, service("engine", map[string]any{}), "BAD_USER_INPUT", "engine"},
		"not instantiated": {"an instance must be created first", production, service(worker, map[string]any{}), "BAD_USER_INPUT", worker},
		"unknown region": {
			"regions are a closed list", staging,
			service(engine, map[string]any{"deploy": map[string]any{"multiRegionConfig": map[string]any{"mars": map[string]any{"numReplicas": 1}}}}), "BAD_USER_INPUT", "mars",
		},
		"too many replicas": {
			"the plan bounds replicas", staging,
			service(engine, map[string]any{"deploy": map[string]any{"multiRegionConfig": map[string]any{"us-west2": map[string]any{"numReplicas": 43}}}}), "PLAN_LIMIT", "42",
		},
		"unknown environment": {"what is not there looks like what is not visible", "nope", service(engine, map[string]any{}), "INTERNAL_SERVER_ERROR", "Not Authorized"},
		"empty id":            {"an empty id is not authorized", "", service(engine, map[string]any{}), "INTERNAL_SERVER_ERROR", "Not Authorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			before := l.config(true)
			started := l.deployments(func() {
				a := l.ask(account, commit, vars{"e": test.environment, "p": test.patch})
				assert.Equal(t, map[bool]int{true: 400, false: 200}[test.code == "BAD_USER_INPUT"], a.Status, "bad input is HTTP 400, refusals come with 200 (railway-api.md#errors)")
				assert.Equal(t, test.code, a.code(), test.reason)
				assert.Contains(t, a.message(), test.message, test.reason)
			})
			assert.Empty(t, started, "what is refused deploys nothing")
			assert.Equal(t, before, l.config(true), "what is refused changes nothing")
		})
	}
}

func TestCreateInstanceByPatch(t *testing.T) {
	t.Parallel()
	l := start(t)
	create := service(worker, map[string]any{"isCreated": true, "source": map[string]any{"image": "acme/worker:1.0"}})
	started := l.deployments(func() { l.must(commit, vars{"e": production, "p": create}) })
	assert.Equal(t, map[string]int{"production/worker": 1}, started)
	a := l.must(`query($e: String!) { environment(id: $e) { config(decryptVariables: true) } }`, vars{"e": production})
	assert.Equal(t, "acme/worker:1.0", a.at("environment", "config", "services", worker, "source", "image"))
	assert.Nil(t, a.at("environment", "config", "services", worker, "isCreated"), "the mark is not part of the config")
}

func TestPlatformDefaultsShow(t *testing.T) {
	t.Parallel()
	config := start(t).config(false)
	for _, test := range []struct {
		want any
		keys []string
	}{
		{"RAILPACK", []string{"build", "builder"}},
		{"V2", []string{"deploy", "runtime"}},
		{"ON_FAILURE", []string{"deploy", "restartPolicyType"}},
		{10.0, []string{"deploy", "restartPolicyMaxRetries"}},
		{map[string]any{"us-west2": map[string]any{"numReplicas": 1.0}}, []string{"deploy", "multiRegionConfig"}},
	} {
		assert.Equal(t, test.want, dig(config, append([]string{"services", engine}, test.keys...)...), "%v", test.keys)
	}
}

func TestEtagIsOverTheMaskedConfig(t *testing.T) {
	t.Parallel()
	l := start(t)
	etag := func() any {
		return l.must(`query($e: String!) { environment(id: $e) { configEtag } }`, vars{"e": staging}).at("environment", "configEtag")
	}
	first := etag()
	l.patch(service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": map[string]any{"value": "warn"}}}))
	assert.Equal(t, first, etag(), "an edit of a value alone does not show")
	l.patch(service(engine, map[string]any{"variables": map[string]any{"ANOTHER": map[string]any{"value": "1"}}}))
	second := etag()
	assert.NotEqual(t, first, second, "a new variable shows")
	l.patch(service(engine, map[string]any{"deploy": map[string]any{"startCommand": "serve"}}))
	assert.NotEqual(t, second, etag(), "a setting shows")
}

const staged = `query Staged($e: String!) { environmentStagedChanges(environmentId: $e) { id status patch } }`

func TestStaging(t *testing.T) {
	t.Parallel()
	l := start(t)
	stage := func(merge bool, change map[string]any) {
		l.must(`mutation($e: String!, $p: EnvironmentConfig!, $m: Boolean) { environmentStageChanges(environmentId: $e, input: $p, merge: $m) { id } }`,
			vars{"e": staging, "p": change, "m": merge})
	}
	empty := l.must(staged, vars{"e": staging})
	assert.Equal(t, map[string]any{"id": "<empty>", "status": "STAGED", "patch": map[string]any{}}, empty.at("environmentStagedChanges"),
		"with nothing staged there is a placeholder, never null")
	assert.Equal(t, "No patch to apply", l.ask(account, `mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e) }`, vars{"e": staging}).message())

	started := l.deployments(func() {
		stage(true, service(engine, map[string]any{"deploy": map[string]any{"startCommand": "serve"}}))
		stage(true, service(worker, map[string]any{"variables": map[string]any{"QUEUE": nil}}))
	})
	assert.Empty(t, started, "staging deploys nothing")
	assert.Nil(t, dig(l.config(true), "services", engine, "deploy", "startCommand"), "staging applies nothing")
	patch := l.must(staged, vars{"e": staging}).at("environmentStagedChanges", "patch", "services", worker, "variables")
	assert.Equal(t, map[string]any{"QUEUE": nil}, patch, "a staged deletion is kept as null")

	l.patch(service(engine, map[string]any{"variables": map[string]any{"DIRECT": map[string]any{"value": "1"}}}))
	assert.NotEqual(t, "<empty>", l.must(staged, vars{"e": staging}).at("environmentStagedChanges", "id"), "a direct commit leaves the staging area alone")

	started = l.deployments(func() {
		l.must(`mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e) }`, vars{"e": staging})
	})
	assert.Equal(t, map[string]int{"staging/engine": 1, "staging/worker": 1}, started, "the whole staging area is committed at once")
	config := l.config(true)
	assert.Equal(t, "serve", dig(config, "services", engine, "deploy", "startCommand"))
	assert.Nil(t, dig(config, "services", worker, "variables", "QUEUE"), "the staged null deleted")
	assert.Equal(t, "<empty>", l.must(staged, vars{"e": staging}).at("environmentStagedChanges", "id"))

	stage(true, service(engine, map[string]any{"deploy": map[string]any{"startCommand": "other"}}))
	stage(false, map[string]any{})
	assert.Equal(t, map[string]any{}, l.must(staged, vars{"e": staging}).at("environmentStagedChanges", "patch"), "merge:false replaces")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(service(engine, map[string]any{"deploy": map[string]any{"startCommand": "serve"}}))
	status, text := l.console("POST", "/_sim/variable", `{"environment":"staging","service":"engine","name":"LOG_LEVEL","value":"warn"}`)
	require.Equal(t, 200, status, text)
	a := l.must(`query($e: String!) { environmentPatches(environmentId: $e, first: 2) { edges { node { status message patch appliedBy { email } } } } }`, vars{"e": staging})
	edges, _ := a.at("environmentPatches", "edges").([]any)
	require.Len(t, edges, 2)
	newest, oldest := answer{Data: edges[0].(map[string]any)}, answer{Data: edges[1].(map[string]any)}
	assert.Equal(t, "dana@acme.example", newest.at("node", "appliedBy", "email"), "the newest is first, by whom")
	assert.Nil(t, newest.at("node", "patch", "services", engine, "variables", "LOG_LEVEL", "value"), "values are masked")
	assert.Equal(t, "test", oldest.at("node", "message"))
	assert.Equal(t, "COMMITTED", oldest.at("node", "status"))
}
