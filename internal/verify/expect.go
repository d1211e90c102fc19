// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
)

// Expectation is a compiled expression. Evaluating it takes a bounded time and memory whatever it says, and whatever it is
// given within the bounds of an answer (see meter).
type Expectation struct {
	// text is the expression, or what it asks for in words.
	text     string
	env      *cel.Env
	tree     *cel.Ast
	patterns map[string]*pattern
}

// Compile reads an expression. The error says what is wrong with it and where.
func Compile(kind Kind, text string) (*Expectation, error) {
	env, err := environments[kind]()
	if err != nil {
		return nil, fmt.Errorf("make CEL environment: %w", err)
	}
	tree, err := check(env, kind, text)
	if err != nil {
		return nil, err
	}
	if t := tree.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the expression gives %s, not true or false", t)
	}
	e := &Expectation{text: text, env: env, tree: tree}
	if e.patterns, err = restrict(tree.NativeRep()); err != nil {
		return nil, err
	}
	if _, err := e.plan(&meter{}); err != nil {
		return nil, fmt.Errorf("plan the expression: %w", err)
	}
	return e, nil
}

// check reads the text and checks its types.
func check(env *cel.Env, kind Kind, text string) (*cel.Ast, error) {
	tree, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, firstIssue(kind, text, issues)
	}
	if err := nested(env, tree); err != nil {
		return nil, err
	}
	if tree, issues = env.Check(tree); issues.Err() != nil {
		return nil, firstIssue(kind, text, issues)
	}
	return tree, nil
}

// plan makes a program that one evaluation runs: the meter is in each of its nodes.
func (e *Expectation) plan(m *meter) (cel.Program, error) {
	return e.env.Program(e.tree, cel.CustomDecoratorV2(m.decorate))
}

// Contains is the expectation that the body, or a log line, contains the text.
func Contains(kind Kind, text string) string {
	if kind == KindLogs {
		return "logs.exists(l, l.message.contains(" + strconv.Quote(text) + "))"
	}
	return "body.contains(" + strconv.Quote(text) + ")"
}

// turns are for evaluations, which keep a processor busy and take memory: no more run at once than there are processors.
var turns = make(chan struct{}, min(runtime.GOMAXPROCS(0), 4))

// judge evaluates the expression. It returns an error that says why it does not hold.
func (e *Expectation) judge(ctx context.Context, found map[string]any) error {
	holds, err := e.holds(ctx, found)
	switch {
	case isUnaffordable(err):
		return &undecided{err}
	case err != nil:
		return fmt.Errorf("want %s: %w", e.text, err)
	case !holds:
		return errors.New("want " + e.text)
	}
	return nil
}

// isUnaffordable reports that an expression was ended before it was evaluated: that tells nothing of the engine.
func isUnaffordable(err error) bool {
	return errors.Is(err, errTooLong) || errors.Is(err, errTooCostly)
}

// holds reports whether the expression is true.
func (e *Expectation) holds(ctx context.Context, found map[string]any) (bool, error) {
	select {
	case turns <- struct{}{}:
		defer func() { <-turns }()
	case <-ctx.Done():
		return false, errTooLong
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxTime)
	defer cancel()
	return e.evaluate(&meter{ctx: ctx, patterns: e.patterns}, found)
}

// evaluate runs the expression until the meter ends it.
func (e *Expectation) evaluate(m *meter, found map[string]any) (bool, error) {
	program, err := e.plan(m)
	if err != nil {
		return false, err
	}
	value, _, err := program.Eval(found)
	switch {
	case m.stopped != nil:
		return false, m.stopped
	case err != nil:
		return false, errors.New(strings.TrimPrefix(err.Error(), "evaluation error: "))
	}
	holds, isBool := value.Value().(bool)
	return isBool && holds, nil
}
