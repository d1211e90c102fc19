// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
	"slices"
	"time"
)

// What tests and people look up past the API.

// Deployed is a deployment in the console's list.
type Deployed struct {
	ID          string    `json:"id"`
	Project     string    `json:"project"`
	Environment string    `json:"environment"`
	Service     string    `json:"service"`
	Status      string    `json:"status"`
	Cause       string    `json:"cause"`
	PatchID     string    `json:"patchID,omitempty"`
	Image       string    `json:"image,omitempty"`
	Digest      string    `json:"digest,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
}

// Deployments lists every deployment ever made, oldest first.
func (s *Sim) Deployments() []Deployed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Deployed{}
	all := slices.SortedFunc(maps.Values(s.world.Deployments), func(a, b *deployment) int { return a.Order - b.Order })
	for _, d := range all {
		e := s.world.Environments[d.EnvironmentID]
		status, _ := s.world.status(d, s.now())
		list = append(list, Deployed{
			ID: d.ID, Project: s.world.Projects[e.ProjectID].Name, Environment: e.Name, Service: s.world.Services[d.ServiceID].Name,
			Status: status, Cause: d.Cause, PatchID: d.PatchID, Image: d.Image, Digest: d.Digest, Commit: d.Commit, CreatedAt: d.CreatedAt,
		})
	}
	return list
}

// State is everything there is, without values of variables: environments by project and name, with their config.
func (s *Sim) State() map[string]map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := map[string]map[string]any{}
	for _, id := range sortedKeys(s.world.Projects) {
		p := s.world.Projects[id]
		if p.DeletedAt != nil {
			continue
		}
		environments := map[string]any{}
		for _, e := range s.world.environmentsOf(id) {
			names := map[string]string{}
			for serviceID := range e.Instances {
				if e.live(serviceID) {
					names[serviceID] = s.world.Services[serviceID].Name
				}
			}
			environments[e.Name] = map[string]any{"id": e.ID, "services": names, "config": s.world.shown(e, false), "staged": masked(e.Staged)}
		}
		state[p.Name] = environments
	}
	return state
}

// Variables returns a service's unrendered variables as they are stored, sealed ones too, for tests. An empty service means
// the shared ones.
func (s *Sim) Variables(at Place) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return nil, err
	}
	return values(scopeOf(e, serviceID)), nil
}

// Config returns a service's declared config without variables, for tests.
func (s *Sim) Config(at Place) (map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return nil, err
	}
	config := deepCopy(sub(e.Config, "services", serviceID))
	delete(config, "variables")
	return config, nil
}
