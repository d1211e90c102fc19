// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

type object = map[string]any

func edges(nodes ...object) object {
	list := []object{}
	for _, node := range nodes {
		list = append(list, object{"node": node})
	}
	return object{"edges": list, "pageInfo": object{"hasNextPage": false, "endCursor": nil}}
}

func deploymentData(id, status string, created time.Time) object {
	return object{
		"id": id, "status": status, "createdAt": created, "statusUpdatedAt": nil, "deploymentStopped": false, "canRollback": true,
		"meta":      object{"image": "ghcr.io/acme/api:1", "patchId": "patch-1", "commitHash": nil, "branch": 7},
		"instances": []object{{"status": "RUNNING"}, {"status": "RUNNING"}, {"status": "CRASHED"}},
	}
}

func instanceData(id, service, name string) object {
	return object{
		"id": id, "serviceId": service, "serviceName": name, "deletedAt": nil, "railwayConfigFile": nil,
		"domains":          object{"serviceDomains": []object{}, "customDomains": []object{}},
		"latestDeployment": nil, "activeDeployments": []object{},
	}
}

func patchData(id, status string, created time.Time, patch object) object {
	return object{
		"id": id, "status": status, "message": "by hand", "lastAppliedError": nil, "createdAt": created, "appliedAt": nil,
		"appliedBy": object{"name": nil, "username": "ada", "email": "ada@example.com"}, "patch": patch,
	}
}

// environmentData is an answer to ReadEnvironment with one of everything.
func environmentData() object {
	api := instanceData("i1", "s1", "api")
	api["railwayConfigFile"] = "railway.json"
	api["latestDeployment"] = deploymentData("d2", "A_STATUS_OF_TOMORROW", noon.Add(time.Minute))
	api["activeDeployments"] = []object{deploymentData("d1", "SUCCESS", noon), deploymentData("d2", "SUCCESS", noon.Add(time.Minute))}
	api["domains"] = object{
		"serviceDomains": []object{
			{"id": "x2", "domain": "b.up.railway.app", "targetPort": nil, "deletedAt": nil},
			{"id": "x1", "domain": "a.up.railway.app", "targetPort": 8000, "deletedAt": nil},
			{"id": "x0", "domain": "gone.up.railway.app", "targetPort": nil, "deletedAt": noon},
		},
		"customDomains": []object{
			{"id": "c1", "domain": "api.example.com", "targetPort": 80, "deletedAt": nil, "status": object{"verified": true}},
			{"id": "c2", "domain": "new.example.com", "targetPort": 80, "deletedAt": nil, "status": object{"verified": false}},
		},
	}
	gone := instanceData("i3", "s3", "deleted-instance")
	gone["deletedAt"] = noon
	return object{
		"environment": object{
			"id": "e1", "name": "production", "projectId": "p1", "deletedAt": nil, "isEphemeral": false,
			"sourceEnvironment": object{"id": "e0"},
			"config": object{
				"services": object{
					"s1": object{"variables": object{"A": object{"value": "1"}}, "deploy": object{"numReplicas": 3}, "tomorrow": object{"x": 1}},
					"s2": object{"isDeleted": true},
					"s4": nil,
				},
				"sharedVariables": object{"REGION": object{"value": "eu"}},
			},
			"variables": edges(
				object{"name": "KEY", "serviceId": "s1", "isSealed": true},
				object{"name": "A", "serviceId": "s1", "isSealed": false},
				object{"name": "SHARED_KEY", "serviceId": nil, "isSealed": true}),
			"serviceInstances": edges(instanceData("i9", "s9", "worker"), api, gone, instanceData("i2", "s2", "deleted-in-config")),
			"deploymentTriggers": edges(
				object{"id": "t2", "serviceId": "s1", "repository": "acme/api", "branch": "main"},
				object{"id": "t1", "serviceId": "s1", "repository": "acme/api", "branch": "release"},
				object{"id": "t3", "serviceId": "s9", "repository": "acme/worker", "branch": "main"},
				object{"id": "t4", "serviceId": nil, "repository": "acme/none", "branch": "main"}),
			"volumeInstances": edges(object{"id": "v1", "deletedAt": nil}, object{"id": "v2", "deletedAt": noon}),
		},
		"environmentStagedChanges": patchData("<empty>", "STAGED", noon, object{}),
		"environmentPatches": edges(
			patchData("p-old", "COMMITTED", noon, object{"services": object{"s1": object{"variables": object{"B": nil}}}}),
			patchData("p-new", "COMMITTED", noon.Add(time.Hour), object{
				"services": object{"s1": object{
					"variables": object{"A": object{"value": nil, "isSealed": true}},
					"deploy":    object{"multiRegionConfig": object{"us-west2": object{"numReplicas": 2}}},
				}},
				"sharedVariables": object{"REGION": object{"value": nil}},
			}),
			patchData("p-staged", "STAGED", noon, object{})),
	}
}

func answerData(data any) http.HandlerFunc {
	body, err := json.Marshal(object{"data": data})
	if err != nil {
		panic(err)
	}
	return answerWith(200, string(body))
}

func TestEnvironment(t *testing.T) {
	s := serve(t, answerData(environmentData()))
	env, err := s.client(t, nil).Environment(t.Context(), "p1", "e1")
	require.NoError(t, err)
	assert.Equal(t, 1, s.count(), "the whole truth in one request")

	deployment := func(id string, status model.DeploymentStatus, created time.Time) model.Deployment {
		return model.Deployment{
			ID: id, Status: status, CreatedAt: created, CanRollback: true,
			Meta:     model.DeploymentMeta{Image: "ghcr.io/acme/api:1", PatchID: "patch-1"},
			Replicas: map[string]int{"RUNNING": 2, "CRASHED": 1},
		}
	}
	latest := deployment("d2", "A_STATUS_OF_TOMORROW", noon.Add(time.Minute))
	assert.Equal(t, &model.Environment{
		ID: "e1", Name: "production", ProjectID: "p1", Fork: true,
		Config: model.Tree{
			"services": object{"s1": object{
				"variables": object{"A": object{"value": "1"}}, "deploy": object{"numReplicas": 3.0}, "tomorrow": object{"x": 1.0},
			}},
			"sharedVariables": object{"REGION": object{"value": "eu"}},
		},
		Sealed: map[model.VariableRef]bool{{ServiceID: "s1", Name: "KEY"}: true, {Name: "SHARED_KEY"}: true},
		Services: []model.ServiceInstance{
			{
				ID: "i1", ServiceID: "s1", Name: "api", ConfigFile: "railway.json",
				RailwayDomains: []model.Domain{
					{ID: "x1", Host: "a.up.railway.app", Port: 8000, Verified: true}, {ID: "x2", Host: "b.up.railway.app", Verified: true},
				},
				CustomDomains: []model.Domain{
					{ID: "c1", Host: "api.example.com", Port: 80, Verified: true}, {ID: "c2", Host: "new.example.com", Port: 80},
				},
				Triggers: []model.Trigger{
					{ID: "t1", Repository: "acme/api", Branch: "release"}, {ID: "t2", Repository: "acme/api", Branch: "main"},
				},
				Latest: &latest,
				Active: []model.Deployment{deployment("d2", "SUCCESS", noon.Add(time.Minute)), deployment("d1", "SUCCESS", noon)},
			},
			{ID: "i9", ServiceID: "s9", Name: "worker", Triggers: []model.Trigger{{ID: "t3", Repository: "acme/worker", Branch: "main"}}},
		},
		Volumes: 1,
		Patches: []model.Patch{
			{ID: "p-new", Status: "COMMITTED", Message: "by hand", AppliedBy: "ada", CreatedAt: noon.Add(time.Hour), Paths: []string{
				"services.s1.deploy.multiRegionConfig.us-west2.numReplicas", "services.s1.variables.A", "sharedVariables.REGION",
			}},
			{ID: "p-old", Status: "COMMITTED", Message: "by hand", AppliedBy: "ada", CreatedAt: noon, Paths: []string{"services.s1.variables.B"}},
		},
	}, env)
}

// TestNamesOfPeopleAreBounded: anybody can choose a name, and it stands in the status beside each field that differs.
func TestNamesOfPeopleAreBounded(t *testing.T) {
	long := strings.Repeat("Ada ", 1000)
	patch := decodePatch(gql.Patch{AppliedBy: &gql.PatchAppliedByAppliedByMember{Name: &long}})
	assert.True(t, strings.HasPrefix(patch.AppliedBy, "Ada Ada"))
	assert.LessOrEqual(t, len(patch.AppliedBy), 128)
}

func TestEnvironmentHistory(t *testing.T) {
	staged := object{"services": object{"s1": object{"variables": object{"A": object{"value": nil}, "B": nil}}}}
	tests := []struct {
		reason, status string
		patch          object
		history        []object
		staged         []string
		applying       bool
	}{
		{reason: "a placeholder", status: "STAGED", patch: object{}},
		{reason: "somebody staged something", status: "STAGED", patch: staged,
			staged: []string{"services.s1.variables.A", "services.s1.variables.B"}},
		{reason: "a commit is being applied", status: "APPLYING", patch: staged, applying: true},
		{reason: "a commit is being applied, the history says", status: "STAGED", patch: object{},
			history: []object{patchData("p", "APPLYING", noon, staged)}, applying: true},
		{reason: "a commit failed", status: "STAGED", patch: object{}, history: []object{patchData("p", "FAILED", noon, staged)}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			data := environmentData()
			data["environmentStagedChanges"] = patchData("x", tt.status, noon, tt.patch)
			data["environmentPatches"] = edges(tt.history...)
			env, err := serve(t, answerData(data)).client(t, nil).Environment(t.Context(), "p1", "e1")
			require.NoError(t, err)
			assert.Equal(t, tt.staged, env.Staged)
			assert.Equal(t, tt.applying, env.Applying)
			assert.Len(t, env.Patches, len(tt.history))
		})
	}
}

// Whatever is null or missing must be an error: as data it would look deleted, and the plan would make it again.
func TestIncompleteEnvironmentIsAnError(t *testing.T) {
	tests := []struct {
		reason string
		spoil  func(data, environment object)
		want   Class
	}{
		{"no environment", func(d, _ object) { d["environment"] = nil }, Transient},
		{"another environment", func(_, e object) { e["id"] = "e2" }, Transient},
		{"another project's", func(_, e object) { e["projectId"] = "p2" }, Transient},
		{"a deleted one", func(_, e object) { e["deletedAt"] = noon }, NotFound},
		{"no config", func(_, e object) { e["config"] = nil }, Transient},
		{"config is a list", func(_, e object) { e["config"] = []any{} }, Transient},
		{"config is missing", func(_, e object) { delete(e, "config") }, Transient},
		{"no variables", func(_, e object) { e["variables"] = nil }, Transient},
		{"no instances", func(_, e object) { e["serviceInstances"] = nil }, Transient},
		{"no triggers: it would look as if nothing deployed past the operator",
			func(_, e object) { e["deploymentTriggers"] = nil }, Transient},
		{"no volumes", func(_, e object) { e["volumeInstances"] = nil }, Transient},
		{"an empty instance", func(_, e object) { e["serviceInstances"] = edges(nil) }, Transient},
		{"no domains", func(_, e object) {
			i := instanceData("i1", "s1", "api")
			i["domains"] = nil
			e["serviceInstances"] = edges(i)
		}, Transient},
		{"no list of active deployments", func(_, e object) {
			i := instanceData("i1", "s1", "api")
			i["activeDeployments"] = nil
			e["serviceInstances"] = edges(i)
		}, Transient},
		{"no staging area", func(d, _ object) { d["environmentStagedChanges"] = nil }, Transient},
		{"no history", func(d, _ object) { d["environmentPatches"] = nil }, Transient},
		{"a further page without a cursor", func(_, e object) {
			e["variables"].(object)["pageInfo"] = object{"hasNextPage": true, "endCursor": nil}
		}, Transient},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			data := environmentData()
			tt.spoil(data, data["environment"].(object))
			env, err := serve(t, answerData(data)).client(t, nil).Environment(t.Context(), "p1", "e1")
			assert.Nil(t, env)
			assert.Equal(t, tt.want, ClassOf(err), "%v", err)
		})
	}
}

// paged answers each operation with further pages until the cursor says 3.
func paged(t *testing.T, whole object, page func(operation, cursor string) object) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			OperationName string
			Variables     struct{ After string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		data := whole
		if body.Variables.After != "" {
			data = page(body.OperationName, body.Variables.After)
		}
		answer, _ := json.Marshal(object{"data": data})
		_, _ = w.Write(answer)
	}
}

func next(connection object, cursor string) object {
	connection = maps.Clone(connection)
	connection["pageInfo"] = object{"hasNextPage": cursor != "", "endCursor": cursor}
	return connection
}

var following = map[string]string{"1": "2", "2": ""}

func TestEnvironmentPages(t *testing.T) {
	data := environmentData()
	e := data["environment"].(object)
	e["serviceInstances"] = next(edges(instanceData("i0", "page-0", "svc-0")), "1")
	e["variables"] = next(edges(object{"name": "V0", "serviceId": nil, "isSealed": true}), "1")
	e["deploymentTriggers"] = next(edges(object{"id": "t0", "serviceId": "page-0", "repository": "r", "branch": "b"}), "1")
	s := serve(t, paged(t, data, func(operation, cursor string) object {
		connection := object{"serviceInstances": next(edges(instanceData("i"+cursor, "page-"+cursor, "svc-"+cursor)), following[cursor])}
		if operation == "ReadVariables" {
			connection = object{"variables": next(edges(object{"name": "V" + cursor, "serviceId": nil, "isSealed": true}), following[cursor])}
		}
		if operation == "ReadTriggers" {
			trigger := object{"id": "t" + cursor, "serviceId": "page-" + cursor, "repository": "r", "branch": "b"}
			connection = object{"deploymentTriggers": next(edges(trigger), following[cursor])}
		}
		return object{"environment": connection}
	}))
	env, err := s.client(t, nil).Environment(t.Context(), "p1", "e1")
	require.NoError(t, err)
	assert.Equal(t, 7, s.count())
	for i := range 3 {
		instance, ok := env.Instance(fmt.Sprint("svc-", i))
		assert.True(t, ok, "service of page %d", i)
		assert.Len(t, instance.Triggers, 1, "trigger of page %d", i)
		assert.True(t, env.Sealed[model.VariableRef{Name: fmt.Sprint("V", i)}], "variable of page %d", i)
	}
}

// A page that is null must not pass for the last one: what it held would look deleted.
func TestNullPagesAreAnError(t *testing.T) {
	for _, connection := range []string{"serviceInstances", "variables", "deploymentTriggers"} {
		for reason, page := range map[string]object{
			"no environment": {"environment": nil}, "no connection": {"environment": object{connection: nil}},
			"no edges": {"environment": object{connection: object{"edges": nil, "pageInfo": object{"hasNextPage": false}}}},
		} {
			data := environmentData()
			data["environment"].(object)[connection] = next(edges(), "1")
			s := serve(t, paged(t, data, func(string, string) object { return page }))
			env, err := s.client(t, nil).Environment(t.Context(), "p1", "e1")
			assert.Nil(t, env, "%s: %s", connection, reason)
			assert.Equal(t, Transient, ClassOf(err), "%s: %s", connection, reason)
		}
	}
}

// A project token may not see what its environment was forked from (railway-api.md, "Tokens"); that must not cost it
// everything else.
func TestTheSourceOfAForkMayBeHidden(t *testing.T) {
	data := environmentData()
	data["environment"].(object)["sourceEnvironment"] = nil
	hidden := object{"message": "Not Authorized", "path": []any{"environment", "sourceEnvironment"}}
	answer := func(data any, problems ...object) http.HandlerFunc {
		body, err := json.Marshal(object{"data": data, "errors": problems})
		require.NoError(t, err)
		return answerWith(200, string(body))
	}
	s := serve(t, answer(data, hidden))
	env, err := s.client(t, nil).Environment(t.Context(), "p1", "e1")
	require.NoError(t, err)
	assert.False(t, env.Fork)
	assert.Len(t, env.Services, 2)

	s.set(answer(data, hidden, object{"message": "Not Authorized", "path": []any{"environment", "variables"}}))
	_, err = s.client(t, nil).Environment(t.Context(), "p1", "e1")
	assert.Equal(t, Unauthorized, ClassOf(err), "any other error spoils the answer")
	s.set(answer(nil, hidden))
	_, err = s.client(t, nil).Environment(t.Context(), "p1", "e1")
	assert.Equal(t, Unauthorized, ClassOf(err), "without data it is the answer")
}

func TestEndlessPagesAreAnError(t *testing.T) {
	data := environmentData()
	data["environment"].(object)["serviceInstances"] = next(edges(), "1")
	s := serve(t, paged(t, data, func(string, string) object {
		return object{"environment": object{"serviceInstances": next(edges(), "1")}}
	}))
	_, err := s.client(t, func(o *Options) { o.RequestsPerSecond = 1e6 }).Environment(t.Context(), "p1", "e1")
	assert.Equal(t, Transient, ClassOf(err))
	assert.LessOrEqual(t, s.count(), maxPages+1)
}

func TestProject(t *testing.T) {
	s := serve(t, answerWith(200, projectJSON))
	project, err := s.client(t, nil).Project(t.Context(), "p1")
	require.NoError(t, err)
	assert.Equal(t, model.Project{
		ID: "p1", Name: "engine",
		Environments: []model.Named{{ID: "e1", Name: "production"}}, Services: []model.Named{{ID: "s1", Name: "api"}},
	}, project, "without what is deleted")
	assert.Equal(t, 1, s.count())
}

func TestProjectPages(t *testing.T) {
	named := func(id string) object { return edges(object{"id": id, "name": id, "deletedAt": nil}) }
	whole := object{"project": object{"id": "p1", "name": "engine", "deletedAt": nil,
		"environments": next(named("e0"), "1"), "services": next(named("s0"), "1")}}
	s := serve(t, paged(t, whole, func(operation, cursor string) object {
		if operation == "ReadProjectServices" {
			return object{"project": object{"services": next(named("s"+cursor), following[cursor])}}
		}
		return object{"project": object{"environments": next(named("e"+cursor), following[cursor])}}
	}))
	project, err := s.client(t, nil).Project(t.Context(), "p1")
	require.NoError(t, err)
	assert.Equal(t, []model.Named{{ID: "e0", Name: "e0"}, {ID: "e1", Name: "e1"}, {ID: "e2", Name: "e2"}}, project.Environments)
	assert.Equal(t, []model.Named{{ID: "s0", Name: "s0"}, {ID: "s1", Name: "s1"}, {ID: "s2", Name: "s2"}}, project.Services)
	assert.Equal(t, 5, s.count())
}

func TestUnusableProjects(t *testing.T) {
	tests := []struct {
		reason, project string
		want            Class
	}{
		{"deleted", `{"id":"p1","name":"x","deletedAt":"2026-01-01T00:00:00Z"}`, NotFound},
		{"no services", `{"id":"p1","name":"x","environments":{"edges":[]},"services":null}`, Transient},
		{"no environments", `{"id":"p1","name":"x","environments":{"edges":null},"services":{"edges":[]}}`, Transient},
		{"another one", `{"id":"p2","name":"x","environments":{"edges":[]},"services":{"edges":[]}}`, Transient},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			s := serve(t, answerWith(200, `{"data":{"project":`+tt.project+`}}`))
			_, err := s.client(t, nil).Project(t.Context(), "p1")
			assert.Equal(t, tt.want, ClassOf(err))
		})
	}
}

func TestScope(t *testing.T) {
	answers := []string{
		`{"errors":[{"message":"Problem processing request"}]}`,
		`{"data":{"projectToken":{"projectId":"","environmentId":"","project":{"name":""},"environment":{"name":""}}}}`,
		`{"data":{"projectToken":{"projectId":"p1","environmentId":"e1","project":{"name":"engine"},"environment":{"name":"production"}}}}`,
	}
	s := serve(t, nil)
	pool, err := NewPool(Options{Endpoint: s.URL})
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)

	_, err = pool.Client(Credentials{Token: testToken}).Scope(t.Context())
	assert.Equal(t, Invalid, ClassOf(err), "an account token has none")
	assert.Zero(t, s.count())

	c := pool.Client(Credentials{Kind: TokenProject, Token: testToken})
	for _, answer := range answers[:2] {
		s.set(answerWith(200, answer))
		_, err = c.Scope(t.Context())
		assert.Equal(t, Transient, ClassOf(err))
	}
	s.set(answerWith(200, answers[2]))
	for range 3 {
		scope, err := c.Scope(t.Context())
		require.NoError(t, err)
		assert.Equal(t, model.TokenScope{
			ProjectID: "p1", ProjectName: "engine", EnvironmentID: "e1", EnvironmentName: "production",
		}, scope)
	}
	assert.Equal(t, 3, s.count(), "failures are not remembered, the answer is")
}

func TestFailure(t *testing.T) {
	line := func(second int) object {
		return object{"timestamp": noon.Add(time.Duration(second) * time.Second).Format(time.RFC3339Nano), "severity": "error",
			"message": fmt.Sprint("line ", second)}
	}
	var lines []object
	for i := range logLines + 1 {
		lines = append(lines, line(logLines-i))
	}
	event := func(step string, second int, completed any, payload any) object {
		return object{"step": step, "createdAt": noon.Add(time.Duration(second) * time.Second), "completedAt": completed, "payload": payload}
	}
	s := serve(t, answerData(object{
		"deploymentEvents": edges(
			event("HEALTHCHECK", 2, nil, object{"error": nil, "reason": "never answered 200", "skipped": false}),
			event("BUILD_IMAGE", 1, noon, nil)),
		"buildLogs": []object{}, "deploymentLogs": lines,
	}))
	failure, err := s.client(t, nil).Failure(t.Context(), "d1")
	require.NoError(t, err)
	assert.Equal(t, []model.Step{{Name: "BUILD_IMAGE", Completed: true}, {Name: "HEALTHCHECK", Error: "never answered 200"}}, failure.Steps)
	assert.Empty(t, failure.BuildLogs)
	require.Len(t, failure.DeployLogs, logLines, "Railway may send one more than asked for")
	assert.Equal(t, "line 1", failure.DeployLogs[0].Message, "oldest first")
	assert.Equal(t, "line 20", failure.DeployLogs[logLines-1].Message)
	assert.Contains(t, s.bodies[0], `"lines":20`)
}
