// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProjectSettings holds what projectCreate keeps and what projectUpdate changes (railway-api.md, "Object model").
func TestProjectSettings(t *testing.T) {
	t.Parallel()
	const fields = ` { id description isPublic prDeploys botPrEnvironments focusedPrEnvironments }`
	for name, test := range map[string]struct {
		reason string
		input  vars
		want   map[string]any
	}{
		"nothing":       {"absent leaves", vars{}, nil},
		"null":          {"so does null", vars{"description": nil, "isPublic": nil, "prDeploys": nil}, nil},
		"empty":         {"an empty description clears", vars{"description": ""}, map[string]any{"description": nil}},
		"other":         {"a description replaces", vars{"description": "new"}, map[string]any{"description": "new"}},
		"private again": {"false is a value", vars{"isPublic": false, "prDeploys": false}, map[string]any{"isPublic": false, "prDeploys": false}},
		"pull requests": {"settings of pull requests", vars{"botPrEnvironments": true, "focusedPrEnvironments": true}, map[string]any{"botPrEnvironments": true, "focusedPrEnvironments": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			made := l.must(`mutation { projectCreate(input: {name: "made", workspaceId: "w1", description: "old", isPublic: true, prDeploys: true})`+fields+` }`, nil)
			id, _ := made.at("projectCreate", "id").(string)
			want := map[string]any{"id": id, "description": "old", "isPublic": true, "prDeploys": true, "botPrEnvironments": false, "focusedPrEnvironments": false}
			require.Equal(t, want, made.at("projectCreate"), "what is created is kept")
			for key, value := range test.want {
				want[key] = value
			}
			l.must(`mutation($id: String!, $i: ProjectUpdateInput!) { projectUpdate(id: $id, input: $i) { id } }`, vars{"id": id, "i": test.input})
			assert.Equal(t, want, l.must(`query($id: String!) { project(id: $id)`+fields+` }`, vars{"id": id}).at("project"), test.reason)
		})
	}
}

// TestClone holds what a fork takes over (railway-api.md, "Environments").
func TestClone(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.must(`mutation($e: String!, $s: String!) { serviceDomainCreate(input: {environmentId: $e, serviceId: $s, targetPort: 8000}) { domain } }`, vars{"e": staging, "s": engine})
	l.must(addDomain, vars{"p": project, "e": staging, "s": engine, "d": "www.acme.example"})
	l.must(`mutation($p: String!, $e: String!, $s: String!) { volumeCreate(input: {projectId: $p, environmentId: $e, serviceId: $s, mountPath: "/data"}) { id } }`, vars{"p": project, "e": staging, "s": engine})
	var made answer
	started := l.deployments(func() {
		made = l.must(`mutation($p: String!, $e: String!) { environmentCreate(input: {projectId: $p, name: "pr-7", sourceEnvironmentId: $e, skipInitialDeploys: true}) {
			sourceEnvironment { id } volumeInstances { edges { node { mountPath serviceId currentSizeMB } } }
			serviceInstances { edges { node { serviceName domains { serviceDomains { domain targetPort } customDomains { domain } } } } } } }`, vars{"p": project, "e": staging})
	})
	assert.Empty(t, started, "skipInitialDeploys starts nothing")
	assert.Equal(t, staging, made.at("environmentCreate", "sourceEnvironment", "id"))
	assert.Contains(t, made.Raw, `"domain":"engine-pr-7.up.railway.app","targetPort":8000`, "a generated domain is generated again")
	assert.NotContains(t, made.Raw, "www.acme.example", "a custom domain stays")
	assert.Contains(t, made.Raw, `"mountPath":"/data","serviceId":"`+engine+`"`, "volumes are made again, empty")
}
