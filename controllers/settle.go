// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// create sends a create that must happen at most once. The intent is stored before it is sent, so that a later pass, or
// another operator after a crash, knows that it may have happened and looks until reads can no longer lag before it sends it
// again. The caller has just looked and not found the object.
func (p *pass) create(ctx context.Context, kind v1alpha1.WriteKind, name string, send func(context.Context) error) *Outcome {
	if wait := p.awaits(kind, name); wait > 0 {
		return progressing(v1alpha1.ReasonVerifyingWrite, fmt.Sprintf(
			"waits for Railway to show the %s %q", strings.ToLower(string(kind)), name), min(wait, unknownRetry))
	}
	if p.wasCreating(kind, name) {
		if wait := p.settlesIn(p.object.Status.PendingWrite); wait > 0 {
			return progressing(v1alpha1.ReasonVerifyingWrite, fmt.Sprintf(
				"it is not known whether Railway created the %s %q; the operator looks before it creates it again",
				strings.ToLower(string(kind)), name), min(wait, unknownRetry))
		}
	}
	again := p.wasCreating(kind, name)
	intent := &v1alpha1.PendingWrite{Kind: kind, Name: name, StartedAt: metav1.NewTime(p.r.Now())}
	if err := p.intend(ctx, intent, v1alpha1.ReasonCreating, fmt.Sprintf("creates the %s %q on Railway", strings.ToLower(string(kind)), name)); err != nil {
		return failed(err)
	}
	err := send(railway.WithPriority(ctx, railway.Write))
	switch class := railway.ClassOf(err); {
	case class == railway.None:
		if kind != v1alpha1.WriteEnvironment {
			p.object.Status.Awaited = append(p.object.Status.Awaited, *intent)
		}
		if kind == v1alpha1.WriteDomain {
			return nil // told with its name
		}
		p.event(normal, "Created", "Create", "Created the %s %q on Railway", strings.ToLower(string(kind)), name)
		return nil
	case class == railway.Conflict && !again:
		return progressing(v1alpha1.ReasonVerifyingWrite, fmt.Sprintf(
			"Railway says that the %s %q exists and does not show it yet; the operator looks again", strings.ToLower(string(kind)), name),
			unknownRetry)
	case class != railway.Ambiguous:
		p.settled(kind, name)
	}
	return failed(err)
}

// awaits returns how long Railway may still take to show what it has created; zero for what is not awaited.
func (p *pass) awaits(kind v1alpha1.WriteKind, name string) time.Duration {
	for i := range p.object.Status.Awaited {
		if w := &p.object.Status.Awaited[i]; w.Kind == kind && w.Name == name {
			return p.settlesIn(w)
		}
	}
	return 0
}

// dropSeen drops the intent to create something that Railway shows by now. Until it does, or a commit takes the intent's
// place, the intent keeps a stale read from creating it again.
func (p *pass) dropSeen() {
	p.object.Status.Awaited = slices.DeleteFunc(p.object.Status.Awaited, func(w v1alpha1.PendingWrite) bool {
		return p.shows(&w) || p.settlesIn(&w) <= 0
	})
	if pending := p.object.Status.PendingWrite; pending != nil && p.shows(pending) {
		p.object.Status.PendingWrite = nil
	}
}

// shows reports whether Railway shows the service or domain that was created.
func (p *pass) shows(pending *v1alpha1.PendingWrite) bool {
	instance, found := p.environment.Instance(pending.Name)
	return found && (pending.Kind == v1alpha1.WriteService || (pending.Kind == v1alpha1.WriteDomain && len(instance.RailwayDomains) > 0))
}

func (p *pass) wasCreating(kind v1alpha1.WriteKind, name string) bool {
	pending := p.object.Status.PendingWrite
	return pending != nil && pending.Kind == kind && pending.Name == name
}

// settled drops the intent: the outcome is known.
func (p *pass) settled(kind v1alpha1.WriteKind, name string) {
	if p.wasCreating(kind, name) {
		p.object.Status.PendingWrite = nil
	}
}

// settlesIn returns how long reads may still lag behind the write.
func (p *pass) settlesIn(pending *v1alpha1.PendingWrite) time.Duration {
	return min(pending.StartedAt.Add(p.r.Settle).Sub(p.r.Now()), p.r.Settle) // whatever somebody's clock said
}

// sinceLastWrite returns how long reads may still lag behind the last write of any kind.
func (p *pass) sinceLastWrite() time.Duration {
	status := &p.object.Status
	wait := time.Duration(0)
	if status.PendingWrite != nil {
		wait = p.settlesIn(status.PendingWrite)
	}
	if status.LastCommit != nil {
		wait = max(wait, status.LastCommit.Time.Add(p.r.Settle).Sub(p.r.Now()))
	}
	return wait
}

// settle waits until the last commit shows in what Railway returns. Reads lag behind writes, and a stale read is not drift
// (FACTS §11.1). The operator's mark in the commit message tells its own commits in Railway's history (FACTS §3.3).
func (r *Reconciler) settle(ctx context.Context, p *pass) *Outcome {
	if pending := p.object.Status.PendingWrite; pending != nil && pending.Kind == v1alpha1.WriteCommit {
		if out := p.settleCommit(ctx, pending); out != nil {
			return out
		}
	}
	if out := p.awaitLastCommit(ctx); out != nil {
		return out
	}
	if p.environment.Applying {
		r.Watch.Hurry(p.key, p.now.Add(hurry))
		return progressing(v1alpha1.ReasonApplying, "Railway applies a commit", r.Settle)
	}
	return nil
}

// settleCommit finds out whether a commit of unknown outcome was applied.
func (p *pass) settleCommit(ctx context.Context, pending *v1alpha1.PendingWrite) *Outcome {
	_, found := ownPatch(p.environment, pending.Name)
	if !found && !p.fresh {
		if out := p.refresh(ctx); out != nil {
			return out
		}
		_, found = ownPatch(p.environment, pending.Name)
	}
	wait := p.settlesIn(pending)
	if !found && wait > 0 {
		return progressing(v1alpha1.ReasonVerifyingWrite,
			"Railway did not say whether the last commit was applied; the operator looks before it writes again", min(wait, unknownRetry))
	}
	if found {
		p.committed()
		return nil
	}
	p.object.Status.PendingWrite = nil // it never arrived: the comparison that follows writes it again
	return nil
}

// committed books the pending commit as applied.
func (p *pass) committed() {
	status := &p.object.Status
	pending := status.PendingWrite
	fields := map[string]string{}
	for _, line := range pending.Fields {
		path, hash := splitWritten(line)
		fields[path] = hash
	}
	status.WrittenFields = listWritten(plan.After(readWritten(status.WrittenFields), fields))
	status.LastCommit = &v1alpha1.Commit{
		ID: pending.Name, Message: pending.Message, Time: pending.StartedAt, Services: pending.Services, Generation: p.object.Generation,
	}
	status.PendingWrite = nil
}

// awaitLastCommit waits for a commit that Railway accepted to show, and reports one that it could not apply.
func (p *pass) awaitLastCommit(ctx context.Context) *Outcome {
	last := p.object.Status.LastCommit
	if last == nil {
		return nil
	}
	patch, found := ownPatch(p.environment, last.ID)
	if !found && last.Time.Add(p.r.Settle).After(p.r.Now()) {
		if !p.fresh {
			if out := p.refresh(ctx); out != nil {
				return out
			}
			patch, found = ownPatch(p.environment, last.ID)
		}
		if !found {
			p.r.Watch.Hurry(p.key, p.now.Add(hurry))
			return progressing(v1alpha1.ReasonApplying, "waits for Railway to show the last commit", unknownRetry)
		}
	}
	if found && patch.Error != "" && (last.Generation != p.object.Generation || p.forced != "") {
		p.unwrite(patch) // the spec has changed since, or a person wants another try
		return nil
	}
	if found && patch.Error != "" {
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonCommitFailed,
			"Railway could not apply the last commit: "+patch.Error)
	}
	return nil
}

// unwrite forgets that the fields of a commit were written: Railway could not apply it.
func (p *pass) unwrite(patch model.Patch) {
	status := &p.object.Status
	status.WrittenFields = slices.DeleteFunc(status.WrittenFields, func(line string) bool {
		path, _ := splitWritten(strings.TrimSuffix(line, adoptedMark))
		return slices.ContainsFunc(patch.Paths, func(touched string) bool {
			touched = p.readable(touched)
			return touched == path || strings.HasPrefix(touched, path+".")
		})
	})
}

// ownPatch finds the commit with the operator's mark in Railway's history.
func ownPatch(environment *model.Environment, id string) (model.Patch, bool) {
	for _, patch := range environment.Patches {
		if strings.Contains(patch.Message, markOf(id)) {
			return patch, true
		}
	}
	return model.Patch{}, false
}

// markOf is how a commit's id stands in its message.
func markOf(id string) string {
	return "[" + id + "]"
}
