// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plan compares the environment that should be with the one that is, and makes the one patch that closes the gap. It
// is pure: values in, values out.
//
// Every declared field is compared three ways: what is declared, what Railway has, and what the operator last applied. When
// the declared value still is what was last applied, a difference is drift; when it is not, the spec changed.
package plan

import (
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Unmanaged says what happens to variables that are on Railway and not declared.
type Unmanaged int

const (
	// IgnoreUnmanaged leaves them alone.
	IgnoreUnmanaged Unmanaged = iota
	// ListUnmanaged names them in Plan.Unmanaged.
	ListUnmanaged
	// PruneUnmanaged deletes them.
	PruneUnmanaged
)

// Input is all that a plan depends on.
type Input struct {
	Desired  *desired.Environment
	Observed *model.Environment
	// Added are services that exist in the project and have no visible instance in Observed, by name.
	Added map[string]AddedService
	// Applied is what the operator last applied, by path.
	Applied map[string]Applied
	// Hash returns a keyed hash of a field's value.
	Hash func(path string, value any) string
	// ReportDrift leaves drift as it is and only reports it.
	ReportDrift bool
	// Leave holds the paths whose drift is reported and not repaired, because somebody else keeps writing them. A new declared
	// value is written all the same.
	Leave map[string]bool
	// Unmanaged says what happens to variables that are not declared.
	Unmanaged Unmanaged
}

// AddedService is a service of the project that the environment does not show.
type AddedService struct {
	ID string
	// Join is true when the service must still be added to the environment, false when it was created in it just now.
	Join bool
}

// Applied records a field that the operator wrote, found as declared, or, with ReportDrift, found different and left alone.
type Applied struct {
	Hash string
	// Adopted is true when the field had its value before the operator ever wrote it.
	Adopted bool
}

// Cause is why a field differs.
type Cause int

const (
	// CauseSpec: the declared value is new.
	CauseSpec Cause = iota
	// CauseDrift: the declared value was applied, and somebody changed it on Railway.
	CauseDrift
	// CauseReleased: the operator wrote the field and the spec declares it no more.
	CauseReleased
	// CauseUnmanaged: a variable that is not declared, with PruneUnmanaged.
	CauseUnmanaged
)

// Change is one field that differs.
type Change struct {
	// Path names the field for people: <service>.variables.<NAME>, <service>.deploy.<field>, shared.<NAME>.
	Path string
	// Service is the service's name, empty for shared variables.
	Service string
	Cause   Cause
	// Declared and Actual are fit to be shown: secret values are masked.
	Declared, Actual string
	// Deploys is true when Railway starts a deployment of the service for it (FACTS §4.2, §4.4).
	Deploys bool
	// Hash of the declared value; empty when the field is deleted.
	Hash string

	keys  []string
	value any
}

// Plan is what has to happen.
type Plan struct {
	// Missing are declared services that neither the environment nor Input.Added has.
	Missing []string
	// Domains are services that need a generated domain.
	Domains []string
	// Changes make the next commit.
	Changes []Change
	// Drift lists all drift, whether it is part of Changes or left alone.
	Drift []Change
	// Record is what is known to be applied, before Changes are.
	Record map[string]Applied
	// Unmanaged names variables that are not declared, with ListUnmanaged.
	Unmanaged []string
	// Blocked are declared fields that a railway.json or railway.toml of the service overrides.
	Blocked []string

	joins []string
}

// Empty reports whether there is nothing to commit.
func (p *Plan) Empty() bool {
	return len(p.Changes) == 0 && len(p.joins) == 0
}

// Patch returns the partial EnvironmentConfig that makes the changes: only the fields that differ, null to delete (FACTS §4.2).
func (p *Plan) Patch() model.Tree {
	patch := model.Tree{}
	for _, id := range p.joins {
		patch.Set(true, "services", id, "isCreated")
	}
	for _, c := range p.Changes {
		patch.Set(c.value, c.keys...)
	}
	return patch
}

// Deploys returns the services for which the changes start a deployment, sorted.
func (p *Plan) Deploys() []string {
	var names []string
	for _, c := range p.Changes {
		if c.Deploys && c.Service != "" {
			names = append(names, c.Service)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// After returns the record once the fields were committed: an empty hash deletes the field's entry.
func After(record map[string]Applied, fields map[string]string) map[string]Applied {
	after := make(map[string]Applied, len(record)+len(fields))
	for path, applied := range record {
		after[path] = applied
	}
	for path, hash := range fields {
		if hash == "" {
			delete(after, path)
		} else {
			after[path] = Applied{Hash: hash}
		}
	}
	return after
}

// Make compares and plans.
func Make(in Input) *Plan {
	p := &Plan{Record: map[string]Applied{}}
	declared := map[string]bool{}
	p.gone(in)
	for _, l := range p.leaves(in) {
		declared[l.path] = true
		p.judge(in, l)
	}
	p.release(in, declared)
	p.unmanaged(in, declared)
	byPath := func(a, b Change) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(p.Changes, byPath)
	slices.SortFunc(p.Drift, byPath)
	slices.Sort(p.Blocked)
	return p
}

// gone reports, with ReportDrift, the services that the operator once set up and that are on Railway no more. What is known of
// them is kept, so that they are not taken for something new when they come back.
func (p *Plan) gone(in Input) {
	for _, service := range in.Desired.Services {
		if !deletedElsewhere(in, service.Name) {
			continue
		}
		p.Drift = append(p.Drift, Change{
			Path: service.Name + ".service", Service: service.Name, Cause: CauseDrift, Declared: "(present)", Actual: "(absent)",
		})
		for path, applied := range in.Applied {
			if owner, _ := splitPath(in, path); owner == service.Name {
				p.Record[path] = applied
			}
		}
	}
}

// deletedElsewhere reports whether a missing service is drift that is only to be reported.
func deletedElsewhere(in Input, service string) bool {
	_, found := in.Observed.Instance(service)
	_, added := in.Added[service]
	return in.ReportDrift && !found && !added && !firstLook(in, service)
}

// judge decides what a declared field needs.
func (p *Plan) judge(in Input, l leaf) {
	hash := in.Hash(l.path, l.want)
	applied, known := in.Applied[l.path]
	if l.inSync(known && applied.Hash == hash) {
		if applied.Hash != hash {
			applied = Applied{Hash: hash, Adopted: !known || applied.Adopted}
		}
		p.Record[l.path] = applied
		return
	}
	change := l.change(hash, in.Desired.Redact)
	change.Cause = causeOf(in, l, hash)
	switch {
	case known:
		p.Record[l.path] = applied
	case change.Cause == CauseDrift && !l.writeOnly():
		p.Record[l.path] = Applied{Hash: hash, Adopted: true} // so that a later change of the spec shows as one
	}
	if change.Cause == CauseDrift {
		p.Drift = append(p.Drift, change)
	}
	if change.Cause == CauseDrift && (in.ReportDrift || in.Leave[l.path]) {
		return
	}
	p.Changes = append(p.Changes, change)
}

// causeOf tells drift from a change of the spec. What exists when the operator first looks counts as drift with ReportDrift:
// the policy is to report, not to overwrite. So does, at any time, a sealed variable that the operator never wrote, because its
// value cannot be brought back.
func causeOf(in Input, l leaf, hash string) Cause {
	applied, known := in.Applied[l.path]
	switch {
	case known && applied.Hash == hash && !l.onlyUnsealed():
		return CauseDrift
	case !known && in.ReportDrift && l.occupied && (l.writeOnly() || firstLook(in, l.service)):
		return CauseDrift
	default:
		return CauseSpec
	}
}

// firstLook reports whether the operator never recorded anything of the service, or of the shared variables.
func firstLook(in Input, service string) bool {
	for path := range in.Applied {
		owner, _ := splitPath(in, path)
		if _, shared := sharedName(path); owner == service && (service != "" || shared) {
			return false
		}
	}
	return true
}
