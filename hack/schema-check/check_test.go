// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

const fullSDL = `
schema { query: Query mutation: Mutation }
scalar DateTime
interface Node { id: ID! }
type Query {
  user(id: String!, first: Int = 10): User!
  pets: [Pet!]!
}
type Mutation { rename(input: RenameInput!, force: Boolean): Boolean! }
type User implements Node { id: ID! name: String createdAt: DateTime! colour: Colour }
type Cat { name: String! }
type Dog { name: String! }
union Pet = Cat | Dog
enum Colour { RED GREEN BLUE }
input RenameInput { id: String! name: String! comment: String limit: Int! = 3 }
`

func schema(t *testing.T, sdl string) *ast.Schema {
	t.Helper()
	s, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "slice.graphql", Input: sdl})
	require.NoError(t, err)
	return s
}

func TestCheckSlice(t *testing.T) {
	tests := []struct {
		reason, slice string
		want          []string
	}{
		{"the whole is a slice of itself", fullSDL, nil},
		{"a part, with what is required", `
			type Query { user(id: String!): User! }
			type User { id: ID! name: String }`, nil},
		{"an input without its optional fields", `
			type Query { pets: [Cat!]! }
			type Cat { name: String! }
			input RenameInput { id: String! name: String! }`,
			[]string{"slice.graphql:2: Query.pets is of type [Pet!]!, not [Cat!]!"}},
		{"a missing type", "type Query { pets: [Pet!]! }\nunion Pet = Cat\ntype Cat { name: String! }\ntype Bird { name: String! }",
			[]string{"slice.graphql:4: type Bird does not exist"}},
		{"another kind", "type Query { user(id: String!): User! }\ninterface User { id: ID! }",
			[]string{"slice.graphql:2: User is OBJECT, not INTERFACE"}},
		{"a missing field", "type Query {\n  user(id: String!): User!\n}\ntype User {\n  id: ID!\n  age: Int\n}",
			[]string{"slice.graphql:6: field User.age does not exist"}},
		{"a wrong type", "type Query { user(id: String!): User! }\ntype User { id: ID! name: Int }",
			[]string{"slice.graphql:2: User.name is of type String, not Int"}},
		{"less nullable than it is", "type Query { user(id: String!): User! }\ntype User { id: ID! name: String! }",
			[]string{"slice.graphql:2: User.name is of type String, not String!"}},
		{"more nullable than it is", "type Query { user(id: String!): User! }\ntype User { id: ID }",
			[]string{"slice.graphql:2: User.id is of type ID!, not ID"}},
		{"an argument that is not there", "type Query { user(id: String!, name: String): User! }\ntype User { id: ID! }",
			[]string{"slice.graphql:1: Query.user has no argument name"}},
		{"an argument of another type", "type Query { user(id: ID!): User! }\ntype User { id: ID! }",
			[]string{"slice.graphql:1: argument Query.user(id:) is of type String!, not ID!"}},
		{"a required argument left out", "type Query { user: User! }\ntype User { id: ID! }",
			[]string{"slice.graphql:1: Query.user lacks the required argument id: String!"}},
		{"a required input field left out", "type Query { pets: [Pet!]! }\nunion Pet = Cat\ntype Cat { name: String! }\ninput RenameInput { id: String! }",
			[]string{"slice.graphql:4: input RenameInput lacks the required field name: String!"}},
		{"an input field that is not there",
			"type Query { pets: [Pet!]! }\nunion Pet = Cat\ntype Cat { name: String! }\ninput RenameInput { id: String! name: String! x: Int }",
			[]string{"slice.graphql:4: field RenameInput.x does not exist"}},
		{"an enum value that is not there", "type Query { user(id: String!): User! }\ntype User { colour: Colour }\nenum Colour { RED\n PINK }",
			[]string{"slice.graphql:4: enum Colour has no value PINK"}},
		{"a member that is not there", "type Query { pets: [Pet!]! }\nunion Pet = User\ntype User { id: ID! }",
			[]string{"slice.graphql:2: union Pet has no member User"}},
		{"an interface that is not implemented", "type Query { pets: [Pet!]! }\nunion Pet = Cat\ninterface Node { id: ID! }\ntype Cat implements Node { id: ID! name: String! }",
			[]string{"slice.graphql:4: Cat does not implement Node", "slice.graphql:4: field Cat.id does not exist"}},
	}
	full := schema(t, fullSDL)
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			var got []string
			for _, f := range CheckSlice(full, schema(t, tt.slice)) {
				got = append(got, f.String())
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestCheckOperations(t *testing.T) {
	tests := []struct {
		reason, operation, want string
	}{
		{"fits", `query Q($id: String!) { user(id: $id) { name } }`, ""},
		{"an unknown field", "query Q {\n  pets {\n    age\n  }\n}", `q.graphql:3: Cannot query field "age" on type "Pet".`},
		{"a missing argument", `query Q { user { name } }`,
			`q.graphql:1: Field "user" argument "id" of type "String!" is required, but it was not provided.`},
		{"a variable of another type", `query Q($id: Int!) { user(id: $id) { name } }`,
			`q.graphql:1: Variable "$id" of type "Int!" used in position expecting type "String!".`},
		{"a fragment that nobody uses", `query Q($id: String!) { user(id: $id) { name } } fragment F on User { id }`,
			`q.graphql:1: Fragment "F" is never used.`},
	}
	full := schema(t, fullSDL)
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			document, err := parser.ParseQuery(&ast.Source{Name: "q.graphql", Input: tt.operation})
			require.NoError(t, err)
			findings := CheckOperations(full, document)
			if tt.want == "" {
				assert.Empty(t, findings)
				return
			}
			require.NotEmpty(t, findings)
			assert.Equal(t, tt.want, findings[0].String())
		})
	}
}

// introspectionJSON says the same as fullSDL.
const introspectionJSON = `{"data":{"__schema":{"queryType":{"name":"Query"},"mutationType":{"name":"Mutation"},"subscriptionType":null,"types":[
{"kind":"SCALAR","name":"String"},{"kind":"SCALAR","name":"DateTime"},{"kind":"OBJECT","name":"__Schema","fields":[]},
{"kind":"INTERFACE","name":"Node","fields":[{"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}}]},
{"kind":"OBJECT","name":"Query","fields":[
  {"name":"user","args":[{"name":"id","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"String"}}},
    {"name":"first","defaultValue":"10","type":{"kind":"SCALAR","name":"Int"}}],
    "type":{"kind":"NON_NULL","ofType":{"kind":"OBJECT","name":"User"}}},
  {"name":"pets","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"LIST","ofType":{"kind":"NON_NULL","ofType":{"kind":"UNION","name":"Pet"}}}}}]},
{"kind":"OBJECT","name":"Mutation","fields":[{"name":"rename","args":[
  {"name":"input","type":{"kind":"NON_NULL","ofType":{"kind":"INPUT_OBJECT","name":"RenameInput"}}},
  {"name":"force","type":{"kind":"SCALAR","name":"Boolean"}}],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"Boolean"}}}]},
{"kind":"OBJECT","name":"User","interfaces":[{"name":"Node"}],"fields":[
  {"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}},
  {"name":"name","args":[],"type":{"kind":"SCALAR","name":"String"}},
  {"name":"createdAt","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"DateTime"}}},
  {"name":"colour","args":[],"type":{"kind":"ENUM","name":"Colour"}}]},
{"kind":"OBJECT","name":"Cat","fields":[{"name":"name","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"String"}}}]},
{"kind":"OBJECT","name":"Dog","fields":[{"name":"name","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"String"}}}]},
{"kind":"UNION","name":"Pet","possibleTypes":[{"name":"Cat"},{"name":"Dog"}]},
{"kind":"ENUM","name":"Colour","enumValues":[{"name":"RED"},{"name":"GREEN"},{"name":"BLUE"}]},
{"kind":"INPUT_OBJECT","name":"RenameInput","inputFields":[
  {"name":"id","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"String"}}},
  {"name":"name","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"String"}}},
  {"name":"comment","type":{"kind":"SCALAR","name":"String"}},
  {"name":"limit","defaultValue":"3","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"Int"}}}]}]}}}`

func TestIntrospectionIsTheSameSchema(t *testing.T) {
	live, err := parseIntrospection([]byte(introspectionJSON))
	require.NoError(t, err)
	file := schema(t, fullSDL)
	assert.Empty(t, CheckSlice(live, file))
	assert.Empty(t, CheckSlice(file, live))
	for _, body := range []string{"<html>", "{}", `{"errors":[{"message":"no"}]}`} {
		_, err := parseIntrospection([]byte(body))
		assert.Error(t, err, body)
	}
}

func TestRun(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	full := write("full.graphql", fullSDL)
	introspected := write("full.json", introspectionJSON)
	slice := write("slice.graphql", "type Query { user(id: String!): User! }\ntype User { id: ID! name: String }")
	wrong := write("wrong.graphql", "type Query { user(id: String!): User! }\ntype User { id: ID! name: Int }")
	operations := filepath.Dir(write("operations/user.graphql", `query Q($id: String!) { user(id: $id) { ...U } }`))
	write("operations/shared.graphql", `fragment U on User { name }`)
	empty := filepath.Dir(write("empty/readme", ""))

	const fine = "schema-check: 2 types with 3 members and 1 operations agree with the full schema\n"
	tests := []struct {
		reason string
		args   []string
		code   int
		stdout string
	}{
		{"a file", []string{"--schema", full, "--slice", slice}, 0, fine},
		{"an introspection in a file", []string{"--schema", introspected, "--slice", slice}, 0, fine},
		{"a disagreement", []string{"--schema", full, "--slice", wrong}, 1, wrong + ":2: User.name is of type String, not Int\n"},
		{"nobody answers there", []string{"--schema", "http://127.0.0.1:1", "--slice", slice}, 2, ""},
		{"no URL", []string{"--schema", "http://a b", "--slice", slice}, 2, ""},
		{"no such file", []string{"--schema", full + "x", "--slice", slice}, 2, ""},
		{"no operations", []string{"--schema", full, "--slice", slice, "--operations", empty}, 2, ""},
		{"an unknown flag", []string{"--schemas", full}, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append([]string{"--operations", operations}, tt.args...)
			assert.Equal(t, tt.code, run(t.Context(), args, &stdout, &stderr), stderr.String())
			assert.Equal(t, tt.stdout, stdout.String())
			assert.Equal(t, tt.code == 2, stderr.Len() > 0)
		})
	}

	t.Run("a live endpoint", func(t *testing.T) {
		t.Setenv("RAILWAY_API_TOKEN", "a-token")
		status, answer := http.StatusOK, introspectionJSON
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Empty(t, r.Header.Get("Authorization"), "it needs no token, so it sends none")
			assert.Equal(t, "source=engine-operator", r.URL.RawQuery)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(answer))
		}))
		defer server.Close()
		var stdout, stderr bytes.Buffer
		args := []string{"--operations", operations, "--slice", slice, "--schema", server.URL}
		assert.Equal(t, 0, run(t.Context(), args, &stdout, &stderr), stderr.String())
		assert.Equal(t, fine, stdout.String())

		answer = `{"data":null,"errors":[{"message":"Not Authorized"}]}`
		assert.Equal(t, 2, run(t.Context(), args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), "refused: Not Authorized")
		status = http.StatusTooManyRequests
		assert.Equal(t, 2, run(t.Context(), args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), "HTTP 429")

		server.Close()
		stderr.Reset()
		assert.Equal(t, 2, run(t.Context(), args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), "cannot ask for the full schema")
		assert.Contains(t, stderr.String(), "SCHEMA=schema.graphql", "what to do without a network")
	})
}

func TestLiveIsRailway(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is sent
	for _, from := range []string{"", live} {
		_, err := loadFull(ctx, from)
		assert.ErrorContains(t, err, "https://backboard.railway.com/graphql/v2")
	}
}

func TestTheIntrospectionIsValid(t *testing.T) {
	document, err := parser.ParseQuery(&ast.Source{Name: "introspect.go", Input: introspection})
	require.NoError(t, err)
	assert.Empty(t, CheckOperations(schema(t, fullSDL), document))
}
