// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// policyGrace is how long after a spec stopped allowing writes one may still arrive: the operator learns of the spec from a watch that may
// be stalled, and a request that was sent before is answered late.
const policyGrace = 10 * time.Second

// writes reports whether the spec lets the operator write. With Approve it does not: no walk approves a plan.
func writes(spec tree) bool {
	return spec["writePolicy"] == nil || spec["writePolicy"] == "Apply"
}

// mayWrite reports whether some spec of the object allowed a write to its environment at that time.
func (o *oracle) mayWrite(name string, when time.Time) bool {
	allowed, end := false, time.Time{}
	var spec tree
	for _, v := range o.versions {
		if v.object != name || v.at.After(when) {
			continue
		}
		now := writes(v.spec)
		if v.deleted { // deletionPolicy is carried out with Approve, too
			now = spec["writePolicy"] != "Observe"
		}
		if allowed && !now {
			end = v.at
		}
		allowed, spec = now, v.spec
	}
	return allowed || !end.IsZero() && when.Sub(end) < policyGrace
}

// anyMayWrite reports whether some object's environment could be written to at that time.
func (o *oracle) anyMayWrite(when time.Time) bool {
	return slices.ContainsFunc(objects, func(of object) bool { return of.environment != "" && o.mayWrite(of.name, when) })
}

// judgePolicy holds that nothing is written to an environment while its writePolicy forbids it: no commit, and the environment is not
// created.
func (o *oracle) judgePolicy(record railwaysim.Record) {
	owners := map[string]string{}
	for _, e := range record.Environments {
		if name := objectOf(e.Name); name != "" && e.ProjectID == o.project {
			owners[e.ID] = name
			if e.ID != o.project+"-p" && !o.everWrote(name) { // production is there from the beginning
				o.blame("%s: its environment was created, and writePolicy never allowed a write", name)
			}
		}
	}
	for _, p := range record.Patches {
		if name := owners[p.EnvironmentID]; name != "" && p.By == o.robot && !o.mayWrite(name, p.At) {
			o.blame("%s: the commit %q at %s, which writePolicy forbids", name, p.Message, p.At.Format(time.TimeOnly))
		}
	}
}

// everWrote reports whether some spec of the object allowed writes.
func (o *oracle) everWrote(name string) bool {
	for _, v := range o.versions {
		if v.object == name && !v.deleted && writes(v.spec) {
			return true
		}
	}
	return false
}
