// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package graphql answers GraphQL requests from a schema in SDL: it parses, validates, coerces, executes and introspects, with
// the messages and HTTP statuses of graphql-js behind Apollo. It knows nothing of Railway: what the fields mean is the
// resolver's.
package graphql

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Codes of the errors that this package makes itself.
const (
	CodeInvalid  = "GRAPHQL_VALIDATION_FAILED"
	CodeBadInput = "BAD_USER_INPUT"
)

// Schema is a parsed schema.
type Schema struct{ types *ast.Schema }

// Load parses a schema in GraphQL's schema definition language.
func Load(sdl string) (*Schema, error) {
	types, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("load schema: %w", err)
	}
	return &Schema{types}, nil
}

// Request is what a client sends.
type Request struct {
	Query         string         `json:"query"`
	Variables     map[string]any `json:"variables"`
	OperationName string         `json:"operationName"`
}

// Error is an entry of an answer's errors.
type Error struct {
	Message    string         `json:"message"`
	Path       ast.Path       `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// Coded is an error that says its extensions.code.
type Coded interface {
	error
	Code() string
}

func problem(code, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}
}

func fromError(err error, path ast.Path) *Error {
	made := &Error{Message: err.Error(), Path: path}
	var coded Coded
	if errors.As(err, &coded) {
		made.Extensions = map[string]any{"code": coded.Code()}
	}
	return made
}

// Status is the HTTP status of an answer: 400 when the request as such is wrong, 200 for everything else, refusals too.
func Status(data any, problems []*Error) int {
	if data != nil || len(problems) == 0 {
		return http.StatusOK
	}
	switch problems[0].Extensions["code"] {
	case CodeInvalid, CodeBadInput:
		return http.StatusBadRequest
	default:
		return http.StatusOK
	}
}

// Operation is a valid operation with its variables.
type Operation struct {
	schema    *ast.Schema
	operation *ast.OperationDefinition
	variables map[string]any
}

// Prepare parses the request, validates it against the schema and coerces its variables. The operation is returned beside the
// problems when it is known which one was asked for.
func (s *Schema) Prepare(r Request) (*Operation, []*Error) {
	//nolint:staticcheck // the replacement takes the same rules one by one
	document, list := gqlparser.LoadQuery(s.types, r.Query)
	if len(list) > 0 {
		return nil, invalid(list)
	}
	definition := document.Operations.ForName(r.OperationName)
	if definition == nil {
		return nil, []*Error{problem(CodeInvalid, "Unknown operation named %q.", r.OperationName)}
	}
	o := &Operation{schema: s.types, operation: definition}
	if definition.Operation == ast.Subscription {
		return o, []*Error{problem(CodeInvalid, "Subscription operations are not supported over HTTP.")}
	}
	if problems := literals(document); len(problems) > 0 {
		return o, problems
	}
	variables, problems := coerceVariables(s.types, definition, r.Variables)
	if len(problems) > 0 {
		return o, problems
	}
	o.variables = variables
	return o, nil
}

func invalid(list gqlerror.List) []*Error {
	problems := make([]*Error, 0, len(list))
	for _, found := range list {
		problems = append(problems, problem(CodeInvalid, "%s", found.Message))
	}
	return problems
}

// Name is the operation's name; it may be empty.
func (o *Operation) Name() string { return o.operation.Name }

// Kind is query, mutation or subscription.
func (o *Operation) Kind() string { return string(o.operation.Operation) }

// RootField is a field that an operation asks for or does.
type RootField struct {
	Name      string
	Arguments map[string]any
}

// RootFields are the operation's own fields, those in fragments too. They have no arguments while the variables are not known
// to fit.
func (o *Operation) RootFields() []RootField {
	var fields []RootField
	walkFields(o.operation.SelectionSet, func(f *ast.Field) {
		root := RootField{Name: f.Name}
		if o.variables != nil {
			root.Arguments = o.arguments(f.Arguments, f.Definition.Arguments)
		}
		fields = append(fields, root)
	})
	return fields
}

// Introspects reports whether the operation asks for nothing but the schema.
func (o *Operation) Introspects() bool {
	only := true
	walkFields(o.operation.SelectionSet, func(f *ast.Field) { only = only && strings.HasPrefix(f.Name, "__") })
	return only
}

// walkFields visits the fields of a selection and of the fragments in it, not those below them.
func walkFields(set ast.SelectionSet, visit func(*ast.Field)) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			visit(s)
		case *ast.InlineFragment:
			walkFields(s.SelectionSet, visit)
		case *ast.FragmentSpread:
			walkFields(s.Definition.SelectionSet, visit)
		}
	}
}
