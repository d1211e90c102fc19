// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// locator finds the environment of an object on Railway, creates it when it is missing, and claims it.
type locator struct {
	store  store
	watch  watcher
	writer writer
	// idle ends all work for an object that holds no environment any more.
	idle func(key string)
}

// staleAfter is how many intervals old the view of Railway may get while reads fail, until the verdict follows: one lost answer
// says nothing about the engine. Whatever is written is compared with a fresh read.
const staleAfter = 3

// locate finds the environment and its snapshot: by the id in the status, else by name, and creates it when it is missing. One
// object holds it: two writers would undo each other for ever.
func (l locator) locate(ctx context.Context, p *pass) (*view.View, *outcome.Outcome) {
	if p.object.Status.Railway == nil {
		return l.find(ctx, p)
	}
	holder, err := l.store.Holder(ctx, p.object)
	if err != nil {
		return nil, outcome.Failed(err)
	}
	if holder != nil {
		return nil, l.yield(p, holder)
	}
	if p.journal.Claim().Unchecked {
		if out := l.uncontested(ctx, p); out != nil {
			return nil, out
		}
	}
	l.watch.follow(p, p.object.Status.Railway)
	return l.observe(ctx, p)
}

// observe takes the snapshot that the watch keeps, and reads only when there is none or a person forces it.
func (l locator) observe(ctx context.Context, p *pass) (*view.View, *outcome.Outcome) {
	snapshot, out := l.snapshot(ctx, p)
	if out != nil {
		return nil, out
	}
	if snapshot.Err != nil {
		if p.forced != "" { // what a person asked for is not done: try again
			p.forced = ""
			p.wakeAt(p.now.Add(max(railway.RetryAfter(snapshot.Err), outcome.BusyRetry)))
		}
		if out := l.lost(ctx, p, snapshot); out != nil {
			return nil, out
		}
	}
	if snapshot.Err == nil {
		p.find(v1alpha1.ConditionCredentialsValid, findings.TokenAccepted())
	}
	at := p.at().DeepCopy()
	told, again := snapshot.Told(ptr.Deref(at.Interval, metav1.Duration{}).Duration, p.object.Spec.EffectiveInterval(), p.now)
	p.wakeAt(again)
	if at.Ephemeral, at.Interval = snapshot.Environment.Ephemeral, nil; told > 0 {
		at.Interval = &metav1.Duration{Duration: told}
	}
	p.facts.Railway = at
	return l.watch.take(p, snapshot), yieldToForeign(p)
}

// snapshot is the last one, or a new one when it is needed now.
func (l locator) snapshot(ctx context.Context, p *pass) (railway.Snapshot, *outcome.Outcome) {
	snapshot, known := l.watch.Latest(p.key)
	newToken := snapshot.Err != nil && snapshot.Environment != nil && snapshot.ClientKey != p.client.Key() // the error is the old one's
	switch {
	case p.forced == "" && known && !newToken:
		return snapshot, nil
	case p.forced == "" && !known && decided(p.object) && !p.client.Budget().Holds(railway.Poll):
		// After a restart nobody waits for the first read: the watch reads the fleet in batches, and wakes the object.
		return snapshot, outcome.NotRead(0)
	}
	snapshot, err := l.watch.Refresh(railway.WithPriority(ctx, railway.Rollout), p.key)
	if err != nil && (snapshot.Err == nil || ctx.Err() != nil) { // cut off: nothing was learnt
		return snapshot, outcome.NotRead(outcome.BusyRetry)
	}
	return snapshot, nil
}

// lost sorts a read that failed. It returns nil while the last good snapshot still counts. "Not Authorized" and "not found" may
// mean that the environment was deleted, which the project's list of environments proves (railway-api.md, "Errors").
func (l locator) lost(ctx context.Context, p *pass, snapshot railway.Snapshot) *outcome.Outcome {
	class := railway.ClassOf(snapshot.Err)
	if class == railway.Unauthorized || class == railway.NotFound {
		if out := l.checkInvisible(ctx, p); out != nil {
			return out
		}
	}
	switch {
	case snapshot.Environment == nil && decided(p.object) && (class == railway.RateLimited || within(p, snapshot.FailingSince)):
		return outcome.NotRead(railway.RetryAfter(snapshot.Err))
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
func (l locator) checkInvisible(ctx context.Context, p *pass) *outcome.Outcome {
	if p.client.Kind() != railway.TokenProject {
		return l.checkGone(ctx, p)
	}
	// It sees one environment: what it does not see may well be there.
	scope, err := p.client.Scope(railway.WithPriority(ctx, railway.Rollout))
	if err == nil && scope.EnvironmentID != p.at().EnvironmentID {
		return tokenScope(p, scope)
	}
	return nil
}

// checkGone handles an environment that is proven to be gone; nil when nothing proves it.
func (l locator) checkGone(ctx context.Context, p *pass) *outcome.Outcome {
	at := p.at()
	if wait := p.journal.SinceLastWrite(p.now); wait > 0 { // perhaps it was created a moment ago and does not show yet
		p.wakeAt(p.now.Add(wait))
		return nil
	}
	project, err := p.client.Project(railway.WithPriority(ctx, railway.Rollout), at.ProjectID)
	if err != nil {
		p.wakeAfter(err)
		return nil
	}
	for _, environment := range project.Environments {
		if environment.ID == at.EnvironmentID {
			return nil
		}
	}
	switch {
	case at.Ephemeral:
		return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClosed, fmt.Sprintf(
			"Railway has deleted %q, the environment of a pull request: delete this object", at.Environment))
	case p.object.Spec.EffectiveDriftPolicy() == v1alpha1.DriftPolicyWarn:
		p.facts.Config = &status.Config{Drift: []v1alpha1.Drift{{Path: "environment", Declared: "(present)", Actual: "(absent)"}}}
		p.find(v1alpha1.ConditionHealthy, status.Failed(v1alpha1.ReasonEnvironmentGone, "there is no environment"))
		return outcome.Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentGone, fmt.Sprintf(
			"somebody deleted the Railway environment %q, and driftPolicy is Warn: set it to Repair to have it created again", at.Environment))
	}
	next := "it will be created again"
	if p.object.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyApply {
		next = "writePolicy decides whether it is created again"
	}
	p.eventOnceStored(warning, "EnvironmentGone", "Locate", "The Railway environment %q is gone; %s", at.Environment, next)
	l.watch.Forget(p.key)
	p.journal.ForgetEnvironment()
	p.facts.Gone = true
	return outcome.Progressing(v1alpha1.ReasonCreating, "the Railway environment was deleted; "+next, time.Second)
}
