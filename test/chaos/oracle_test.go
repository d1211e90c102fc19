// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// version is a spec that a user applied.
type version struct {
	object     string
	generation int64
	spec       tree
	at         time.Time
	// from and until are the first and last version of the sources while it was the newest.
	from, until int
	// met says that Railway was as declared at some time since.
	met bool
	// deleted says that the user deleted the object at that time instead.
	deleted bool
}

// touch is something that people or the world did to a service (all services, when it is empty) of an environment, and that is a cause
// of a deployment.
type touch struct {
	environment, service, path, what string
	at                               time.Time
}

// oracle judges by what users applied and by Railway's own record. It knows nothing of the operator.
type oracle struct {
	sim *railwaysim.Sim
	// robot is the id of the Railway user whose token the operator has.
	robot, project string

	mu       sync.Mutex
	versions []*version
	sources  []sources
	touches  []touch
	problems []string
}

// blame notes a broken promise. Each is noted once.
func (o *oracle) blame(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(o.problems, text) {
		o.problems = append(o.problems, text)
	}
}

// newest is the newest version of the object, nil when there is none.
func (o *oracle) newest(name string) *version {
	for _, v := range slices.Backward(o.versions) {
		if v.object == name {
			return v
		}
	}
	return nil
}

// environment is the Railway environment of the object in the record.
func (o *oracle) environment(record railwaysim.Record, name string) *railwaysim.RecordedEnvironment {
	for i := range record.Environments {
		e := &record.Environments[i]
		if e.ProjectID == o.project && !e.Deleted && e.Name == objectNamed(name).environment {
			return e
		}
	}
	return nil
}

// observe looks whether Railway is as the newest versions declare, before something changes. It must be called before each change that
// people make, so that no state is missed.
func (o *oracle) observe(record railwaysim.Record) {
	for _, object := range objects {
		v := o.newest(object.name)
		if v == nil || v.deleted || v.met || object.environment == "" {
			continue
		}
		for n := v.from; n < len(o.sources); n++ {
			if len(o.differences(record, v, o.sources[n], true)) == 0 {
				v.met = true
			}
		}
	}
}

// differences lists where Railway is not as the version declares. With running it asks for the deployments, too.
func (o *oracle) differences(record railwaysim.Record, v *version, from sources, running bool) []string {
	environment := o.environment(record, v.object)
	if environment == nil {
		return []string{"the environment is missing"}
	}
	var all []string
	d := declare(v.spec, from)
	for _, name := range sortedKeys(d.services) {
		found := slices.IndexFunc(environment.Services, func(s railwaysim.RecordedService) bool { return s.Name == name })
		if found < 0 {
			all = append(all, name+": missing")
			continue
		}
		all = append(all, o.serviceDifferences(v, d.services[name], environment.Services[found], running)...)
	}
	for _, name := range sortedKeys(d.shared) {
		if value, there := environment.Shared[name]; !there || value != d.shared[name] {
			all = append(all, fmt.Sprintf("shared.%s: %q there %v, declared %q", name, value, there, d.shared[name]))
		}
	}
	return all
}

// credentials is where the credentials for a private image are.
const credentials = "deploy.registryCredentials"

func (o *oracle) serviceDifferences(v *version, declared service, actual railwaysim.RecordedService, running bool) []string {
	var all []string
	differs := func(path string, have, want any) {
		all = append(all, fmt.Sprintf("%s.%s: %s, declared %s", actual.Name, path, asJSON(have), asJSON(want)))
	}
	for _, path := range sortedKeys(declared.fields) {
		want, have := declared.fields[path], field(actual.Config, path)
		if path == credentials && declared.promoted && field(actual.Config, "source.repo") != nil {
			continue // the tier before builds from a repository: there is no image to pull (docs/guide.md, "Private images")
		}
		if !equal(plainRegions(path, have), want) {
			differs(path, have, want)
		}
	}
	for _, name := range sortedKeys(declared.variables) {
		if value, there := actual.Variables[name]; !there || value != declared.variables[name] {
			differs("variables."+name, value, declared.variables[name])
		}
	}
	if declared.domain && len(actual.Domains) == 0 {
		differs("domains", nil, "one")
	}
	if declared.promoted {
		if image := text(field(actual.Config, "source.image")); image != "" && !o.declaredUpstream(v, image) {
			differs("source.image", image, "what the tier before declared")
		}
	}
	if running {
		all = append(all, runningDifferences(declared, actual)...)
	}
	return all
}

// runningDifferences compares what serves with what is declared.
func runningDifferences(declared service, actual railwaysim.RecordedService) []string {
	d := actual.Running
	if d == nil {
		return []string{actual.Name + ": nothing serves"}
	}
	var all []string
	if want, said := declared.fields["source.image"]; said && want != nil && d.Image != want {
		all = append(all, fmt.Sprintf("%s: %s serves, declared %s", actual.Name, d.Image, want))
	}
	if want, said := declared.fields["source.commitSha"]; said && d.Commit != want {
		all = append(all, fmt.Sprintf("%s: commit %s serves, declared %s", actual.Name, d.Commit, want))
	}
	for _, name := range sortedKeys(declared.variables) {
		if want := declared.variables[name]; !strings.Contains(want, "${{") && d.Variables[name] != want {
			all = append(all, fmt.Sprintf("%s: serves with %s=%q, declared %q", actual.Name, name, d.Variables[name], want))
		}
	}
	return all
}

// plainRegions leaves out what Railway notes beside a region's replicas, and regions that were given up.
func plainRegions(path string, value any) any {
	regions, ok := value.(tree)
	if !ok || path != "deploy.multiRegionConfig" {
		return value
	}
	plain := tree{}
	for name, raw := range regions {
		if region, ok := raw.(tree); ok {
			plain[name] = tree{"numReplicas": region["numReplicas"]}
		}
	}
	return plain
}

// declaredUpstream reports whether a tier before the version's declared the image, whatever digest it is pinned to.
func (o *oracle) declaredUpstream(v *version, image string) bool {
	tagged, _, _ := strings.Cut(image, "@")
	for _, other := range o.versions {
		if other.object == v.object || other.spec == nil {
			continue
		}
		declared, _, _ := strings.Cut(text(at(other.spec, "engine", "source")["image"]), "@")
		if declared != "" && (declared == tagged || strings.HasPrefix(declared, tagged+":")) {
			return true
		}
	}
	return false
}

// judgeGo holds that GO is said of nothing that was never as declared. The record must be read after the status.
func (o *oracle) judgeGo(name string, generation int64, record railwaysim.Record) {
	v := o.newest(name)
	if v == nil || v.deleted || v.generation != generation || objectNamed(name).environment == "" {
		return
	}
	o.observe(record)
	if !v.met {
		o.blame("%s: GO for generation %d, which Railway never had: %s", name, generation,
			strings.Join(o.differences(record, v, o.sources[len(o.sources)-1], true), "; "))
	}
}

// cause counts what may start a deployment of the service in the environment until the time.
func (o *oracle) causes(environment, name string, until time.Time) int {
	n := 0
	before := map[string]string{}
	for _, v := range o.versions {
		if v.deleted { // what is made again is deployed again
			before[v.object] = ""
		}
		if v.at.After(until) || v.spec == nil || objectNamed(v.object).environment == "" {
			continue
		}
		rollsBack := at(v.spec, "verification")["onFailure"] == "Rollback"
		for i := v.from; i <= v.until && i < len(o.sources); i++ {
			content := asJSON(contentOf(declare(v.spec, o.sources[i]), name))
			if objectNamed(v.object).environment != environment {
				content = asJSON(at(v.spec, "engine", "source")) // what may be promoted
			}
			if content != before[v.object] {
				before[v.object] = content
				n++
				if rollsBack {
					n++
				}
			}
		}
	}
	for _, t := range o.touches {
		if !t.at.After(until) && (t.environment == environment || t.environment == "") && (t.service == name || t.service == "") {
			n++
		}
	}
	return n
}

// contentOf is what a deployment of the service is made of.
func contentOf(d declaration, name string) any {
	s, there := d.services[name]
	if !there {
		return nil
	}
	fields := maps.Clone(s.fields)
	delete(fields, "deploy.multiRegionConfig") // scaling deploys nothing
	return []any{fields, s.variables, s.domain, d.shared}
}
