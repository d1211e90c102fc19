// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const pushed = "0123456789abcdef0123456789abcdef01234567"

// triggers reads staging's trigger rows.
func (l *local) triggers() []any {
	a := l.must(`query($e: String!) { environment(id: $e) { deploymentTriggers(first: 200) { edges { node { id serviceId repository branch checkSuites } } } } }`, vars{"e": staging})
	edges, _ := a.at("environment", "deploymentTriggers", "edges").([]any)
	return edges
}

func (l *local) push(branch string) map[string]int {
	return l.deployments(func() {
		require.NoError(l.t, l.sim.PushCommit(railwaysim.CommitPush{Repo: "acme/engine", Branch: branch, Commit: pushed}))
	})
}

// TestPushDeploys walks who has a trigger (railway-api.md, "Auto-deploy"), and what a push then does.
func TestPushDeploys(t *testing.T) {
	t.Parallel()
	connect := func(l *local) {
		l.must(`mutation($s: String!) { serviceConnect(id: $s, input: {repo: "acme/engine", branch: "main"}) { id } }`, vars{"s": engine})
	}
	drop := func(l *local) {
		id, _ := answer{Data: l.triggers()[0].(map[string]any)}.at("node", "id").(string)
		l.must(`mutation($id: String!) { deploymentTriggerDelete(id: $id) }`, vars{"id": id})
	}
	autoDeploy := func(enabled bool) func(*local) {
		return func(l *local) {
			l.must(`mutation($i: ServiceInstanceAutoDeployUpdateInput!) { serviceInstanceAutoDeployUpdate(input: $i) { enabled } }`,
				vars{"i": vars{"projectId": project, "environmentId": staging, "serviceId": engine, "enabled": enabled}})
		}
	}
	patch := func(p map[string]any) func(*local) { return func(l *local) { l.patch(p) } }
	for name, test := range map[string]struct {
		reason string
		acts   []func(*local)
		branch string
		want   int // deployments in staging by the push
	}{
		"image":           {"an image is not built", nil, "main", 0},
		"connected":       {"connecting a repository makes a trigger", []func(*local){connect}, "main", 1},
		"patched":         {"so does a source patch, on the default branch", []func(*local){patch(repo("acme/engine"))}, "main", 1},
		"pinned":          {"a pinned commit does not keep a push away", []func(*local){patch(repo("acme/engine", map[string]any{"commitSha": "feedface"}))}, "main", 1},
		"default branch":  {"a push without a branch is one to main", []func(*local){patch(repo("acme/engine"))}, "", 1},
		"other branch":    {"another branch deploys nothing", []func(*local){patch(repo("acme/engine"))}, "next", 0},
		"its branch":      {"the source's branch", []func(*local){patch(repo("acme/engine", map[string]any{"branch": "next"}))}, "next", 1},
		"other repo":      {"another repository deploys nothing", []func(*local){patch(repo("acme/other"))}, "main", 0},
		"deleted":         {"without its row nothing deploys", []func(*local){connect, drop}, "main", 0},
		"switched off":    {"auto-deploy off", []func(*local){connect, autoDeploy(false)}, "main", 0},
		"switched on":     {"and on again", []func(*local){connect, drop, autoDeploy(true)}, "main", 1},
		"patched again":   {"a source patch makes the row again", []func(*local){connect, drop, patch(service(engine, map[string]any{"source": map[string]any{"rootDirectory": "/app"}}))}, "main", 1},
		"other patch":     {"another patch does not", []func(*local){connect, drop, patch(service(engine, map[string]any{"deploy": map[string]any{"startCommand": "serve"}}))}, "main", 0},
		"image instead":   {"an image has no trigger", []func(*local){connect, patch(service(engine, map[string]any{"source": map[string]any{"repo": nil, "image": "acme/engine:2.0"}}))}, "main", 0},
		"service removed": {"a service that is gone is not deployed", []func(*local){connect, patch(service(engine, map[string]any{"isDeleted": true}))}, "main", 0},
		"disconnected": {"nor one without source", []func(*local){connect, func(l *local) {
			l.must(`mutation($s: String!) { serviceDisconnect(id: $s) { id } }`, vars{"s": engine})
		}}, "main", 0},
		"updated": {"serviceInstanceUpdate makes one too", []func(*local){func(l *local) {
			l.must(`mutation($s: String!, $e: String!) { serviceInstanceUpdate(serviceId: $s, environmentId: $e, input: {source: {repo: "acme/engine"}}) }`, vars{"s": engine, "e": staging})
		}}, "main", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, withWhole)
			for _, act := range test.acts {
				act(l)
			}
			started := l.push(test.branch)
			assert.Equal(t, test.want, started["staging/engine"], test.reason)
			if test.want > 0 {
				all := l.newest(len(started))
				assert.Equal(t, pushed, all[len(all)-1].Commit, "it builds what was pushed")
				assert.Equal(t, "push", all[len(all)-1].Cause)
			}
		})
	}
}

func TestConnectingBuildsAtOnce(t *testing.T) {
	t.Parallel()
	l := start(t)
	started := l.deployments(func() {
		l.must(`mutation($s: String!) { serviceConnect(id: $s, input: {repo: "acme/engine", branch: "next"}) { id } }`, vars{"s": engine})
	})
	assert.Equal(t, map[string]int{"staging/engine": 1, "production/engine": 1}, started, "in every environment")
	require.Len(t, l.triggers(), 1)
	row, _ := l.triggers()[0].(map[string]any)["node"].(map[string]any)
	assert.Equal(t, "acme/engine", row["repository"])
	assert.Equal(t, "next", row["branch"])
	status, text := l.console("POST", "/_sim/repo/push", `{"repo":"acme/engine","branch":"next","commit":"`+pushed+`"}`)
	require.Equal(t, 200, status, text)
	l.must(deployNow, vars{"e": staging, "s": engine})
	assert.Equal(t, pushed, l.newest(1)[0].Commit, "the branch's head is what was pushed")
	assert.Error(t, l.sim.PushCommit(railwaysim.CommitPush{Repo: "acme/engine", Commit: "HEAD"}))
}

// TestTriggersAreNotForProjectTokens holds railway-api.md, "Auto-deploy".
func TestTriggersAreNotForProjectTokens(t *testing.T) {
	t.Parallel()
	l := start(t, withWhole)
	l.patch(repo("acme/engine"))
	row, _ := l.triggers()[0].(map[string]any)["node"].(map[string]any)
	for name, query := range map[string]string{
		"delete": `mutation { deploymentTriggerDelete(id: "` + row["id"].(string) + `") }`,
		"switch": `mutation { serviceInstanceAutoDeployUpdate(input: {projectId: "` + project + `", environmentId: "` + staging + `", serviceId: "` + engine + `", enabled: false}) { enabled } }`,
	} {
		assert.Equal(t, "Bad Access", l.ask(scoped, query, nil).message(), name)
	}
	assert.Len(t, l.triggers(), 1)
	read := `query { serviceInstanceAutoDeployStatus(projectId: "` + project + `", environmentId: "` + staging + `", serviceId: "` + engine + `") { canEnable enabled } }`
	assert.Equal(t, map[string]any{"canEnable": true, "enabled": true}, l.ask(scoped, read, nil).at("serviceInstanceAutoDeployStatus"))
}
