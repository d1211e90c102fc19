// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package graphql_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

const sdl = `
scalar DateTime
scalar JSON
enum Colour { RED GREEN }
input Inner { name: String!, count: Int, skip: Boolean = false, tags: [String!], colour: Colour }
type Query { echo(text: String, count: Int, ratio: Float, on: Boolean, id: ID, at: DateTime, any: JSON, inner: Inner, colour: Colour, list: [Int!]): JSON }
type Mutation { nothing: Boolean }
type Subscription { ticks: Int }
`

// ask runs an operation whose resolver returns its arguments.
func ask(t require.TestingT, query, variables string) (arguments map[string]any, problems []*graphql.Error, status int) {
	schema, err := graphql.Load(sdl)
	require.NoError(t, err)
	r := graphql.Request{Query: query}
	decoder := json.NewDecoder(bytes.NewReader([]byte(variables)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&r.Variables))
	operation, problems := schema.Prepare(r)
	if len(problems) > 0 {
		return nil, problems, graphql.Status(nil, problems)
	}
	data, problems := operation.Execute(func(_, _ string, args map[string]any) (any, error) {
		arguments = args
		return "ok", nil
	})
	return arguments, problems, graphql.Status(data, problems)
}

// TestCoercion holds graphql-js's rules and messages for variables.
func TestCoercion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason  string
		query   string
		given   string
		message string // empty: it is taken
		want    any    // what the argument becomes
	}{
		"string":           {"as it is", `query($v: String) { echo(text: $v) }`, `{"v":"a"}`, "", map[string]any{"text": "a"}},
		"number no string": {"a number is no String", `query($v: String) { echo(text: $v) }`, `{"v":1}`, `Variable "$v" got invalid value 1; String cannot represent a non string value: 1`, nil},
		"string no number": {"a String is no Int", `query($v: Int) { echo(count: $v) }`, `{"v":"1"}`, `Variable "$v" got invalid value "1"; Int cannot represent non-integer value: "1"`, nil},
		"2^40 no int":      {"an Int has 32 bits", `query($v: Int) { echo(count: $v) }`, `{"v":1099511627776}`, `Variable "$v" got invalid value 1099511627776; Int cannot represent non 32-bit signed integer value: 1099511627776`, nil},
		"fraction":         {"an Int has no fraction", `query($v: Int) { echo(count: $v) }`, `{"v":1.5}`, `Variable "$v" got invalid value 1.5; Int cannot represent non-integer value: 1.5`, nil},
		"whole float":      {"1.0 is an Int", `query($v: Int) { echo(count: $v) }`, `{"v":1.0}`, "", map[string]any{"count": int64(1)}},
		"int as float":     {"an integer is a Float", `query($v: Float) { echo(ratio: $v) }`, `{"v":2}`, "", map[string]any{"ratio": 2.0}},
		"boolean":          {"1 is no Boolean", `query($v: Boolean) { echo(on: $v) }`, `{"v":1}`, `Variable "$v" got invalid value 1; Boolean cannot represent a non boolean value: 1`, nil},
		"id of a number":   {"an ID may be written as a number", `query($v: ID) { echo(id: $v) }`, `{"v":7}`, "", map[string]any{"id": "7"}},
		"date":             {"a DateTime is RFC 3339", `query($v: DateTime) { echo(at: $v) }`, `{"v":"yesterday"}`, `Variable "$v" got invalid value "yesterday"; DateTime cannot represent an invalid date-time-string yesterday.`, nil},
		"null for null":    {"null stays null", `query($v: String) { echo(text: $v) }`, `{"v":null}`, "", map[string]any{"text": nil}},
		"absent":           {"a variable that is not given is no null", `query($v: String) { echo(text: $v) }`, `{}`, "", map[string]any{}},
		"default":          {"the variable's default", `query($v: String = "d") { echo(text: $v) }`, `{}`, "", map[string]any{"text": "d"}},
		"null for non-null": {"a null where none may be", `query($v: String!) { echo(text: $v) }`, `{"v":null}`,
			`Variable "$v" of non-null type "String!" must not be null.`, nil},
		"missing": {"a required variable", `query($v: String!) { echo(text: $v) }`, `{}`, `Variable "$v" of required type "String!" was not provided.`, nil},
		"enum":    {"an enum's values are its own", `query($v: Colour) { echo(colour: $v) }`, `{"v":"BLUE"}`, `Variable "$v" got invalid value "BLUE"; Value "BLUE" does not exist in "Colour" enum.`, nil},
		"enum number": {"an enum is a name", `query($v: Colour) { echo(colour: $v) }`, `{"v":3}`,
			`Variable "$v" got invalid value 3; Enum "Colour" cannot represent non-string value: 3.`, nil},
		"field missing": {"a required field of an input", `query($v: Inner) { echo(inner: $v) }`, `{"v":{"count":1}}`,
			`Variable "$v" got invalid value { count: 1 }; Field "name" of required type "String!" was not provided.`, nil},
		"field unknown": {"a field that the input has not", `query($v: Inner) { echo(inner: $v) }`, `{"v":{"name":"a","size":1}}`,
			`Variable "$v" got invalid value { name: "a", size: 1 }; Field "size" is not defined by type "Inner".`, nil},
		"field's type": {"the message names the place", `query($v: Inner) { echo(inner: $v) }`, `{"v":{"name":1}}`,
			`Variable "$v" got invalid value 1 at "v.name"; String cannot represent a non string value: 1`, nil},
		"field null": {"a field that must not be null", `query($v: Inner) { echo(inner: $v) }`, `{"v":{"name":null}}`,
			`Variable "$v" got invalid value null at "v.name"; Expected non-nullable type "String!" not to be null.`, nil},
		"item": {"an item of a list", `query($v: [Int!]) { echo(list: $v) }`, `{"v":[1,"2"]}`,
			`Variable "$v" got invalid value "2" at "v[1]"; Int cannot represent non-integer value: "2"`, nil},
		"one for a list": {"one value stands for a list of it", `query($v: [Int!]) { echo(list: $v) }`, `{"v":1}`, "", map[string]any{"list": []any{int64(1)}}},
		"no object": {"an input is an object", `query($v: Inner) { echo(inner: $v) }`, `{"v":"x"}`,
			`Variable "$v" got invalid value "x"; Expected type "Inner" to be an object.`, nil},
		"field's default": {"an input's defaults are filled in", `query($v: Inner) { echo(inner: $v) }`, `{"v":{"name":"a"}}`, "",
			map[string]any{"inner": map[string]any{"name": "a", "skip": false}}},
		"inline default": {"in the query too", `query { echo(inner: {name: "a"}) }`, `{}`, "", map[string]any{"inner": map[string]any{"name": "a", "skip": false}}},
		"absent in an object": {"a field given by an absent variable is absent", `query($v: Int) { echo(inner: {name: "a", count: $v}) }`, `{}`, "",
			map[string]any{"inner": map[string]any{"name": "a", "skip": false}}},
		"custom scalar": {"other scalars pass", `query($v: JSON) { echo(any: $v) }`, `{"v":{"a":[1]}}`, "", map[string]any{"any": map[string]any{"a": []any{json.Number("1")}}}},

		"inline number":  {"a number is no String, in the query too", `query { echo(text: 1) }`, `{}`, `String cannot represent a non string value: 1`, nil},
		"inline 2^40":    {"nor 2^40 an Int", `query { echo(count: 1099511627776) }`, `{}`, `Int cannot represent non 32-bit signed integer value: 1099511627776`, nil},
		"inline nested":  {"nor in an input", `query { echo(inner: {name: "a", count: 1099511627776}) }`, `{}`, `Int cannot represent non 32-bit signed integer value: 1099511627776`, nil},
		"inline enum":    {"an enum's values are its own", `query { echo(colour: BLUE) }`, `{}`, `Value "BLUE" does not exist in "Colour" enum.`, nil},
		"inline unknown": {"an unknown field", `query { echo(inner: {name: "a", size: 1}) }`, `{}`, `Field "size" is not defined by type "Inner".`, nil},
		"inline missing": {"a required field", `query { echo(inner: {count: 1}) }`, `{}`, `Field "Inner.name" of required type "String!" was not provided.`, nil},
		"subscription":   {"not over HTTP", `subscription { ticks }`, `{}`, "Subscription operations are not supported over HTTP.", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arguments, problems, status := ask(t, test.query, test.given)
			if test.message == "" {
				require.Empty(t, problems, test.reason)
				assert.Equal(t, test.want, arguments, test.reason)
				assert.Equal(t, 200, status)
				return
			}
			require.NotEmpty(t, problems, test.reason)
			assert.Equal(t, test.message, problems[0].Message, test.reason)
			assert.Equal(t, 400, status)
			assert.Nil(t, arguments, "nothing was resolved")
		})
	}
}

// TestCoercedIntegersHave32Bits holds the bounds for every number.
func TestCoercedIntegersHave32Bits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		raw, err := json.Marshal(map[string]any{"v": n})
		require.NoError(t, err)
		arguments, problems, _ := ask(t, `query($v: Int) { echo(count: $v) }`, string(raw))
		if int64(int32(n)) == n {
			assert.Equal(t, map[string]any{"count": n}, arguments)
			return
		}
		assert.NotEmpty(t, problems)
	})
}
