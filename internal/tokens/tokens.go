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
// Secret, and one whose Secret has not changed need not read it again.
type Tokens struct {
	pool *railway.Pool

	mu   sync.Mutex
	last map[string]taken
}

// taken is what an object had last, and from which version of which Secret.
type taken struct {
	client          *railway.Client
	credentials     railway.Credentials
	secret, version string
}

// New takes the clients from the pool.
func New(pool *railway.Pool) *Tokens {
	return &Tokens{pool: pool, last: map[string]taken{}}
}

// Problem is why a Secret gives no token. Its message tells a person what to do.
type Problem struct{ Reason, Message string }

// Take returns the client of the token in the Secret, and where that token is kept. A nil secret does not exist.
func (t *Tokens) Take(key, name string, secret *corev1.Secret) (client *railway.Client, kept string, problem *Problem) {
	credentials, problem := Read(name, secret)
	if problem != nil {
		return nil, "", problem
	}
	client = t.pool.Client(credentials)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[key] = taken{client, credentials, name, secret.ResourceVersion}
	return client, describe(name, credentials.Kind), nil
}

// Unchanged returns what Take returned last for the object, when that came from this version of the Secret. No version is none.
func (t *Tokens) Unchanged(key, name, version string) (client *railway.Client, kept string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.last[key]
	if version == "" || last.secret != name || last.version != version {
		return nil, "", false
	}
	return t.pool.Client(last.credentials), describe(name, last.credentials.Kind), true
}

// Doubt lets the Secret be read again: Railway refuses its token, and there may be a newer version of it than is known.
func (t *Tokens) Doubt(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, known := t.last[key]; known {
		last.version = ""
		t.last[key] = last
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
	delete(t.last, key)
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
