// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import "sync"

// maxCompiled bounds the expressions that are kept: those of the tiers are the same for all objects, and few write their own.
const maxCompiled = 256

// compiledOnce keeps expressions that were compiled. Every pass builds its checks anew, and compiling is most of that.
var compiledOnce = &compiledTable{}

// expression is what an Expectation is made of.
type expression struct {
	kind Kind
	text string
}

// compiledTable is a bounded table of expressions. What it returns is shared and never changed.
type compiledTable struct {
	mu   sync.Mutex
	kept map[expression]*Expectation
}

// get compiles an expression unless it is kept. One that cannot be compiled is not kept.
func (c *compiledTable) get(kind Kind, text string) (*Expectation, error) {
	wanted := expression{kind, text}
	c.mu.Lock()
	found := c.kept[wanted]
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	compiled, err := Compile(kind, text)
	if err != nil {
		return nil, err
	}
	c.keep(wanted, compiled)
	return compiled, nil
}

// keep adds an expression, in place of any other when the table is full.
func (c *compiledTable) keep(wanted expression, compiled *Expectation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[expression]*Expectation{}
	}
	for other := range c.kept {
		if len(c.kept) < maxCompiled {
			break
		}
		delete(c.kept, other)
	}
	c.kept[wanted] = compiled
}
