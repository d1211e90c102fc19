// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// Sources reads the Secrets and ConfigMaps that specs name, in the namespace of their object.
type Sources struct {
	// Reader reads them live.
	Reader client.Reader
	// Metadata has the metadata of all Secrets, as old as the cache.
	Metadata client.Reader
}

// Gather reads the Secrets and ConfigMaps that the spec names. What does not exist is left out.
func (s Sources) Gather(ctx context.Context, namespace string, spec *v1alpha1.EngineEnvironmentSpec) (desired.Sources, error) {
	secrets, configMaps := desired.References(spec)
	gathered := desired.Sources{
		Secrets: map[string]map[string]string{}, ConfigMaps: map[string]map[string]string{}, Binary: map[string][]string{},
	}
	for _, name := range secrets {
		secret := &corev1.Secret{}
		found, err := s.Read(ctx, namespace, name, secret)
		if err != nil {
			return gathered, err
		}
		if found && spec.Tier == v1alpha1.TierLocal && writtenByLocal(secret) {
			return gathered, &desired.Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf(
				"Secret %q is written by a Local EngineEnvironment: take the values from where it takes them, or they go round in a circle", name)}
		}
		if found {
			gathered.Secrets[name] = texts(secret.Data)
		}
	}
	for _, name := range configMaps {
		configMap := &corev1.ConfigMap{}
		found, err := s.Read(ctx, namespace, name, configMap)
		if err != nil {
			return gathered, err
		}
		if found {
			gathered.ConfigMaps[name] = configMap.Data
			gathered.Binary[name] = slices.Sorted(maps.Keys(configMap.BinaryData))
		}
	}
	return gathered, nil
}

func writtenByLocal(secret *corev1.Secret) bool {
	owner := metav1.GetControllerOf(secret)
	return owner != nil && owner.Kind == "EngineEnvironment"
}

// Read reads an object by its name. It reports whether there is one.
func (s Sources) Read(ctx context.Context, namespace, name string, into client.Object) (found bool, err error) {
	err = s.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %T %s: %w", into, name, err)
	}
	return true, nil
}

// SecretVersion returns the version of the Secret as the cache has it, empty when it has none.
func (s Sources) SecretVersion(ctx context.Context, name types.NamespacedName) string {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := s.Metadata.Get(ctx, name, secret); err != nil {
		return "" // whoever reads it live learns why
	}
	return secret.ResourceVersion
}

func texts(data map[string][]byte) map[string]string {
	values := make(map[string]string, len(data))
	for key, value := range data {
		values[key] = string(value)
	}
	return values
}
