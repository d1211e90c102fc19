// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// Keys of the token's Secret, in Railway's own names (FACTS §1.2).
const (
	keyAccountToken = "RAILWAY_API_TOKEN" //nolint:gosec // the name of a key, not a credential
	keyProjectToken = "RAILWAY_TOKEN"     //nolint:gosec // the name of a key, not a credential
)

// claim makes sure that no older object declares the same Railway environment. Two writers would undo each other for ever.
func (r *Reconciler) claim(ctx context.Context, p *pass) *Outcome {
	holder, err := r.claimHolder(ctx, p.object)
	if err != nil {
		return failed(err)
	}
	if holder == nil {
		return nil
	}
	r.idle(p.key)
	return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClaimed, fmt.Sprintf(
		"EngineEnvironment %s, which is older, declares the same Railway environment %q (case is ignored): delete one of the two",
		client.ObjectKeyFromObject(holder), p.object.Spec.RailwayEnvironment()))
}

// claimHolder returns the older object that holds the environment, or nil when this one may have it. An object that was
// never located looks past the cache: two objects applied together must not both believe they are alone.
func (r *Reconciler) claimHolder(ctx context.Context, object *v1alpha1.EngineEnvironment) (*v1alpha1.EngineEnvironment, error) {
	var list v1alpha1.EngineEnvironmentList
	var err error
	if object.Status.Railway == nil {
		list.Items, err = r.listLive(ctx)
	} else {
		err = r.List(ctx, &list, client.MatchingFields{indexClaim: claimOf(object)})
	}
	if err != nil {
		return nil, fmt.Errorf("list EngineEnvironments: %w", err)
	}
	for i := range list.Items {
		other := &list.Items[i]
		if other.UID != object.UID && claimOf(other) == claimOf(object) && older(other, object) {
			return other, nil
		}
	}
	return nil, nil
}

// listLive lists past the cache the objects of every namespace that is watched.
func (r *Reconciler) listLive(ctx context.Context) ([]v1alpha1.EngineEnvironment, error) {
	namespaces := r.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var all []v1alpha1.EngineEnvironment
	for _, namespace := range namespaces {
		var list v1alpha1.EngineEnvironmentList
		if err := r.Live.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
	}
	return all, nil
}

// claimOf names what the object declares on Railway, empty for the Local tier. Names that differ only in case are the same
// to some of Railway's clients (FACTS §11.9).
func claimOf(object *v1alpha1.EngineEnvironment) string {
	if object.Spec.Railway == nil {
		return ""
	}
	return strings.ToLower(object.Spec.Railway.ProjectID + "/" + object.Spec.RailwayEnvironment())
}

func older(a, b *v1alpha1.EngineEnvironment) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}

// connect reads the token and takes its client.
func (r *Reconciler) connect(ctx context.Context, p *pass) *Outcome {
	name := p.object.Spec.Railway.TokenSecretRef.Name
	secret := &corev1.Secret{}
	err := r.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonSecretNotFound, fmt.Sprintf(
			"spec.railway.tokenSecretRef: Secret %q does not exist: create it with the key %s or %s", name, keyAccountToken, keyProjectToken))
	}
	if err != nil {
		return failed(fmt.Errorf("read Secret: %w", err))
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
	p.client = r.Railway.Client(credentials)
	p.token = fmt.Sprintf("the account or workspace token in Secret %q, key %s", name, keyAccountToken)
	if credentials.Kind == railway.TokenProject {
		p.token = fmt.Sprintf("the project token in Secret %q, key %s (an account or workspace token goes under %s instead)",
			name, keyProjectToken, keyAccountToken)
	}
	return nil
}

// nameToken says in a rejection which token it was.
func (p *pass) nameToken(out *Outcome) {
	if out.Reason == v1alpha1.ReasonTokenRejected && p.token != "" {
		out.Message = fmt.Sprintf("Railway does not accept %s: put a valid one into the Secret (%s)", p.token, out.Message)
	}
}

// credentialsOf takes the project token when both are there, as Railway's own CLI does (FACTS §1.2).
func credentialsOf(secret *corev1.Secret) (railway.Credentials, bool) {
	if token := strings.TrimSpace(string(secret.Data[keyProjectToken])); token != "" {
		return railway.Credentials{Kind: railway.TokenProject, Token: token}, true
	}
	if token := strings.TrimSpace(string(secret.Data[keyAccountToken])); token != "" {
		return railway.Credentials{Kind: railway.TokenAccount, Token: token}, true
	}
	return railway.Credentials{}, false
}

// declare reads the Secrets and ConfigMaps that the spec names and builds the environment that should be.
func (r *Reconciler) declare(ctx context.Context, p *pass) *Outcome {
	settings := p.spec.EffectiveSettings()
	p.object.Status.Settings = &settings
	sources, err := p.sources(ctx)
	if err != nil {
		return failed(err)
	}
	p.gathered = sources
	if out := p.build(); out != nil {
		return out
	}
	if p.object.Spec.Tier == v1alpha1.TierLocal {
		return nil
	}
	// A check that cannot be run is a mistake in the spec: say so before anything is written.
	if _, err := verify.Build(p.spec, sources, p.targets(), r.ProbeHosts); err != nil {
		return failed(err)
	}
	return nil
}

func (p *pass) sources(ctx context.Context) (desired.Sources, error) {
	secrets, configMaps := desired.References(p.spec)
	sources := desired.Sources{Secrets: map[string]map[string]string{}, ConfigMaps: map[string]map[string]string{}}
	for _, name := range secrets {
		secret := &corev1.Secret{}
		found, err := p.read(ctx, name, secret)
		if err != nil {
			return sources, err
		}
		if found && p.object.Spec.Tier == v1alpha1.TierLocal && writtenByLocal(secret) {
			return sources, &desired.Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf(
				"Secret %q is written by a Local EngineEnvironment: take the values from where it takes them, or they go round in a circle", name)}
		}
		if found {
			sources.Secrets[name] = texts(secret.Data)
		}
	}
	for _, name := range configMaps {
		configMap := &corev1.ConfigMap{}
		found, err := p.read(ctx, name, configMap)
		if err != nil {
			return sources, err
		}
		if found {
			sources.ConfigMaps[name] = configMap.Data
		}
	}
	return sources, nil
}

func writtenByLocal(secret *corev1.Secret) bool {
	owner := metav1.GetControllerOf(secret)
	return owner != nil && owner.Kind == "EngineEnvironment"
}

func (p *pass) read(ctx context.Context, name string, into client.Object) (found bool, err error) {
	err = p.r.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: name}, into)
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
