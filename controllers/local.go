// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/outcome"
)

// local keeps the Local tier's Secret as declared. The Local tier never calls Railway.
type local struct {
	secrets cluster.EnvSecrets
	reader  reader
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
	taken, err := l.secrets.Write(ctx, p.object, declared.Services[0].Env(declared.Shared))
	switch {
	case err != nil:
		return outcome.Failed(err)
	case taken:
		return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, fmt.Sprintf(
			"Secret %q exists and does not belong to this object: rename or delete it", name))
	}
	p.facts.EnvSecret = name
	p.find(v1alpha1.ConditionSynced, findings.EnvSecret(name))
	return outcome.Done()
}

// finalize carries out the deletion policy for the Secret, and then lets the object go.
func (l local) finalize(ctx context.Context, p *pass, letGo func(context.Context, *pass) *outcome.Outcome) *outcome.Outcome {
	if err := l.secrets.LetGo(ctx, p.object); err != nil {
		return outcome.Failed(err)
	}
	return letGo(ctx, p)
}
