// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/claim"
	"github.com/engine-operator/engine-operator/internal/outcome"
)

// unclaimed yields when another object is known to claim what this one is about to claim by the status.
func (l locator) unclaimed(ctx context.Context, p *pass, by v1alpha1.EngineEnvironmentStatus) *outcome.Outcome {
	wanted := &v1alpha1.EngineEnvironment{ObjectMeta: p.object.ObjectMeta, Spec: p.object.Spec, Status: by}
	other, err := l.store.Claimed(ctx, wanted)
	switch {
	case err != nil:
		return outcome.Failed(err)
	case other != nil:
		return l.yield(p, other)
	default:
		return nil
	}
}

// uncontested yields when another object claims what this one has stored that it claims. One that came later may have looked before this
// claim was there to see, and go on: this one withdraws all the same, and comes back.
func (l locator) uncontested(ctx context.Context, p *pass) *outcome.Outcome {
	rival, first, err := l.store.Rival(ctx, p.object)
	switch {
	case err != nil:
		return outcome.Failed(err)
	case rival == nil:
		p.journal.Claimed(true)
		return nil
	}
	out := l.yield(p, rival)
	if first {
		return out
	}
	return outcome.Progressing(v1alpha1.ReasonProgressing, fmt.Sprintf(
		"EngineEnvironment %s claims the Railway environment %q at the same time; the operator checks again",
		client.ObjectKeyFromObject(rival), p.object.Spec.RailwayEnvironment()), outcome.UnknownRetry)
}

// yield gives up what another object holds.
func (l locator) yield(p *pass, holder *v1alpha1.EngineEnvironment) *outcome.Outcome {
	l.idle(p.key)
	p.journal.ForgetEnvironment()
	p.journal.Withdraw()
	p.facts.Gone, p.facts.Railway = true, nil
	return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClaimed, claim.Refusal(holder, p.object.Spec.RailwayEnvironment()))
}
