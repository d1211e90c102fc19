// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
)

// Forks: what an environment takes over from its source
// (railway-api.md, "Service mutations and forks", "Environments").

// duplicate copies an environment's services and settings. Sealed variables are not copied
// (railway-api.md, "Variables").
func (s *Sim) duplicate(from, to *environment, skipDeploys bool) {
	to.SourceID, to.Config = from.ID, deepCopy(from.Config)
	for _, id := range sortedKeys(from.Instances) {
		if from.live(id) {
			to.Instances[id] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
			s.duplicateDomain(from, to, id)
			dropSealed(sub(to.Config, "services", id, "variables"))
		}
	}
	dropSealed(sub(to.Config, "sharedVariables"))
	s.duplicateVolumes(from, to)
	for _, id := range sortedKeys(to.Instances) {
		s.retrigger(to, id)
		if !skipDeploys {
			s.deploy(to, id, "", "environment", "")
		}
	}
}

// duplicateDomain generates a domain where the source's service has one; custom domains stay where they are.
func (s *Sim) duplicateDomain(from, to *environment, serviceID string) {
	generated := s.world.domainsOf(from.ID, serviceID, false)
	if len(generated) == 0 {
		return
	}
	host := s.newHost(to, s.world.Services[serviceID].Name)
	d := &domain{ID: s.id(), Host: host, EnvironmentID: to.ID, ServiceID: serviceID, Port: generated[0].Port, CreatedAt: s.now()}
	s.world.addDomain(d)
}

// duplicateVolumes makes empty volumes where the source has some (railway-api.md, "Environments").
func (s *Sim) duplicateVolumes(from, to *environment) {
	for _, id := range sortedKeys(s.world.Volumes) {
		x := s.world.Volumes[id]
		if i := x.Instances[from.ID]; i != nil && i.DeletedAt == nil && x.DeletedAt == nil {
			x.Instances[to.ID] = &volumeInstance{
				ID: s.id(), ServiceID: i.ServiceID, MountPath: i.MountPath, Region: i.Region, SizeMB: i.SizeMB, CreatedAt: s.now(),
			}
		}
	}
}

func dropSealed(variables map[string]any) {
	maps.DeleteFunc(variables, func(_ string, raw any) bool {
		variable, _ := raw.(map[string]any)
		return variable["isSealed"] == true
	})
}
