// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// dashboard is where people look at an environment.
const dashboard = "https://railway.com/project/%s?environmentId=%s"

// locate finds the environment and its snapshot: by the id in the status, else by name, and creates it when it is missing.
func (r *Reconciler) locate(ctx context.Context, p *pass) *Outcome {
	if p.object.Status.Railway == nil {
		if out := p.find(ctx); out != nil {
			return out
		}
	}
	at := p.object.Status.Railway
	r.Watch.Follow(p.key, railway.Target{
		Client: p.client, ProjectID: at.ProjectID, EnvironmentID: at.EnvironmentID,
		Interval: p.object.Spec.EffectiveInterval(),
	})
	if p.environment != nil { // just created: the answer of the write is the newest there is
		r.Watch.Store(p.key, p.environment)
	} else if out := p.observe(ctx); out != nil {
		return out
	}
	p.credentials = passed("Railway accepts the token")
	return nil
}

// observe takes the snapshot that the watch keeps, and reads only when there is none or a person forces it.
func (p *pass) observe(ctx context.Context) *Outcome {
	snapshot, ok := p.r.Watch.Latest(p.key)
	if p.forced != "" || !ok || snapshot.Environment == nil {
		return p.refresh(ctx)
	}
	switch railway.ClassOf(snapshot.Err) {
	case railway.None, railway.RateLimited: // a view that gets older than asked for is no reason to be not ready
	case railway.Transient:
		if p.now.Sub(snapshot.ReadAt) > staleAfter*p.object.Spec.EffectiveInterval() {
			return p.lost(ctx, snapshot.Err)
		}
	default:
		return p.lost(ctx, snapshot.Err)
	}
	p.environment = snapshot.Environment
	return nil
}

// staleAfter is how many intervals old the view of Railway may get while reads fail, until the object is not Ready: one lost
// answer says nothing about the engine. Whatever is written is compared with a fresh read.
const staleAfter = 3

// refresh reads the environment now.
func (p *pass) refresh(ctx context.Context) *Outcome {
	snapshot, err := p.r.Watch.Refresh(railway.WithPriority(ctx, railway.Write), p.key)
	if err != nil {
		return p.lost(ctx, err)
	}
	p.environment, p.fresh = snapshot.Environment, true
	return nil
}

// lost sorts an environment that cannot be read. "Not Authorized" and "not found" may mean that it was deleted, which the
// project's list of environments proves (FACTS §11.10).
func (p *pass) lost(ctx context.Context, err error) *Outcome {
	class := railway.ClassOf(err)
	if class != railway.Unauthorized && class != railway.NotFound {
		return failed(err)
	}
	if p.client.Kind() == railway.TokenProject { // it sees one environment: what it does not see may well be there
		if out := p.checkScope(ctx); out != nil {
			return out
		}
		return failed(err)
	}
	project, out := p.project(ctx)
	if out != nil {
		return out
	}
	for _, environment := range project.Environments {
		if environment.ID == p.object.Status.Railway.EnvironmentID {
			return failed(err)
		}
	}
	if wait := p.sinceLastWrite(); wait > 0 { // perhaps it was created a moment ago and does not show yet
		return progressing(v1alpha1.ReasonVerifyingWrite, "waits for Railway to show the environment", min(wait, unknownRetry))
	}
	if p.object.Status.Railway.Ephemeral {
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClosed, fmt.Sprintf(
			"Railway has deleted %q, the environment of a pull request: delete this object", p.object.Status.Railway.Environment))
	}
	p.event(warning, "EnvironmentGone", "Locate", "The Railway environment %q is gone; it will be created again", p.object.Status.Railway.Environment)
	p.r.Watch.Forget(p.key)
	forgetEnvironment(&p.object.Status)
	return progressing(v1alpha1.ReasonCreating, "the Railway environment was deleted; it will be created again", time.Second)
}

// forgetEnvironment drops what the status says about an environment that no longer exists.
func forgetEnvironment(status *v1alpha1.EngineEnvironmentStatus) {
	status.Railway, status.Engine, status.Services = nil, nil, nil
	status.WrittenFields, status.Drift, status.Repairs = nil, nil, nil
	status.LastCommit, status.UnmanagedVariables, status.StagedChanges = nil, nil, nil
	if status.PendingWrite != nil && status.PendingWrite.Kind != v1alpha1.WriteEnvironment {
		status.PendingWrite = nil
	}
}

// project reads the project's names and tells a bad token from a project that is not visible.
func (p *pass) project(ctx context.Context) (model.Project, *Outcome) {
	project, err := p.client.Project(railway.WithPriority(ctx, railway.Write), p.object.Spec.Railway.ProjectID)
	switch railway.ClassOf(err) {
	case railway.None:
		return project, nil
	case railway.Unauthorized, railway.NotFound:
		if invalid := p.client.Valid(railway.WithPriority(ctx, railway.Write)); invalid != nil {
			return project, failed(invalid)
		}
		return project, stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonProjectNotFound, fmt.Sprintf(
			"the token is valid, and Railway shows it no project %s: check spec.railway.projectID and what the token may see",
			p.object.Spec.Railway.ProjectID))
	default:
		return project, failed(err)
	}
}

// find resolves the environment's name. A project token names its environment itself (FACTS §1.2).
func (p *pass) find(ctx context.Context) *Outcome {
	if p.client.Kind() == railway.TokenProject {
		return p.findByToken(ctx)
	}
	project, out := p.project(ctx)
	if out != nil {
		return out
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
		return p.createEnvironment(ctx, name)
	case 1:
		p.located(matches[0].ID, matches[0].Name, p.wasCreating(v1alpha1.WriteEnvironment, name))
		return nil
	default:
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, fmt.Sprintf(
			"the project has %d environments called %q when case is ignored: rename or delete all but one on Railway", len(matches), name))
	}
}

func (p *pass) findByToken(ctx context.Context) *Outcome {
	if out := p.checkScope(ctx); out != nil {
		return out
	}
	scope, err := p.client.Scope(railway.WithPriority(ctx, railway.Write))
	if err != nil {
		return failed(err)
	}
	p.located(scope.EnvironmentID, scope.EnvironmentName, false)
	return nil
}

// checkScope holds that a project token is for the declared environment.
func (p *pass) checkScope(ctx context.Context) *Outcome {
	scope, err := p.client.Scope(railway.WithPriority(ctx, railway.Write))
	if err != nil {
		return failed(err)
	}
	name := p.object.Spec.RailwayEnvironment()
	if scope.ProjectID != p.object.Spec.Railway.ProjectID || !strings.EqualFold(scope.EnvironmentName, name) {
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenScope, fmt.Sprintf(
			"the project token is for environment %q of project %s, the spec names environment %q of project %s: "+
				"use that environment's token, or an account or workspace token", scope.EnvironmentName, scope.ProjectID,
			name, p.object.Spec.Railway.ProjectID))
	}
	return nil
}

func (p *pass) located(id, name string, created bool) {
	projectID := p.object.Spec.Railway.ProjectID
	p.object.Status.Railway = &v1alpha1.RailwayStatus{
		ProjectID: projectID, EnvironmentID: id, Environment: name, Created: created,
		URL: fmt.Sprintf(dashboard, projectID, id),
	}
	p.settled(v1alpha1.WriteEnvironment, p.object.Spec.RailwayEnvironment())
}

func (p *pass) createEnvironment(ctx context.Context, name string) *Outcome {
	out := p.create(ctx, v1alpha1.WriteEnvironment, name, func(ctx context.Context) error {
		environment, err := p.client.CreateEnvironment(ctx, p.object.Spec.Railway.ProjectID, name)
		if err != nil {
			return err
		}
		p.located(environment.ID, environment.Name, true)
		p.environment, p.fresh = environment, true
		return nil
	})
	return out
}
