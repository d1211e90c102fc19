// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Environments (railway-api.md, "Object model", "Config patches").

var environmentQueries = map[string]query{
	"environment": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		if projectID := argText(args, "projectId"); projectID != "" && projectID != e.ProjectID {
			return nil, notAuthorized()
		}
		return c.view.environment(e), nil
	},
	"environments": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.view.w, argText(args, "projectId"))
		if err != nil {
			return nil, err
		}
		list := slices.DeleteFunc(c.view.environments(p.ID), func(e *environment) bool {
			only, given := args["isEphemeral"].(bool)
			return given && e.Ephemeral != only
		})
		return graphql.Connection(list, c.view.environment)(args)
	},
	"regions": func(c call, _ map[string]any) (any, error) {
		list := []any{}
		for _, r := range c.view.w.regions() {
			list = append(list, node{"name": r, "location": r, "country": "-", "id": r, "region": r, "workspaceId": nil})
		}
		return list, nil
	},
}

var environmentMutations = map[string]mutation{
	"environmentCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		p, err := c.project(c.w(), argText(input, "projectId"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		name := argText(input, "name")
		if !validName.MatchString(name) {
			return nil, badInput("Invalid environment name")
		}
		existing := c.w().environmentsOf(p.ID)
		taken := slices.ContainsFunc(existing, func(e *environment) bool { return e.Name == name })
		if taken || c.s.reserved(p.ID, name) {
			return nil, refused("An environment named %q already exists in this project", name)
		}
		if limit := c.s.options.Seed.Limits.Environments; limit > 0 && len(existing) >= limit {
			return nil, planLimit("Your plan allows %d environments per project. Upgrade your plan to create more", limit)
		}
		if err := c.throttle("environmentCreate"); err != nil {
			return nil, err
		}
		e := c.s.addEnvironment(p, name)
		e.Ephemeral = input["ephemeral"] == true
		if source := argText(input, "sourceEnvironmentId"); source != "" {
			from, err := c.environment(c.w(), source)
			if err != nil {
				return nil, err
			}
			c.s.duplicate(from, e, input["skipInitialDeploys"] == true)
		}
		return c.fresh().environment(e), nil
	},
	"environmentRename": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		name := argText(args, "input", "name")
		for _, other := range c.w().environmentsOf(e.ProjectID) {
			if other != e && other.Name == name {
				return nil, refused("An environment named %q already exists in this project", name)
			}
		}
		e.Name, e.UpdatedAt = name, c.s.now()
		return c.fresh().environment(e), nil
	},
	"environmentDelete": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "id"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		c.s.deleteEnvironment(e)
		return true, nil
	},
}

func (s *Sim) addEnvironment(p *project, name string) *environment {
	e := &environment{
		ID: s.id(), Name: name, ProjectID: p.ID, CreatedAt: s.now(), UpdatedAt: s.now(),
		Config: map[string]any{}, Instances: map[string]*instance{},
	}
	s.world.addEnvironment(e)
	return e
}

func (s *Sim) deleteEnvironment(e *environment) {
	now := s.now()
	for id := range e.Instances {
		s.removeInstance(e, id)
	}
	e.DeletedAt = &now
}

// removeInstance takes a service out of an environment: its deployments end, its domains go.
func (s *Sim) removeInstance(e *environment, serviceID string) {
	now := s.now()
	if i := e.Instances[serviceID]; i != nil && i.DeletedAt == nil {
		i.DeletedAt = &now
	}
	for _, d := range s.world.deploymentsOf(e.ID, serviceID) {
		if d.RemovedAt == nil {
			d.RemovedAt = &now
		}
	}
	for _, custom := range []bool{false, true} {
		for _, d := range s.world.domainsOf(e.ID, serviceID, custom) {
			d.DeletedAt = &now
		}
	}
	s.world.untrigger(e.ID, serviceID)
	delete(sub(e.Config, "services"), serviceID)
}

func (v view) environment(e *environment) node {
	return node{
		"__typename": "Environment", "id": e.ID, "name": e.Name, "projectId": e.ProjectID, "canAccess": true, "isEphemeral": e.Ephemeral,
		"createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt), "deletedAt": optionalStamp(e.DeletedAt),
		"unmergedChangesCount": len(e.Staged), "canvasGroupRefs": node{}, "configEtag": etag(v.w.shown(e, false)),
		"config": lazy(func(args map[string]any) (any, error) {
			if v.read != nil {
				*v.read = append(*v.read, e.ID)
			}
			return v.w.shown(e, args["decryptVariables"] == true), nil
		}),
		"variables":        graphql.Connection(v.variables(e), func(n node) node { return n }),
		"serviceInstances": graphql.Connection(v.instances(e), func(i instanceOf) node { return v.instance(e, i.serviceID) }),
		"volumeInstances":  graphql.Connection(v.volumeInstances(e), func(n node) node { return n }),
		"deployments":      graphql.Connection(v.w.deploymentsOf(e.ID, ""), v.deployment),
		"deploymentTriggers": graphql.Connection(sortedBy(all(v.w.Triggers), func(t *trigger) (bool, time.Time, string) {
			return t.EnvironmentID == e.ID, t.CreatedAt, t.ID
		}), v.trigger),
		"sourceEnvironment": lazy(func(map[string]any) (any, error) {
			if source := v.w.Environments[e.SourceID]; source != nil && v.reaches(source.ID) {
				return v.environment(source), nil
			}
			return nil, nil
		}),
	}
}
