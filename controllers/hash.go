// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	hashKeySecret = "engine-operator-hash-key"
	hashKeyField  = "key"
	hashKeySize   = 32
	hashSize      = 8
)

// EnsureHashKey returns the operator's own key from its Secret in the namespace, and makes the Secret when there is none.
// Without the key the record of applied values would let a reader of the status guess short secrets. Losing the Secret
// costs one commit per object: every field counts as changed.
func EnsureHashKey(ctx context.Context, c client.Client, namespace string) ([]byte, error) {
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: namespace, Name: hashKeySecret}
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
	if key := secret.Data[hashKeyField]; len(key) >= hashKeySize {
		return key, nil
	}
	return nil, fmt.Errorf("secret %s has no %q of at least %d bytes: delete it, and the operator makes a new one", name, hashKeyField, hashKeySize)
}

func newHashKey(name types.NamespacedName) (*corev1.Secret, error) {
	key := make([]byte, hashKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make hash key: %w", err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name.Name, Namespace: name.Namespace},
		Data:       map[string][]byte{hashKeyField: key},
	}, nil
}

// hasher makes keyed hashes.
type hasher struct{ key []byte }

// name tells which key it is, without telling the key.
func (h hasher) name() string { return h.sum("key", nil) }

// field is the keyed hash of a field's value. The path is part of it, so that equal values do not show as equal hashes.
func (h hasher) field(path string, value any) string {
	text, err := json.Marshal(value)
	if err != nil { // values are JSON by construction
		text = fmt.Appendf(nil, "%T", value)
	}
	return h.sum(path, text)
}

func (h hasher) sum(path string, text []byte) string {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(path))
	mac.Write([]byte{0})
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)[:hashSize])
}
