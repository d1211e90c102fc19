// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// Keys of the token's Secret, in Railway's own names (railway-api.md, "Tokens").
const (
	keyAccountToken = "RAILWAY_API_TOKEN" //nolint:gosec // the name of a key, not a credential
	keyProjectToken = "RAILWAY_TOKEN"     //nolint:gosec // the name of a key, not a credential
)

// tokens hands out the client of an object's token, and remembers the last one: an object that is being deleted may outlive the
// Secret.
type tokens struct {
	pool *railway.Pool

	mu   sync.Mutex
	last map[string]*railway.Client
}

func newTokens(pool *railway.Pool) *tokens {
	return &tokens{pool: pool, last: map[string]*railway.Client{}}
}

// connect reads the token and takes its client.
func (t *tokens) connect(ctx context.Context, p *pass, sources sources) *outcome {
	name := p.object.Spec.Railway.TokenSecretRef.Name
	secret := &corev1.Secret{}
	found, err := sources.read(ctx, p, name, secret)
	if err != nil {
		return failed(err)
	}
	if !found {
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonSecretNotFound, fmt.Sprintf(
			"spec.railway.tokenSecretRef: Secret %q does not exist: create it with the key %s or %s", name, keyAccountToken, keyProjectToken))
	}
	credentials, ok := credentialsOf(secret)
	if !ok {
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonKeyNotFound, fmt.Sprintf(
			"spec.railway.tokenSecretRef: Secret %q has no value under the key %s (account or workspace token) or %s (project token)",
			name, keyAccountToken, keyProjectToken))
	}
	if strings.ContainsFunc(credentials.Token, unicode.IsSpace) {
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenRejected, fmt.Sprintf(
			"the token in Secret %q has a blank or a line break in it: store the token alone", name))
	}
	p.client, p.token = t.pool.Client(credentials), describeToken(name, credentials.Kind)
	t.remember(p.key, p.client)
	return nil
}

func (t *tokens) remember(key string, client *railway.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[key] = client
}

// lastOf returns the client that the object had last, nil when this process has seen none.
func (t *tokens) lastOf(key string) *railway.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[key]
}

func (t *tokens) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, key)
}

func describeToken(secret string, kind railway.TokenKind) string {
	if kind == railway.TokenProject {
		return fmt.Sprintf("the project token in Secret %q, key %s (an account or workspace token goes under %s instead)",
			secret, keyProjectToken, keyAccountToken)
	}
	return fmt.Sprintf("the account or workspace token in Secret %q, key %s", secret, keyAccountToken)
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

// rejected is the outcome of a failed read or write. One "Not Authorized" proves nothing (railway-api.md, "Errors"): a token is told of
// as rejected when Railway says so of the token itself.
func (p *pass) rejected(ctx context.Context, err error) *outcome {
	if railway.ClassOf(err) == railway.Unauthorized && railway.ClassOf(p.client.Valid(railway.WithPriority(ctx, railway.Rollout))) != railway.Unauthorized {
		out := progressing(v1alpha1.ReasonRailwayUnavailable,
			"Railway refused it although the token is valid; the operator tries again. If it lasts, the token may not do this", 0)
		out.err = err
		return out
	}
	out := failed(err)
	if out.Reason == v1alpha1.ReasonTokenRejected && p.token != "" {
		out.Message = fmt.Sprintf("Railway does not accept %s: put a valid one into the Secret (%s)", p.token, out.Message)
	}
	return out
}
