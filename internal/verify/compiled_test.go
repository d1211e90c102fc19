// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpressionsAreCompiledOnce(t *testing.T) {
	table := &compiledTable{}
	first, err := table.get(KindHTTP, "status == 200")
	require.NoError(t, err)
	again, err := table.get(KindHTTP, "status == 200")
	require.NoError(t, err)
	assert.Same(t, first, again)
	_, err = table.get(KindLogs, "status == 200")
	require.Error(t, err, "a log has no status: the same text of another kind is another expression")
	_, err = table.get(KindHTTP, "status ==")
	require.Error(t, err)
	assert.Len(t, table.kept, 1, "what cannot be compiled is not kept")
}

func TestCompiledExpressionsAreBounded(t *testing.T) {
	table := &compiledTable{}
	for i := range maxCompiled + 10 {
		table.keep(expression{KindHTTP, fmt.Sprint(i)}, &Expectation{})
	}
	assert.Len(t, table.kept, maxCompiled)
	assert.Contains(t, table.kept, expression{KindHTTP, fmt.Sprint(maxCompiled + 9)}, "the newest is kept")
}

// TestSharedExpressionsAnswerForThemselves: objects have the same expressions, and their checks run at the same time.
func TestSharedExpressionsAnswerForThemselves(t *testing.T) {
	one, err := compile(KindHTTP, "status == 200", "one")
	require.NoError(t, err)
	two, err := compile(KindHTTP, "status == 200", "two")
	require.NoError(t, err)
	one.text = "in other words"
	assert.Equal(t, "status == 200", two.text, "what one check says changes no other")
	var group sync.WaitGroup
	for i := range 20 {
		e, status := one, 200+i%2
		if i%3 == 0 {
			e = two
		}
		group.Go(func() {
			holds, err := e.holds(t.Context(), answerVariables(&answer{status: status, body: "{}"}))
			assert.NoError(t, err)
			assert.Equal(t, status == 200, holds)
		})
	}
	group.Wait()
}
