// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
)

var configMutations = map[string]mutation{
	"environmentPatchCommit": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		change, _ := deepCopy(args["patch"]).(map[string]any)
		if c.fault != nil && c.fault.Kind == FaultApplyError {
			p := c.s.history(e, change, argText(args, "commitMessage"), c.token.UserID)
			p.Error = orElse(c.fault.Message, "Problem processing request")
			return p.ID, nil
		}
		return c.s.commit(e, change, argText(args, "commitMessage"), c.token.UserID, args["skipDeploys"] == true)
	},
	"environmentStageChanges": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		change, _ := deepCopy(args["input"]).(map[string]any)
		c.s.stage(e, change, args["merge"] == true)
		return c.fresh().staged(e), nil
	},
	"environmentPatchCommitStaged": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		if len(e.Staged) == 0 {
			return nil, refused("No patch to apply")
		}
		change := e.Staged
		e.Staged = nil
		return c.s.commit(e, change, argText(args, "commitMessage"), c.token.UserID, args["skipDeploys"] == true)
	},
}

// stage lays changes into the staging area. Nulls are kept there: they delete when the patch is committed.
func (s *Sim) stage(e *environment, change map[string]any, mergeIn bool) {
	if !mergeIn {
		e.Staged = nil
	}
	e.Staged = layer(e.Staged, change)
	if e.StagedID == "" {
		e.StagedID = s.id()
	}
	e.UpdatedAt = s.now()
}

// layer merges two patches; unlike merge it keeps nulls.
func layer(base, over map[string]any) map[string]any {
	result := maps.Clone(base)
	if result == nil {
		result = map[string]any{}
	}
	for key, value := range over {
		before, isObject := result[key].(map[string]any)
		change, both := value.(map[string]any)
		if isObject && both {
			result[key] = layer(before, change)
			continue
		}
		result[key] = value
	}
	return result
}

// commit applies a patch and starts one deployment per service that it changes (FACTS §4.2). It returns the patch's id.
func (s *Sim) commit(e *environment, change map[string]any, message, by string, skipDeploys bool) (any, error) {
	if err := s.checkPatch(e, change); err != nil {
		return nil, err
	}
	before := map[string]any{}
	for id := range e.Instances {
		if e.live(id) {
			before[id] = s.world.deployable(e, id)
		}
	}
	p := s.history(e, change, message, by)
	s.apply(e, change)
	e.hideSealed(p.Patch)
	if !skipDeploys {
		for _, id := range sortedKeys(e.Instances) {
			if e.live(id) && !same(before[id], s.world.deployable(e, id)) {
				s.deploy(e, id, p.ID, "deploy", "")
			}
		}
	}
	return p.ID, nil
}

// history writes a commit into the environment's history.
func (s *Sim) history(e *environment, change map[string]any, message, by string) *patch {
	p := &patch{
		ID: s.id(), EnvironmentID: e.ID, Message: message, AppliedBy: by, Patch: deepCopy(change), CreatedAt: s.now(), Order: s.order(),
	}
	s.world.Patches[p.ID] = p
	return p
}

func (s *Sim) checkPatch(e *environment, change map[string]any) error {
	limit := s.replicaLimit(e)
	for id, raw := range sub(change, "services") {
		replicas := 0
		known := s.world.Services[id]
		if known == nil || known.ProjectID != e.ProjectID || known.DeletedAt != nil {
			return badInput("Service %s not found", id)
		}
		entry, _ := raw.(map[string]any)
		if !e.live(id) && entry["isCreated"] != true && raw != nil {
			return badInput("ServiceInstance not found for service %s", id)
		}
		for region := range sub(entry, "deploy", "multiRegionConfig") {
			if !knownRegion(region) {
				return badInput("Invalid region %s", region)
			}
		}
		merged := merge(sub(e.Config, "services", id), entry)
		for _, raw := range sub(merged, "deploy", "multiRegionConfig") {
			settings, _ := raw.(map[string]any)
			count, _ := settings["numReplicas"].(float64)
			replicas += int(count)
		}
		if replicas > limit {
			return planLimit("Your plan allows %d replicas per service. Upgrade your plan to use more", limit)
		}
	}
	return nil
}

func knownRegion(name string) bool {
	for _, known := range regionNames {
		if name == known {
			return true
		}
	}
	return false
}

// replicaLimit is the plan's (FACTS §6.2), or the seed's.
func (s *Sim) replicaLimit(e *environment) int {
	if limit := s.options.Seed.Limits.Replicas; limit > 0 {
		return limit
	}
	p := s.world.Projects[e.ProjectID]
	switch s.world.Workspaces[p.WorkspaceID].Plan {
	case "Free":
		return 1
	case "Hobby":
		return 6
	default:
		return 42
	}
}

func (s *Sim) apply(e *environment, change map[string]any) {
	e.UpdatedAt = s.now()
	for id, raw := range sub(change, "services") {
		entry, _ := raw.(map[string]any)
		if entry["isCreated"] == true && !e.live(id) {
			e.Instances[id] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
		}
		s.applyNetworking(e, id, sub(entry, "networking"))
		if i := e.Instances[id]; i != nil {
			i.UpdatedAt = s.now()
		}
	}
	e.Config = merge(e.Config, change)
	for id := range sub(change, "services") {
		if entry := sub(e.Config, "services", id); entry["isDeleted"] == true {
			s.removeInstance(e, id)
		}
	}
}

// applyNetworking changes the ports of domains and adds or drops TCP proxies.
func (s *Sim) applyNetworking(e *environment, serviceID string, networking map[string]any) {
	now := s.now()
	for host, raw := range sub(networking, "serviceDomains") {
		for _, d := range s.world.domainsOf(e.ID, serviceID, false) {
			if d.Host != host {
				continue
			}
			if raw == nil {
				d.DeletedAt = &now
			} else if port, ok := number(sub(networking, "serviceDomains", host)["port"]); ok {
				d.Port = &port
			}
		}
	}
	for port, raw := range sub(networking, "tcpProxies") {
		application, ok := number(jsonNumber(port))
		if !ok {
			continue
		}
		s.setProxy(e, serviceID, application, raw != nil)
	}
}

func (s *Sim) setProxy(e *environment, serviceID string, port int, wanted bool) *proxy {
	now := s.now()
	for _, p := range s.world.Proxies {
		if p.EnvironmentID == e.ID && p.ServiceID == serviceID && p.ApplicationPort == port && p.DeletedAt == nil {
			if !wanted {
				p.DeletedAt = &now
			}
			return p
		}
	}
	if !wanted {
		return nil
	}
	p := &proxy{ID: s.id(), EnvironmentID: e.ID, ServiceID: serviceID, ApplicationPort: port, ProxyPort: 10000 + s.created, CreatedAt: now}
	s.world.Proxies[p.ID] = p
	return p
}
