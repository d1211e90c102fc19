// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// view is a snapshot of Railway as a pass reads it. It carries its age: whoever decides by time decides by readAt.
type view struct {
	// env calls the services by their declared names, whatever Railway calls them now. It is shared and never modified.
	env *model.Environment
	// raw is the same as Railway tells it.
	raw    *model.Environment
	readAt time.Time
}

// fresh reports whether the snapshot was read after the pass began.
func (v *view) fresh(p *pass) bool { return !v.readAt.Before(p.now) }

// views takes snapshots from the watch.
type views struct{ watch *railway.Watch }

// staleAfter is how many intervals old the view of Railway may get while reads fail, until the verdict follows: one lost answer
// says nothing about the engine. Whatever is written is compared with a fresh read.
const staleAfter = 3

// take makes a view of a snapshot, and lets the journal see it.
func take(p *pass, snapshot railway.Snapshot) *view {
	v := &view{raw: snapshot.Environment, readAt: snapshot.ReadAt}
	v.bind(p)
	p.journal.See(v.journal(), p.object.Generation)
	return v
}

// bind calls the services by their declared names, and remembers which service each name means.
func (v *view) bind(p *pass) {
	v.env = v.raw.Named(p.journal.ServiceIDs())
	ids := map[string]string{}
	names := declaredNames(&p.object.Spec)
	for _, name := range names {
		if instance, found := v.env.Instance(name); found {
			ids[name] = instance.ServiceID
		}
	}
	p.journal.Bind(ids, names)
}

// renamed names the services that Railway calls otherwise than the spec.
func (v *view) renamed(p *pass) []string {
	var names []string
	for declared, id := range p.journal.ServiceIDs() {
		for _, s := range v.raw.Services {
			if s.ServiceID == id && s.Name != declared {
				names = append(names, declared+" is called "+s.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// journal is the view as the journal sees it.
func (v *view) journal() journal.View {
	return journal.View{ReadAt: v.readAt, Shows: v.shows, Patch: func(id string) (journal.Patch, bool) {
		patch, found := ownPatch(v.env, id)
		return journal.Patch{Error: patch.Error, Applied: found && patch.Error == "" && patch.Status != patchApplying}, found
	}}
}

// patchApplying is the status of a commit that Railway still applies (railway-api.md, "Staged changes and history").
const patchApplying = "APPLYING"

// shows reports whether Railway shows what was announced. A deployment is announced with the one before it.
func (v *view) shows(w *v1alpha1.PendingWrite) bool {
	instance, found := v.env.Instance(w.Name)
	switch {
	case !found:
		return false
	case w.Kind == v1alpha1.WriteService:
		return true
	case w.Kind == v1alpha1.WriteDomain:
		return len(instance.RailwayDomains) > 0
	case w.Kind == v1alpha1.WriteDeployment:
		return instance.Latest != nil && instance.Latest.ID != w.Message
	default:
		return false
	}
}

// ownPatch finds the commit with the operator's mark in Railway's history
// (railway-api.md, "Staged changes and history").
func ownPatch(environment *model.Environment, id string) (model.Patch, bool) {
	for _, patch := range environment.Patches {
		if strings.Contains(patch.Message, markOf(id)) {
			return patch, true
		}
	}
	return model.Patch{}, false
}

// markOf is how a commit's id stands in its message.
func markOf(id string) string { return "[" + id + "]" }

// refresh reads the environment now.
func (s views) refresh(ctx context.Context, p *pass, priority railway.Priority) (*view, error) {
	snapshot, err := s.watch.Refresh(railway.WithPriority(ctx, priority), p.key)
	if err != nil {
		return nil, err
	}
	return take(p, snapshot), nil
}

// readable turns services.<id>.variables.X into <name>.variables.X, and sharedVariables.X into shared.X.
func (v *view) readable(path string) string {
	if name, ok := strings.CutPrefix(path, "sharedVariables."); ok {
		return "shared." + name
	}
	rest, ok := strings.CutPrefix(path, "services.")
	if !ok {
		return path
	}
	for _, service := range v.env.Services {
		if tail, ok := strings.CutPrefix(rest, service.ServiceID); ok {
			return service.Name + tail
		}
	}
	return path
}

// staged names the changes that people staged, with service names instead of ids.
func (v *view) staged() []string {
	paths := make([]string, 0, len(v.env.Staged))
	for _, path := range v.env.Staged {
		paths = append(paths, v.readable(path))
	}
	slices.Sort(paths)
	return paths
}

// changedBy returns who made the newest commit that touches the field, when Railway says.
func (v *view) changedBy(path string) string {
	for _, patch := range v.env.Patches {
		for _, touched := range patch.Paths {
			touched = v.readable(touched)
			if touched == path || strings.HasPrefix(touched, path+".") {
				return patch.AppliedBy
			}
		}
	}
	return ""
}

// runsOn is the deployment that serves: the newest one, or an older one beside it. Nil when none does.
func runsOn(instance model.ServiceInstance) *model.Deployment {
	if instance.Latest != nil && instance.Latest.Status.Serving() {
		return instance.Latest
	}
	for i := range instance.Active {
		if instance.Active[i].Status.Serving() {
			return &instance.Active[i]
		}
	}
	return nil
}

// running is what the service serves, as far as Railway tells.
func (v *view) running(service string) promotion.Running {
	instance, _ := v.env.Instance(service)
	d := runsOn(instance)
	if d == nil {
		return promotion.Running{}
	}
	return promotion.Running{Image: d.Meta.Image, Digest: d.Meta.Digest(), Repo: d.Meta.Repo, Branch: d.Meta.Branch, Commit: d.Meta.CommitHash}
}

// newest is what the deployment was made from that tells how the service is doing, whether it serves or not: what failed is to be
// named, too.
func (v *view) newest(service string) promotion.Running {
	instance, _ := v.env.Instance(service)
	d := rollout.Current(instance)
	if d == nil {
		return promotion.Running{}
	}
	meta := d.Meta
	return promotion.Running{Image: meta.Image, Digest: meta.Digest(), Repo: meta.Repo, Branch: meta.Branch, Commit: meta.CommitHash}
}

// target is the service for the checks. A nil view knows nothing of it.
func (v *view) target(service string) verify.Target {
	if v == nil {
		return verify.Target{}
	}
	instance, _ := v.env.Instance(service)
	target := verify.Target{CustomHosts: map[string]bool{}}
	if len(instance.RailwayDomains) > 0 {
		target.Host = instance.RailwayDomains[0].Host
	}
	for _, domain := range instance.CustomDomains {
		target.CustomHosts[domain.Host] = domain.Verified
	}
	if d := rollout.Current(instance); d != nil {
		target.DeploymentID, target.StartedAt = d.ID, d.CreatedAt
		target.Sleeping = d.Status == model.DeploymentSleeping
	}
	return target
}

// subject names what runs: the deployments that tell how the declared services are doing.
func (v *view) subject(declared *desired.Environment) string {
	var ids []string
	for _, service := range declared.Services {
		instance, _ := v.env.Instance(service.Name)
		if d := rollout.Current(instance); d != nil {
			ids = append(ids, d.ID)
		}
	}
	return strings.Join(ids, ",")
}

func declaredNames(spec *v1alpha1.EngineEnvironmentSpec) []string {
	names := []string{spec.Engine.Name}
	for i := range spec.Services {
		names = append(names, spec.Services[i].Name)
	}
	return names
}

func sortedKeys[V any](all map[string]V) []string { return slices.Sorted(maps.Keys(all)) }
