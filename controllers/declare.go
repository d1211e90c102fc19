// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/tokens"
)

// reader reads what a spec names: the token and the values.
type reader struct {
	sources cluster.Sources
	tokens  *tokens.Tokens
	checks  checks
}

// connect takes the client of the token, which is read when its Secret has changed.
func (r reader) connect(ctx context.Context, p *pass) *outcome.Outcome {
	name, secret := types.NamespacedName{Namespace: p.object.Namespace, Name: p.object.Spec.Railway.TokenSecretRef.Name}, &corev1.Secret{}
	if client, kept, known := r.tokens.Known(p.key, name, r.sources.SecretVersion(ctx, name)); known {
		p.connected(client, kept)
		return nil
	}
	found, err := r.sources.Read(ctx, name.Namespace, name.Name, secret)
	if err != nil {
		return outcome.Failed(err)
	}
	if !found {
		secret = nil
	}
	client, kept, problem := r.tokens.Take(p.key, name, secret)
	if problem != nil {
		return outcome.Stalled(v1alpha1.ConditionCredentialsValid, problem.Reason, problem.Message)
	}
	p.connected(client, kept)
	return nil
}

// connected notes the client of the token. That there was none is not true any more, also when the pass asks Railway nothing.
func (p *pass) connected(client *railway.Client, kept string) {
	p.client, p.token = client, kept
	switch status.ReasonOf(&p.object.Status, v1alpha1.ConditionCredentialsValid) {
	case v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonKeyNotFound:
		p.find(v1alpha1.ConditionCredentialsValid, status.Unknown(v1alpha1.ReasonProgressing, "there is a token, and Railway was not asked with it yet"))
	}
}

// gather reads the Secrets and ConfigMaps that the spec names.
func (r reader) gather(ctx context.Context, p *pass, spec *v1alpha1.EngineEnvironmentSpec) (desired.Sources, error) {
	return r.sources.Gather(ctx, p.object.Namespace, spec)
}

// declare reads what the spec names and holds that it fits together, before anything is read from or written to Railway. While a
// rollback holds another revision, or is asked for, the declared one may be as wrong as it likes.
func (r reader) declare(ctx context.Context, p *pass) (desired.Sources, *outcome.Outcome) {
	gathered, err := r.gather(ctx, p, &p.object.Spec)
	if err != nil {
		return gathered, outcome.Failed(err)
	}
	if p.object.Status.Rollback != nil || p.journal.AsksForRollback(p.object.Annotations[v1alpha1.AnnotationRollback]) {
		p.facts.Redact = gathered.Redactor(p.names()...) // until it is known what counts
		return gathered, nil
	}
	declared, err := desired.Build(&p.object.Spec, gathered)
	if err != nil {
		return gathered, outcome.Failed(err)
	}
	p.declares(declared)
	if _, err = r.checks.build(&p.object.Spec, gathered, declared, nil, false); err != nil {
		return gathered, outcome.Failed(err)
	}
	return gathered, nil
}
