// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// useful are expressions that people write, each true of the sample.
var useful = []struct {
	kind       Kind
	expression string
}{
	{KindHTTP, `status == 200 && durationMs < 500`},
	{KindHTTP, `status in [200, 201] && !(status in [500])`},
	{KindHTTP, `headers["content-type"].startsWith("application/json")`},
	{KindHTTP, `"content-type" in headers && headers.all(name, headers[name] != "")`},
	{KindHTTP, `body.contains("ok") && body.size() > 10 && body.matches("\"status\" *: *\"ok\"")`},
	{KindHTTP, `json.status == "ok" && has(json.items) && !has(json.missing)`},
	{KindHTTP, `json.items.size() == 3 && json.items[0].n == 1 && json.items[json.items.size() - 1].n == 3`},
	{KindHTTP, `json.items.all(i, i.n > 0) && json.items.exists(i, i.n == 2) && json.items.exists_one(i, i.n == 3)`},
	{KindHTTP, `json.items.map(i, i.n) == [1, 2, 3] && json.items.filter(i, i.n > 1).size() == 2`},
	{KindHTTP, `json.items.map(i, i.n > 1, i.name).join("-") == "b-c"`},
	{KindHTTP, `json == json && json.items != [] && json.nested == {"a": {"b": [1.0, true, null]}}`},
	{KindHTTP, `json.version.split(".")[0] == "1" && int(json.version.split(".")[1]) >= 4`},
	{KindHTTP, `json.status.upperAscii() == "OK" && "  x ".trim() == "x" && "abc".substring(1) == "bc" && "abc".substring(0, 2) == "ab"`},
	{KindHTTP, `"äbc".indexOf("c") == 2 && "abca".lastIndexOf("a") == 3 && "abc".charAt(1) == "b" && "abc".charAt(3) == ""`},
	{KindHTTP, `"aXbX".replace("X", "--") == "a--b--" && "ABC".lowerAscii() == "abc"`},
	{KindHTTP, `json.ratio > 0.4 && json.ratio <= 0.5 && double(json.count) / 2.0 == 5.0 && int(json.count) % 3 == 1`},
	{KindHTTP, `timestamp(json.time) > timestamp("2026-01-01T00:00:00Z") && duration("1m") < duration("1h")`},
	{KindHTTP, `timestamp(json.time) + duration("1h") > timestamp(json.time)`},
	{KindHTTP, `json.missing == 1 || status == 200`},
	{KindHTTP, `status == 200 ? json.status == "ok" : false`},
	{KindHTTP, `string(status) == "200" && -status == -200 && status + 1 - 1 == 200 && status * 2 / 2 == 200`},
	{KindHTTP, `json.items[0].name + json.items[1].name == "ab" && dyn(1) == 1`},
	{KindHTTP, `json[json.key] == "ok" && json["status"] == "ok" && (json.items)[0]["n"] == 1`},
	{KindHTTP, `"b" in json.items.map(i, i.name) && "a" in json.nested && !("z" in json.nested) && !(1 in headers.map(h, dyn(h)))`},
	{KindLogs, `logs.size() > 0 && logs.exists(l, l.message.matches("(?i)python[ /=:]*v?3[.]13([^0-9]|$)"))`},
	{KindLogs, `logs.filter(l, l.structured).size() * 2 >= logs.size()`},
	{KindLogs, `!logs.exists(l, l.severity == "error") && logs.all(l, l.attributes["logger"] == "engine")`},
	{KindLoad, `codes["429"] > 0 && errorRate < 0.5 && p95Ms <= p99Ms && requests == 100 && p50Ms < 100`},
	{KindLoad, `codes.all(code, code in ["200", "429"]) && codes.map(c, codes[c]).exists(n, n > 50)`},
}

// sample is what the useful expressions are true of.
func sample(kind Kind) map[string]any {
	switch kind {
	case KindHTTP:
		return answerVariables(&answer{status: 200, headers: map[string]string{"content-type": "application/json; charset=utf-8"}, body: `{"status": "ok", "key": "status",
			"version": "1.4.2", "ratio": 0.5, "count": 10, "time": "2026-08-01T10:00:00Z", "nested": {"a": {"b": [1, true, null]}},
			"items": [{"n": 1, "name": "a"}, {"n": 2, "name": "b"}, {"n": 3, "name": "c"}]}`})
	case KindLogs:
		line := func(message string) any {
			return map[string]any{"message": message, "severity": "info", "structured": true, "attributes": map[string]string{"logger": "engine"}}
		}
		return map[string]any{"logs": []any{line("Starting with Python 3.13.1"), line("ready")}}
	default:
		return map[string]any{"requests": 100, "p50Ms": 10, "p95Ms": 20, "p99Ms": 30, "errorRate": 0.1, "codes": map[string]int{"200": 60, "429": 40}}
	}
}

// TestUsefulExpressions holds that the bounded language says what people want to say, and means what cel-go means by it.
func TestUsefulExpressions(t *testing.T) {
	for _, u := range useful {
		compiled, err := Compile(u.kind, u.expression)
		require.NoError(t, err, u.expression)
		holds, err := compiled.holds(t.Context(), sample(u.kind))
		require.NoError(t, err, u.expression)
		assert.True(t, holds, u.expression)
		assert.Equal(t, true, byCEL(t, u.kind, u.expression), "cel-go agrees: %s", u.expression)
	}
}

// byCEL evaluates with cel-go alone.
func byCEL(t *testing.T, kind Kind, expression string) any {
	t.Helper()
	var variables []cel.EnvOption
	for name := range sample(kind) {
		variables = append(variables, cel.Variable(name, cel.DynType))
	}
	env, err := cel.NewEnv(append(variables, ext.Strings())...)
	require.NoError(t, err)
	tree, issues := env.Compile(expression)
	require.NoError(t, issues.Err(), expression)
	program, err := env.Program(tree)
	require.NoError(t, err)
	value, _, err := program.Eval(sample(kind))
	require.NoError(t, err, expression)
	return value.Value()
}

// TestErrorsMeanTheSame holds that what is an error for cel-go is one here.
func TestErrorsMeanTheSame(t *testing.T) {
	for expression, says := range map[string]string{
		`json.missing == 1`:              "no such key: missing",
		`json.items[7] == 1`:             "index out of bounds: 7",
		`json[json.status] == 1`:         "no such key",
		`json.status + 1 == 2`:           "no such overload",
		`json.status > 1`:                "no such overload",
		`json.items.matches("x")`:        "no such overload",
		`json.status.size() / 0 == 1`:    "division by zero",
		`int(json.status) == 1`:          "type conversion error",
		`json.items + json.items == []`:  "no such overload",
		`int(body) == 1`:                 "too long for int",
		`body.substring(0, 100000) == 1`: "== does not work between string and int",
		`body.substring(100000) == ""`:   "index out of range",
	} {
		compiled, err := Compile(KindHTTP, expression)
		if err == nil {
			_, err = compiled.holds(t.Context(), sample(KindHTTP))
		}
		require.Error(t, err, expression)
		assert.Contains(t, err.Error(), says, expression)
	}
}

func TestLanguageLeavesOut(t *testing.T) {
	for expression, says := range map[string]string{
		`[1] + [2] == [1, 2]`:                "lists cannot be joined",
		`json.items.map(i, [i] + [i]) == []`: "lists cannot be joined",
		`{body: 1} == {}`:                    "keys of a map must be constants",
		`google.protobuf.Value{} == null`:    "no message types",
		`body.matches(body)`:                 "must be a constant",
		`body.matches("a" + "b")`:            "must be a constant",
		`body.matches("((a{10}){10}){10}")`:  "instructions, more than 500",
		`body.matches("(")`:                  "missing closing )",
		`body.format([]) == ""`:              "there is no function format()",
		`body.reverse() == ""`:               "there is no function reverse()",
		`bytes(body) == b""`:                 "there is no function bytes()",
		`type(body) == string`:               "there is no function type()",
		`[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, true)))))`: "more than 4 loops",
		`[1].map(x, __result__ + __result__) == []`:                        "there is no __result__",
	} {
		_, err := Compile(KindHTTP, expression)
		require.Error(t, err, expression)
		assert.Contains(t, err.Error(), says, expression)
	}
}
