// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompile(t *testing.T) {
	tests := []struct {
		name, expect, problem string
		kind                  Kind
	}{
		{"status", `status == 200`, "", KindHTTP},
		{"all of an answer", `headers["x"] == "1" && body.contains("a") && json.agent_id == "test" && durationMs < 500`, "", KindHTTP},
		{"lines", `logs.all(l, l.structured && l.severity != "error" && size(l.message) > 0)`, "", KindLogs},
		{"figures", `p95Ms < 100 && errorRate < 0.01 && codes["429"] > 0 && requests > 10`, "", KindLoad},
		{"no truth", `status + 1`, "the expression gives int, not true or false", KindHTTP},
		{"broken", `status ==`, "column 10: the expression ends too early", KindHTTP},
		{"another kind's word", `status == 200`, "column 1: there is no status: the expression of a logs check can use logs", KindLogs},
		{"text for a number", `status == "200"`, "column 8: == does not work between int and string", KindHTTP},
		{"no such function", `now() > 1`, "column 4: there is no function now()", KindHTTP},
		{"a word misspelled", `stauts == 200`, "column 1: there is no stauts: the expression of an http check can use status, headers, body", KindHTTP},
		{"one equals sign", `status = 200`, "column 8: = compares nothing: use ==", KindHTTP},
		{"three equals signs", `status === 200`, "column 8: === is no operator: use ==", KindHTTP},
		{"two equals signs too many", `status !== 200`, "column 8: !== is no operator: use !=", KindHTTP},
		{"three ampersands", `status == 200 &&& true`, "column 15: &&& is no operator: use &&", KindHTTP},
		{"three bars", `status == 200|||true`, "column 14: ||| is no operator: use ||", KindHTTP},
		{"turned round", `status => 200`, "column 8: => is no operator: use >=", KindHTTP},
		{"no operator at all", `status =| 200`, "column 8: =| is no operator", KindHTTP},
		{"an equals sign without spaces", `status=x`, "column 7: = compares nothing: use ==", KindHTTP},
		{"an operator and an equals sign", `status != = 200`, "column 11: = compares nothing: use ==", KindHTTP},
		{"another character", `status == 200; true`, "column 14: ; is not part of the language", KindHTTP},
		{"another character behind an operator", `status ==# 200`, "column 8: # is not part of the language", KindHTTP},
		{"one ampersand", `status == 200 & true`, "column 15: & joins nothing: use &&", KindHTTP},
		{"a word for an operator", `status == 200 and true`, "column 15: and is not expected here: conditions are joined by && or ||", KindHTTP},
		{"a word in capitals", `status == 200 OR true`, "column 15: OR is not expected here: conditions are joined by && or ||", KindHTTP},
		{"a bracket too many", `status == 200)`, "column 14: ) is not expected here", KindHTTP},
		{"no operator", `status 200`, "column 8: 200 is not expected here", KindHTTP},
		{"an operator twice", `status == == 200`, "column 11: == is not expected here", KindHTTP},
		{"an operator of SQL", `status <> 200`, "column 9: > is not expected here", KindHTTP},
		{"an element of a text", `body[0] == "a"`, "column 5: [] of string does not take (int)", KindHTTP},
		{"a key of another type", `headers[1] == "x"`, "column 8: [] of map(string, string) does not take (int)", KindHTTP},
		{"within a number", `body in 1`, "column 6: in does not work between string and int", KindHTTP},
		{"two types to choose from", `status == 200 ? true : 1`, "column 15: ? : takes a condition and two values of one type, not (bool, bool, int)", KindHTTP},
		{"no end of a text", `json.a == 'x`, "column 11: the text that begins here has no closing quote", KindHTTP},
		{"no end of a bracket", `(status == 200`, "column 15: ) is missing", KindHTTP},
		{"a method's argument", `body.contains(1)`, "column 14: contains() of string does not take (int)", KindHTTP},
		{"a function's argument", `size(1) == 1`, "column 5: size() does not take (int)", KindHTTP},
		{"one operand", `!status`, "column 1: ! does not work on int", KindHTTP},
		{"half a loop", `json.items.all(i)`, "column 15: all() takes a name and a condition", KindHTTP},
		{"the second line", "status == 200 &&\n stats == 1", "line 2, column 2: there is no stats", KindHTTP},
		{"nothing of the parser's", `status == 200 &&`, "column 17: the expression ends too early", KindHTTP},
		{"restricted", `body.matches(json.x)`, "column 13: the regular expression of matches() must be a constant", KindHTTP},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(tt.kind, tt.expect)
			if tt.problem == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.problem)
			assert.NotContains(t, err.Error(), "\n", "one line")
			assert.Equal(t, strings.Contains(tt.problem, "conditions are joined"), strings.Contains(err.Error(), "conditions are joined"), "a hint only where it helps: %s", err)
		})
	}
}

// TestUnknownNamesTellTheKnown: the message names what the environment of the kind declares.
func TestUnknownNamesTellTheKnown(t *testing.T) {
	for kind, environment := range environments {
		env, err := environment()
		require.NoError(t, err)
		_, problem := Compile(kind, "nothing == 1")
		for _, name := range namesOf(kind) {
			assert.ErrorContains(t, problem, name)
			_, issues := env.Compile(name)
			assert.NoError(t, issues.Err())
		}
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	dear, err := Compile(KindLogs, `logs.all(a, logs.all(b, logs.all(c, a.message + b.message + c.message != "")))`)
	require.NoError(t, err)
	lines := make([]any, 500)
	for i := range lines {
		lines[i] = map[string]any{"message": strings.Repeat("x", 100)}
	}
	found := map[string]any{"logs": lines}
	_, err = dear.evaluate(&meter{ctx: context.Background(), patterns: dear.patterns}, found)
	require.ErrorIs(t, err, errTooCostly, "however slow the machine is: what it costs is counted")
	require.ErrorContains(t, err, "use contains() before matches(), or check fewer lines")
	late, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = dear.evaluate(&meter{ctx: late, patterns: dear.patterns}, found)
	require.ErrorIs(t, err, errTooLong)
	assert.True(t, isUndecided(dear.judge(t.Context(), found)), "it tells nothing of the engine")
}

func TestContainsQuotes(t *testing.T) {
	for _, text := range []string{`plain`, `with "quotes"`, `back\slash`, "line\nbreak", `é ${{x}}`} {
		e, err := Compile(KindHTTP, Contains(KindHTTP, text))
		require.NoError(t, err, text)
		assert.NoError(t, e.judge(t.Context(), map[string]any{"body": "a " + text + " b"}), text)
		assert.Error(t, e.judge(t.Context(), map[string]any{"body": "something else"}), text)
	}
}
