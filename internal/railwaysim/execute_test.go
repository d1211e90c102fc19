// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/engine-operator/engine-operator/internal/railway/schema"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func TestExecution(t *testing.T) {
	t.Parallel()
	environments := func(names ...string) []any {
		edges := []any{}
		for _, name := range names {
			edges = append(edges, map[string]any{"node": map[string]any{"name": name}})
		}
		return edges
	}
	for name, test := range map[string]struct {
		query string
		keys  []string
		want  any
	}{
		"alias":           {`query($p: String!) { mine: project(id: $p) { title: name } }`, []string{"mine", "title"}, "ai-engine"},
		"fragment":        {`query($p: String!) { project(id: $p) { ...F } } fragment F on Project { name }`, []string{"project", "name"}, "ai-engine"},
		"inline fragment": {`query($p: String!) { project(id: $p) { ... on Project { name } } }`, []string{"project", "name"}, "ai-engine"},
		"typename":        {`query($p: String!) { project(id: $p) { __typename } }`, []string{"project", "__typename"}, "Project"},
		"skip":            {`query($p: String!, $b: Boolean = true) { project(id: $p) { id name @skip(if: $b) } }`, []string{"project"}, map[string]any{"id": project}},
		"include":         {`query($p: String!, $b: Boolean = false) { project(id: $p) { id name @include(if: $b) } }`, []string{"project"}, map[string]any{"id": project}},
		"merged twice":    {`query($p: String!) { project(id: $p) { id } project(id: $p) { name } }`, []string{"project"}, map[string]any{"id": project, "name": "ai-engine"}},
		"null":            {`query($p: String!) { project(id: $p) { description } }`, []string{"project"}, map[string]any{"description": nil}},
		"introspection":   {`{ __type(name: "Project") { kind name } }`, []string{"__type"}, map[string]any{"kind": "OBJECT", "name": "Project"}},
		"list":            {`query($p: String!) { project(id: $p) { environments { edges { node { name } } } } }`, []string{"project", "environments", "edges"}, environments("production", "staging")},
		"first":           {`query($p: String!) { project(id: $p) { environments(first: 1) { edges { node { name } } } } }`, []string{"project", "environments", "edges"}, environments("production")},
		"last":            {`query($p: String!) { project(id: $p) { environments(last: 1) { edges { node { name } } } } }`, []string{"project", "environments", "edges"}, environments("staging")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables := vars{}
			if strings.Contains(test.query, "$p") {
				variables["p"] = project
			}
			assert.Equal(t, test.want, start(t).must(test.query, variables).at(test.keys...))
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	l := start(t)
	const query = `query($p: String!, $after: String) { project(id: $p) { services(first: 1, after: $after) { edges { node { name } } pageInfo { hasNextPage endCursor } } } }`
	var names []string
	var after any
	for more := true; more; {
		a := l.must(query, vars{"p": project, "after": after})
		edges, _ := a.at("project", "services", "edges").([]any)
		require.Len(t, edges, 1, "a page ends where it was told")
		names = append(names, fmt.Sprint(dig(edges[0].(map[string]any), "node", "name")))
		after = a.at("project", "services", "pageInfo", "endCursor")
		more = a.at("project", "services", "pageInfo", "hasNextPage") == true
	}
	slices.Sort(names)
	assert.Equal(t, []string{"engine", "worker"}, names, "every item once")
}

func TestInvalidOperations(t *testing.T) {
	t.Parallel()
	l := start(t)
	for name, test := range map[string]struct {
		query     string
		variables vars
		code      string
		message   string
	}{
		"unknown field":    {`{ project(id: "x") { nonsense } }`, nil, "GRAPHQL_VALIDATION_FAILED", `Cannot query field "nonsense"`},
		"unknown argument": {`{ project(id: "x", nonsense: 1) { id } }`, nil, "GRAPHQL_VALIDATION_FAILED", `Unknown argument "nonsense"`},
		"syntax":           {`{ project(`, nil, "GRAPHQL_VALIDATION_FAILED", ""},
		"variable missing": {`query($p: String!) { project(id: $p) { id } }`, nil, "BAD_USER_INPUT", `Variable "$p" of required type "String!" was not provided.`},
		"variable's type":  {`query($p: String!) { project(id: $p) { id } }`, vars{"p": 1}, "BAD_USER_INPUT", `Variable "$p" got invalid value 1; String cannot represent a non string value: 1`},
		"subscription":     {`subscription { deployment(id: "x") { id } }`, nil, "GRAPHQL_VALIDATION_FAILED", "ubscription"},
	} {
		a := l.ask(account, test.query, test.variables)
		assert.Equal(t, 400, a.Status, "%s: a request that is wrong as such is answered with HTTP 400", name)
		assert.Equal(t, test.code, a.code(), name)
		assert.Contains(t, a.message(), test.message, name)
		assert.Nil(t, a.Data, name)
	}
	assert.Empty(t, l.ask("", `{ __schema { queryType { name } } }`, nil).Errors, "introspection needs no token")
}

// notSimulated are the root fields of the slice that the simulator leaves out, on purpose.
var notSimulated = []string{"egressGateways", "estimatedUsage"}

// TestEveryRootFieldIsServed sends the least operation of every root field of the slice, against the slice and, where there is
// one, against the full schema.
func TestEveryRootFieldIsServed(t *testing.T) {
	t.Parallel()
	slice := gqlparser.MustLoadSchema(&ast.Source{Name: "slice", Input: schema.SDL})
	for name, sdl := range map[string]string{"slice": schema.SDL, "full": fullSchema(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if sdl == "" {
				t.Skip("there is no full schema: set RAILWAY_SCHEMA to its file")
			}
			l := start(t, func(o *railwaysim.Options) { o.SchemaSDL = sdl })
			served := gqlparser.MustLoadSchema(&ast.Source{Name: name, Input: sdl})
			for kind, root := range map[string]*ast.Definition{"query": slice.Query, "mutation": slice.Mutation} {
				for _, field := range root.Fields {
					if strings.HasPrefix(field.Name, "__") {
						continue
					}
					a := l.ask(account, least(served, kind, served.Types[root.Name].Fields.ForName(field.Name)), nil)
					require.NotEqual(t, "GRAPHQL_VALIDATION_FAILED", a.code(), "%s: %s", field.Name, a.message())
					said := strings.HasPrefix(a.message(), "not simulated: "+root.Name+"."+field.Name)
					assert.Equal(t, slices.Contains(notSimulated, field.Name), said, "%s answered %q", field.Name, a.message())
				}
			}
		})
	}
}

// TestFullSchemaAnswersAlike asks the same of the slice and of the full schema.
func TestFullSchemaAnswersAlike(t *testing.T) {
	t.Parallel()
	sdl := fullSchema(t)
	if sdl == "" {
		t.Skip("there is no full schema: set RAILWAY_SCHEMA to its file")
	}
	small, full := start(t), start(t, func(o *railwaysim.Options) { o.SchemaSDL = sdl })
	const look = `query($e: String!) { environment(id: $e) { name configEtag config(decryptVariables: true) variables { edges { node { name isSealed } } }
		serviceInstances { edges { node { serviceName latestDeployment { id status meta } domains { serviceDomains { domain } } } } } } }`
	for _, l := range []*local{small, full} {
		l.patch(image("acme/engine:2.0"))
	}
	assert.Equal(t, small.must(look, vars{"e": staging}).Data, full.must(look, vars{"e": staging}).Data)
	a := full.ask(account, `{ templates { edges { node { id } } } }`, nil)
	assert.Equal(t, "not simulated: Query.templates", a.message(), "what only the full schema has is refused clearly")
}

// fullSchema is Railway's whole schema, or nothing when this machine has none.
func fullSchema(t *testing.T) string {
	t.Helper()
	path := os.Getenv("RAILWAY_SCHEMA")
	if path == "" {
		path = filepath.Join("..", "..", "..", "shared", "railway", "schema.graphql")
	}
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(t, err)
	return string(raw)
}

// least writes an operation with only the arguments that the field needs.
func least(s *ast.Schema, kind string, field *ast.FieldDefinition) string {
	var arguments []string
	for _, a := range field.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			arguments = append(arguments, a.Name+": "+sample(s, a.Type))
		}
	}
	call := field.Name
	if len(arguments) > 0 {
		call += "(" + strings.Join(arguments, ", ") + ")"
	}
	if s.Types[field.Type.Name()].IsCompositeType() {
		call += " { __typename }"
	}
	return kind + " { " + call + " }"
}

// sample is a value of the type.
func sample(s *ast.Schema, t *ast.Type) string {
	if t.Elem != nil {
		return "[]"
	}
	definition := s.Types[t.NamedType]
	if definition.Kind == ast.Enum {
		return definition.EnumValues[0].Name
	}
	if definition.Kind == ast.InputObject {
		var fields []string
		for _, f := range definition.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				fields = append(fields, f.Name+": "+sample(s, f.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	switch t.NamedType {
	case "Int", "Float":
		return "1"
	case "Boolean":
		return "true"
	case "String", "ID":
		return `"x"`
	default:
		return "{}"
	}
}
