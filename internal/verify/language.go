// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// Kind is what a check looks at, and so what its expression can name.
type Kind int

const (
	// KindHTTP is one answer.
	KindHTTP Kind = iota
	// KindLogs is lines of a log.
	KindLogs
	// KindLoad is the figures of many answers.
	KindLoad
)

// What an expression may be. The API allows 1,024 characters; status and contains add some.
const (
	maxExpression = 2700
	maxDepth      = 50
	// maxNesting is how many loops may stand in each other, or be chained.
	maxNesting = 4
	// maxPattern is how many instructions a regular expression may have.
	maxPattern = 500
)

// variable is what an expression can name.
type variable struct {
	name string
	kind *cel.Type
}

// nameable is what the expressions of each kind of check can use.
var nameable = map[Kind][]variable{
	KindHTTP: {
		{"status", cel.IntType}, {"headers", cel.MapType(cel.StringType, cel.StringType)}, {"body", cel.StringType},
		{"json", cel.DynType}, {"durationMs", cel.IntType},
	},
	KindLogs: {{"logs", cel.ListType(cel.DynType)}},
	KindLoad: {
		{"requests", cel.IntType}, {"p50Ms", cel.IntType}, {"p95Ms", cel.IntType}, {"p99Ms", cel.IntType},
		{"errorRate", cel.DoubleType}, {"codes", cel.MapType(cel.StringType, cel.IntType)},
	},
}

func namesOf(kind Kind) []string {
	names := make([]string, 0, len(nameable[kind]))
	for _, v := range nameable[kind] {
		names = append(names, v.name)
	}
	return names
}

// The language is CEL's standard library without what cannot be bounded (joining lists, bytes, time zones, types), and the
// functions on texts that people use, with costs of our own (see operations).
var environments = map[Kind]func() (*cel.Env, error){
	KindHTTP: environment(KindHTTP), KindLogs: environment(KindLogs), KindLoad: environment(KindLoad),
}

func environment(kind Kind) func() (*cel.Env, error) {
	declared := make([]cel.EnvOption, 0, len(nameable[kind]))
	for _, v := range nameable[kind] {
		declared = append(declared, cel.Variable(v.name, v.kind))
	}
	return sync.OnceValues(func() (*cel.Env, error) {
		return cel.NewCustomEnv(slices.Concat([]cel.EnvOption{
			cel.StdLib(cel.StdLibSubset(standard())),
			cel.EnableHiddenAccumulatorName(true), // what a loop makes is no variable of the expression
			cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxDepth),
		}, textFunctions(), declared)...)
	})
}

// standard is the part of CEL's standard library that has an operation.
func standard() *env.LibrarySubset {
	subset := env.NewLibrarySubset().AddIncludedMacros(
		operators.Has, operators.All, operators.Exists, operators.ExistsOne, operators.Map, operators.Filter)
	names := []string{operators.LogicalAnd, operators.LogicalOr, operators.Conditional, operators.Index}
	for name := range operations {
		names = append(names, name)
	}
	for _, name := range names {
		subset.AddIncludedFunctions(env.NewFunction(name))
	}
	return subset
}

// textFunctions declares what cel-go's extension for strings calls so too.
func textFunctions() []cel.EnvOption {
	text, number := cel.StringType, cel.IntType
	member := func(name, id string, result *cel.Type, args ...*cel.Type) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload(id, args, result))
	}
	return []cel.EnvOption{
		member("lowerAscii", "string_lower_ascii", text, text), member("upperAscii", "string_upper_ascii", text, text),
		member("trim", "string_trim", text, text), member("charAt", "string_char_at_int", text, text, number),
		member("indexOf", "string_index_of_string", number, text, text),
		member("lastIndexOf", "string_last_index_of_string", number, text, text),
		member("replace", "string_replace_string_string", text, text, text, text),
		member("split", "string_split_string", cel.ListType(text), text, text),
		member("substring", "string_substring_int", text, text, number),
		member("substring", "string_substring_int_int", text, text, number, number),
		member("join", "list_join", text, cel.ListType(text)), member("join", "list_join_string", text, cel.ListType(text), text),
	}
}

// nested refuses too many loops in each other. It comes before the types are checked, which takes much memory for many loops.
func nested(env *cel.Env, tree *cel.Ast) error {
	issues := cel.NewIssuesWithSourceInfo(common.NewErrors(tree.Source()), tree.NativeRep().SourceInfo())
	cel.ValidateComprehensionNestingLimit(maxNesting).Validate(env, nil, tree.NativeRep(), issues)
	if issues.Err() != nil {
		return fmt.Errorf("more than %d loops (all, exists, map, filter) in each other", maxNesting)
	}
	return nil
}

// restrict refuses what could not be charged before it runs, compiles the regular expressions, and names lookups by a computed
// key so that they are operations.
func restrict(tree *ast.AST) (patterns map[string]*pattern, problem error) {
	patterns = map[string]*pattern{}
	factory := ast.NewExprFactory()
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if problem == nil {
			if err := restrictOne(tree, e, patterns, factory); err != nil {
				at := tree.SourceInfo().GetStartLocation(e.ID())
				problem = fmt.Errorf("%s: %w", placeAt(at.Line(), max(at.Column(), 0)), err)
			}
		}
	}))
	return patterns, problem
}

func restrictOne(tree *ast.AST, e ast.Expr, patterns map[string]*pattern, factory ast.ExprFactory) error {
	switch e.Kind() {
	case ast.StructKind:
		return errors.New("there are no message types")
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			if entry.AsMapEntry().Key().Kind() != ast.LiteralKind {
				return errors.New("the keys of a map must be constants")
			}
		}
	case ast.CallKind:
		return restrictCall(tree, e, patterns, factory)
	default:
	}
	return nil
}

func restrictCall(tree *ast.AST, e ast.Expr, patterns map[string]*pattern, factory ast.ExprFactory) error {
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.Index:
		if args[1].Kind() != ast.LiteralKind {
			e.SetKindCase(factory.NewCall(e.ID(), lookup, args...))
		}
	case operators.Add:
		made := args[0].Kind() == ast.IdentKind && args[0].AsIdent() == loopVariable
		if !made && tree.GetType(e.ID()).Kind() == types.ListKind {
			return errors.New("lists cannot be joined: write a condition for each")
		}
	case "matches":
		return addPattern(patterns, args[len(args)-1])
	}
	return nil
}

// loopVariable is what cel-go calls the result of a loop while it is made; no expression can name it.
const loopVariable = "@result"

func addPattern(patterns map[string]*pattern, arg ast.Expr) error {
	text, constant := "", false
	if arg.Kind() == ast.LiteralKind {
		text, constant = arg.AsLiteral().Value().(string)
	}
	if !constant {
		return errors.New("the regular expression of matches() must be a constant")
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	size := instructions(parsed)
	if size > maxPattern {
		return fmt.Errorf("the regular expression has %d instructions, more than %d: repeat less in it", size, maxPattern)
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return err
	}
	patterns[text] = &pattern{compiled, size}
	return nil
}

// instructions is how many instructions a regular expression takes, at most.
func instructions(re *syntax.Regexp) int {
	inner := 1
	for _, sub := range re.Sub {
		inner += 1 + instructions(sub)
	}
	switch re.Op {
	case syntax.OpRepeat:
		return inner * max(re.Min, re.Max, 1)
	case syntax.OpLiteral:
		return inner + len(re.Rune)
	default:
		return inner + 1
	}
}
