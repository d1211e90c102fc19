// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"slices"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// place is where a tier stands: in which chain, in which column, and after how many others.
type place struct {
	chain         string
	column, depth int
}

func keyOf(object *v1alpha1.EngineEnvironment) string { return object.Namespace + "/" + object.Name }

func upstreamOf(object *v1alpha1.EngineEnvironment) string {
	if object.Spec.Promotion == nil {
		return ""
	}
	return object.Spec.Promotion.From
}

// chains places every object. Tiers belong to one chain when one is promoted to the other, or when they run the engine of the same
// name in the same Railway project. A Local tier has no project and no upstream: it joins the only chain of its namespace with its
// engine's name, if there is just one.
func chains(objects []*v1alpha1.EngineEnvironment) []place {
	groups := newGroups(len(objects))
	byKey, byEngine := map[string]int{}, map[string]int{}
	for i, object := range objects {
		byKey[keyOf(object)] = i
		if object.Spec.Railway != nil {
			engine := object.Namespace + "/" + object.Spec.Engine.Name + "/" + object.Spec.Railway.ProjectID
			groups.joinFirst(byEngine, engine, i)
		}
	}
	for i, object := range objects {
		if from, ok := byKey[object.Namespace+"/"+upstreamOf(object)]; ok {
			groups.join(i, from)
		}
	}
	joinLocal(objects, groups)

	places := make([]place, len(objects))
	for i, object := range objects {
		places[i] = place{column: columnOf(object.Spec.Tier), depth: depthOf(objects, byKey, i)}
	}
	nameChains(objects, groups, places)
	return places
}

// joinLocal puts Local tiers beside the tiers on Railway with their engine's name.
func joinLocal(objects []*v1alpha1.EngineEnvironment, groups groups) {
	found := map[string][]int{}
	for i, object := range objects {
		name := object.Namespace + "/" + object.Spec.Engine.Name
		if object.Spec.Tier != v1alpha1.TierLocal && !slices.Contains(found[name], groups.of(i)) {
			found[name] = append(found[name], groups.of(i))
		}
	}
	for i, object := range objects {
		if at := found[object.Namespace+"/"+object.Spec.Engine.Name]; object.Spec.Tier == v1alpha1.TierLocal && len(at) == 1 {
			groups.join(i, at[0])
		}
	}
}

// nameChains names each chain by the tier that stands first in it.
func nameChains(objects []*v1alpha1.EngineEnvironment, groups groups, places []place) {
	first := map[int]int{}
	for i := range objects {
		if known, ok := first[groups.of(i)]; !ok || before(places[i], places[known], keyOf(objects[i]), keyOf(objects[known])) {
			first[groups.of(i)] = i
		}
	}
	for i := range objects {
		places[i].chain = keyOf(objects[first[groups.of(i)]])
	}
}

func before(a, b place, keyA, keyB string) bool {
	return cmp.Or(cmp.Compare(a.column, b.column), cmp.Compare(a.depth, b.depth), cmp.Compare(keyA, keyB)) < 0
}

func columnOf(tier v1alpha1.Tier) int { return max(0, slices.Index(v1alpha1.Tiers, tier)) }

// depthOf counts the tiers before this one. A circle, which the operator refuses, is counted once round.
func depthOf(objects []*v1alpha1.EngineEnvironment, byKey map[string]int, i int) int {
	seen := map[int]bool{}
	for !seen[i] {
		seen[i] = true
		next, ok := byKey[objects[i].Namespace+"/"+upstreamOf(objects[i])]
		if !ok {
			break
		}
		i = next
	}
	return len(seen) - 1
}

// sortTiers puts tiers in the order in which the page shows them.
func sortTiers(tiers []Tier) {
	slices.SortFunc(tiers, func(a, b Tier) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Title, b.Title), cmp.Compare(a.Chain, b.Chain),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.Name, b.Name))
	})
}

// groups are disjoint sets of indices; each is named by its smallest member.
type groups []int

func newGroups(n int) groups {
	g := make(groups, n)
	for i := range g {
		g[i] = i
	}
	return g
}

func (g groups) of(i int) int {
	for g[i] != i {
		g[i] = g[g[i]] // shorten the way for the next time
		i = g[i]
	}
	return i
}

func (g groups) join(i, j int) {
	i, j = g.of(i), g.of(j)
	g[max(i, j)] = min(i, j)
}

func (g groups) joinFirst(first map[string]int, name string, i int) {
	if known, ok := first[name]; ok {
		g.join(i, known)
		return
	}
	first[name] = i
}

// Columns are the tiers in the order of promotion, in which the page shows them.
func Columns() []v1alpha1.Tier { return v1alpha1.Tiers }
