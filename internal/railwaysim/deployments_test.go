// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func image(name string) map[string]any {
	return service(engine, map[string]any{"source": map[string]any{"image": name}})
}

// deployment reads a deployment as a client does.
func (l *local) deployment(id string) answer {
	l.t.Helper()
	return l.must(`query($id: String!) { deployment(id: $id) { status meta canRollback instances { status } }
		deploymentEvents(id: $id) { edges { node { step payload { error } } } } deploymentLogs(deploymentId: $id) { message } buildLogs(deploymentId: $id) { message } }`, vars{"id": id})
}

func TestWalk(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		image  string
		health string
		want   []string // the status now and after each further step
		event  string   // an error among the events
		log    string   // a line of the deployment's log
	}{
		"healthy":       {"acme/engine:2.0", "/health", []string{"INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "SUCCESS"}, "", "Security middleware disabled"},
		"image missing": {"acme/engine:missing", "", []string{"INITIALIZING", "BUILDING", "FAILED"}, "failed to resolve image", ""},
		"build fails":   {"acme/engine:2-fail-build", "", []string{"INITIALIZING", "BUILDING", "FAILED"}, "build failed", ""},
		"unhealthy":     {"acme/engine:unhealthy", "/health", []string{"INITIALIZING", "BUILDING", "DEPLOYING", "DEPLOYING", "DEPLOYING", "FAILED"}, "never became healthy", "GET /health 503"},
		"wrong path":    {"acme/engine:2.0", "/nowhere", []string{"INITIALIZING", "BUILDING", "DEPLOYING", "DEPLOYING", "DEPLOYING", "FAILED"}, "never became healthy", "GET /nowhere 503"},
		"crash":         {"acme/engine:crash", "", []string{"INITIALIZING", "BUILDING", "DEPLOYING", "CRASHED"}, "", "RuntimeError: engine died: no model to serve"},
		"stuck":         {"acme/engine:stuck", "", []string{"INITIALIZING", "BUILDING", "BUILDING", "BUILDING"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			change := image(test.image)
			change["services"].(map[string]any)[engine].(map[string]any)["deploy"] = map[string]any{"healthcheckPath": test.health}
			l.patch(change)
			id := l.newest(1)[0].ID
			var got []string
			var last answer
			for range test.want {
				last = l.deployment(id)
				got = append(got, last.at("deployment", "status").(string))
				l.advance(step)
			}
			assert.Equal(t, test.want, got)
			if test.event != "" {
				assert.Contains(t, last.Raw, test.event)
			}
			if test.log != "" {
				assert.Contains(t, last.Raw, test.log)
			}
		})
	}
}

func TestReplacedDeploymentGoes(t *testing.T) {
	t.Parallel()
	l := start(t)
	old := l.newest(2)[0] // one of staging's two
	for _, d := range l.sim.Deployments() {
		if d.Environment == "staging" && d.Service == "engine" {
			old = d
		}
	}
	require.Equal(t, "SUCCESS", old.Status, "what the seed declares serves")
	active := func() []any {
		a := l.must(`query($e: String!, $s: String!) { serviceInstance(environmentId: $e, serviceId: $s) { activeDeployments { id } } }`, vars{"e": staging, "s": engine})
		list, _ := a.at("serviceInstance", "activeDeployments").([]any)
		return list
	}
	l.patch(image("acme/engine:2.0"))
	next := l.newest(1)[0].ID
	l.advance(2 * step)
	assert.Equal(t, []any{map[string]any{"id": old.ID}}, active(), "the old one serves until the new one does")
	l.advance(step)
	assert.Equal(t, []any{map[string]any{"id": next}}, active())
	assert.Equal(t, "REMOVING", l.deployment(old.ID).at("deployment", "status"))
	l.advance(step)
	assert.Equal(t, "REMOVED", l.deployment(old.ID).at("deployment", "status"))

	l.patch(image("acme/engine:unhealthy"))
	l.advance(10 * step)
	assert.Equal(t, []any{map[string]any{"id": next}}, active(), "a failed deployment replaces nothing")
}

// TestWhatDeploys counts deployments per change (railway-api.md, "Config patches", "Mutations of one field").
func TestWhatDeploys(t *testing.T) {
	t.Parallel()
	of := func(services ...string) map[string]int {
		count := map[string]int{}
		for _, s := range services {
			count["staging/"+s]++
		}
		return count
	}
	commitOf := func(p map[string]any) func(*local) { return func(l *local) { l.patch(p) } }
	upsert := func(skip bool, names ...string) func(*local) {
		return func(l *local) {
			for _, name := range names {
				l.must(`mutation($i: VariableUpsertInput!) { variableUpsert(input: $i) }`, vars{"i": vars{
					"projectId": project, "environmentId": staging, "serviceId": engine, "name": name, "value": "1", "skipDeploys": skip,
				}})
			}
		}
	}
	collection := func(service any, skip bool) func(*local) {
		return func(l *local) {
			l.must(`mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }`, vars{"i": vars{
				"projectId": project, "environmentId": staging, "serviceId": service, "variables": vars{"A": "1", "B": "2", "C": "3"}, "skipDeploys": skip,
			}})
		}
	}
	for name, test := range map[string]struct {
		reason string
		act    func(*local)
		want   map[string]int
	}{
		"ten variables in one commit": {"a commit deploys once per service", func(l *local) {
			variables := map[string]any{}
			for _, n := range "ABCDEFGHIJ" {
				variables[string(n)] = map[string]any{"value": "1"}
			}
			l.patch(service(engine, map[string]any{"variables": variables}))
		}, of("engine")},
		"two services in one commit": {"each affected service once", commitOf(map[string]any{"services": map[string]any{
			engine: map[string]any{"variables": map[string]any{"A": map[string]any{"value": "1"}}},
			worker: map[string]any{"variables": map[string]any{"A": map[string]any{"value": "1"}}},
		}}), of("engine", "worker")},
		"image":              {"a new source deploys", commitOf(image("acme/engine:2.0")), of("engine")},
		"start command":      {"a deploy setting deploys", commitOf(service(engine, map[string]any{"deploy": map[string]any{"startCommand": "serve"}})), of("engine")},
		"referenced":         {"a shared variable deploys the services that refer to it", commitOf(map[string]any{"sharedVariables": map[string]any{"REGION_NAME": map[string]any{"value": "east"}}}), of("engine")},
		"unreferenced":       {"a shared variable that nobody refers to deploys nothing", commitOf(map[string]any{"sharedVariables": map[string]any{"NOBODY": map[string]any{"value": "x"}}}), of()},
		"same again":         {"a patch that changes nothing deploys nothing", commitOf(image("acme/engine:1.0")), of()},
		"empty":              {"an empty patch deploys nothing", commitOf(map[string]any{}), of()},
		"replicas":           {"replicas scale without a deployment", commitOf(service(engine, map[string]any{"deploy": map[string]any{"multiRegionConfig": map[string]any{"us-west2": map[string]any{"numReplicas": 3}}}})), of()},
		"proxy":              {"networking does not deploy", commitOf(service(engine, map[string]any{"networking": map[string]any{"tcpProxies": map[string]any{"5432": map[string]any{}}}})), of()},
		"source removed":     {"without a source there is nothing to deploy", commitOf(service(engine, map[string]any{"source": nil})), of()},
		"upserts":            {"one deployment per call", upsert(false, "A", "B", "C"), of("engine", "engine", "engine")},
		"silent upserts":     {"skipDeploys", upsert(true, "A", "B", "C"), of()},
		"collection":         {"one deployment for the batch", collection(engine, false), of("engine")},
		"silent batch":       {"skipDeploys", collection(engine, true), of()},
		"shared by omission": {"without a service the batch is shared, and nobody refers to it", collection(nil, false), of()},
		"delete": {"a deletion deploys", func(l *local) {
			l.must(`mutation($i: VariableDeleteInput!) { variableDelete(input: $i) }`, vars{"i": vars{"projectId": project, "environmentId": staging, "serviceId": engine, "name": "LOG_LEVEL"}})
		}, of("engine")},
		"instance update": {"serviceInstanceUpdate waits for the next deployment", func(l *local) {
			l.must(`mutation($e: String!, $s: String!) { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: {startCommand: "serve"}) }`, vars{"e": staging, "s": engine})
		}, of()},
		"limits": {"limits wait too", func(l *local) {
			l.must(`mutation($e: String!, $s: String!) { serviceInstanceLimitsUpdate(input: {environmentId: $e, serviceId: $s, memoryGB: 2, vCPUs: 1}) }`, vars{"e": staging, "s": engine})
		}, of()},
		"domain": {"a domain does not deploy", func(l *local) {
			l.must(`mutation($e: String!, $s: String!) { serviceDomainCreate(input: {environmentId: $e, serviceId: $s}) { domain } }`, vars{"e": staging, "s": engine})
		}, of()},
		"deploy now": {"serviceInstanceDeployV2", func(l *local) {
			l.must(`mutation($e: String!, $s: String!) { serviceInstanceDeployV2(environmentId: $e, serviceId: $s) }`, vars{"e": staging, "s": engine})
		}, of("engine")},
		"human": {"a dashboard edit deploys", func(l *local) {
			require.NoError(l.t, l.sim.EditVariable(railwaysim.VariableEdit{Place: railwaysim.Place{Environment: "staging", Service: "engine"}, Name: "LOG_LEVEL"}))
		}, of("engine")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			assert.Equal(t, test.want, l.deployments(func() { test.act(l) }), test.reason)
		})
	}
}

func TestDeploymentKeepsItsVariables(t *testing.T) {
	t.Parallel()
	l := start(t)
	snapshot := func(id string) any {
		return l.must(`query($id: String!) { deploymentSnapshot(deploymentId: $id) { variables } }`, vars{"id": id}).at("deploymentSnapshot", "variables")
	}
	l.patch(image("acme/engine:2.0"))
	first := l.newest(1)[0].ID
	want := map[string]any{"LOG_LEVEL": "debug", "WHERE": "west"}
	require.Equal(t, want, snapshot(first), "references are rendered at the start")
	l.advance(4 * step)

	edit := service(engine, map[string]any{"variables": map[string]any{"LOG_LEVEL": map[string]any{"value": "warn"}}, "source": map[string]any{"image": "acme/engine:3.0"}})
	l.patch(edit)
	second := l.newest(1)[0].ID
	assert.Equal(t, map[string]any{"LOG_LEVEL": "warn", "WHERE": "west"}, snapshot(second))
	assert.Equal(t, want, snapshot(first), "a deployment keeps what it was started with")
	l.advance(4 * step)

	l.must(`mutation($id: String!) { deploymentRestart(id: $id) }`, vars{"id": second})
	assert.Equal(t, second, l.newest(1)[0].ID, "a restart is no new deployment")

	l.must(`mutation($id: String!) { deploymentRollback(id: $id) }`, vars{"id": first})
	back := l.newest(1)[0]
	assert.Equal(t, "acme/engine:2.0", back.Image, "a rollback takes the old image")
	assert.Equal(t, want, snapshot(back.ID), "and the old variables")
	assert.Equal(t, "acme/engine:3.0", dig(l.config(true), "services", engine, "source", "image"), "and leaves the config alone")
}

func TestDeploymentTellsItsPatch(t *testing.T) {
	t.Parallel()
	l := start(t)
	id := l.must(commit, vars{"e": staging, "p": image("acme/engine:2.0")}).at("environmentPatchCommit")
	l.advance(4 * step)
	a := l.deployment(l.newest(1)[0].ID)
	assert.Equal(t, id, a.at("deployment", "meta", "patchId"))
	assert.Equal(t, "acme/engine:2.0", a.at("deployment", "meta", "image"))
	assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, a.at("deployment", "meta", "imageDigest"))
}

func TestReplicasFollowTheConfig(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(service(engine, map[string]any{"deploy": map[string]any{"multiRegionConfig": map[string]any{
		"us-west2": map[string]any{"numReplicas": 2}, "us-east4-eqdc4a": map[string]any{"numReplicas": 1},
	}}}))
	a := l.must(`query($e: String!, $s: String!) { serviceInstance(environmentId: $e, serviceId: $s) { latestDeployment { instances { status } } } }`, vars{"e": staging, "s": engine})
	running := map[string]any{"status": "RUNNING"}
	assert.Equal(t, []any{running, running, running}, a.at("serviceInstance", "latestDeployment", "instances"))
}

func TestOutsideEvents(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]string{"crash": "CRASHED", "sleep": "SLEEPING"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.patch(image("acme/engine:2.0"))
			l.advance(4 * step)
			code, text := l.console("POST", "/_sim/deployment/"+path, `{"environment":"staging","service":"engine"}`)
			require.Equal(t, 200, code, text)
			l.advance(time.Second)
			assert.Equal(t, status, l.deployment(l.newest(1)[0].ID).at("deployment", "status"))
		})
	}
}
