// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"cmp"
	"maps"
	"slices"
)

// Named returns the environment as the spec names it: the instance of the service ids[name] is called name, whatever Railway calls
// it now, so that a service that somebody renamed on the dashboard is still found. Another instance that has the name of such a
// one gets the id of its service appended, as in "engine (7d1f0c3a)", so that names stay unique. An id that the environment
// does not have changes nothing. Only the list of services is copied; e stays as it is.
func (e *Environment) Named(ids map[string]string) *Environment {
	named := *e
	named.Services = slices.Clone(e.Services)
	bound, taken := bind(named.Services, ids)
	for i := range named.Services {
		s := &named.Services[i]
		if name, ok := bound[s.ServiceID]; ok {
			s.Name = name
		} else if taken[s.Name] {
			s.Name = apart(s.Name, s.ServiceID, taken)
		}
	}
	slices.SortFunc(named.Services, func(a, b ServiceInstance) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return &named
}

// bind turns ids around, without what the environment does not have: the declared name by service id, and the set of these
// names. Of two names for one id the first in the alphabet counts.
func bind(services []ServiceInstance, ids map[string]string) (bound map[string]string, taken map[string]bool) {
	bound, taken = map[string]string{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		id := ids[name]
		there := slices.ContainsFunc(services, func(s ServiceInstance) bool { return s.ServiceID == id })
		if _, twice := bound[id]; there && !twice {
			bound[id], taken[name] = name, true
		}
	}
	return bound, taken
}

// shownID is how much of an id stands in a name.
const shownID = 8

// apart returns the name with as much of the id appended as makes it differ from those taken.
func apart(name, id string, taken map[string]bool) string {
	short := name + " (" + id[:min(shownID, len(id))] + ")"
	if taken[short] {
		return name + " (" + id + ")"
	}
	return short
}
