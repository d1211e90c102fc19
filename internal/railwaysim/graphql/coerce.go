// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package graphql

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// coerceVariables turns a request's variables into the values that the operation declares, as graphql-js does: a number is no
// String, 2^40 is no Int. Variables that were not given and have no default are left out.
func coerceVariables(schema *ast.Schema, operation *ast.OperationDefinition, given map[string]any) (map[string]any, []*Error) {
	c := &coercion{schema: schema}
	values := map[string]any{}
	for _, declared := range operation.VariableDefinitions {
		name := declared.Variable
		value, ok := given[name]
		switch {
		case !ok && declared.DefaultValue != nil:
			values[name], _ = literal(declared.DefaultValue, nil)
		case !ok && declared.Type.NonNull:
			c.report("Variable \"$%s\" of required type %q was not provided.", name, declared.Type)
		case !ok:
		case value == nil && declared.Type.NonNull:
			c.report("Variable \"$%s\" of non-null type %q must not be null.", name, declared.Type)
		default:
			c.variable, c.whole = name, value
			values[name] = c.value(declared.Type, value, nil)
		}
	}
	return values, c.problems
}

// coercion collects what is wrong with the variables.
type coercion struct {
	schema   *ast.Schema
	variable string
	whole    any
	problems []*Error
}

func (c *coercion) report(format string, args ...any) {
	c.problems = append(c.problems, problem(CodeBadInput, format, args...))
}

// wrong reports a value that does not fit, with its place in the variable as graphql-js writes it.
func (c *coercion) wrong(at []string, value any, format string, args ...any) {
	place := ""
	if len(at) > 0 {
		place = fmt.Sprintf(" at %q", c.variable+strings.Join(at, ""))
	}
	c.report("Variable \"$%s\" got invalid value %s%s; %s", c.variable, inspect(value, 0), place, fmt.Sprintf(format, args...))
}

func (c *coercion) value(t *ast.Type, value any, at []string) any {
	if value == nil {
		if t.NonNull {
			c.wrong(at, value, "Expected non-nullable type %q not to be null.", t)
		}
		return nil
	}
	if t.Elem != nil {
		return c.list(t, value, at)
	}
	definition := c.schema.Types[t.NamedType]
	switch definition.Kind {
	case ast.InputObject:
		return c.object(definition, value, at)
	case ast.Enum:
		return c.enum(definition, value, at)
	default:
		leaf, err := scalar(definition.Name, value)
		if err != nil {
			c.wrong(at, value, "%s", err)
		}
		return leaf
	}
}

// list coerces a list; one value alone stands for a list of it.
func (c *coercion) list(t *ast.Type, value any, at []string) any {
	items, ok := value.([]any)
	if !ok {
		return []any{c.value(t.Elem, value, at)}
	}
	list := make([]any, 0, len(items))
	for i, item := range items {
		list = append(list, c.value(t.Elem, item, append(slices.Clone(at), fmt.Sprintf("[%d]", i))))
	}
	return list
}

func (c *coercion) object(definition *ast.Definition, value any, at []string) any {
	given, ok := value.(map[string]any)
	if !ok {
		c.wrong(at, value, "Expected type %q to be an object.", definition.Name)
		return nil
	}
	object := map[string]any{}
	for _, field := range definition.Fields {
		member, ok := given[field.Name]
		switch {
		case ok:
			object[field.Name] = c.value(field.Type, member, append(slices.Clone(at), "."+field.Name))
		case field.DefaultValue != nil:
			object[field.Name], _ = literal(field.DefaultValue, nil)
		case field.Type.NonNull:
			c.wrong(at, value, "Field %q of required type %q was not provided.", field.Name, field.Type)
		}
	}
	for _, name := range sortedKeys(given) {
		if definition.Fields.ForName(name) == nil {
			c.wrong(at, value, "Field %q is not defined by type %q.", name, definition.Name)
		}
	}
	return object
}

func (c *coercion) enum(definition *ast.Definition, value any, at []string) any {
	name, ok := value.(string)
	switch {
	case !ok:
		c.wrong(at, value, "Enum %q cannot represent non-string value: %s.", definition.Name, inspect(value, 0))
	case definition.EnumValues.ForName(name) == nil:
		c.wrong(at, value, "Value %q does not exist in %q enum.", name, definition.Name)
	}
	return value
}

// scalar coerces a leaf. Scalars that GraphQL does not define pass as they are, but for DateTime.
func scalar(name string, value any) (any, error) {
	switch name {
	case "Int":
		return integer(value)
	case "Float":
		number, ok := value.(json.Number)
		if !ok {
			return nil, saying("Float cannot represent non numeric value: %s", inspect(value, 0))
		}
		return number.Float64()
	case "String":
		if words, ok := value.(string); ok {
			return words, nil
		}
		return nil, saying("String cannot represent a non string value: %s", inspect(value, 0))
	case "Boolean":
		if truth, ok := value.(bool); ok {
			return truth, nil
		}
		return nil, saying("Boolean cannot represent a non boolean value: %s", inspect(value, 0))
	case "ID":
		return identifier(value)
	case "DateTime":
		return dateTime(value)
	default:
		return value, nil
	}
}

// text is an error in graphql-js's own words, which begin with capitals and end with stops.
type text string

// Error returns the words.
func (t text) Error() string { return string(t) }

func saying(format string, args ...any) error { return text(fmt.Sprintf(format, args...)) }

func integer(value any) (any, error) {
	number, ok := value.(json.Number)
	if !ok {
		return nil, saying("Int cannot represent non-integer value: %s", inspect(value, 0))
	}
	float, err := number.Float64()
	switch {
	case err != nil || float != math.Trunc(float):
		return nil, saying("Int cannot represent non-integer value: %s", number)
	case float < math.MinInt32 || float > math.MaxInt32:
		return nil, saying("Int cannot represent non 32-bit signed integer value: %s", number)
	default:
		return int64(float), nil
	}
}

// identifier takes a string, or an integer as its text.
func identifier(value any) (any, error) {
	switch id := value.(type) {
	case string:
		return id, nil
	case json.Number:
		if _, err := id.Int64(); err == nil {
			return id.String(), nil
		}
	}
	return nil, saying("ID cannot represent value: %s", inspect(value, 0))
}

func dateTime(value any) (any, error) {
	date, ok := value.(string)
	if !ok {
		return nil, saying("DateTime cannot represent non string or Date type %s", inspect(value, 0))
	}
	if _, err := time.Parse(time.RFC3339Nano, date); err != nil {
		return nil, saying("DateTime cannot represent an invalid date-time-string %s.", date)
	}
	return date, nil
}

// literals checks the values that stand in the query itself for what gqlparser's rules let pass: integers of more than 32 bits.
func literals(document *ast.QueryDocument) []*Error {
	var problems []*Error
	check := func(arguments ast.ArgumentList) {
		for _, argument := range arguments {
			walkValue(argument.Value, func(v *ast.Value) {
				if v.Kind != ast.IntValue || v.Definition == nil || v.Definition.Name != "Int" {
					return
				}
				if _, err := strconv.ParseInt(v.Raw, 10, 32); err != nil {
					problems = append(problems, problem(CodeInvalid, "Int cannot represent non 32-bit signed integer value: %s", v.Raw))
				}
			})
		}
	}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				check(s.Arguments)
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				walk(s.SelectionSet)
			}
		}
	}
	for _, operation := range document.Operations {
		walk(operation.SelectionSet)
	}
	for _, fragment := range document.Fragments {
		walk(fragment.SelectionSet)
	}
	return problems
}

func walkValue(value *ast.Value, visit func(*ast.Value)) {
	visit(value)
	for _, child := range value.Children {
		walkValue(child.Value, visit)
	}
}

// inspect writes a value as graphql-js does in its messages.
func inspect(value any, depth int) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return quoted(v)
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		if depth > 1 {
			return "[Object]"
		}
		parts := make([]string, 0, len(v))
		for _, name := range sortedKeys(v) {
			parts = append(parts, name+": "+inspect(v[name], depth+1))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case []any:
		if len(v) > 0 && depth > 1 {
			return "[Array]"
		}
		parts := make([]string, 0, len(v))
		for _, item := range v[:min(len(v), 10)] {
			parts = append(parts, inspect(item, depth+1))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

func quoted(words string) string {
	raw, err := json.Marshal(words)
	if err != nil {
		return strconv.Quote(words)
	}
	return string(raw)
}
