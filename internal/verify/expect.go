// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
)

// Kind is what a check looks at, and so what its expression can speak of.
type Kind int

const (
	// KindHTTP is one answer.
	KindHTTP Kind = iota
	// KindLogs is lines of a log.
	KindLogs
	// KindLoad is the figures of many answers.
	KindLoad
)

const (
	// costLimit ends an expression that would take long, in CEL's own units: some ten milliseconds.
	costLimit = 1_000_000
	// interruptEvery is how many steps of a loop pass between looks at the time-out.
	interruptEvery = 100
)

// Expectation is a compiled expression.
type Expectation struct {
	// text is the expression, or what it asks for in words.
	text    string
	program cel.Program
}

var environments = map[Kind]func() (*cel.Env, error){
	KindHTTP: sync.OnceValues(func() (*cel.Env, error) {
		return cel.NewEnv(ext.Strings(),
			cel.Variable("status", cel.IntType), cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
			cel.Variable("body", cel.StringType), cel.Variable("json", cel.DynType), cel.Variable("durationMs", cel.IntType))
	}),
	KindLogs: sync.OnceValues(func() (*cel.Env, error) {
		return cel.NewEnv(ext.Strings(), cel.Variable("logs", cel.ListType(cel.DynType)))
	}),
	KindLoad: sync.OnceValues(func() (*cel.Env, error) {
		return cel.NewEnv(ext.Strings(),
			cel.Variable("requests", cel.IntType), cel.Variable("p50Ms", cel.IntType), cel.Variable("p95Ms", cel.IntType),
			cel.Variable("p99Ms", cel.IntType), cel.Variable("errorRate", cel.DoubleType),
			cel.Variable("codes", cel.MapType(cel.StringType, cel.IntType)))
	}),
}

// Compile reads an expression. The error says what is wrong with it and where.
func Compile(kind Kind, text string) (*Expectation, error) {
	env, err := environments[kind]()
	if err != nil {
		return nil, fmt.Errorf("make CEL environment: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, firstIssue(issues)
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the expression gives %s, not true or false", t)
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, fmt.Errorf("plan the expression: %w", err)
	}
	return &Expectation{text: text, program: program}, nil
}

// firstIssue says the first problem in one line.
func firstIssue(issues *cel.Issues) error {
	first := issues.Errors()[0]
	return fmt.Errorf("column %d: %s", first.Location.Column()+1, strings.SplitN(first.Message, "\n", 2)[0])
}

// Contains is the expectation that the body, or a log line, contains the text.
func Contains(kind Kind, text string) string {
	if kind == KindLogs {
		return "logs.exists(l, l.message.contains(" + strconv.Quote(text) + "))"
	}
	return "body.contains(" + strconv.Quote(text) + ")"
}

// judge evaluates the expression. It returns an error that says why it does not hold.
func (e *Expectation) judge(ctx context.Context, found map[string]any) error {
	value, _, err := e.program.ContextEval(ctx, found)
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.New("the expression took too long: " + e.text)
	case err != nil:
		return fmt.Errorf("want %s: %s", e.text, strings.TrimPrefix(err.Error(), "evaluation error: "))
	}
	if holds, isBool := value.Value().(bool); isBool && holds {
		return nil
	}
	return errors.New("want " + e.text)
}
