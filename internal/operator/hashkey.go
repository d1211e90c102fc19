// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// HashKeySecret is the Secret in the operator's namespace that holds its own key, and HashKeyField the key's name in it.
const (
	HashKeySecret = "engine-operator-hash-key"
	HashKeyField  = "key"
)

// hashKeySize is the size of the key in bytes.
const hashKeySize = 32

// ensureHashKey returns the operator's own key from its Secret in the namespace, and makes the Secret when there is none.
// Without the key the record of applied values would let a reader of the status guess short secrets. Losing the Secret
// costs one commit per object: every field counts as changed.
func ensureHashKey(ctx context.Context, c client.Client, namespace string) ([]byte, error) {
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: namespace, Name: HashKeySecret}
	err := c.Get(ctx, name, secret)
	if apierrors.IsNotFound(err) {
		secret, err = newHashKey(name)
		if err != nil {
			return nil, err
		}
		err = c.Create(ctx, secret)
		if apierrors.IsAlreadyExists(err) { // another replica was faster
			err = c.Get(ctx, name, secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("ensure Secret %s: %w", name, err)
	}
	if key := secret.Data[HashKeyField]; len(key) >= hashKeySize {
		return key, nil
	}
	return nil, fmt.Errorf("secret %s has no %q of at least %d bytes: delete it, and the operator makes a new one", name, HashKeyField, hashKeySize)
}

func newHashKey(name types.NamespacedName) (*corev1.Secret, error) {
	key := make([]byte, hashKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make hash key: %w", err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name.Name, Namespace: name.Namespace},
		Data:       map[string][]byte{HashKeyField: key},
	}, nil
}
