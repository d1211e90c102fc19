// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
	"slices"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Patches: the staging area, commits, and the history of both
// (railway-api.md, "Staged changes and history", "Config patches").

var patchQueries = map[string]query{
	"environmentStagedChanges": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.view.w, argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		return c.view.staged(e), nil
	},
	"environmentPatches": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.view.w, argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		return graphql.Connection(c.view.w.patchesOf(e.ID), c.view.patch)(args)
	},
	"environmentPatch": func(c call, args map[string]any) (any, error) {
		p := c.view.w.Patches[argText(args, "id")]
		if p == nil {
			return nil, notFound("EnvironmentPatch")
		}
		if _, err := c.environment(c.view.w, p.EnvironmentID); err != nil {
			return nil, err
		}
		return c.view.patch(p), nil
	},
	"workflowStatus": func(c call, args map[string]any) (any, error) {
		if c.view.w.Patches[argText(args, "workflowId")] == nil {
			return node{"status": "NotFound", "error": nil}, nil
		}
		return node{"status": "Complete", "error": nil}, nil
	},
}

var patchMutations = map[string]mutation{
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

// commit applies a patch and starts one deployment per service that it changes (railway-api.md, "Config patches"). It
// returns the patch's id.
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
	s.world.addPatch(p)
	return p
}

// checkPatch refuses a patch as a whole; a patch applies whole or not at all.
func (s *Sim) checkPatch(e *environment, change map[string]any) error {
	for _, id := range sortedKeys(sub(change, "services")) {
		if err := s.checkService(e, id, sub(change, "services")[id]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sim) checkService(e *environment, id string, raw any) error {
	known := s.world.Services[id]
	if known == nil || known.ProjectID != e.ProjectID || known.DeletedAt != nil {
		return badInput("Service %s not found", id)
	}
	entry, _ := raw.(map[string]any)
	if !e.live(id) && entry["isCreated"] != true && raw != nil {
		return badInput("ServiceInstance not found for service %s", id)
	}
	deploy := sub(entry, "deploy")
	if err := s.checkCredentials(s.world.Projects[e.ProjectID], deploy["registryCredentials"]); err != nil {
		return err
	}
	if err := checkPreDeploy(deploy["preDeployCommand"]); err != nil {
		return err
	}
	return s.checkReplicas(e, sub(deploy, "multiRegionConfig"), merge(sub(e.Config, "services", id), entry))
}

// checkReplicas holds the closed list of regions and the plan's replicas.
func (s *Sim) checkReplicas(e *environment, named, merged map[string]any) error {
	for region := range named {
		if !slices.Contains(s.world.regions(), region) {
			return badInput("Invalid region %s", region)
		}
	}
	if limit := s.allowed(e.ProjectID).replicas; replicasOf(merged) > limit {
		return planLimit("Your plan allows %d replicas per service. Upgrade your plan to use more", limit)
	}
	return nil
}

func (s *Sim) apply(e *environment, change map[string]any) {
	e.UpdatedAt = s.now()
	for _, id := range sortedKeys(sub(change, "services")) {
		entry := sub(change, "services", id)
		if entry["isCreated"] == true && !e.live(id) {
			e.Instances[id] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
		}
		s.applyNetworking(e, id, sub(entry, "networking"))
		if i := e.Instances[id]; i != nil {
			i.UpdatedAt = s.now()
		}
	}
	e.Config = merge(e.Config, change)
	for _, id := range sortedKeys(sub(change, "services")) {
		if _, given := sub(change, "services", id)["source"]; given {
			s.retrigger(e, id)
		}
		if entry := sub(e.Config, "services", id); entry["isDeleted"] == true {
			s.removeInstance(e, id)
		}
	}
}

// applyNetworking changes the ports of domains and adds or drops TCP proxies.
func (s *Sim) applyNetworking(e *environment, serviceID string, networking map[string]any) {
	now := s.now()
	for kind, custom := range map[string]bool{"serviceDomains": false, "customDomains": true} {
		for _, d := range s.world.domainsOf(e.ID, serviceID, custom) {
			raw, given := sub(networking, kind)[d.Host]
			if given && raw == nil {
				d.DeletedAt = &now
			} else if port, ok := number(sub(networking, kind, d.Host)["port"]); ok {
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
