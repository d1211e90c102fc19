// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Record is what the local Railway holds and what happened to it, values of variables included: what a test's oracle judges by.
type Record struct {
	// Environments are in the order of their ids, deleted ones too.
	Environments []RecordedEnvironment
	// ServiceNames are by id, deleted services too.
	ServiceNames map[string]string
	// Patches and Deployments are oldest first.
	Patches     []RecordedPatch
	Deployments []RecordedDeployment
}

// RecordedEnvironment is an environment with what is live in it.
type RecordedEnvironment struct {
	ID, Name, ProjectID string
	Deleted             bool
	// Shared are the shared variables.
	Shared   map[string]string
	Services []RecordedService
}

// RecordedService is a service in an environment.
type RecordedService struct {
	ID, Name string
	// Config is what is in force, Railway's defaults included, without variables.
	Config map[string]any
	// Variables are unrendered; sealed ones have their values, too.
	Variables map[string]string
	// Domains are the generated domains.
	Domains []string
	// Running is the deployment that serves, if any.
	Running *RecordedDeployment
}

// RecordedPatch is a commit. Values that it sealed are nil.
type RecordedPatch struct {
	ID, EnvironmentID, Message, Error string
	// By is the id of the user who committed it.
	By    string
	Patch map[string]any
	At    time.Time
}

// RecordedDeployment is a deployment. Variables are rendered.
type RecordedDeployment struct {
	ID, EnvironmentID, ServiceID, Cause, PatchID, Status string
	Image, Digest, Repo, Commit                          string
	Variables                                            map[string]string
	At                                                   time.Time
}

// Record returns a copy of everything.
func (s *Sim) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Record{ServiceNames: map[string]string{}}
	for id, service := range s.world.Services {
		r.ServiceNames[id] = service.Name
	}
	for _, id := range sortedKeys(s.world.Environments) {
		r.Environments = append(r.Environments, s.recordEnvironment(s.world.Environments[id]))
	}
	for _, p := range slices.SortedFunc(maps.Values(s.world.Patches), func(a, b *patch) int { return cmp.Compare(a.Order, b.Order) }) {
		r.Patches = append(r.Patches, RecordedPatch{
			ID: p.ID, EnvironmentID: p.EnvironmentID, Message: p.Message, Error: p.Error, By: p.AppliedBy, Patch: deepCopy(p.Patch), At: p.CreatedAt,
		})
	}
	for _, d := range slices.SortedFunc(maps.Values(s.world.Deployments), func(a, b *deployment) int { return cmp.Compare(a.Order, b.Order) }) {
		r.Deployments = append(r.Deployments, s.recordDeployment(d))
	}
	return r
}

func (s *Sim) recordEnvironment(e *environment) RecordedEnvironment {
	recorded := RecordedEnvironment{
		ID: e.ID, Name: e.Name, ProjectID: e.ProjectID, Deleted: e.DeletedAt != nil, Shared: values(sub(e.Config, "sharedVariables")),
	}
	for _, id := range sortedKeys(e.Instances) {
		if !e.live(id) {
			continue
		}
		config := s.world.effective(deepCopy(sub(e.Config, "services", id)))
		delete(config, "variables")
		service := RecordedService{ID: id, Name: s.world.Services[id].Name, Config: config, Variables: values(scopeOf(e, id))}
		for _, d := range s.world.domainsOf(e.ID, id, false) {
			service.Domains = append(service.Domains, d.Host)
		}
		if serving := s.world.active(e.ID, id, s.now()); len(serving) > 0 {
			running := s.recordDeployment(serving[0])
			service.Running = &running
		}
		recorded.Services = append(recorded.Services, service)
	}
	return recorded
}

func (s *Sim) recordDeployment(d *deployment) RecordedDeployment {
	status, _ := s.world.status(d, s.now())
	return RecordedDeployment{
		ID: d.ID, EnvironmentID: d.EnvironmentID, ServiceID: d.ServiceID, Cause: d.Cause, PatchID: d.PatchID, Status: status,
		Image: d.Image, Digest: d.Digest, Repo: d.Repo, Commit: d.Commit, Variables: maps.Clone(d.Variables), At: d.CreatedAt,
	}
}
