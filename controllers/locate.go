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
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
)

// dashboard is where people look at an environment.
const dashboard = "https://railway.com/project/%s?environmentId=%s"

// locate finds the environment and its snapshot: by the id in the status, else by name, and creates it when it is missing. One
// object holds it: two writers would undo each other for ever.
func (r *Reconciler) locate(ctx context.Context, p *pass) (*view, *outcome) {
	if p.object.Status.Railway == nil {
		return r.find(ctx, p)
	}
	holder, err := r.objects.holder(ctx, p.object, false)
	if err != nil {
		return nil, failed(err)
	}
	if holder != nil {
		return nil, r.yield(p, holder)
	}
	r.follow(p, p.object.Status.Railway)
	return r.observe(ctx, p)
}

// follow lets the watch keep a snapshot of the environment.
func (r *Reconciler) follow(p *pass, at *v1alpha1.RailwayStatus) {
	r.views.watch.Follow(p.key, railway.Target{
		Client: p.client, ProjectID: at.ProjectID, EnvironmentID: at.EnvironmentID, Interval: p.object.Spec.EffectiveInterval(),
	})
}

// observe takes the snapshot that the watch keeps, and reads only when there is none or a person forces it.
func (r *Reconciler) observe(ctx context.Context, p *pass) (*view, *outcome) {
	snapshot, known := r.views.watch.Latest(p.key)
	newToken := snapshot.Err != nil && snapshot.Environment != nil && snapshot.ClientKey != p.client.Key() // the error is the old one's
	if p.forced != "" || !known || newToken {
		var err error
		snapshot, err = r.views.watch.Refresh(railway.WithPriority(ctx, railway.Rollout), p.key)
		if err != nil && (snapshot.Err == nil || ctx.Err() != nil) { // cut off: nothing was learnt
			return nil, unread(busyRetry)
		}
	}
	if snapshot.Err != nil {
		if p.forced != "" { // what a person asked for is not done: try again
			p.forced = ""
			p.wakeAt(p.now.Add(max(railway.RetryAfter(snapshot.Err), busyRetry)))
		}
		if out := r.lost(ctx, p, snapshot); out != nil {
			return nil, out
		}
	}
	if snapshot.Err == nil {
		p.find(v1alpha1.ConditionCredentialsValid, status.Passed("Railway accepts the token"))
	}
	if at := p.at().DeepCopy(); at.Ephemeral != snapshot.Environment.Ephemeral {
		at.Ephemeral = snapshot.Environment.Ephemeral
		p.facts.Railway = at
	}
	return take(p, snapshot), nil
}

// lost sorts a read that failed. It returns nil while the last good snapshot still counts. "Not Authorized" and "not found" may
// mean that the environment was deleted, which the project's list of environments proves (railway-api.md, "Errors").
func (r *Reconciler) lost(ctx context.Context, p *pass, snapshot railway.Snapshot) *outcome {
	class := railway.ClassOf(snapshot.Err)
	if class == railway.Unauthorized || class == railway.NotFound {
		if out := r.checkInvisible(ctx, p); out != nil {
			return out
		}
	}
	switch {
	case snapshot.Environment == nil && decided(p.object) && within(p, snapshot.FailingSince):
		return unread(railway.RetryAfter(snapshot.Err))
	case snapshot.Environment == nil:
		return p.rejected(ctx, snapshot.Err)
	case class == railway.RateLimited:
		return nil // a view that gets older than asked for is no reason to be not ready
	case snapshot.ClientKey == p.client.Key() && within(p, snapshot.FailingSince):
		return nil
	default:
		return p.rejected(ctx, snapshot.Err)
	}
}

// within reports whether the time lies no further back than reads may fail.
func within(p *pass, since time.Time) bool {
	return p.now.Sub(since) <= staleAfter*p.object.Spec.EffectiveInterval()
}

// decided reports whether the status is about an engine that runs, for the newest spec.
func decided(object *v1alpha1.EngineEnvironment) bool {
	return object.Status.Engine != nil && object.Status.ObservedGeneration == object.Generation
}

// checkInvisible finds out why an environment is not shown; nil when nothing proves a reason.
func (r *Reconciler) checkInvisible(ctx context.Context, p *pass) *outcome {
	if p.client.Kind() != railway.TokenProject {
		return r.checkGone(ctx, p)
	}
	// It sees one environment: what it does not see may well be there.
	scope, err := p.client.Scope(railway.WithPriority(ctx, railway.Rollout))
	if err == nil && scope.EnvironmentID != p.at().EnvironmentID {
		return tokenScope(p, scope)
	}
	return nil
}

// checkGone handles an environment that is proven to be gone; nil when nothing proves it.
func (r *Reconciler) checkGone(ctx context.Context, p *pass) *outcome {
	at := p.at()
	if wait := p.journal.SinceLastWrite(p.now); wait > 0 { // perhaps it was created a moment ago and does not show yet
		p.wakeAt(p.now.Add(wait))
		return nil
	}
	project, err := p.client.Project(railway.WithPriority(ctx, railway.Rollout), at.ProjectID)
	if err != nil {
		p.wakeAt(p.now.Add(max(railway.RetryAfter(err), busyRetry)))
		return nil
	}
	for _, environment := range project.Environments {
		if environment.ID == at.EnvironmentID {
			return nil
		}
	}
	switch {
	case at.Ephemeral:
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClosed, fmt.Sprintf(
			"Railway has deleted %q, the environment of a pull request: delete this object", at.Environment))
	case p.object.Spec.EffectiveDriftPolicy() == v1alpha1.DriftPolicyWarn:
		p.facts.Config = &status.Config{Drift: []v1alpha1.Drift{{Path: "environment", Declared: "(present)", Actual: "(absent)"}}}
		p.find(v1alpha1.ConditionHealthy, status.Failed(v1alpha1.ReasonEnvironmentGone, "there is no environment"))
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentGone, fmt.Sprintf(
			"somebody deleted the Railway environment %q, and driftPolicy is Warn: set it to Repair to have it created again", at.Environment))
	}
	p.event(warning, "EnvironmentGone", "Locate", "The Railway environment %q is gone; it will be created again", at.Environment)
	r.views.watch.Forget(p.key)
	p.journal.ForgetEnvironment()
	p.facts.Gone = true
	return progressing(v1alpha1.ReasonCreating, "the Railway environment was deleted; it will be created again", time.Second)
}

// project reads the project's names and tells a bad token from a project that is not visible.
func (p *pass) project(ctx context.Context) (model.Project, *outcome) {
	project, err := p.client.Project(railway.WithPriority(ctx, railway.Rollout), p.object.Spec.Railway.ProjectID)
	switch railway.ClassOf(err) {
	case railway.None:
		return project, nil
	case railway.Unauthorized, railway.NotFound:
		if invalid := p.client.Valid(railway.WithPriority(ctx, railway.Rollout)); invalid != nil {
			return project, p.rejected(ctx, invalid)
		}
		if p.object.Status.Railway != nil { // it was seen before: it takes more than one answer to make it invisible
			return project, p.rejected(ctx, err)
		}
		return project, stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonProjectNotFound, fmt.Sprintf(
			"the token is valid, and Railway shows it no project %s: check spec.railway.projectID and what the token may see",
			p.object.Spec.Railway.ProjectID))
	default:
		return project, p.rejected(ctx, err)
	}
}

// find resolves the environment's name. A project token names its environment itself (railway-api.md, "Tokens").
func (r *Reconciler) find(ctx context.Context, p *pass) (*view, *outcome) {
	if p.client.Kind() == railway.TokenProject {
		return r.findByToken(ctx, p)
	}
	project, out := p.project(ctx)
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
		return r.createEnvironment(ctx, p, name)
	case 1:
		return r.adopt(ctx, p, matches[0])
	default:
		return nil, stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, fmt.Sprintf(
			"the project has %d environments called %q when case is ignored: rename or delete all but one on Railway", len(matches), name))
	}
}

func (r *Reconciler) findByToken(ctx context.Context, p *pass) (*view, *outcome) {
	scope, err := p.client.Scope(railway.WithPriority(ctx, railway.Rollout))
	if err != nil {
		return nil, p.rejected(ctx, err)
	}
	if scope.ProjectID != p.object.Spec.Railway.ProjectID || !strings.EqualFold(scope.EnvironmentName, p.object.Spec.RailwayEnvironment()) {
		return nil, tokenScope(p, scope)
	}
	return r.adopt(ctx, p, model.Named{ID: scope.EnvironmentID, Name: scope.EnvironmentName})
}

func tokenScope(p *pass, scope model.TokenScope) *outcome {
	return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenScope, fmt.Sprintf(
		"the project token is for environment %q of project %s, the spec names environment %q of project %s: "+
			"use that environment's token, or an account or workspace token", scope.EnvironmentName, scope.ProjectID,
		p.object.Spec.RailwayEnvironment(), p.object.Spec.Railway.ProjectID))
}

// adopt claims an environment that is there. The claim is stored before it is compared with those of others.
func (r *Reconciler) adopt(ctx context.Context, p *pass, environment model.Named) (*view, *outcome) {
	created := p.journal.Announced(v1alpha1.WriteEnvironment, p.object.Spec.RailwayEnvironment())
	p.facts.Railway = locatedAt(p, environment, created)
	if created {
		p.journal.Withdraw()
	}
	if err := r.objects.announce(ctx, p, v1alpha1.ReasonProgressing, "reads the Railway environment"); err != nil {
		return nil, failed(err)
	}
	holder, err := r.objects.holder(ctx, p.object, true)
	if err != nil {
		return nil, failed(err)
	}
	if holder != nil {
		return nil, r.yield(p, holder)
	}
	r.follow(p, p.facts.Railway)
	return r.observe(ctx, p)
}

func locatedAt(p *pass, environment model.Named, created bool) *v1alpha1.RailwayStatus {
	projectID, since := p.object.Spec.Railway.ProjectID, metav1.NewMicroTime(p.now.Truncate(time.Microsecond))
	return &v1alpha1.RailwayStatus{
		ProjectID: projectID, EnvironmentID: environment.ID, Environment: environment.Name, Created: created,
		URL: fmt.Sprintf(dashboard, projectID, environment.ID), Since: &since,
	}
}

// createEnvironment creates what the project does not have. The announced creation is the claim.
func (r *Reconciler) createEnvironment(ctx context.Context, p *pass, name string) (*view, *outcome) {
	intent := v1alpha1.PendingWrite{Kind: v1alpha1.WriteEnvironment, Name: name}
	if out := r.writer.announceCreate(ctx, p, p.now, intent); out != nil {
		return nil, out
	}
	holder, err := r.objects.holder(ctx, p.object, true)
	if err != nil {
		return nil, failed(err)
	}
	if holder != nil {
		return nil, r.yield(p, holder)
	}
	var made *model.Environment
	out := r.writer.send(ctx, p, func(ctx context.Context) (err error) {
		made, err = p.client.CreateEnvironment(ctx, p.object.Spec.Railway.ProjectID, name)
		return err
	})
	if out != nil {
		return nil, out
	}
	p.event(normal, "Created", "Create", "Created the environment %q on Railway", name)
	p.facts.Railway = locatedAt(p, model.Named{ID: made.ID, Name: made.Name}, true)
	r.follow(p, p.facts.Railway)
	r.views.watch.Store(p.key, made, p.now)
	snapshot, _ := r.views.watch.Latest(p.key)
	p.find(v1alpha1.ConditionCredentialsValid, status.Passed("Railway accepts the token"))
	return take(p, snapshot), nil
}
