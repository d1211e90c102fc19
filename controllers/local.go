// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/status"
)

// local keeps the Local tier's Secret as declared. The Local tier never calls Railway.
type local struct {
	client client.Client
	reader reader
}

// converge writes the Secret when it differs.
func (l local) converge(ctx context.Context, p *pass) *outcome.Outcome {
	gathered, err := l.reader.gather(ctx, p, &p.object.Spec)
	if err != nil {
		return outcome.Failed(err)
	}
	declared, err := desired.Build(&p.object.Spec, gathered)
	if err != nil {
		return outcome.Failed(err)
	}
	name := p.object.EnvSecretName()
	secret := &corev1.Secret{}
	found, err := l.reader.sources.Read(ctx, p.object.Namespace, name, secret)
	if err != nil {
		return outcome.Failed(err)
	}
	if found && !metav1.IsControlledBy(secret, p.object) {
		return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, fmt.Sprintf(
			"Secret %q exists and does not belong to this object: rename or delete it", name))
	}
	before := secret.DeepCopy()
	if err := l.fill(p.object, secret, declared); err != nil {
		return outcome.Failed(err)
	}
	switch {
	case !found:
		err = l.client.Create(ctx, secret)
	case !equality.Semantic.DeepEqual(before, secret):
		err = l.client.Patch(ctx, secret, client.MergeFrom(before))
	}
	if err != nil {
		return outcome.Failed(fmt.Errorf("write Secret %s: %w", name, err))
	}
	p.facts.EnvSecret = name
	p.find(v1alpha1.ConditionSynced, status.Passed(fmt.Sprintf("Secret %s is as declared", name)))
	return outcome.Done()
}

func (l local) fill(object *v1alpha1.EngineEnvironment, secret *corev1.Secret, declared *desired.Environment) error {
	secret.Name, secret.Namespace = object.EnvSecretName(), object.Namespace
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	maps.Copy(secret.Labels, map[string]string{
		"app.kubernetes.io/managed-by": "engine-operator",
		"app.kubernetes.io/part-of":    object.Name,
	})
	env := declared.Services[0].Env(declared.Shared)
	secret.Data = make(map[string][]byte, len(env))
	for name, value := range env {
		secret.Data[name] = []byte(value)
	}
	if err := controllerutil.SetControllerReference(object, secret, l.client.Scheme()); err != nil {
		return fmt.Errorf("own Secret: %w", err)
	}
	return nil
}

// finalize carries out the deletion policy for the Secret, and then lets the object go.
func (l local) finalize(ctx context.Context, p *pass, letGo func(context.Context, *pass) *outcome.Outcome) *outcome.Outcome {
	secret := &corev1.Secret{}
	found, err := l.reader.sources.Read(ctx, p.object.Namespace, p.object.EnvSecretName(), secret)
	if err != nil {
		return outcome.Failed(err)
	}
	if !found || !metav1.IsControlledBy(secret, p.object) {
		return letGo(ctx, p)
	}
	if p.object.Spec.EffectiveDeletionPolicy() == v1alpha1.DeletionPolicyDelete {
		err = l.client.Delete(ctx, secret, client.Preconditions{UID: &secret.UID})
	} else {
		before := secret.DeepCopy()
		secret.OwnerReferences = withoutOwner(secret.OwnerReferences, p.object.UID)
		err = l.client.Patch(ctx, secret, client.MergeFrom(before))
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return outcome.Failed(fmt.Errorf("let go of Secret: %w", err))
	}
	return letGo(ctx, p)
}

func withoutOwner(owners []metav1.OwnerReference, uid types.UID) []metav1.OwnerReference {
	var kept []metav1.OwnerReference
	for _, owner := range owners {
		if owner.UID != uid {
			kept = append(kept, owner)
		}
	}
	return kept
}
