// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// FuzzJudge evaluates any expression over any answer, within the time and the memory that one may take.
func FuzzJudge(f *testing.F) {
	for _, e := range useful {
		f.Add(e.expression, `{"agent_id":"test","list":[1,2,{"a":null}]}`, "INFO Python 3.13 middleware enabled")
	}
	for _, body := range []string{"", "null", "[]", `"text"`, "1e400", `{"a":{"a":{"a":[]}}}`, "\xff\xfe", "<html>"} {
		f.Add(`json.a == 1 || body.contains("a") || logs.exists(l, l.message.matches("[a-z]+"))`, body, body)
		f.Add(`json.exists(a, json.exists(b, a == b))`, body, body)
	}
	f.Fuzz(func(t *testing.T, expression, body, line string) {
		if len(expression) > 1024 || len(body) > maxAnswer {
			return
		}
		kind := kindOf(expression)
		found := answerVariables(&answer{status: 200, body: body, headers: map[string]string{"x": body}})
		if kind == KindLogs {
			found = map[string]any{"logs": []any{map[string]any{
				"message": head(line, maxLine), "severity": "info", "structured": structured(model.LogLine{Message: line}), "attributes": map[string]string{"level": line},
			}}}
		}
		took, memory, err := spend(t, kind, expression, found)
		if took > mayTake() || memory > mayAllocate {
			t.Errorf("%v, %d bytes: %v", took, memory, err)
		}
	})
}

// oneLog answers with one line, or with an error.
type oneLog struct {
	filter string
	line   model.LogLine
	err    error
}

func (l *oneLog) Logs(_ context.Context, _ string, query model.LogQuery) ([]model.LogLine, error) {
	l.filter = query.Filter
	return []model.LogLine{l.line}, l.err
}

// FuzzLogs runs a check of a log with any filter and any line: the filter reaches Railway as it was written, whatever is found is a
// result, and its text is bounded and fit to be shown.
func FuzzLogs(f *testing.F) {
	f.Add("@level:error", "a line", "level", "error", false)
	f.Add(`"a \" b" AND (`, `{"time":"now","level":"info","message":"x"}`, "", "", true)
	f.Add("", "\xff\x00", "a", "\xfe", false)
	f.Fuzz(func(t *testing.T, filter, message, key, value string, fails bool) {
		compiled, err := Compile(KindLogs, `logs.exists(l, l.message.contains("a") && l.attributes.size() > 0)`)
		if err != nil {
			t.Fatal(err)
		}
		log := &oneLog{line: model.LogLine{Message: message, Severity: value, Attributes: map[string]string{key: value}}}
		if fails {
			log.err = errors.New(message)
		}
		text, err := (&prober{}).logs(t.Context(), log, Check{Expect: compiled, Logs: &Logs{DeploymentID: "d", Filter: filter}})
		assert.Equal(t, filter, log.filter)
		if fails {
			assert.Error(t, err)
			return
		}
		if utf8.ValidString(message + key + value) {
			assert.True(t, utf8.ValidString(text))
		}
		if err != nil {
			assert.NotEmpty(t, err.Error())
		}
	})
}
