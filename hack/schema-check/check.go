// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// Finding is one disagreement with the full schema, at a place of ours.
type Finding struct {
	File    string
	Line    int
	Message string
}

// String is the finding as compilers print theirs.
func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message) }

// CheckSlice reports where the slice says something else than the full schema: a type, field, argument, input field, enum
// value or union member that the full schema does not have, another type or nullability, and required arguments or input
// fields that the slice leaves out. What the slice leaves out otherwise is no disagreement.
func CheckSlice(full, slice *ast.Schema) []Finding {
	c := &checker{full: full}
	for _, ours := range slice.Types {
		if !ours.BuiltIn {
			c.definition(ours)
		}
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	return c.findings
}

// CheckOperations reports every rule of GraphQL that an operation breaks under the full schema.
func CheckOperations(full *ast.Schema, operations *ast.QueryDocument) []Finding {
	var findings []Finding
	for _, err := range validator.ValidateWithRules(full, operations, nil) {
		finding := Finding{Message: err.Message}
		finding.File, _ = err.Extensions["file"].(string)
		if len(err.Locations) > 0 {
			finding.Line = err.Locations[0].Line
		}
		findings = append(findings, finding)
	}
	return findings
}

type checker struct {
	full     *ast.Schema
	findings []Finding
}

func (c *checker) report(at *ast.Position, format string, args ...any) {
	finding := Finding{Message: fmt.Sprintf(format, args...)}
	if at != nil {
		finding.Line = at.Line
		if at.Src != nil {
			finding.File = at.Src.Name
		}
	}
	c.findings = append(c.findings, finding)
}

func (c *checker) definition(ours *ast.Definition) {
	theirs := c.full.Types[ours.Name]
	if theirs == nil {
		c.report(ours.Position, "type %s does not exist", ours.Name)
		return
	}
	if ours.Kind != theirs.Kind {
		c.report(ours.Position, "%s is %s, not %s", ours.Name, theirs.Kind, ours.Kind)
		return
	}
	for _, name := range ours.Interfaces {
		if !slices.Contains(theirs.Interfaces, name) {
			c.report(ours.Position, "%s does not implement %s", ours.Name, name)
		}
	}
	for _, name := range ours.Types {
		if !slices.Contains(theirs.Types, name) {
			c.report(ours.Position, "union %s has no member %s", ours.Name, name)
		}
	}
	for _, value := range ours.EnumValues {
		if theirs.EnumValues.ForName(value.Name) == nil {
			c.report(value.Position, "enum %s has no value %s", ours.Name, value.Name)
		}
	}
	for _, field := range fieldsOf(ours) {
		c.field(ours, field, theirs.Fields.ForName(field.Name))
	}
	if ours.Kind == ast.InputObject {
		for _, field := range theirs.Fields {
			if required(field.Type, field.DefaultValue) && ours.Fields.ForName(field.Name) == nil {
				c.report(ours.Position, "input %s lacks the required field %s: %s", ours.Name, field.Name, field.Type)
			}
		}
	}
}

func (c *checker) field(parent *ast.Definition, ours, theirs *ast.FieldDefinition) {
	name := parent.Name + "." + ours.Name
	if theirs == nil {
		c.report(ours.Position, "field %s does not exist", name)
		return
	}
	if ours.Type.String() != theirs.Type.String() {
		c.report(ours.Position, "%s is of type %s, not %s", name, theirs.Type, ours.Type)
	}
	for _, argument := range ours.Arguments {
		their := theirs.Arguments.ForName(argument.Name)
		switch {
		case their == nil:
			c.report(argument.Position, "%s has no argument %s", name, argument.Name)
		case argument.Type.String() != their.Type.String():
			c.report(argument.Position, "argument %s(%s:) is of type %s, not %s", name, argument.Name, their.Type, argument.Type)
		}
	}
	for _, argument := range theirs.Arguments {
		if required(argument.Type, argument.DefaultValue) && ours.Arguments.ForName(argument.Name) == nil {
			c.report(ours.Position, "%s lacks the required argument %s: %s", name, argument.Name, argument.Type)
		}
	}
}

func required(t *ast.Type, otherwise *ast.Value) bool { return t.NonNull && otherwise == nil }

// fieldsOf returns the fields that the definition's author wrote: not __typename and its kind.
func fieldsOf(definition *ast.Definition) ast.FieldList {
	return slices.DeleteFunc(slices.Clone(definition.Fields), func(f *ast.FieldDefinition) bool {
		return strings.HasPrefix(f.Name, "__")
	})
}
