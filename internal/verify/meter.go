// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// What one evaluation may use. The cost limit of cel-go counts an operation after it has run, which is too late for one that
// allocates gigabytes; here every operation is charged before it runs, by the size of its arguments.
const (
	// maxWork is in units of some ten nanoseconds at worst, such as one step of a regular expression.
	maxWork = 20_000_000
	// maxMemory is what may be allocated, in bytes, by our own estimate.
	maxMemory = 24 << 20
	// maxText is the longest text that an expression may make, in bytes.
	maxText = 1 << 20
	// maxTime ends an evaluation on a machine that has no time for it.
	maxTime = 400 * time.Millisecond
	// checkEvery is how much work passes between two looks at the clock.
	checkEvery = 20_000

	// What a step of an evaluation costs, whatever it does.
	stepWork, stepMemory = 10, 48
	// wrapMemory is what an error takes, or a list or map that is made fit for cel-go when it is read, in bytes.
	wrapMemory = 320
)

var (
	// errTooCostly: the same expression ends so each time for the same answer.
	errTooCostly = errors.New("the expression is too costly for what was found: use contains() before matches(), or check fewer lines")
	// errTooLong: the machine had no time; nothing is known.
	errTooLong = errors.New("the expression could not be evaluated in time")
)

// meter counts what one evaluation uses, and ends it when that is too much. It belongs to one evaluation.
type meter struct {
	ctx      context.Context
	patterns map[string]*pattern

	work, memory, unchecked int
	stopped                 error
}

// pattern is a regular expression with the number of its instructions.
type pattern struct {
	*regexp.Regexp
	size int
}

// use charges work and memory (bytes). It panics, with what cel-go turns into an error, when the evaluation must end.
func (m *meter) use(work, memory int) {
	m.work += work
	m.memory += memory
	m.unchecked += work
	if m.work > maxWork || m.memory > maxMemory {
		m.stop(errTooCostly)
	}
	if m.unchecked < checkEvery {
		return
	}
	m.unchecked = 0
	if m.ctx.Err() != nil {
		m.stop(errTooLong)
	}
}

func (m *meter) stop(why error) {
	m.stopped = why
	panic(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: why.Error()})
}

// step charges one step.
func (m *meter) step() { m.use(stepWork, stepMemory) }

// scan charges reading a text of so many bytes.
func (m *meter) scan(bytes int) { m.use(bytes/8, 0) }

// wrapped charges what a value took that is more than a scalar.
func (m *meter) wrapped(value ref.Val) {
	switch value.(type) {
	case *types.Err, traits.Lister, traits.Mapper:
		m.use(0, wrapMemory)
	}
}

// decorate puts the meter around every node of a plan. A function that is not in the table of operations cannot be planned.
func (m *meter) decorate(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch n := node.(type) {
	case *attribute, *operation, *construction, *step, interpreter.InterpretableConst:
		return node, nil
	case interpreter.InterpretableAttribute:
		return &attribute{n, m}, nil
	case interpreter.InterpretableConstructor:
		return &construction{n, m}, nil
	case interpreter.InterpretableCall:
		does, known := operations[n.Function()]
		if !known {
			return nil, fmt.Errorf("there is no function %s", n.Function())
		}
		return &operation{n, m, does}, nil
	default:
		return &step{n, m}, nil
	}
}

// step is a node of the language itself: a logical operator or a loop.
type step struct {
	interpreter.InterpretableV2
	*meter
}

// Exec charges a step and does it.
func (s *step) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	s.step()
	return s.InterpretableV2.Exec(frame)
}

// Eval is Exec for plain activations.
func (s *step) Eval(vars interpreter.Activation) ref.Val { return s.Exec(interpreter.AsFrame(vars)) }

// attribute reads a variable, a field or an element.
type attribute struct {
	interpreter.InterpretableAttribute
	*meter
}

// Exec charges a step and reads.
func (a *attribute) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	a.step()
	value := a.InterpretableAttribute.Exec(frame)
	a.wrapped(value)
	return value
}

// Eval is Exec for plain activations.
func (a *attribute) Eval(vars interpreter.Activation) ref.Val {
	return a.Exec(interpreter.AsFrame(vars))
}

// construction makes a list or a map.
type construction struct {
	interpreter.InterpretableConstructor
	*meter
}

// Exec charges the elements and makes it.
func (c *construction) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	elements := len(c.InitVals())
	c.use(stepWork*(1+elements), 2*stepMemory*(1+elements))
	return c.InterpretableConstructor.Exec(frame)
}

// Eval is Exec for plain activations.
func (c *construction) Eval(vars interpreter.Activation) ref.Val {
	return c.Exec(interpreter.AsFrame(vars))
}

// operation calls a function or an operator of ours in place of cel-go's.
type operation struct {
	interpreter.InterpretableCall
	*meter
	does func(*meter, []ref.Val) ref.Val
}

// Exec evaluates the arguments and calls the operation, unless one of them is an error.
func (o *operation) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	o.step()
	args := make([]ref.Val, 0, 4)
	for _, arg := range o.Args() {
		value := arg.Exec(frame)
		if types.IsUnknownOrError(value) && o.Function() != lenient {
			return value
		}
		args = append(args, value)
	}
	value := o.does(o.meter, args)
	o.wrapped(value)
	return value
}

// Eval is Exec for plain activations.
func (o *operation) Eval(vars interpreter.Activation) ref.Val {
	return o.Exec(interpreter.AsFrame(vars))
}
