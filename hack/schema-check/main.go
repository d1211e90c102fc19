// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command schema-check holds our slice of Railway's schema, and every operation we send, against the full schema: asked from
// Railway's public endpoint or another one, which needs no token (railway-api.md, "Endpoint"), or given as a file (SDL,
// or an introspection result as JSON).
//
//	go run ./hack/schema-check
//	go run ./hack/schema-check --schema http://127.0.0.1:8080/graphql/v2
//	go run ./hack/schema-check --schema schema.graphql
//
// It prints every disagreement as file:line: message and exits 1; when there is none it prints what it compared. It exits 2
// when it could not compare.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/engine-operator/engine-operator/internal/railway"
)

type options struct {
	schema, slice, operations string
}

// live stands for Railway's public endpoint.
const live = "live"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("schema-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.schema, "schema", live,
		"the full schema: live for Railway's public endpoint, a URL, a .graphql file, or a .json file with an introspection result")
	flags.StringVar(&o.slice, "slice", "internal/railway/schema/schema.graphql", "our slice of the schema")
	flags.StringVar(&o.operations, "operations", "internal/railway/gql/operations", "the folder of our operations")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	summary, findings, err := compare(ctx, o)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "schema-check:", err)
		return 2
	}
	for _, f := range findings {
		_, _ = fmt.Fprintln(stdout, f)
	}
	if len(findings) > 0 {
		return 1
	}
	_, _ = fmt.Fprintln(stdout, summary)
	return 0
}

// compare loads everything and checks it.
func compare(ctx context.Context, o options) (summary string, findings []Finding, err error) {
	full, err := loadFull(ctx, o.schema)
	if err != nil {
		return "", nil, err
	}
	slice, err := loadSDL(o.slice)
	if err != nil {
		return "", nil, err
	}
	operations, err := loadOperations(o.operations)
	if err != nil {
		return "", nil, err
	}
	findings = slices.Concat(CheckSlice(full, slice), CheckOperations(full, operations))
	types, fields := count(slice)
	return fmt.Sprintf("schema-check: %d types with %d members and %d operations agree with the full schema",
		types, fields, len(operations.Operations)), findings, nil
}

// loadFull takes the full schema from where the text says.
func loadFull(ctx context.Context, from string) (*ast.Schema, error) {
	switch {
	case from == "", from == live:
		return loadLive(ctx, railway.DefaultEndpoint)
	case strings.Contains(from, "://"):
		return loadLive(ctx, from)
	case filepath.Ext(from) == ".json":
		body, err := os.ReadFile(from)
		if err != nil {
			return nil, fmt.Errorf("read the full schema: %w", err)
		}
		return parseIntrospection(body)
	default:
		return loadSDL(from)
	}
}

func loadLive(ctx context.Context, endpoint string) (*ast.Schema, error) {
	body, err := introspect(ctx, endpoint)
	if err != nil {
		return nil, fmt.Errorf("%w\nWithout a way to the endpoint, give a file: make schema-check SCHEMA=schema.graphql", err)
	}
	return parseIntrospection(body)
}

func loadSDL(path string) (*ast.Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: path, Input: string(text)})
	if err != nil {
		return nil, fmt.Errorf("load the schema: %w", err)
	}
	return schema, nil
}

// loadOperations reads all files as one document: fragments are shared between them.
func loadOperations(folder string) (*ast.QueryDocument, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.graphql"))
	if err != nil {
		return nil, fmt.Errorf("list the operations: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no operations in %s", folder)
	}
	all := &ast.QueryDocument{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read an operation: %w", err)
		}
		document, err := parser.ParseQuery(&ast.Source{Name: path, Input: string(text)})
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", path, err)
		}
		all.Operations = append(all.Operations, document.Operations...)
		all.Fragments = append(all.Fragments, document.Fragments...)
	}
	return all, nil
}

// count returns how many types the slice defines and how many fields, input fields, enum values and union members they have.
func count(slice *ast.Schema) (types, members int) {
	for _, definition := range slice.Types {
		if definition.BuiltIn {
			continue
		}
		types++
		members += len(fieldsOf(definition)) + len(definition.EnumValues) + len(definition.Types)
	}
	return types, members
}
