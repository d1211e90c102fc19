// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tokens finds the client of an object's Railway token.
package tokens

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// Keys of the token's Secret, in Railway's own names (railway-api.md, "Tokens").
const (
	keyAccountToken = "RAILWAY_API_TOKEN" //nolint:gosec // the name of a key, not a credential
	keyProjectToken = "RAILWAY_TOKEN"     //nolint:gosec // the name of a key, not a credential
)

// Tokens hands out the client of an object's token, and remembers the last one: an object that is being deleted may outlive the
// Secret. What was read of a Secret counts for all objects that name it, until the Secret has another version.
type Tokens struct {
	pool *railway.Pool

	mu   sync.Mutex
	read map[types.NamespacedName]*source
	last map[string]taken
}

// source is the token of one version of a Secret. No version is none.
type source struct {
	credentials railway.Credentials
	version     string
	// users are the objects that took it last; without one it is dropped.
	users int
}

// taken is what an object had last.
type taken struct {
	client *railway.Client
	secret types.NamespacedName
}

// New takes the clients from the pool.
func New(pool *railway.Pool) *Tokens {
	return &Tokens{pool: pool, read: map[types.NamespacedName]*source{}, last: map[string]taken{}}
}

// Problem is why a Secret gives no token. Its message tells a person what to do.
type Problem struct{ Reason, Message string }

// Take returns the client of the token in the Secret of that name, and where that token is kept. A nil secret does not exist.
func (t *Tokens) Take(key string, name types.NamespacedName, secret *corev1.Secret) (client *railway.Client, kept string, problem *Problem) {
	credentials, problem := Read(name.Name, secret)
	if problem != nil {
		return nil, "", problem
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	from := t.read[name]
	if from == nil {
		from = &source{}
		t.read[name] = from
	}
	from.credentials, from.version = credentials, secret.ResourceVersion
	client, kept = t.hand(key, name, from)
	return client, kept, nil
}

// Known returns what Take would return, when the Secret has the version that was read last.
func (t *Tokens) Known(key string, name types.NamespacedName, version string) (client *railway.Client, kept string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := t.read[name]
	if from == nil || version == "" || from.version != version {
		return nil, "", false
	}
	client, kept = t.hand(key, name, from)
	return client, kept, true
}

// Doubt lets the object's Secret be read again: Railway refuses its token, and there may be a newer version of it than is known.
func (t *Tokens) Doubt(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, known := t.last[key]; known {
		t.read[last.secret].version = ""
	}
}

// hand hands a token to an object. The mutex is held.
func (t *Tokens) hand(key string, name types.NamespacedName, from *source) (client *railway.Client, kept string) {
	from.users++
	t.leave(key)
	client = t.pool.Client(from.credentials)
	t.last[key] = taken{client, name}
	return client, describe(name.Name, from.credentials.Kind)
}

// leave takes back what an object had. The mutex is held.
func (t *Tokens) leave(key string) {
	last, known := t.last[key]
	if !known {
		return
	}
	delete(t.last, key)
	if from := t.read[last.secret]; from.users > 1 {
		from.users--
	} else {
		delete(t.read, last.secret)
	}
}

// Read returns the token in the Secret of that name. A nil secret does not exist.
func Read(name string, secret *corev1.Secret) (railway.Credentials, *Problem) {
	if secret == nil {
		return railway.Credentials{}, &Problem{v1alpha1.ReasonSecretNotFound, fmt.Sprintf(
			"spec.railway.tokenSecretRef: Secret %q does not exist in this namespace: create it with the key %s or %s", name, keyAccountToken, keyProjectToken)}
	}
	credentials, ok := credentialsOf(secret)
	if !ok {
		return credentials, &Problem{v1alpha1.ReasonKeyNotFound, fmt.Sprintf(
			"spec.railway.tokenSecretRef: Secret %q has no value under the key %s (account or workspace token) or %s (project token): "+
				"set one of them; there is %s", name, keyAccountToken, keyProjectToken, desired.KeysOf(secret.Data))}
	}
	if strings.ContainsFunc(credentials.Token, unicode.IsSpace) {
		return credentials, &Problem{v1alpha1.ReasonTokenRejected, fmt.Sprintf(
			"the token in Secret %q has a blank or a line break in it: store the token alone", name)}
	}
	return credentials, nil
}

// LastOf returns the client that the object had last, nil when this process has seen none.
func (t *Tokens) LastOf(key string) *railway.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[key].client
}

// Forget drops what is kept of an object that is gone.
func (t *Tokens) Forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(key)
}

// describe says where the token is kept, for messages.
func describe(secret string, kind railway.TokenKind) string {
	if kind == railway.TokenProject {
		return fmt.Sprintf("the project token in Secret %q, key %s (an account or workspace token goes under %s instead)",
			secret, keyProjectToken, keyAccountToken)
	}
	return fmt.Sprintf("the account or workspace token in Secret %q, key %s (a project token goes under %s instead)",
		secret, keyAccountToken, keyProjectToken)
}

// credentialsOf takes the project token when both are there, as Railway's own CLI does (railway-api.md, "Tokens").
func credentialsOf(secret *corev1.Secret) (railway.Credentials, bool) {
	if token := strings.TrimSpace(string(secret.Data[keyProjectToken])); token != "" {
		return railway.Credentials{Kind: railway.TokenProject, Token: token}, true
	}
	if token := strings.TrimSpace(string(secret.Data[keyAccountToken])); token != "" {
		return railway.Credentials{Kind: railway.TokenAccount, Token: token}, true
	}
	return railway.Credentials{}, false
}
