// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

const samplesDir = "../../config/samples"

// samples reads the objects of config/samples in the order of its kustomization.
func samples(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	raw, err := os.ReadFile(filepath.Join(samplesDir, "kustomization.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &kustomization))
	var objects []*unstructured.Unstructured
	for _, file := range kustomization.Resources {
		raw, err := os.ReadFile(filepath.Join(samplesDir, file))
		require.NoError(t, err)
		for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096); ; {
			object := &unstructured.Unstructured{}
			if err := decoder.Decode(object); errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			objects = append(objects, object)
		}
	}
	return objects
}

// TestSamplesApplyTwice holds what GitOps tools need: the server takes the samples as they are, knows every field of them,
// and a second apply changes nothing.
func TestSamplesApplyTwice(t *testing.T) {
	c, _ := kube(t)
	for _, sample := range samples(t) {
		t.Run(sample.GetKind()+" "+sample.GetName(), func(t *testing.T) {
			first := apply(t, c, sample)
			if sample.GetKind() == "EngineEnvironment" {
				assert.Equal(t, sample.Object["spec"], first.Object["spec"], "the server drops, adds and rewrites nothing")
				first = look(t, c, first)
			}
			second := apply(t, c, sample)
			assert.Equal(t, first.GetResourceVersion(), second.GetResourceVersion())
		})
	}
}

// apply does what kubectl apply --server-side does, and returns what the server made of it.
func apply(t *testing.T, c client.Client, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	applied := object.DeepCopy()
	require.NoError(t, c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("samples")))
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(object), applied))
	return applied
}

// look writes a status, as the operator does at once. Before that the status is a default that the server did not store, and
// would store with the next write, whatever that is.
func look(t *testing.T, c client.Client, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	seen := object.DeepCopy()
	require.NoError(t, unstructured.SetNestedField(seen.Object, object.GetGeneration(), "status", "observedGeneration"))
	require.NoError(t, c.Status().Update(t.Context(), seen))
	return seen
}

// TestSamplesAreComplete holds that a copy works: every Secret and key that a sample names is among the samples.
func TestSamplesAreComplete(t *testing.T) {
	secrets, tiers := map[string]map[string]string{}, []*v1alpha1.EngineEnvironment{}
	for _, object := range samples(t) {
		switch object.GetKind() {
		case "Secret":
			secret := as[corev1.Secret](t, object)
			secrets[secret.Name] = secret.StringData
		case "EngineEnvironment":
			tiers = append(tiers, as[v1alpha1.EngineEnvironment](t, object))
		}
	}
	require.Len(t, tiers, len(v1alpha1.Tiers))
	engines := map[v1alpha1.Tier]map[string]desired.Variable{}
	for i, tier := range tiers {
		assert.Equal(t, v1alpha1.Tiers[i], tier.Spec.Tier, "the tiers stand in the order of promotion")
		assert.Equal(t, tier.Spec.Tier.Lower(), tier.Name)
		environment, err := desired.Build(&tier.Spec, desired.Sources{Secrets: secrets})
		require.NoError(t, err, tier.Name)
		if tier.Spec.Railway != nil {
			assert.NotEmpty(t, secrets[tier.Spec.Railway.TokenSecretRef.Name]["RAILWAY_API_TOKEN"], tier.Name)
		}
		engine := map[string]desired.Variable{}
		for _, service := range environment.Services {
			for _, variable := range service.Variables {
				assert.False(t, variable.Secret && tier.Spec.Railway != nil && !variable.Sealed,
					"%s: %s of %s is a secret and not sealed", tier.Name, variable.Name, service.Name)
				if service.Name == tier.Spec.Engine.Name {
					engine[variable.Name] = variable
				}
			}
		}
		engines[tier.Spec.Tier] = engine
	}
	dev, preview, production := engines[v1alpha1.TierDev], engines[v1alpha1.TierPreview], engines[v1alpha1.TierProduction]
	assert.Equal(t, dev["DATABASE_URL"].Value, preview["DATABASE_URL"].Value, "Dev and Preview share a database")
	assert.NotEqual(t, dev["DB_SCHEMA"].Value, preview["DB_SCHEMA"].Value, "in schemas of their own")
	assert.NotEqual(t, preview["DATABASE_URL"].Value, production["DATABASE_URL"].Value, "Production shares it with nobody")
}

func as[T any](t *testing.T, object *unstructured.Unstructured) *T {
	t.Helper()
	typed := new(T)
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true))
	return typed
}
