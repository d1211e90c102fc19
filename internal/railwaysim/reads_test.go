// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/engine-operator/engine-operator/internal/railway/schema"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// everything selects all fields of a type that need no argument, down to the depth.
func everything(s *ast.Schema, name string, depth int) string {
	var fields []string
	for _, f := range s.Types[name].Fields {
		needs := false
		for _, a := range f.Arguments {
			needs = needs || a.Type.NonNull
		}
		switch inner := s.Types[f.Type.Name()]; {
		case needs || strings.HasPrefix(f.Name, "__"):
		case !inner.IsCompositeType():
			fields = append(fields, f.Name)
		case strings.HasSuffix(inner.Name, "Connection"):
			if depth > 0 {
				node := inner.Fields.ForName("edges").Type.Name()
				fields = append(fields, f.Name+"(first: 2) { pageInfo { hasNextPage } edges { cursor node { "+everything(s, s.Types[node].Fields.ForName("node").Type.Name(), depth-1)+" } } }")
			}
		case depth > 0:
			fields = append(fields, f.Name+" { "+everything(s, inner.Name, depth-1)+" }")
		}
	}
	return strings.Join(append(fields, "__typename"), " ")
}

// TestNestedReads reads every field below the objects that the schema hangs under one another.
func TestNestedReads(t *testing.T) {
	t.Parallel()
	s := gqlparser.MustLoadSchema(&ast.Source{Name: "slice", Input: schema.SDL})
	l := start(t, func(o *railwaysim.Options) { o.Seed.Projects[0].Environments[1].SharedVariables = nil }) // they have no service, although the schema promises one
	l.patch(repo("acme/engine"))
	l.must(`mutation($e: String!, $s: String!) { serviceDomainCreate(input: {environmentId: $e, serviceId: $s}) { domain } }`, vars{"e": staging, "s": engine})
	l.must(addDomain, vars{"p": project, "e": staging, "s": engine, "d": "www.acme.example"})
	l.must(`mutation($p: String!, $e: String!, $s: String!) { volumeCreate(input: {projectId: $p, environmentId: $e, serviceId: $s, mountPath: "/data"}) { id } }`, vars{"p": project, "e": staging, "s": engine})
	for root, kind := range map[string]string{
		`me`: "User", `workspace(workspaceId: "w1")`: "Workspace", `project(id: "` + project + `")`: "Project", `environment(id: "` + staging + `")`: "Environment",
		`service(id: "` + engine + `")`: "Service", `serviceInstance(environmentId: "` + staging + `", serviceId: "` + engine + `")`: "ServiceInstance",
		`environmentStagedChanges(environmentId: "` + staging + `")`: "EnvironmentPatch",
	} {
		a := l.ask(account, "{ it: "+root+" { "+everything(s, kind, 3)+" } }", nil)
		assert.Empty(t, a.Errors, kind)
		assert.Equal(t, kind, a.at("it", "__typename"))
	}
}

// TestProjectsByIDs holds the schema's text: what the caller may not see is skipped.
func TestProjectsByIDs(t *testing.T) {
	t.Parallel()
	l := start(t, withWhole)
	const query = `query($ids: [String!]!) { projectsByIds(ids: $ids) { id environments { edges { node { serviceInstances { edges { node { serviceName } } } } } } } }`
	for token, want := range map[string]int{account: 1, scoped: 1, stranger: 0} {
		a := l.ask(token, query, vars{"ids": []string{"nope", project}})
		require.Empty(t, a.Errors)
		assert.Len(t, a.at("projectsByIds"), want)
	}
	assert.NotContains(t, l.ask(scoped, query, vars{"ids": []string{project}}).Raw, "production")
}

// TestProjectsNeedTheirWorkspace holds that an account token must name one (railway-api.md, "Tokens").
func TestProjectsNeedTheirWorkspace(t *testing.T) {
	t.Parallel()
	l := start(t)
	for name, test := range map[string]struct {
		token, query string
		want         int
		message      string
	}{
		"account":             {account, `{ projects { edges { node { id } } } }`, 0, ""},
		"account, named":      {account, `{ projects(workspaceId: "w1") { edges { node { id } } } }`, 1, ""},
		"account, other":      {account, `{ projects(workspaceId: "w2") { edges { node { id } } } }`, 0, ""},
		"workspace":           {stranger, `{ projects { edges { node { id } } } }`, 0, ""},
		"another's workspace": {stranger, `{ projects(workspaceId: "w1") { edges { node { id } } } }`, 0, "Not Authorized"},
	} {
		a := l.ask(test.token, test.query, nil)
		assert.Equal(t, test.message, a.message(), name)
		edges, _ := a.at("projects", "edges").([]any)
		assert.Len(t, edges, test.want, name)
	}
}

// TestIntrospectionNeedsNoToken holds railway-api.md, "Endpoint": it is answered, and costs no budget.
func TestIntrospectionNeedsNoToken(t *testing.T) {
	t.Parallel()
	l := start(t, withWhole)
	const query = `{ __schema { queryType { name } mutationType { name } subscriptionType { name } types { kind name fields(includeDeprecated: true) { name args { name type { kind name ofType { kind name } } defaultValue } } inputFields { name } enumValues { name } } directives { name } } }`
	a := l.ask("", query, nil)
	require.Empty(t, a.Errors)
	assert.Equal(t, "Subscription", a.at("__schema", "subscriptionType", "name"))
	assert.Empty(t, a.Header.Get("X-RateLimit-Limit"))
	assert.NotEmpty(t, l.ask(account, query, nil).Header.Get("X-RateLimit-Limit"))
	assert.Equal(t, "Not Authorized", l.ask("", `{ __typename project(id: "x") { id } }`, nil).message(), "only introspection")
	refusedOne := l.ask(account, `subscription { deployment(id: "x") { id } }`, nil)
	assert.Equal(t, 400, refusedOne.Status)
	assert.Contains(t, refusedOne.message(), "not supported over HTTP")
}

// TestIDsAreChecked holds that inputs which name objects of another project, or none, are refused and change nothing.
func TestIDsAreChecked(t *testing.T) {
	t.Parallel()
	const (
		upsert     = `mutation($i: VariableUpsertInput!) { variableUpsert(input: $i) }`
		collection = `mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }`
		volume     = `mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { volumeInstances { edges { node { environmentId sizeMB } } } } }`
	)
	for name, test := range map[string]struct {
		reason, query string
		input         vars
		message       string
	}{
		"variable's project":     {"the environment is another project's", upsert, vars{"projectId": "nope", "environmentId": staging, "serviceId": engine, "name": "A", "value": "1"}, "Not Authorized"},
		"variable's environment": {"there is no such environment", upsert, vars{"projectId": project, "environmentId": "nope", "serviceId": engine, "name": "A", "value": "1"}, "Not Authorized"},
		"variable's service":     {"there is no such service", upsert, vars{"projectId": project, "environmentId": staging, "serviceId": "nope", "name": "A", "value": "1"}, "Not Authorized"},
		"service elsewhere":      {"the service is not in the environment", upsert, vars{"projectId": project, "environmentId": production, "serviceId": worker, "name": "A", "value": "1"}, "ServiceInstance not found"},
		"no name":                {"a variable has a name", upsert, vars{"projectId": project, "environmentId": staging, "serviceId": engine, "name": "", "value": "1"}, "name cannot be empty"},
		"collection's project":   {"batches too", collection, vars{"projectId": "nope", "environmentId": staging, "serviceId": engine, "variables": vars{"A": "1"}}, "Not Authorized"},
		"volume's project":       {"there is no such project", volume, vars{"projectId": "nope", "mountPath": "/data"}, "Not Authorized"},
		"volume's environment":   {"there is no such environment", volume, vars{"projectId": project, "environmentId": "nope", "mountPath": "/data"}, "Not Authorized"},
		"volume's empty id":      {"an empty id is no environment", volume, vars{"projectId": project, "environmentId": "", "mountPath": "/data"}, "Not Authorized"},
		"volume's service":       {"there is no such service", volume, vars{"projectId": project, "environmentId": staging, "serviceId": "nope", "mountPath": "/data"}, "Not Authorized"},
		"volume elsewhere":       {"the service is not in the environment", volume, vars{"projectId": project, "environmentId": production, "serviceId": worker, "mountPath": "/data"}, "ServiceInstance not found"},
		"volume's region":        {"regions are a closed list", volume, vars{"projectId": project, "environmentId": staging, "region": "mars", "mountPath": "/data"}, "Invalid region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			before := l.sim.State()
			assert.Contains(t, l.ask(account, test.query, vars{"i": test.input}).message(), test.message, test.reason)
			assert.Equal(t, before, l.sim.State(), "what is refused changes nothing")
		})
	}
}

// TestVolumes holds where volumeCreate makes instances, by the schema's text, and their size by plan.
func TestVolumes(t *testing.T) {
	t.Parallel()
	const volume = `mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { volumeInstances { edges { node { environmentId sizeMB } } } } }`
	instances := func(l *local, input vars) []any {
		input["projectId"], input["mountPath"] = project, "/data"
		list, _ := l.must(volume, vars{"i": input}).at("volumeCreate", "volumeInstances", "edges").([]any)
		return list
	}
	assert.Len(t, instances(start(t), vars{}), 2, "absent: every environment")
	assert.Empty(t, instances(start(t), vars{"environmentId": nil}), "null: none")
	one := instances(start(t), vars{"environmentId": staging})
	assert.Equal(t, []any{map[string]any{"node": map[string]any{"environmentId": staging, "sizeMB": 50000.0}}}, one)
}
