// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// EnvSecrets writes the Secrets of Local tiers.
type EnvSecrets struct {
	Client  client.Client
	Sources Sources
}

// Write writes the object's Secret when it differs; taken is true when there is one that does not belong to the object.
func (s EnvSecrets) Write(ctx context.Context, object *v1alpha1.EngineEnvironment, env map[string]string) (taken bool, err error) {
	secret := &corev1.Secret{}
	found, err := s.Sources.Read(ctx, object.Namespace, object.EnvSecretName(), secret)
	if err != nil {
		return false, err
	}
	if found && !metav1.IsControlledBy(secret, object) {
		return true, nil
	}
	before := secret.DeepCopy()
	if err := s.fill(object, secret, env); err != nil {
		return false, err
	}
	switch {
	case !found:
		err = s.Client.Create(ctx, secret)
	case !equality.Semantic.DeepEqual(before, secret):
		err = s.Client.Patch(ctx, secret, client.MergeFrom(before))
	}
	if err != nil {
		return false, fmt.Errorf("write Secret %s: %w", object.EnvSecretName(), err)
	}
	return false, nil
}

func (s EnvSecrets) fill(object *v1alpha1.EngineEnvironment, secret *corev1.Secret, env map[string]string) error {
	secret.Name, secret.Namespace = object.EnvSecretName(), object.Namespace
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	maps.Copy(secret.Labels, map[string]string{
		"app.kubernetes.io/managed-by": "engine-operator",
		"app.kubernetes.io/part-of":    object.Name,
	})
	secret.Data = make(map[string][]byte, len(env))
	for name, value := range env {
		secret.Data[name] = []byte(value)
	}
	if err := controllerutil.SetControllerReference(object, secret, s.Client.Scheme()); err != nil {
		return fmt.Errorf("own Secret: %w", err)
	}
	return nil
}

// LetGo carries out the deletion policy for the object's Secret: it is deleted, or belongs to nobody from then on.
func (s EnvSecrets) LetGo(ctx context.Context, object *v1alpha1.EngineEnvironment) error {
	secret := &corev1.Secret{}
	found, err := s.Sources.Read(ctx, object.Namespace, object.EnvSecretName(), secret)
	if err != nil || !found || !metav1.IsControlledBy(secret, object) {
		return err
	}
	if object.Spec.EffectiveDeletionPolicy() == v1alpha1.DeletionPolicyDelete {
		err = s.Client.Delete(ctx, secret, client.Preconditions{UID: &secret.UID})
	} else {
		before := secret.DeepCopy()
		secret.OwnerReferences = slices.DeleteFunc(slices.Clone(secret.OwnerReferences), func(owner metav1.OwnerReference) bool {
			return owner.UID == object.UID
		})
		err = s.Client.Patch(ctx, secret, client.MergeFrom(before))
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("let go of Secret: %w", err)
	}
	return nil
}
