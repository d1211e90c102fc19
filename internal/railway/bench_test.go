// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// benchAnswer is an answer to ReadEnvironment with one of everything and 25 variables.
func benchAnswer(b *testing.B) []byte {
	b.Helper()
	data := environmentData()
	environment, ok := data["environment"].(object)
	require.True(b, ok)
	config, ok := environment["config"].(object)
	require.True(b, ok)
	services, ok := config["services"].(object)
	require.True(b, ok)
	service, ok := services["s1"].(object)
	require.True(b, ok)
	variables := object{}
	for i := range 25 {
		variables[fmt.Sprintf("VARIABLE_%02d", i)] = object{"value": "one"}
	}
	service["variables"] = variables
	raw, err := json.Marshal(object{"data": data})
	require.NoError(b, err)
	return raw
}

func decodeAnswer(b *testing.B, body []byte) *model.Environment {
	b.Helper()
	r := reply{answer: answer{sent: true, status: 200}}
	r.parse(body)
	var data gql.ReadEnvironmentResponse
	r.decode(&data)
	require.NoError(b, r.cause)
	env, err := decodeEnvironment("ReadEnvironment", &data.Environment)
	require.NoError(b, err)
	return env
}

// BenchmarkDecode makes an environment of the body of an answer.
func BenchmarkDecode(b *testing.B) {
	body := benchAnswer(b)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		decodeAnswer(b, body)
	}
}

// BenchmarkDigest tells whether an environment changed, as each poll does.
func BenchmarkDigest(b *testing.B) {
	env := decodeAnswer(b, benchAnswer(b))
	for b.Loop() {
		digest(env)
	}
}
