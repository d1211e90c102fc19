// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package graphql

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
)

// Node is an object as resolvers return it: field names to values. A missing key is a field that the resolver does not know.
type Node map[string]any

// Lazy resolves a field when it is asked for, with its arguments.
type Lazy func(args map[string]any) (any, error)

// Resolver answers a root field of a query or mutation.
type Resolver func(kind, field string, args map[string]any) (any, error)

// execution is one run of an operation.
type execution struct {
	*Operation
	problems []*Error
}

// Execute resolves the root fields in order and returns the response's data, nil when a null reached the top.
func (o *Operation) Execute(resolve Resolver) (any, []*Error) {
	x := &execution{Operation: o}
	root := o.schema.Query
	if o.operation.Operation == ast.Mutation {
		root = o.schema.Mutation
	}
	data := newOrdered()
	for _, field := range x.collect(root, o.operation.SelectionSet) {
		value, ok := x.rootField(field, ast.Path{ast.PathName(field.Alias)}, resolve)
		if !ok {
			return nil, x.problems
		}
		data.set(field.Alias, value)
	}
	return data, x.problems
}

func (x *execution) rootField(field *ast.Field, path ast.Path, resolve Resolver) (any, bool) {
	args := x.arguments(field.Arguments, field.Definition.Arguments)
	switch field.Name {
	case "__typename":
		return field.ObjectDefinition.Name, true
	case "__schema":
		return x.complete(field.Definition.Type, field, introspection.WrapSchema(x.schema), path)
	case "__type":
		name, _ := args["name"].(string)
		return x.complete(field.Definition.Type, field, introspection.WrapTypeFromDef(x.schema, x.schema.Types[name]), path)
	}
	value, err := resolve(x.Kind(), field.Name, args)
	if err != nil {
		x.fail(err, path)
		return nil, !field.Definition.Type.NonNull
	}
	return x.complete(field.Definition.Type, field, value, path)
}

func (x *execution) fail(err error, path ast.Path) {
	x.problems = append(x.problems, fromError(err, path))
}

// complete turns a value into what its type promises. ok is false when a null must go further up.
func (x *execution) complete(t *ast.Type, field *ast.Field, value any, path ast.Path) (any, bool) {
	if isNil(value) {
		if t.NonNull {
			x.fail(saying("Cannot return null for non-nullable field %s.%s.", field.ObjectDefinition.Name, field.Name), path)
			return nil, false
		}
		return nil, true
	}
	if t.Elem != nil {
		return x.completeList(t, field, value, path)
	}
	definition := x.schema.Types[t.NamedType]
	switch definition.Kind {
	case ast.Scalar, ast.Enum:
		return value, true
	default:
		result, ok := x.object(definition, field, value, path)
		if !ok && !t.NonNull {
			return nil, true
		}
		return result, ok
	}
}

func (x *execution) completeList(t *ast.Type, field *ast.Field, value any, path ast.Path) (any, bool) {
	items := reflect.ValueOf(value)
	list := make([]any, 0, items.Len())
	for i := range items.Len() {
		item, ok := x.complete(t.Elem, field, items.Index(i).Interface(), append(path[:len(path):len(path)], ast.PathIndex(i)))
		if !ok {
			return nil, !t.NonNull
		}
		list = append(list, item)
	}
	return list, true
}

func (x *execution) object(definition *ast.Definition, field *ast.Field, value any, path ast.Path) (any, bool) {
	if known, ok := value.(Node); ok && definition.IsAbstractType() {
		if name, ok := known["__typename"].(string); ok {
			definition = x.schema.Types[name]
		}
	}
	data := newOrdered()
	for _, sub := range x.collect(definition, field.SelectionSet) {
		at := append(path[:len(path):len(path)], ast.PathName(sub.Alias))
		if sub.Name == "__typename" {
			data.set(sub.Alias, definition.Name)
			continue
		}
		raw, err := fieldOf(definition.Name, value, sub, x.arguments(sub.Arguments, sub.Definition.Arguments))
		if err != nil {
			x.fail(err, at)
			if sub.Definition.Type.NonNull {
				return nil, false
			}
			data.set(sub.Alias, nil)
			continue
		}
		result, ok := x.complete(sub.Definition.Type, sub, raw, at)
		if !ok {
			return nil, false
		}
		data.set(sub.Alias, result)
	}
	return data, true
}

// fieldOf reads one field of an object.
func fieldOf(typeName string, value any, field *ast.Field, args map[string]any) (any, error) {
	object, ok := value.(Node)
	if !ok {
		return introspected(value, field.Name, args)
	}
	raw, known := object[field.Name]
	if !known {
		if field.Definition.Type.NonNull {
			return nil, fmt.Errorf("not simulated: %s.%s", typeName, field.Name)
		}
		return nil, nil
	}
	if resolve, ok := raw.(Lazy); ok {
		return resolve(args)
	}
	return raw, nil
}

// introspected reads a field of gqlgen's introspection types, which are Go values with methods or fields of the same name.
func introspected(value any, name string, args map[string]any) (any, error) {
	target := reflect.ValueOf(value)
	if target.Kind() != reflect.Pointer {
		pointer := reflect.New(target.Type())
		pointer.Elem().Set(target)
		target = pointer
	}
	title := strings.ToUpper(name[:1]) + name[1:]
	if method := target.MethodByName(title); method.IsValid() {
		var in []reflect.Value
		if method.Type().NumIn() == 1 {
			deprecated, _ := args["includeDeprecated"].(bool)
			in = append(in, reflect.ValueOf(deprecated))
		}
		return method.Call(in)[0].Interface(), nil
	}
	if member := target.Elem().FieldByName(title); member.IsValid() {
		return member.Interface(), nil
	}
	return nil, fmt.Errorf("not simulated: introspection field %s", name)
}

// collect flattens fragments and honours @skip and @include.
func (x *execution) collect(definition *ast.Definition, set ast.SelectionSet) []*ast.Field {
	var fields []*ast.Field
	byAlias := map[string]int{}
	var walk func(set ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if !x.included(s.Directives) {
					continue
				}
				if i, seen := byAlias[s.Alias]; seen {
					merged := *fields[i]
					merged.SelectionSet = append(append(ast.SelectionSet{}, merged.SelectionSet...), s.SelectionSet...)
					fields[i] = &merged
					continue
				}
				byAlias[s.Alias] = len(fields)
				fields = append(fields, s)
			case *ast.InlineFragment:
				if x.included(s.Directives) && x.applies(definition, s.TypeCondition) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if x.included(s.Directives) && x.applies(definition, s.Definition.TypeCondition) {
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	walk(set)
	return fields
}

func (x *execution) included(directives ast.DirectiveList) bool {
	is := func(name string) (given, value bool) {
		directive := directives.ForName(name)
		if directive == nil {
			return false, false
		}
		condition, _ := literal(directive.Arguments.ForName("if").Value, x.variables)
		return true, condition == true
	}
	if _, skip := is("skip"); skip {
		return false
	}
	given, include := is("include")
	return !given || include
}

func (x *execution) applies(definition *ast.Definition, condition string) bool {
	if condition == "" || condition == definition.Name {
		return true
	}
	for _, name := range definition.Interfaces {
		if name == condition {
			return true
		}
	}
	return false
}

func isNil(value any) bool {
	if value == nil {
		return true
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	case reflect.Map, reflect.Slice:
		return v.IsNil() && v.Kind() == reflect.Map
	default:
		return false
	}
}

// ordered is a JSON object that keeps the order of the query, as GraphQL answers do.
type ordered struct {
	keys   []string
	values map[string]any
}

func newOrdered() *ordered { return &ordered{values: map[string]any{}} }

func (o *ordered) set(key string, value any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// MarshalJSON writes the members in the order in which they were set.
func (o *ordered) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(o.values[key])
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}
