// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
)

type action struct {
	Name        string      `json:"name"`
	DisplayName string      `json:"displayName"`
	Disabled    bool        `json:"disabled"`
	Params      []parameter `json:"params"`
}

// parameter is what Argo CD asks the person for.
type parameter struct {
	Name string `json:"name"`
}

type actionTests struct {
	DiscoveryTests []struct {
		InputPath string   `json:"inputPath"`
		Result    []action `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action             string            `json:"action"`
		InputPath          string            `json:"inputPath"`
		ExpectedOutputPath string            `json:"expectedOutputPath"`
		Parameters         map[string]string `json:"parameters"`
	} `json:"actionTests"`
}

// TestActions runs the cases of action_test.yaml.
func TestActions(t *testing.T) {
	tests := decode[actionTests](t, filepath.Join(customization, "actions", "action_test.yaml"))
	for _, tc := range tests.DiscoveryTests {
		t.Run("discovery "+tc.InputPath, func(t *testing.T) {
			var got []action
			for name, found := range convert[map[string]action](t, run(t, "actions/discovery.lua", object(t, "actions/"+tc.InputPath), nil)) {
				got = append(got, action{name, found.DisplayName, found.Disabled, found.Params})
			}
			assert.ElementsMatch(t, tc.Result, got)
		})
	}
	tested := map[string]bool{}
	for _, tc := range tests.ActionTests {
		tested[tc.Action] = true
		t.Run(tc.Action, func(t *testing.T) {
			got := run(t, "actions/"+tc.Action+"/action.lua", object(t, "actions/"+tc.InputPath), tc.Parameters)
			assert.Equal(t, convert[any](t, object(t, "actions/"+tc.ExpectedOutputPath)), withoutTime(t, convert[map[string]any](t, got)))
		})
	}
	entries, err := filepath.Glob(filepath.Join(customization, "actions", "*", "action.lua"))
	require.NoError(t, err)
	assert.Len(t, tested, len(entries), "every action has a case")
}

// TestWords holds that Argo CD, the board and the guide call the end of a hold the same.
func TestWords(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide.md")
	require.NoError(t, err)
	health, err := os.ReadFile(filepath.Join(customization, "health.lua"))
	require.NoError(t, err)
	discovered := convert[map[string]action](t, run(t, "actions/discovery.lua", object(t, "actions/testdata/running.yaml"), nil))
	for name, ofBoard := range map[string]string{"end-hold": view.ActionRelease, "try-again": view.ActionResume} {
		offer, known := view.OfferOf(ofBoard)
		require.True(t, known)
		shown := discovered[name].DisplayName
		assert.Equal(t, strings.ToLower(offer.Label), shown, name)
		assert.Contains(t, string(guide), "| "+offer.Label+" | `"+name+"`, shown as \""+shown+"\" |")
		assert.Contains(t, string(health), "(action: "+shown+")")
	}
}

// TestRollbackNeedsItsTarget holds that the person is told what is missing: Argo CD shows what a script says.
func TestRollbackNeedsItsTarget(t *testing.T) {
	for _, parameters := range []map[string]string{nil, {"to": ""}} {
		_, err := runScript(t, "actions/rollback/action.lua", object(t, "actions/testdata/running.yaml"), parameters)
		assert.ErrorContains(t, err, "to is required: a revision's name, number, source or tag, or previous")
	}
}

// annotationHold keeps what runs; its value is the reason.
const annotationHold = "railway.engine-operator.dev/hold"

// withoutTime puts the time that Argo CD's own tests use in place of the real one.
func withoutTime(t *testing.T, fields map[string]any) any {
	t.Helper()
	result := &unstructured.Unstructured{Object: fields}
	annotations := result.GetAnnotations()
	for _, name := range []string{v1alpha1.AnnotationRequestedAt, v1alpha1.AnnotationResume, annotationHold} {
		if at, ok := annotations[name]; ok && strings.HasPrefix(at, "By Argo CD") {
			assert.Regexp(t, `^By Argo CD at: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d$`, at)
			annotations[name] = "By Argo CD at: 0001-01-01T00:00:00"
			result.SetAnnotations(annotations)
		}
	}
	return result.Object
}

// TestConfigMap holds that argocd-cm.yaml brings the very scripts that the other tests run.
func TestConfigMap(t *testing.T) {
	const suffix = "railway.engine-operator.dev_EngineEnvironment"
	script := func(path string) string {
		source, err := os.ReadFile(filepath.Join(customization, path))
		require.NoError(t, err)
		return string(source)
	}
	data := convert[map[string]string](t, decode[map[string]any](t, "argocd-cm.yaml")["data"])
	assert.Equal(t, script("health.lua"), data["resource.customizations.health."+suffix])
	actions := unmarshal[struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name   string `json:"name"`
			Action string `json:"action.lua"`
		} `json:"definitions"`
	}](t, data["resource.customizations.actions."+suffix])
	assert.Equal(t, script("actions/discovery.lua"), actions.Discovery)
	entries, err := filepath.Glob(filepath.Join(customization, "actions", "*", "action.lua"))
	require.NoError(t, err)
	require.Len(t, actions.Definitions, len(entries))
	for _, definition := range actions.Definitions {
		assert.Equal(t, script("actions/"+definition.Name+"/action.lua"), definition.Action)
	}
}
