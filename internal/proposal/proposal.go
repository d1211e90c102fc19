// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package proposal is what a pass would write to Railway, as people read and approve it. It is pure: values in, values out.
package proposal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Environment is the path of the environment itself.
const Environment = "environment"

// Proposal is everything that a pass would write.
type Proposal struct {
	// Changes are in the order of their paths.
	Changes []v1alpha1.PlannedChange
	// Deployments are the services of which it starts a deployment, sorted.
	Deployments []string
	// paths are Railway's, in order, and hashes those of their changes: path, action and value.
	paths, hashes []string
	after         string
}

// Input is what a proposal is made of.
type Input struct {
	// Plan is what is written once the services of Creates are there.
	Plan *plan.Plan
	// Creates are services that neither the environment nor the project has.
	Creates []string
	// CreatesEnvironment is true when there is no environment.
	CreatesEnvironment bool
	// After names what was written and approved last: the same changes make another plan later, so that an approval is for once.
	After string
	// Undeployed are services that need a deployment which no commit starts.
	Undeployed []string
}

// Of lists what would be written.
func Of(in Input) Proposal {
	p := Proposal{after: in.After, Deployments: append(in.Plan.Deploys(), in.Undeployed...)}
	if in.CreatesEnvironment {
		p.add(v1alpha1.PlannedChange{Path: Environment, Action: v1alpha1.PlannedCreate}, "")
	}
	for _, service := range in.Creates {
		p.add(v1alpha1.PlannedChange{Path: service, Action: v1alpha1.PlannedCreate}, "")
	}
	for _, service := range in.Plan.Domains {
		p.add(v1alpha1.PlannedChange{Path: service + ".domains.railway", Action: v1alpha1.PlannedCreate}, "")
	}
	for _, service := range in.Undeployed {
		p.add(v1alpha1.PlannedChange{Path: service + ".deployment", Action: v1alpha1.PlannedCreate}, "")
	}
	for _, trigger := range in.Plan.Triggers {
		p.add(v1alpha1.PlannedChange{Path: trigger.Path, Action: v1alpha1.PlannedDelete}, trigger.Hash)
	}
	for _, change := range in.Plan.Changes {
		p.add(planned(change), change.Hash)
	}
	slices.Sort(p.Deployments)
	p.Deployments = slices.Compact(p.Deployments)
	return p
}

func planned(change plan.Change) v1alpha1.PlannedChange {
	action := v1alpha1.PlannedSet
	if change.Hash == "" {
		action = v1alpha1.PlannedDelete
	}
	return v1alpha1.PlannedChange{Path: change.Path, Action: action, From: change.Actual, To: change.Declared}
}

// add keeps the hashes in the order of Railway's paths, so that what a field is called here changes no plan that a person approved, and
// the changes in the order of the spec's paths. A path stands once: a list map of the status holds it.
func (p *Proposal) add(change v1alpha1.PlannedChange, value string) {
	at, found := slices.BinarySearch(p.paths, change.Path)
	if found {
		return
	}
	p.paths = slices.Insert(p.paths, at, change.Path)
	p.hashes = slices.Insert(p.hashes, at, hashOf(change.Path, string(change.Action), value))
	change.Path = desired.SpecPath(change.Path)
	at, found = slices.BinarySearchFunc(p.Changes, change.Path, func(c v1alpha1.PlannedChange, path string) int {
		return strings.Compare(c.Path, path)
	})
	if !found {
		p.Changes = slices.Insert(p.Changes, at, change)
	}
}

// Empty reports whether there is nothing to write.
func (p Proposal) Empty() bool { return len(p.Changes) == 0 }

// Hash names the proposal: another value for one field makes another hash.
func (p Proposal) Hash() string { return hashOf(append([]string{p.after}, p.hashes...)...) }

// Approved returns what an approval of this proposal covers.
func (p Proposal) Approved() *v1alpha1.ApprovedPlan {
	return &v1alpha1.ApprovedPlan{Hash: p.Hash(), Changes: slices.Clone(p.hashes)}
}

// CoveredBy reports whether everything that is left to write was part of the approved plan.
func (p Proposal) CoveredBy(approved *v1alpha1.ApprovedPlan) bool {
	return approved != nil && !slices.ContainsFunc(p.hashes, func(hash string) bool { return !slices.Contains(approved.Changes, hash) })
}

// changesAtMost bounds the list in the status.
const changesAtMost = 64

// Status is the proposal as the status shows it.
func (p Proposal) Status(approved bool) *v1alpha1.PlanStatus {
	shown := min(len(p.Changes), changesAtMost)
	return &v1alpha1.PlanStatus{
		Hash: p.Hash(), Message: p.Message(), Changes: slices.Clone(p.Changes[:shown]),
		More:        int32(len(p.Changes) - shown), //nolint:gosec // a spec has at most some thousand fields
		Deployments: slices.Clone(p.Deployments[:min(len(p.Deployments), changesAtMost)]), Approved: approved,
	}
}

// ActionOf is the action as people are told: what is set and was not there is created, as in a diff.
func ActionOf(action v1alpha1.PlannedAction, from string) v1alpha1.PlannedAction {
	if action == v1alpha1.PlannedSet && from == "(absent)" {
		return v1alpha1.PlannedCreate
	}
	return action
}

// Message sums the proposal up in one line without values.
func (p Proposal) Message() string {
	counts := map[v1alpha1.PlannedAction]int{}
	for _, change := range p.Changes {
		counts[ActionOf(change.Action, change.From)]++
	}
	var parts []string
	for _, action := range []v1alpha1.PlannedAction{v1alpha1.PlannedCreate, v1alpha1.PlannedSet, v1alpha1.PlannedDelete} {
		if n := counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, strings.ToLower(string(action))))
		}
	}
	text := strings.Join(parts, ", ")
	if len(p.Deployments) > 0 {
		text += "; deploys " + status.List(p.Deployments)
	}
	return text
}

// hashSize is enough to tell plans apart, and short enough to be typed.
const hashSize = 6

func hashOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:hashSize])
}
