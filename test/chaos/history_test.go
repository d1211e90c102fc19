// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// What Railway's record must not have, whatever happened.

// mayMutate are the mutations that the operator is made to send. serviceDelete is not among them: it reaches every tier.
var mayMutate = []string{
	"environmentCreate", "environmentDelete", "environmentPatchCommit", "serviceCreate", "serviceDomainCreate", "serviceInstanceDeployV2",
	"deploymentTriggerDelete",
}

// judgeHistory holds what must be true of everything that the operator did.
func (o *oracle) judgeHistory(record railwaysim.Record, requests []railwaysim.Request) {
	names := record.ServiceNames
	for _, p := range record.Patches {
		if p.By == o.robot {
			o.judgePatch(record, p, names)
		}
	}
	for _, r := range requests {
		for _, field := range r.RootFields {
			if r.Kind == "mutation" && !slices.Contains(mayMutate, field) {
				o.blame("the operator sent the mutation %s", field)
			}
			if r.Kind == "mutation" && !o.anyMayWrite(r.Time) {
				o.blame("the operator sent %s, and no writePolicy allowed a write", field)
			}
		}
		if r.Applied && slices.Contains(r.RootFields, "environmentDelete") && !o.everDeleted() {
			o.blame("an environment was deleted, and nobody deleted an object")
		}
	}
	o.judgePolicy(record)
	o.judgeOnce(record)
	o.judgeDeployments(record, names)
	o.judgeUnowned(record)
}

func (o *oracle) everDeleted() bool {
	return slices.ContainsFunc(o.versions, func(v *version) bool { return v.deleted })
}

// judgePatch holds that a commit writes only fields that somebody declared for this environment, and only values that somebody
// declared.
func (o *oracle) judgePatch(record railwaysim.Record, p railwaysim.RecordedPatch, names map[string]string) {
	owner := ""
	for _, e := range record.Environments {
		if e.ID != p.EnvironmentID {
			continue
		}
		for _, object := range objects {
			if object.environment == e.Name && e.ProjectID == o.project {
				owner = object.name
			}
		}
	}
	if owner == "" {
		o.blame("commit %s: nobody declared its environment", p.Message)
		return
	}
	allowed := o.allowed(owner, p.At)
	walkLeaves(p.Patch, nil, func(path []string, value any) {
		if !allowed.leaf(path, value, names) {
			o.blame("%s: the commit %q at %s writes %s = %s, which nobody declared", owner, p.Message, p.At.Format(time.TimeOnly), readable(path, names), asJSON(value))
		}
	})
}

func readable(path []string, names map[string]string) string {
	shown := slices.Clone(path)
	if len(shown) > 1 && names[shown[1]] != "" {
		shown[1] = names[shown[1]]
	}
	return strings.Join(shown, ".")
}

// walkLeaves calls visit for each value of a patch that is no object. Regions are one value.
func walkLeaves(value any, path []string, visit func([]string, any)) {
	object, ok := value.(tree)
	whole := len(path) > 0 && (path[len(path)-1] == "multiRegionConfig" || path[len(path)-1] == "registryCredentials")
	if !ok || whole || len(object) == 0 && len(path) > 0 {
		visit(path, value)
		return
	}
	for _, key := range sortedKeys(object) {
		walkLeaves(object[key], append(slices.Clone(path), key), visit)
	}
}

// allowance is what may be written to an environment.
type allowance struct {
	o *oracle
	// values are the declared values by service/path and by service/variables/name, as JSON; shared ones have no service.
	values map[string]map[string]bool
	// ports are declared ports of domains by service.
	ports    map[string]map[string]bool
	services map[string]bool
	promoted map[string]bool
	prune    bool
	deleted  bool
	owner    *version
}

// allowed collects what was declared for the object until the time: older declarations too, because a write may have been under way, a
// rollback puts them back, and what is declared no more is deleted.
func (o *oracle) allowed(name string, until time.Time) *allowance {
	a := &allowance{
		o: o, values: map[string]map[string]bool{}, ports: map[string]map[string]bool{}, services: map[string]bool{}, promoted: map[string]bool{},
	}
	for _, v := range o.versions {
		if v.object != name || v.at.After(until) {
			continue
		}
		if v.deleted {
			a.deleted = true
			continue
		}
		a.owner = v
		a.prune = a.prune || v.spec["unmanagedVariables"] == "Prune"
		for i := v.from; i <= v.until && i < len(o.sources); i++ {
			a.add(declare(v.spec, o.sources[i]))
		}
	}
	return a
}

func (a *allowance) add(d declaration) {
	for name, s := range d.services {
		a.services[name] = true
		a.promoted[name] = a.promoted[name] || s.promoted
		for path, value := range s.fields {
			note(a.values, name+"/"+path, value)
		}
		for variable, value := range s.variables {
			note(a.values, name+"/variables/"+variable, value)
		}
		note(a.ports, name, s.port)
	}
	for variable, value := range d.shared {
		note(a.values, "shared/"+variable, value)
	}
}

func note(values map[string]map[string]bool, key string, value any) {
	if values[key] == nil {
		values[key] = map[string]bool{}
	}
	values[key][asJSON(value)] = true
}

// leaf reports whether the value may be written there.
func (a *allowance) leaf(path []string, value any, names map[string]string) bool {
	if path[0] == "sharedVariables" {
		return a.variable("shared/"+path[1], path[2:], value)
	}
	if path[0] != "services" || len(path) < 3 || !a.services[names[path[1]]] {
		return false
	}
	name, rest := names[path[1]], path[2:]
	switch rest[0] {
	case "isCreated":
		return value == true
	case "isDeleted":
		return a.deleted
	case "variables":
		return a.variable(name+"/variables/"+rest[1], rest[2:], value)
	case "networking":
		return rest[1] == "serviceDomains" && a.ports[name][asJSON(value)]
	}
	key := strings.Join(rest, ".")
	if value == nil {
		return a.values[name+"/"+key] != nil || rest[0] == "source"
	}
	if key == "source.image" && a.promoted[name] && a.o.declaredUpstream(a.owner, text(value)) {
		return true
	}
	if rest[0] == "source" && key != "source.image" && a.promoted[name] {
		return true
	}
	return a.values[name+"/"+key][asJSON(plainRegions(key, withoutNulls(value)))] || a.pinned(name, key, value)
}

// pinned reports whether the value is a declared image with its digest, as a rollback writes it.
func (a *allowance) pinned(name, key string, value any) bool {
	tagged, digest, _ := strings.Cut(text(value), "@")
	return key == "source.image" && digest != "" && (a.values[name+"/"+key][asJSON(tagged)] || slices.ContainsFunc(sortedKeys(a.values[name+"/"+key]), func(declared string) bool {
		return strings.HasPrefix(strings.Trim(declared, `"`), tagged+":")
	}))
}

// withoutNulls leaves out the regions that are given up.
func withoutNulls(value any) any {
	object, ok := value.(tree)
	if !ok {
		return value
	}
	kept := tree{}
	for name, member := range object {
		if member != nil {
			kept[name] = member
		}
	}
	return kept
}

func (a *allowance) variable(key string, rest []string, value any) bool {
	declared := a.values[key]
	switch {
	case len(rest) == 0 && value == nil:
		return declared != nil || a.prune
	case len(rest) == 1 && rest[0] == "isSealed":
		return declared != nil
	case len(rest) == 1 && rest[0] == "value":
		return declared != nil && (value == nil || declared[asJSON(value)]) // what was sealed has no value in the history
	default:
		return false
	}
}

// judgeOnce holds that nothing was made twice.
func (o *oracle) judgeOnce(record railwaysim.Record) {
	environments := map[string]int{}
	for _, e := range record.Environments {
		if e.Deleted || e.ProjectID != o.project {
			continue
		}
		environments[e.Name]++
		services := map[string]int{}
		for _, s := range e.Services {
			services[s.Name]++
			if len(s.Domains) > 1 {
				o.blame("%s has %d generated domains in %s", s.Name, len(s.Domains), e.Name)
			}
		}
		for name, n := range services {
			if n > 1 {
				o.blame("%d services are named %s in %s", n, name, e.Name)
			}
		}
	}
	for name, n := range environments {
		if n > 1 {
			o.blame("%d environments are named %s", n, name)
		}
	}
}

// judgeDeployments holds that each deployment that the operator started had a cause: at no time there were more of them than causes.
func (o *oracle) judgeDeployments(record railwaysim.Record, names map[string]string) {
	by := map[string]string{}
	for _, p := range record.Patches {
		by[p.ID] = p.By
	}
	environments := map[string]string{}
	for _, e := range record.Environments {
		environments[e.ID] = e.Name
	}
	seen := map[string]int{}
	for _, d := range record.Deployments {
		name := names[d.ServiceID]
		if name == "" || len(o.versions) == 0 || d.At.Before(o.versions[0].at) || (d.PatchID != "" && by[d.PatchID] != o.robot) {
			continue
		}
		place := environments[d.EnvironmentID]
		if objectOf(place) == "" {
			continue
		}
		key := place + "/" + name
		seen[key]++
		if causes := o.causes(place, name, d.At); seen[key] > causes {
			o.blame("%s: deployment %d of the operator, and only %d causes: %s", key, seen[key], causes, deploymentText(d))
			seen[key] = causes
		}
	}
}

func objectOf(environment string) string {
	for _, object := range objects {
		if object.environment == environment {
			return object.name
		}
	}
	return ""
}

func deploymentText(d railwaysim.RecordedDeployment) string {
	return fmt.Sprintf("%s at %s, %s", d.Cause, d.At.Format("15:04:05.000"), d.Image+d.Repo)
}

// judgeUnowned holds that what nobody declared is as it was.
func (o *oracle) judgeUnowned(record railwaysim.Record) {
	for _, e := range record.Environments {
		untouched := e.ProjectID != o.project || e.Name == "staging"
		for _, s := range e.Services {
			if s.Name != "legacy" || len(s.Config) == 0 {
				continue
			}
			if have := asJSON([]any{at(s.Config, "source"), s.Variables}); e.Name == "staging" && have != legacy {
				o.blame("the service legacy in %s was changed: %s", e.Name, have)
			}
		}
		if untouched && (e.Deleted || e.Shared["OWNER"] != "somebody else") {
			o.blame("the environment %s, which nobody declared, was changed", e.Name)
		}
		for _, d := range record.Deployments {
			if d.EnvironmentID == e.ID && untouched && time.Since(d.At) < time.Hour {
				o.blame("the environment %s, which nobody declared, was deployed to", e.Name)
			}
		}
	}
}
