// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// maxSchema bounds the answer, in bytes; Railway's is about 2 MB.
const maxSchema = 64 << 20

const introspection = `query Introspection {
  __schema {
    queryType { name }
    mutationType { name }
    subscriptionType { name }
    types {
      kind
      name
      fields(includeDeprecated: true) { name args { ...Input } type { ...Type } }
      inputFields { ...Input }
      interfaces { name }
      enumValues(includeDeprecated: true) { name }
      possibleTypes { name }
    }
  }
}
fragment Input on __InputValue { name defaultValue type { ...Type } }
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }`

// introspect asks an endpoint for its schema. It sends no token: Railway tells its schema to everybody
// (railway-api.md, "Endpoint").
func introspect(ctx context.Context, endpoint string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	body, err := json.Marshal(map[string]string{"query": introspection})
	if err != nil {
		return nil, fmt.Errorf("encode the introspection: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s is no endpoint to ask for the full schema", endpoint)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "engine-operator-schema-check")
	query := request.URL.Query()
	query.Set("source", "engine-operator")
	request.URL.RawQuery = query.Encode()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the full schema: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cannot ask for the full schema: %s answered HTTP %d", request.URL.Host, response.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxSchema))
	if err != nil {
		return nil, fmt.Errorf("read the introspection: %w", err)
	}
	return answer, nil
}

type (
	namedType struct {
		Name string `json:"name"`
	}
	typeRef struct {
		Kind   string   `json:"kind"`
		Name   string   `json:"name"`
		OfType *typeRef `json:"ofType"`
	}
	inputValue struct {
		Name         string  `json:"name"`
		DefaultValue *string `json:"defaultValue"`
		Type         typeRef `json:"type"`
	}
	fullType struct {
		Kind   string `json:"kind"`
		Name   string `json:"name"`
		Fields []struct {
			Name string       `json:"name"`
			Args []inputValue `json:"args"`
			Type typeRef      `json:"type"`
		} `json:"fields"`
		InputFields   []inputValue `json:"inputFields"`
		Interfaces    []namedType  `json:"interfaces"`
		EnumValues    []namedType  `json:"enumValues"`
		PossibleTypes []namedType  `json:"possibleTypes"`
	}
	introspected struct {
		QueryType        *namedType `json:"queryType"`
		MutationType     *namedType `json:"mutationType"`
		SubscriptionType *namedType `json:"subscriptionType"`
		Types            []fullType `json:"types"`
	}
)

// parseIntrospection turns an introspection result, with or without the "data" around it, into a schema.
func parseIntrospection(body []byte) (*ast.Schema, error) {
	var answer struct {
		Schema *introspected `json:"__schema"`
		Data   struct {
			Schema *introspected `json:"__schema"`
		} `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the introspection is not JSON: %w", err)
	}
	found := answer.Schema
	if found == nil {
		found = answer.Data.Schema
	}
	if found == nil && len(answer.Errors) > 0 {
		return nil, fmt.Errorf("the introspection was refused: %s", answer.Errors[0].Message)
	}
	if found == nil || found.QueryType == nil {
		return nil, errors.New("the introspection has no schema")
	}
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "introspection", Input: found.sdl()})
	if err != nil {
		return nil, fmt.Errorf("load the introspected schema: %w", err)
	}
	return schema, nil
}

// sdl writes the schema down. The parser then makes of it what it makes of a file.
func (s *introspected) sdl() string {
	var out strings.Builder
	out.WriteString("schema {")
	for _, root := range []struct {
		operation string
		of        *namedType
	}{{"query", s.QueryType}, {"mutation", s.MutationType}, {"subscription", s.SubscriptionType}} {
		if root.of != nil {
			fmt.Fprintf(&out, " %s: %s", root.operation, root.of.Name)
		}
	}
	out.WriteString(" }\n")
	for _, t := range s.Types {
		if !builtIn(t) {
			t.write(&out)
		}
	}
	return out.String()
}

func builtIn(t fullType) bool {
	return strings.HasPrefix(t.Name, "__") || slices.Contains([]string{"String", "Int", "Float", "Boolean", "ID"}, t.Name)
}

var keywords = map[string]string{
	"SCALAR": "scalar", "OBJECT": "type", "INTERFACE": "interface", "UNION": "union", "ENUM": "enum", "INPUT_OBJECT": "input",
}

func (t fullType) write(out *strings.Builder) {
	fmt.Fprintf(out, "%s %s", keywords[t.Kind], t.Name)
	if len(t.Interfaces) > 0 {
		out.WriteString(" implements " + names(t.Interfaces, " & "))
	}
	var members []string
	for _, f := range t.Fields {
		members = append(members, f.Name+arguments(f.Args)+": "+f.Type.String())
	}
	for _, f := range t.InputFields {
		members = append(members, f.String())
	}
	for _, v := range t.EnumValues {
		members = append(members, v.Name)
	}
	switch {
	case t.Kind == "UNION":
		out.WriteString(" = " + names(t.PossibleTypes, " | "))
	case len(members) > 0:
		out.WriteString(" {\n  " + strings.Join(members, "\n  ") + "\n}")
	}
	out.WriteString("\n")
}

func names(list []namedType, separator string) string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name)
	}
	return strings.Join(out, separator)
}

func arguments(list []inputValue) string {
	if len(list) == 0 {
		return ""
	}
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// String is the argument or input field as SDL. Whether there is a default matters, and it is kept if it is a literal.
func (v inputValue) String() string {
	text := v.Name + ": " + v.Type.String()
	if v.DefaultValue == nil {
		return text
	}
	if _, err := parser.ParseQuery(&ast.Source{Input: "{f(a: " + *v.DefaultValue + ")}"}); err != nil {
		return text + " = null"
	}
	return text + " = " + *v.DefaultValue
}

// String is the type as SDL, for example [String!]!.
func (t typeRef) String() string {
	switch {
	case t.OfType == nil:
		return t.Name
	case t.Kind == "NON_NULL":
		return t.OfType.String() + "!"
	default:
		return "[" + t.OfType.String() + "]"
	}
}
