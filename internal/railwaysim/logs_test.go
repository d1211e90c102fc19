// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const readLogs = `query($d: String!, $f: String, $n: Int) {
	deploymentLogs(deploymentId: $d, filter: $f, limit: $n) { message severity attributes { key value } } }`

// messages reads the messages of the newest deployment's log.
func (l *local) messages(variables vars) []string {
	l.t.Helper()
	variables["d"] = l.newest(1)[0].ID
	list, _ := l.must(readLogs, variables).at("deploymentLogs").([]any)
	messages := []string{}
	for _, line := range list {
		object, _ := line.(map[string]any)
		message, _ := object["message"].(string)
		messages = append(messages, message)
	}
	return messages
}

// logged starts the image on staging's engine with JSON logs and lets it run.
func logged(t *testing.T, image string) *local {
	t.Helper()
	l := start(t)
	l.patch(service(engine, map[string]any{
		"source": map[string]any{"image": image}, "variables": map[string]any{"LOG_FORMAT": map[string]any{"value": "json"}},
	}))
	return l
}

func TestLogsAppearAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	l := logged(t, "acme/engine:dying")
	assert.Empty(t, l.messages(vars{}), "nothing runs yet")
	l.advance(5 * step)
	assert.Len(t, l.messages(vars{}), 3)
	l.advance(30 * step)
	assert.Contains(t, l.messages(vars{}), "MemoryError: engine died: out of memory")
	assert.Len(t, l.messages(vars{"n": 2}), 2, "the last ones")
}

func TestABurstOfLines(t *testing.T) {
	t.Parallel()
	l := logged(t, "acme/engine:chatty")
	l.advance(20 * step)
	assert.Len(t, l.messages(vars{}), 3)
	l.advance(10 * step)
	lines := l.messages(vars{"n": 5000})
	assert.Len(t, lines, 3+1000)
	assert.Equal(t, "line 1000", lines[len(lines)-1])
}

func TestStructuredLogs(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]int{"acme/engine:2.0": 3, "acme/engine:plain-logs": 1} {
		l := logged(t, image)
		l.advance(5 * step)
		list, _ := l.must(readLogs, vars{"d": l.newest(1)[0].ID}).at("deploymentLogs").([]any)
		require.Len(t, list, 3)
		first, _ := list[0].(map[string]any)
		assert.Equal(t, "Starting engine with Python 3.13", first["message"], "Railway takes the message out of a JSON line")
		assert.Len(t, first["attributes"], want, image)
	}
}

func TestLogFilter(t *testing.T) {
	t.Parallel()
	l := logged(t, "acme/engine:dying")
	l.advance(60 * step)
	for filter, want := range map[string]int{
		"":                                   4,
		"engine":                             2,
		`"Python 3.13"`:                      1,
		"@level:error":                       1,
		"-@level:error":                      3,
		`@level:error AND "engine"`:          1,
		`@level:error "Python"`:              0,
		`@level:error OR python`:             2,
		`(listening OR python) AND -python`:  1,
		"@logger:engine":                     4,
		"@deployment:" + l.newest(1)[0].ID:   4,
		"@httpStatus:>=500":                  0,
		`"no such line" OR ("also" AND "x")`: 0,
	} {
		assert.Len(t, l.messages(vars{"f": filter}), want, filter)
	}
	for _, filter := range []string{"AND", "a OR", "(a", "@level", "-"} {
		a := l.ask(account, readLogs, vars{"d": l.newest(1)[0].ID, "f": filter})
		assert.Contains(t, a.message(), "invalid filter", filter)
	}
}
