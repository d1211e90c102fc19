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
	// KeyLost is true when the hashes of Applied were made with another key than Hash uses, so that nothing can be compared with
	// them. Plan.Record holds hashes of the new key only.
	KeyLost bool
	// Hash returns a keyed hash of a field's value, never empty.
	Hash func(path string, value any) string
	// ReportDrift leaves drift as it is and only reports it.
	ReportDrift bool
	// Leave holds the paths whose drift is reported and not repaired, because somebody else keeps writing them. A new declared
	// value is written all the same.
	Leave map[string]bool
	// Refused holds what Railway could not apply: paths with the hash of the value, empty for a deletion. The same change is not
	// sent again; another value is. Whoever keeps it drops it after a commit that succeeds: what was refused together with the
	// cause is then tried again.
	Refused map[string]string
	// Unmanaged says what happens to variables that are not declared.
	Unmanaged Unmanaged
}

// AddedService is a service of the project that the environment does not show.
type AddedService struct {
	ID string
	// Join is true when the service must still be added to the environment, false when it was created in it just now.
	Join bool
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
	// CauseUnknown: the value cannot be read and nobody remembers what was applied, so it is written once more.
	CauseUnknown
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
	// Deploys is true when Railway starts a deployment of the service for it
	// (railway-api.md, "Config patches", "Mutations of one field").
	Deploys bool
	// Hash of the declared value; empty when the field is deleted.
	Hash string
	// Sealed is true for a variable that is sealed once the change is written.
	Sealed bool

	keys  []string
	value any
}

// TriggerChange is a deployment trigger that makes every push deploy a service which is pinned to a commit. A mutation deletes
// it, a patch cannot (railway-api.md, "Auto-deploy").
type TriggerChange struct {
	// Service is the service's name, ID the trigger's id.
	Service, ID string
	// Path is <service>.source.autoDeploy, Hash that of the declared "off", for Input.Refused.
	Path, Hash string
}

// Plan is what has to happen.
type Plan struct {
	// Missing are declared services that neither the environment nor Input.Added has.
	Missing []string
	// Domains are services that need a generated domain.
	Domains []string
	// Changes make the next commit.
	Changes []Change
	// Triggers are to be deleted.
	Triggers []TriggerChange
	// HeldBack are the paths of changes that Input.Refused keeps out of Changes and Triggers, sorted.
	HeldBack []string
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

// Patch returns the partial EnvironmentConfig that makes the changes: only the fields that differ, null to delete
// (railway-api.md, "Config patches").
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

// Make compares and plans.
func Make(in Input) *Plan {
	if in.KeyLost {
		in.Applied = withoutHashes(in.Applied)
	}
	most := leavesOf(in.Desired)
	p := &Plan{Record: make(map[string]Applied, most)}
	declared := make(map[string]bool, most)
	p.gone(in)
	for _, l := range p.leaves(in) {
		declared[l.path] = true
		p.judge(in, l)
	}
	p.release(in, declared)
	p.unmanaged(in, declared)
	p.holdBack(in)
	p.autoDeploys(in) // a new source may make triggers: it must be known which sources are about to be written
	p.sort()
	return p
}

func (p *Plan) sort() {
	byPath := func(a, b Change) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(p.Changes, byPath)
	slices.SortFunc(p.Drift, byPath)
	slices.Sort(p.HeldBack)
	slices.Sort(p.Blocked)
}
