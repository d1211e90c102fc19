// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
)

// Whatever comes as a body: nothing panics, and only a whole answer without errors counts as one.
func FuzzAnswer(f *testing.F) {
	environment, err := json.Marshal(object{"data": environmentData()})
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		string(environment), projectJSON, projectJSON[:100], "", "null", "[]", `"x"`, "{}", `{"data":null}`, `{"data":{}}`,
		`{"data":{"environment":null}}`, `{"data":[]}`, `{"data":[],"errors":5}`, `{"errors":[]}`, `{"errors":[null]}`, `{"errors":"x"}`,
		`{"data":{},"errors":[{"message":"Not Authorized"}]}`, `{"data":{},"errors":[{"path":["environment","sourceEnvironment"]}]}`, "<html>", "error code: 1015", "\xff\xfe",
	} {
		f.Add(200, body)
		f.Add(500, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := reply{answer: answer{sent: true, status: status}}
		r.parse([]byte(body))
		apart := reply{answer: answer{sent: true, status: status}}
		apart.parseFields([]byte(body))
		alike(t, r, apart)
		var data gql.ReadEnvironmentResponse
		r.decode(&data)
		if v := classify(r.answer); v.class != None {
			assert.NotEmpty(t, v.class.String())
			return
		}
		var answer struct {
			Data   map[string]any
			Errors []problem
		}
		assert.NoError(t, json.Unmarshal([]byte(body), &answer))
		assert.NotNil(t, answer.Data)
		assert.Empty(t, slices.DeleteFunc(answer.Errors, problem.bearable))
		env, err := decodeEnvironment("", &data.Environment)
		if err == nil {
			assert.NotEmpty(t, env.ID)
			assert.NotNil(t, env.Config)
			assert.NotEmpty(t, digest(env))
		}
	})
}

// alike holds that it is the same whether the root fields of an answer are taken apart at once or later.
func alike(t *testing.T, r, apart reply) {
	t.Helper()
	var fields map[string]json.RawMessage
	r.decode(&fields)
	assert.Equal(t, classify(r.answer), classify(apart.answer))
	assert.Equal(t, r.whole(), apart.whole())
	if r.whole() {
		assert.Subset(t, apart.fields, fields, "an answer may have data twice: then the last counts, field by field")
	}
}

func FuzzSanitise(f *testing.F) {
	f.Add("Variable \"$patch\" got invalid value {a: \"s3cret\"}; Expected", "s3cret")
	f.Add("Bearer s3cret", "s3cret")
	f.Add(strings.Repeat("é", 600), "éééé")
	f.Fuzz(func(t *testing.T, message, secret string) {
		got := sanitise(message, []string{secret})
		assert.LessOrEqual(t, len(got), maxMessage)
		assert.NotContains(t, got, "\n")
		if utf8.ValidString(message) {
			assert.True(t, utf8.ValidString(got))
		}
	})
}
