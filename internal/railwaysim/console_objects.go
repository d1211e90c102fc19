// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"time"
)

// What a person does to services, environments and deployments.

// Rename is a human's new name for a service or an environment.
type Rename struct {
	Place
	Name string `json:"name"`
}

// RenameService renames a service, in every environment: its id stays (railway-api.md, "Object model").
func (s *Sim) RenameService(rename Rename) error {
	return s.rename(rename, func(e *environment, serviceID string) error {
		for _, other := range s.world.servicesOf(e.ProjectID) {
			if other.Name == rename.Name || serviceID == "" {
				return fmt.Errorf("a service and a name of its own are needed")
			}
		}
		s.world.Services[serviceID].Name = rename.Name
		return nil
	})
}

// RenameEnvironment renames an environment: its id stays.
func (s *Sim) RenameEnvironment(rename Rename) error {
	return s.rename(rename, func(e *environment, _ string) error {
		for _, other := range s.world.environmentsOf(e.ProjectID) {
			if other.Name == rename.Name {
				return fmt.Errorf("an environment named %q exists", rename.Name)
			}
		}
		e.Name, e.UpdatedAt = rename.Name, s.now()
		return nil
	})
}

func (s *Sim) rename(rename Rename, act func(e *environment, serviceID string) error) error {
	if !validName.MatchString(rename.Name) {
		return fmt.Errorf("%q is no name", rename.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(rename.Place)
	if err != nil {
		return err
	}
	defer s.remember()
	return act(e, serviceID)
}

// DeleteService deletes a service from an environment as a human does.
func (s *Sim) DeleteService(at Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return err
	}
	if serviceID == "" {
		return fmt.Errorf("service is needed")
	}
	s.removeInstance(e, serviceID)
	s.remember()
	return nil
}

// DeleteEnvironment deletes an environment as a human does.
func (s *Sim) DeleteEnvironment(at Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, _, err := s.find(at)
	if err != nil {
		return err
	}
	s.deleteEnvironment(e)
	s.remember()
	return nil
}

// CrashDeployment lets the serving deployment crash.
func (s *Sim) CrashDeployment(at Place) error {
	return s.onServing(at, func(d *deployment, now time.Time) { d.CrashedAt = &now })
}

// SleepDeployment puts the serving deployment to sleep.
func (s *Sim) SleepDeployment(at Place) error {
	return s.onServing(at, func(d *deployment, now time.Time) { d.SleepingAt = &now })
}

func (s *Sim) onServing(at Place, act func(*deployment, time.Time)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return err
	}
	serving := s.world.active(e.ID, serviceID, s.now())
	if serviceID == "" || len(serving) == 0 {
		return fmt.Errorf("service %q has no deployment that serves", at.Service)
	}
	act(serving[0], s.now())
	s.remember()
	return nil
}
