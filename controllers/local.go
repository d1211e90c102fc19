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
)

// writeEnvSecret keeps the Local tier's Secret as declared. The Local tier never calls Railway.
func (r *Reconciler) writeEnvSecret(ctx context.Context, p *pass) *Outcome {
	name := p.object.EnvSecretName()
	secret := &corev1.Secret{}
	found, err := p.read(ctx, name, secret)
	if err != nil {
		return failed(err)
	}
	if found && !metav1.IsControlledBy(secret, p.object) {
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, fmt.Sprintf(
			"Secret %q exists and does not belong to this object: rename or delete it", name))
	}
	before := secret.DeepCopy()
	if err := p.fillEnvSecret(secret); err != nil {
		return failed(err)
	}
	switch {
	case !found:
		err = r.Create(ctx, secret)
	case !equality.Semantic.DeepEqual(before, secret):
		err = r.Patch(ctx, secret, client.MergeFrom(before))
	}
	if err != nil {
		return failed(fmt.Errorf("write Secret %s: %w", name, err))
	}
	p.object.Status.EnvSecret = name
	p.synced = passed(fmt.Sprintf("Secret %s is as declared", name))
	return nil
}

func (p *pass) fillEnvSecret(secret *corev1.Secret) error {
	secret.Name, secret.Namespace = p.object.EnvSecretName(), p.object.Namespace
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	maps.Copy(secret.Labels, map[string]string{
		"app.kubernetes.io/managed-by": "engine-operator",
		"app.kubernetes.io/part-of":    p.object.Name,
	})
	env := p.declared.Services[0].Env(p.declared.Shared)
	secret.Data = make(map[string][]byte, len(env))
	for name, value := range env {
		secret.Data[name] = []byte(value)
	}
	if err := controllerutil.SetControllerReference(p.object, secret, p.r.Scheme()); err != nil {
		return fmt.Errorf("own Secret: %w", err)
	}
	return nil
}

// finalizeLocal carries out the deletion policy for the Local tier's Secret.
func (p *pass) finalizeLocal(ctx context.Context) *Outcome {
	secret := &corev1.Secret{}
	found, err := p.read(ctx, p.object.EnvSecretName(), secret)
	if err != nil {
		return failed(err)
	}
	if !found || !metav1.IsControlledBy(secret, p.object) {
		return p.gone(ctx)
	}
	if p.object.Spec.EffectiveDeletionPolicy() == v1alpha1.DeletionPolicyDelete {
		err = p.r.Delete(ctx, secret, client.Preconditions{UID: &secret.UID})
	} else {
		before := secret.DeepCopy()
		secret.OwnerReferences = withoutOwner(secret.OwnerReferences, p.object.UID)
		err = p.r.Patch(ctx, secret, client.MergeFrom(before))
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return failed(fmt.Errorf("let go of Secret: %w", err))
	}
	return p.gone(ctx)
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
