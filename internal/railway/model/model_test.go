// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func tree(t *testing.T, text string) model.Tree {
	t.Helper()
	var decoded model.Tree
	require.NoError(t, json.Unmarshal([]byte(text), &decoded))
	return decoded
}

func TestTreeGet(t *testing.T) {
	config := tree(t, `{"a":{"b":{"c":1},"null":null,"text":"x","empty":{},"false":false}}`)
	tests := []struct {
		keys, reason string
		value        any
		ok           bool
	}{
		{"a.b.c", "a value", 1.0, true},
		{"a.b", "an object", map[string]any{"c": 1.0}, true},
		{"a.empty", "an empty object is there", map[string]any{}, true},
		{"a.false", "false is a value", false, true},
		{"a.null", "null is absence", nil, false},
		{"a.none", "a missing key", nil, false},
		{"a.none.c", "a missing key on the way", nil, false},
		{"a.null.c", "null on the way", nil, false},
		{"a.text.c", "no object on the way", nil, false},
	}
	for _, tt := range tests {
		value, ok := config.Get(strings.Split(tt.keys, ".")...)
		assert.Equal(t, tt.value, value, "%s: %s", tt.keys, tt.reason)
		assert.Equal(t, tt.ok, ok, "%s: %s", tt.keys, tt.reason)
	}
	_, ok := model.Tree(nil).Get("a")
	assert.False(t, ok, "a nil tree has nothing")

	assert.Equal(t, []string{"b", "empty", "false", "null", "text"}, config.Sub("a").Keys(), "sorted")
	assert.Nil(t, config.Sub("a", "text"), "no object")
	assert.Nil(t, config.Sub("a", "none"), "no value")
	assert.Empty(t, config.Sub("a", "none").Keys())
}

func TestTreeSet(t *testing.T) {
	config := tree(t, `{"a":{"keep":1,"text":"x"},"null":null}`)
	config.Set(2.0, "a", "b", "c")
	config.Set(nil, "a", "gone")
	config.Set("y", "null", "b")
	config.Set(true, "a", "text", "below")
	got, err := json.Marshal(config)
	require.NoError(t, err)
	assert.JSONEq(t, `{"a":{"keep":1,"text":{"below":true},"b":{"c":2},"gone":null},"null":{"b":"y"}}`, string(got),
		"objects are made on the way, neighbours stay, and null is written as null")
}

func TestTreeLeaves(t *testing.T) {
	var found []string
	tree(t, `{"b":{"y":[1,{"z":1}],"x":null,"empty":{}},"a":1}`).Leaves(func(keys []string, value any) {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		found = append(found, strings.Join(keys, ".")+"="+string(text))
		keys[0] = "changed" // what a visitor does to its keys is its own affair
	})
	assert.Equal(t, []string{"a=1", "b.empty={}", "b.x=null", `b.y=[1,{"z":1}]`}, found, "in order; lists, nulls and empty objects are leaves")
}

func TestSystemVariable(t *testing.T) {
	for name, want := range map[string]bool{
		"RAILWAY_PROJECT_ID": true, "RAILWAY_ENVIRONMENT": true, "RAILWAY_ADDED_NEXT_YEAR": true, "RAILWAY_": true,
		"RAILWAY_RUN_UID": false, "RAILWAY_DOCKERFILE_PATH": false, "RAILPACK_PYTHON_VERSION": false, "RAILWAYS": false, "MY_RAILWAY_X": false, "": false,
	} {
		assert.Equal(t, want, model.SystemVariable(name), name)
	}
}

func TestStatus(t *testing.T) {
	inProgress := []model.DeploymentStatus{"INITIALIZING", "QUEUED", "WAITING", "NEEDS_APPROVAL", "BUILDING", "DEPLOYING"}
	serving := []model.DeploymentStatus{"SUCCESS", "SLEEPING"}
	neither := []model.DeploymentStatus{"CRASHED", "FAILED", "SKIPPED", "REMOVING", "REMOVED", "ADDED_NEXT_YEAR", ""}
	for _, status := range inProgress {
		assert.True(t, status.InProgress() && !status.Serving(), string(status))
	}
	for _, status := range serving {
		assert.True(t, status.Serving() && !status.InProgress(), string(status))
	}
	for _, status := range neither {
		assert.False(t, status.Serving() || status.InProgress(), string(status))
	}
}

func TestInstance(t *testing.T) {
	environment := model.Environment{Services: []model.ServiceInstance{{ServiceID: "s1", Name: "engine"}, {ServiceID: "s2", Name: "Engine"}}}
	found, ok := environment.Instance("Engine")
	assert.True(t, ok)
	assert.Equal(t, "s2", found.ServiceID, "names are told apart by case (railway-api.md#variables)")
	_, ok = environment.Instance("other")
	assert.False(t, ok)
}

func TestFailureMap(t *testing.T) {
	failure := model.Failure{
		Steps:     []model.Step{{Name: "BUILD_IMAGE", Error: "a secret"}},
		BuildLogs: []model.LogLine{{Message: "secret 1"}}, DeployLogs: []model.LogLine{{Severity: "error", Message: "secret 2"}},
	}
	mapped := failure.Map(func(text string) string { return strings.ReplaceAll(text, "secret", "(secret)") })
	assert.Equal(t, model.Failure{
		Steps:     []model.Step{{Name: "BUILD_IMAGE", Error: "a (secret)"}},
		BuildLogs: []model.LogLine{{Message: "(secret) 1"}}, DeployLogs: []model.LogLine{{Severity: "error", Message: "(secret) 2"}},
	}, mapped)
	assert.Equal(t, "a secret", failure.Steps[0].Error, "the original stays")
}
