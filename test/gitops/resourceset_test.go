// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// fluxOperator is the version whose CRDs are taken, and the checksum of its module.
const (
	fluxOperator    = "github.com/controlplaneio-fluxcd/flux-operator@v0.59.0"
	fluxOperatorSum = "h1:jByuiWYtjSJxucGHuz68tV0DeVFz5CYrKQYfxAwE7lE="
)

// TestResourceSet validates the sample against the Flux Operator's CRDs, and what it makes of a pull request against ours.
func TestResourceSet(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(samples, "flux-pull-requests.yaml"))
	require.NoError(t, err)
	objects := map[string]map[string]any{}
	for _, document := range strings.Split(string(raw), "\n---\n") {
		var object map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(document), &object))
		objects[object["kind"].(string)] = object
	}
	for kind, crd := range map[string]string{
		"ResourceSet": "resourcesets", "ResourceSetInputProvider": "resourcesetinputproviders",
	} {
		properties := schemaOf(t, fileOf(t, fluxOperator, fluxOperatorSum, "config/crd/bases/fluxcd.controlplane.io_"+crd+".yaml"))
		require.Contains(t, objects, kind)
		assert.Empty(t, problems(t, properties, objects[kind]), kind)
	}

	ours := schemaOf(t, "../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml")
	for _, resource := range objects["ResourceSet"]["spec"].(map[string]any)["resources"].([]any) {
		made := filled(t, resource, map[string]any{"id": "417", "sha": "bf5d6e01cf802734853f6f3417b237e3ad0ba35d"})
		assert.Empty(t, problems(t, ours, made))
		assert.Equal(t, "pr-417", made["metadata"].(map[string]any)["name"])
		assert.Equal(t, "pr-417", made["spec"].(map[string]any)["railway"].(map[string]any)["environment"])
	}
}

// filled puts the inputs in place, as the Flux Operator does: Go's templates between << and >>.
func filled(t *testing.T, resource any, inputs map[string]any) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(resource)
	require.NoError(t, err)
	parsed, err := template.New("resource").Delims("<<", ">>").Option("missingkey=error").
		Funcs(template.FuncMap{"inputs": func() map[string]any { return inputs }}).Parse(string(text))
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, parsed.Execute(&out, nil))
	var made map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(out.String()), &made))
	return made
}

// fileOf is a file of a module of the proxy, checked by its sum. The module may want a newer Go than ours: nothing of it is built.
func fileOf(t *testing.T, version, sum, name string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", version)
	command.Dir = t.TempDir() // in no module
	output, _ := command.Output()
	var downloaded struct{ Zip, Sum string }
	require.NoError(t, json.Unmarshal(output, &downloaded), "%s", output)
	require.Equal(t, sum, downloaded.Sum, "%s", output)
	archive, err := zip.OpenReader(downloaded.Zip)
	require.NoError(t, err)
	defer func() { _ = archive.Close() }()
	file, err := archive.Open(version + "/" + name)
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}
