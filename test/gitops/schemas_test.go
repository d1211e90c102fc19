// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gitops holds the samples of config/argocd against the APIs and libraries of Argo CD and Flux. It is a module of its own:
// the operator needs neither.
package gitops

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// argocd is the version whose CRDs are taken, and the checksum of its module.
const (
	argocd    = "github.com/argoproj/argo-cd/v3@v3.5.7"
	argocdSum = "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0="
	samples   = "../../config/argocd"
)

// TestArgoCDTakesTheSamples validates them as the API server would that has Argo CD's CRDs, and holds that no field is unknown.
func TestArgoCDTakesTheSamples(t *testing.T) {
	crds := filepath.Join(module(t, argocd, argocdSum), "manifests", "crds")
	for sample, crd := range map[string]string{"application.yaml": "application-crd.yaml", "applicationset.yaml": "applicationset-crd.yaml"} {
		t.Run(sample, func(t *testing.T) {
			properties := schemaOf(t, filepath.Join(crds, crd))
			object := read[map[string]any](t, sample)
			assert.Empty(t, problems(t, properties, object))

			object["spec"].(map[string]any)["syncPolicy"] = map[string]any{"retries": "no such field"}
			assert.NotEmpty(t, problems(t, properties, object), "an unknown field is found")
		})
	}
}

// module is the directory of a module of the proxy, checked by its sum.
func module(t *testing.T, version, sum string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", version)
	command.Dir = t.TempDir() // in no module
	output, err := command.Output()
	require.NoError(t, err, "%s", output)
	var downloaded struct{ Dir, Sum string }
	require.NoError(t, json.Unmarshal(output, &downloaded))
	require.Equal(t, sum, downloaded.Sum)
	return downloaded.Dir
}

func schemaOf(t *testing.T, path string) *apiextensions.JSONSchemaProps {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var crd apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.Unmarshal(raw, &crd))
	require.Len(t, crd.Spec.Versions, 1)
	var properties apiextensions.JSONSchemaProps
	require.NoError(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &properties, nil))
	return &properties
}

// problems are what the schema refuses, and the fields that it does not know.
func problems(t *testing.T, properties *apiextensions.JSONSchemaProps, object map[string]any) (found []string) {
	t.Helper()
	validator, _, err := validation.NewSchemaValidator(properties)
	require.NoError(t, err)
	for _, problem := range validation.ValidateCustomResource(field.NewPath(""), object, validator) {
		found = append(found, problem.Error())
	}
	structural, err := schema.NewStructural(properties)
	require.NoError(t, err)
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	return append(found, pruning.PruneWithOptions(object, structural, true, options)...)
}

// TestFluxTakesTheSamples reads them into Flux's own types, which refuse unknown fields.
func TestFluxTakesTheSamples(t *testing.T) {
	kustomization := read[kustomizev1.Kustomization](t, "flux.yaml")
	assert.Equal(t, kustomizev1.GroupVersion.String(), kustomization.APIVersion)
	receiver := read[notificationv1.Receiver](t, "flux-receiver.yaml")
	assert.Equal(t, notificationv1.GroupVersion.String(), receiver.APIVersion)
	assert.Equal(t, notificationv1.GitHubReceiver, receiver.Spec.Type)
	var wakes []string
	for _, resource := range receiver.Spec.Resources {
		wakes = append(wakes, resource.Kind+" "+resource.Name)
	}
	assert.Equal(t, []string{
		"GitRepository " + kustomization.Spec.SourceRef.Name, "Kustomization " + kustomization.Name,
	}, wakes, "what is pushed is fetched, then applied")
}

func read[T any](t *testing.T, sample string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(samples, sample))
	require.NoError(t, err)
	var value T
	require.NoError(t, yaml.UnmarshalStrict(raw, &value), sample)
	return value
}
