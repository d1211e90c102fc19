// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type object = map[string]any

// TestArgoCDLeavesActionsAlone has Argo CD's own code say what of a tier counts as different from Git, with the ignoreDifferences of the
// samples: not what its server wrote by an action, but what anybody else wrote.
func TestArgoCDLeavesActionsAlone(t *testing.T) {
	ignored := read[object](t, "application.yaml")["spec"].(object)["ignoreDifferences"].([]any)
	require.Len(t, ignored, 1)
	normalize := normalizer(t, ignored[0].(object)["managedFieldsManagers"])
	tier := func(spec object, managers ...any) object {
		return object{
			"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
			"metadata": object{"name": "production", "managedFields": managers}, "spec": spec,
		}
	}
	wrote := func(manager, field string) any {
		return object{"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": object{"f:spec": object{"f:" + field: object{}}}}
	}
	git := object{"tier": "Production", "suspend": false, "interval": "30s"}
	suspended := object{"tier": "Production", "suspend": true, "interval": "30s"}
	for name, tc := range map[string]struct {
		live      object
		different bool
	}{
		"an action suspended it":     {tier(suspended, wrote("argocd-server", "suspend")), false},
		"somebody else suspended it": {tier(suspended, wrote("kubectl-edit", "suspend")), true},
		"somebody else edited what an action suspended": {
			tier(object{"tier": "Production", "suspend": true, "interval": "5m"}, wrote("argocd-server", "suspend"), wrote("kubectl-edit", "interval")), true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			live, config := normalize(tc.live, tier(git))
			assert.Equal(t, tc.different, !assert.ObjectsAreEqual(live["spec"], config["spec"]), "%v, %v", live["spec"], config["spec"])
		})
	}
}

// normalizer builds the source file of Argo CD by itself: its module needs most of Kubernetes, and a part of Argo CD that no proxy has.
func normalizer(t *testing.T, managers any) func(live, config object) (object, object) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "normalize")
	raw, err := os.ReadFile(filepath.Join(module(t, argocd, argocdSum), "util", "argo", "managedfields", "managed_fields.go"))
	require.NoError(t, err)
	source := string(raw)
	for _, edit := range [][2]string{
		{"package managedfields\n", "package main\n"}, {`log "github.com/sirupsen/logrus"`, `"log"`}, {"log.Debugf(", "log.Fatalf("},
	} {
		require.Equal(t, 1, strings.Count(source, edit[0]), edit[0])
		source = strings.Replace(source, edit[0], edit[1], 1)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "managed_fields.go"), []byte(source), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(normalizeMain), 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, filepath.Join(dir, "main.go"), filepath.Join(dir, "managed_fields.go"))
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return func(live, config object) (object, object) {
		input, err := json.Marshal(object{"live": live, "config": config, "managers": managers})
		require.NoError(t, err)
		command := exec.CommandContext(t.Context(), program)
		command.Stdin = bytes.NewReader(input)
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s", output)
		var both []object
		require.NoError(t, json.Unmarshal(output, &both))
		return both[0], both[1]
	}
}

const normalizeMain = `package main

import (
	"encoding/json"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	var in struct {
		Live, Config map[string]any
		Managers     []string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		panic(err)
	}
	live, config, err := Normalize(&unstructured.Unstructured{Object: in.Live}, &unstructured.Unstructured{Object: in.Config}, in.Managers, nil)
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode([]any{live.Object, config.Object}); err != nil {
		panic(err)
	}
}
`
