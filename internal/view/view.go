// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package view is a snapshot of a Railway environment in the words of a spec: services by their declared names, paths as people read
// them, and the age of it all. It is pure: values in, values out.
package view

import (
	"slices"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// View is a snapshot of Railway as a pass reads it. It carries its age: whoever decides by time decides by ReadAt.
type View struct {
	// Env calls the services by their declared names, whatever Railway calls them now. It is shared and never modified.
	Env *model.Environment
	// Raw is the same as Railway tells it.
	Raw    *model.Environment
	ReadAt time.Time
	// Absent is true when there is no environment yet.
	Absent bool
}

// Of makes a view of what was read at that time. ids are Railway's ids of declared services, by declared name, as far as known.
func Of(read *model.Environment, at time.Time, ids map[string]string) *View {
	return &View{Env: read.Named(ids), Raw: read, ReadAt: at}
}

// Absent is a view of an environment that is not there.
func Absent(at time.Time) *View {
	return &View{Env: &model.Environment{}, Raw: &model.Environment{}, ReadAt: at, Absent: true}
}

// FreshAt reports whether the snapshot was read at that time or later.
func (v *View) FreshAt(at time.Time) bool { return !v.ReadAt.Before(at) }

// IDs returns Railway's ids of those of the named services that are there.
func (v *View) IDs(names []string) map[string]string {
	ids := map[string]string{}
	for _, name := range names {
		if instance, found := v.Env.Instance(name); found {
			ids[name] = instance.ServiceID
		}
	}
	return ids
}

// Renamed names the services that Railway calls otherwise than the spec; ids are those of the declared ones.
func (v *View) Renamed(ids map[string]string) []string {
	var names []string
	for declared, id := range ids {
		for _, s := range v.Raw.Services {
			if s.ServiceID == id && s.Name != declared {
				names = append(names, declared+" is called "+s.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Journal is the view as the journal sees it.
func (v *View) Journal() journal.View {
	return journal.View{ReadAt: v.ReadAt, Shows: v.shows, Patch: func(id string) (journal.Patch, bool) {
		patch, found := v.ownPatch(id)
		return journal.Patch{Error: patch.Error, Applied: found && patch.Error == "" && patch.Status != patchApplying}, found
	}}
}

// patchApplying is the status of a commit that Railway still applies (railway-api.md, "Staged changes and history").
const patchApplying = "APPLYING"

// shows reports whether Railway shows what was announced. A deployment is announced with the one before it.
func (v *View) shows(w *v1alpha1.PendingWrite) bool {
	instance, found := v.Env.Instance(w.Name)
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

// ownPatch finds the commit with the operator's mark in Railway's history (railway-api.md, "Staged changes and history").
func (v *View) ownPatch(id string) (model.Patch, bool) {
	for _, patch := range v.Env.Patches {
		if strings.Contains(patch.Message, Mark(id)) {
			return patch, true
		}
	}
	return model.Patch{}, false
}

// Mark is how a commit's id stands in its message, so that it is found again in Railway's history.
func Mark(id string) string { return "[" + id + "]" }

// readable turns services.<id>.variables.X into <name>.variables.X, and sharedVariables.X into shared.X.
func (v *View) readable(path string) string {
	if name, ok := strings.CutPrefix(path, "sharedVariables."); ok {
		return "shared." + name
	}
	rest, ok := strings.CutPrefix(path, "services.")
	if !ok {
		return path
	}
	for _, service := range v.Env.Services {
		if tail, ok := strings.CutPrefix(rest, service.ServiceID); ok {
			return service.Name + tail
		}
	}
	return path
}

// Staged names the changes that people staged, with service names instead of ids.
func (v *View) Staged() []string {
	paths := make([]string, 0, len(v.Env.Staged))
	for _, path := range v.Env.Staged {
		paths = append(paths, v.readable(path))
	}
	slices.Sort(paths)
	return paths
}

// ChangedBy returns who made the newest commit that touches the field, when Railway says.
func (v *View) ChangedBy(path string) string {
	for _, patch := range v.Env.Patches {
		for _, touched := range patch.Paths {
			touched = v.readable(touched)
			if touched == path || strings.HasPrefix(touched, path+".") {
				return patch.AppliedBy
			}
		}
	}
	return ""
}
