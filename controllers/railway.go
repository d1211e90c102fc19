// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// hurry is how long the watch polls at the rollout pace after a sign of change.
const hurry = time.Minute

// watcher takes views of Railway out of the watch.
type watcher struct{ *railway.Watch }

// hurry lets the watch poll the object's environment at the rollout pace for a while.
func (w watcher) hurry(p *pass) { w.Hurry(p.key, p.now.Add(hurry)) }

// follow lets the watch keep a snapshot of the environment.
func (w watcher) follow(p *pass, at *v1alpha1.RailwayStatus) {
	w.Follow(p.key, railway.Target{
		Client: p.client, ProjectID: at.ProjectID, EnvironmentID: at.EnvironmentID, Interval: p.object.Spec.EffectiveInterval(),
	})
}

// take makes a view of a snapshot, and lets the journal see it.
func (w watcher) take(p *pass, snapshot railway.Snapshot) *view.View {
	v := view.Of(snapshot.Environment, snapshot.ReadAt, p.journal.ServiceIDs())
	names := view.DeclaredNames(&p.object.Spec)
	p.journal.Bind(v.IDs(names), names)
	p.journal.See(v.Journal(), p.object.Generation)
	seeForeign(p, v)
	return v
}

// reread reads the environment now.
func (w watcher) reread(ctx context.Context, p *pass, priority railway.Priority) (*view.View, error) {
	snapshot, err := w.Refresh(railway.WithPriority(ctx, priority), p.key)
	if err != nil {
		return nil, err
	}
	return w.take(p, snapshot), nil
}

// fresh returns the view when it is newer than the pass, else a new one: somebody may have written since.
func (w watcher) fresh(ctx context.Context, p *pass, v *view.View) (*view.View, *outcome.Outcome) {
	if v.FreshAt(p.now) {
		return v, nil
	}
	newer, err := w.reread(ctx, p, railway.Write)
	if err != nil {
		return nil, p.rejected(ctx, err)
	}
	return newer, yieldToForeign(p)
}

// rejected is the outcome of a failed read or write. One "Not Authorized" proves nothing (railway-api.md, "Errors"): a token is told of
// as rejected when Railway says so of the token itself.
func (p *pass) rejected(ctx context.Context, err error) *outcome.Outcome {
	if railway.ClassOf(err) == railway.Unauthorized && railway.ClassOf(p.client.Valid(railway.WithPriority(ctx, railway.Rollout))) != railway.Unauthorized {
		out := outcome.Progressing(v1alpha1.ReasonRailwayUnavailable,
			"Railway refused it although the token is valid; the operator tries again. If it lasts, the token may not do this", 0)
		out.Err = err
		return out
	}
	out := outcome.Failed(err)
	if out.Reason == v1alpha1.ReasonTokenRejected && p.token != "" {
		out.Message = fmt.Sprintf("Railway does not accept %s: put a valid one into the Secret (%s)", p.token, out.Message)
	}
	return out
}

// turn is how soon to ask again for the turn to write to a project.
const turn = time.Second

// takeTurn takes the turn to write to the project until the pass ends; false while somebody else has it. Writers of one project take
// turns, because services belong to the project and not to the environment. A worker that waited for another object's requests would be
// lost to all the others.
func (p *pass) takeTurn() bool {
	if p.release != nil {
		return true
	}
	p.wantsTurn = true
	release, ok := p.client.TryLock(p.object.Spec.Railway.ProjectID, p.key)
	if ok {
		p.release = release
	}
	return ok
}

// end tells what was created, and gives back what the pass holds.
func (p *pass) end() {
	p.tellCreated()
	if p.release != nil {
		p.release()
	}
}

func waitsForTurn() *outcome.Outcome {
	return outcome.Progressing(v1alpha1.ReasonApplying, "waits for its turn to write to the project", turn)
}

// knownProject returns the project's names, as this pass has read them while it had its turn.
func (p *pass) knownProject(ctx context.Context) (model.Project, *outcome.Outcome) {
	if p.project != nil {
		return *p.project, nil
	}
	return p.readProject(ctx)
}

// doubted reports whether Railway did not show the object's project before, and has not shown it since.
func doubted(object *v1alpha1.EngineEnvironment) bool {
	return status.ReasonOf(&object.Status, v1alpha1.ConditionCredentialsValid) == v1alpha1.ReasonProjectNotFound
}

// readProject reads the project's names and tells a bad token from a project that is not visible.
func (p *pass) readProject(ctx context.Context) (model.Project, *outcome.Outcome) {
	project, err := p.client.Project(railway.WithPriority(ctx, railway.Rollout), p.object.Spec.Railway.ProjectID)
	switch railway.ClassOf(err) {
	case railway.None:
		if p.release != nil {
			p.project = &project
		}
		return project, nil
	case railway.Unauthorized, railway.NotFound:
		if invalid := p.client.Valid(railway.WithPriority(ctx, railway.Rollout)); invalid != nil {
			return project, p.rejected(ctx, invalid)
		}
		if p.object.Status.Railway != nil { // it was seen before: answers must stay so for three intervals
			return project, p.rejected(ctx, err)
		}
		if !doubted(p.object) { // one answer proves nothing
			p.find(v1alpha1.ConditionCredentialsValid, status.Unknown(v1alpha1.ReasonProjectNotFound,
				"the token is valid, and Railway did not show it the project once: the operator asks again"))
			return project, p.rejected(ctx, err)
		}
		return project, outcome.Stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonProjectNotFound, fmt.Sprintf(
			"the token is valid, and Railway shows it no project %s: check spec.railway.projectID and what the token may see",
			p.object.Spec.Railway.ProjectID))
	default:
		return project, p.rejected(ctx, err)
	}
}
