// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// sources reads the Secrets and ConfigMaps that specs name.
type sources struct{ client client.Client }

// declare reads what the spec names and holds that it fits together, before anything is read from or written to Railway. While a
// rollback holds another revision the declared one may be as wrong as it likes.
func (r *Reconciler) declare(ctx context.Context, p *pass) (desired.Sources, *outcome) {
	gathered, err := r.sources.gather(ctx, p, &p.object.Spec)
	if err != nil {
		return gathered, failed(err)
	}
	if p.object.Status.Rollback != nil {
		return gathered, nil
	}
	declared, err := desired.Build(&p.object.Spec, gathered)
	if err != nil {
		return gathered, failed(err)
	}
	nameTo(declared, p.object)
	p.facts.Redact = declared.Redact
	if _, err = r.checks.build(&p.object.Spec, gathered, declared, nil, false); err != nil {
		return gathered, failed(err)
	}
	return gathered, nil
}

// nameTo tells the names that messages are made of, so that a command in one stays whole.
func nameTo(declared *desired.Environment, object *v1alpha1.EngineEnvironment) {
	declared.Name(object.Namespace, object.Name)
	if promotion := object.Spec.Promotion; promotion != nil {
		declared.Name(promotion.From)
	}
}

// gather reads the Secrets and ConfigMaps that the spec names. What does not exist is left out.
func (s sources) gather(ctx context.Context, p *pass, spec *v1alpha1.EngineEnvironmentSpec) (desired.Sources, error) {
	secrets, configMaps := desired.References(spec)
	gathered := desired.Sources{
		Secrets: map[string]map[string]string{}, ConfigMaps: map[string]map[string]string{}, Binary: map[string][]string{},
	}
	for _, name := range secrets {
		secret := &corev1.Secret{}
		found, err := s.read(ctx, p, name, secret)
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
		found, err := s.read(ctx, p, name, configMap)
		if err != nil {
			return gathered, err
		}
		if found {
			gathered.ConfigMaps[name] = configMap.Data
			gathered.Binary[name] = sortedKeys(configMap.BinaryData)
		}
	}
	return gathered, nil
}

func writtenByLocal(secret *corev1.Secret) bool {
	owner := metav1.GetControllerOf(secret)
	return owner != nil && owner.Kind == "EngineEnvironment"
}

// read reads an object in the namespace of the pass's.
func (s sources) read(ctx context.Context, p *pass, name string, into client.Object) (found bool, err error) {
	err = s.client.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: name}, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %T %s: %w", into, name, err)
	}
	return true, nil
}

func texts(data map[string][]byte) map[string]string {
	values := make(map[string]string, len(data))
	for key, value := range data {
		values[key] = string(value)
	}
	return values
}
