// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package graphql

import (
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// arguments are a field's or directive's arguments: those given, and the defaults of the others. One that is given by a variable
// that was not given is left out, so that null and absent differ.
func (o *Operation) arguments(given ast.ArgumentList, declared ast.ArgumentDefinitionList) map[string]any {
	values := map[string]any{}
	for _, definition := range declared {
		if argument := given.ForName(definition.Name); argument != nil {
			if value, ok := literal(argument.Value, o.variables); ok {
				values[definition.Name] = value
				continue
			}
		}
		if definition.DefaultValue != nil {
			values[definition.Name], _ = literal(definition.DefaultValue, nil)
		}
	}
	return values
}

// literal is the value of a literal in a document; ok is false for a variable that was not given.
func literal(value *ast.Value, variables map[string]any) (result any, ok bool) {
	switch value.Kind {
	case ast.Variable:
		result, ok = variables[value.Raw]
		return result, ok
	case ast.ListValue:
		list := []any{}
		for _, child := range value.Children {
			item, _ := literal(child.Value, variables)
			list = append(list, item)
		}
		return list, true
	case ast.ObjectValue:
		return literalObject(value, variables), true
	default:
		plain, err := value.Value(nil)
		if err != nil { // the document is valid
			panic("graphql: " + err.Error())
		}
		return plain, true
	}
}

func literalObject(value *ast.Value, variables map[string]any) map[string]any {
	object := map[string]any{}
	if value.Definition != nil {
		for _, field := range value.Definition.Fields {
			if field.DefaultValue != nil {
				object[field.Name], _ = literal(field.DefaultValue, nil)
			}
		}
	}
	for _, child := range value.Children {
		if member, ok := literal(child.Value, variables); ok {
			object[child.Name] = member
		}
	}
	return object
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
