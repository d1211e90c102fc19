// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/view"
)

// dashboard is where people look at an environment.
const dashboard = "https://railway.com/project/%s?environmentId=%s"

// find resolves the environment's name. A project token names its environment itself (railway-api.md, "Tokens").
func (l locator) find(ctx context.Context, p *pass) (*view.View, *outcome.Outcome) {
	if p.client.Kind() == railway.TokenProject {
		return l.findByToken(ctx, p)
	}
	// What is missing may be made in this pass: the project is read in the turn in which it is written.
	if p.object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyApply && !p.takeTurn() {
		return nil, l.awaitTurn(p)
	}
	project, out := p.readProject(ctx)
	if out != nil {
		return nil, out
	}
	name := p.object.Spec.RailwayEnvironment()
	var matches []model.Named
	for _, environment := range project.Environments {
		if strings.EqualFold(environment.Name, name) {
			matches = append(matches, environment)
		}
	}
	switch len(matches) {
	case 0:
		return view.Absent(p.now), nil // whether it is created is decided with all the rest
	case 1:
		return l.adopt(ctx, p, matches[0])
	default:
		return nil, outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, fmt.Sprintf(
			"the project has %d environments called %q when case is ignored: rename or delete all but one on Railway", len(matches), name))
	}
}

func (l locator) findByToken(ctx context.Context, p *pass) (*view.View, *outcome.Outcome) {
	scope, err := p.client.Scope(railway.WithPriority(ctx, railway.Rollout))
	if err != nil {
		return nil, p.rejected(ctx, err)
	}
	if scope.ProjectID != p.object.Spec.Railway.ProjectID || !strings.EqualFold(scope.EnvironmentName, p.object.Spec.RailwayEnvironment()) {
		return nil, tokenScope(p, scope)
	}
	return l.adopt(ctx, p, model.Named{ID: scope.EnvironmentID, Name: scope.EnvironmentName})
}

func tokenScope(p *pass, scope model.TokenScope) *outcome.Outcome {
	return outcome.Stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenScope, fmt.Sprintf(
		"the project token is for environment %q of project %s, the spec names environment %q of project %s: "+
			"use that environment's token, or an account or workspace token", scope.EnvironmentName, scope.ProjectID,
		p.object.Spec.RailwayEnvironment(), p.object.Spec.Railway.ProjectID))
}

// adopt claims an environment that is there.
func (l locator) adopt(ctx context.Context, p *pass, environment model.Named) (*view.View, *outcome.Outcome) {
	created := p.journal.Announced(v1alpha1.WriteEnvironment, p.object.Spec.RailwayEnvironment())
	since := l.writer.now()
	if created {
		since = p.journal.Pending().StartedAt.Time
	}
	at := locatedAt(p, environment, created, since)
	if out := l.unclaimed(ctx, p, v1alpha1.EngineEnvironmentStatus{Railway: at}); out != nil {
		return nil, out
	}
	p.facts.Railway = at
	if created {
		p.journal.Withdraw()
	}
	p.journal.Claimed(false)
	if err := l.store.announce(ctx, p, v1alpha1.ReasonProgressing, "reads the Railway environment"); err != nil {
		return nil, outcome.Failed(err)
	}
	if out := l.uncontested(ctx, p); out != nil {
		return nil, out
	}
	l.watch.follow(p, p.facts.Railway)
	return l.observe(ctx, p)
}

func locatedAt(p *pass, environment model.Named, created bool, now time.Time) *v1alpha1.RailwayStatus {
	projectID, since := p.object.Spec.Railway.ProjectID, metav1.NewMicroTime(now.Truncate(time.Microsecond))
	return &v1alpha1.RailwayStatus{
		ProjectID: projectID, EnvironmentID: environment.ID, Environment: environment.Name, Created: created,
		URL: fmt.Sprintf(dashboard, projectID, environment.ID), Since: &since,
	}
}

// awaitTurn ends a pass that may not look for its environment yet. What the status says already stays.
func (l locator) awaitTurn(p *pass) *outcome.Outcome {
	if len(p.object.Status.Conditions) > 0 && p.object.Status.ObservedGeneration == p.object.Generation {
		return outcome.NotRead(turn)
	}
	return waitsForTurn()
}

// create creates the environment that the project does not have, and announces what will follow together with it. The announced
// creation is the claim.
func (l locator) create(ctx context.Context, p *pass, ahead []v1alpha1.PendingWrite) (*view.View, *outcome.Outcome) {
	name := p.object.Spec.RailwayEnvironment()
	intent := v1alpha1.PendingWrite{Kind: v1alpha1.WriteEnvironment, Name: name}
	if out := l.writer.waitsForCreate(p, p.now, intent); out != nil {
		return nil, out
	}
	if err := p.client.MayCreate(p.object.Spec.Railway.ProjectID, name); err != nil { // nothing is announced that is not sent
		return nil, p.rejected(ctx, err)
	}
	intent.StartedAt = metav1.NewTime(l.writer.now())
	wanted := v1alpha1.EngineEnvironmentStatus{WorkingRecord: &v1alpha1.WorkingRecord{Pending: &intent}}
	if out := l.unclaimed(ctx, p, wanted); out != nil {
		return nil, out
	}
	p.journal.Foresee(ahead, l.writer.now())
	if out := l.writer.announceCreate(ctx, p, intent); out != nil {
		return nil, out
	}
	if out := l.uncontested(ctx, p); out != nil {
		return nil, out
	}
	// What is sent once more after a pause is not announced anew here: the time of the announcement is that of the claim, and Railway has an
	// environment's name once.
	var made *model.Environment
	out := l.writer.send(ctx, p, func(ctx context.Context) (err error) {
		made, err = p.client.CreateEnvironment(ctx, p.object.Spec.Railway.ProjectID, name)
		return err
	})
	if out != nil {
		return nil, out
	}
	p.made("the environment %q", name)
	p.facts.Railway = locatedAt(p, model.Named{ID: made.ID, Name: made.Name}, true, intent.StartedAt.Time)
	l.watch.follow(p, p.facts.Railway)
	l.watch.Store(p.key, made, p.now)
	snapshot, _ := l.watch.Latest(p.key)
	p.find(v1alpha1.ConditionCredentialsValid, findings.TokenAccepted())
	return l.watch.take(p, snapshot), nil
}
