// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
	"regexp"
)

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]*$`)

func (c call) throttle(what, message string) error {
	interval := c.s.options.Seed.Limits.createInterval(what)
	key := what + "/" + c.token.UserID
	if last, ok := c.w().Created[key]; ok && c.s.now().Sub(last) < interval {
		return refused("%s", message)
	}
	c.w().Created[key] = c.s.now()
	return nil
}

var projectMutations = map[string]mutation{
	"projectCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		if err := c.personal(); err != nil {
			return nil, err
		}
		workspaceID := orElse(argText(input, "workspaceId"), c.token.WorkspaceID)
		if workspaceID == "" && len(c.w().Workspaces) == 1 {
			workspaceID = sortedKeys(c.w().Workspaces)[0]
		}
		if c.w().Workspaces[workspaceID] == nil {
			return nil, notAuthorized()
		}
		name := orElse(argText(input, "name"), "project-"+c.s.id()[:8])
		if !validName.MatchString(name) {
			return nil, badInput("Invalid project name")
		}
		if err := c.throttle("project", "You're creating projects too quickly. You can create 1 project per 30 seconds"); err != nil {
			return nil, err
		}
		p := &project{ID: c.s.id(), Name: name, Description: argText(input, "description"), WorkspaceID: workspaceID, CreatedAt: c.s.now()}
		c.w().Projects[p.ID] = p
		c.s.addEnvironment(p, orElse(argText(input, "defaultEnvironmentName"), "production"))
		return c.fresh().project(p), nil
	},
	"projectUpdate": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.w(), argText(args, "id"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		input := sub(args, "input")
		p.Name, p.Description = orElse(argText(input, "name"), p.Name), orElse(argText(input, "description"), p.Description)
		if deploys, ok := input["prDeploys"].(bool); ok {
			p.PRDeploys = deploys
		}
		return c.fresh().project(p), nil
	},
	"projectDelete":         deleteProject,
	"projectScheduleDelete": deleteProject,
	"projectTokenCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, err := c.environment(c.w(), argText(input, "environmentId"))
		if err != nil || c.personal() != nil || e.ProjectID != argText(input, "projectId") {
			return nil, notAuthorized()
		}
		t := &token{ID: c.s.id(), Name: argText(input, "name"), Kind: tokenProject, Value: c.s.id(), ProjectID: e.ProjectID, EnvironmentID: e.ID, UserID: c.token.UserID}
		c.w().Tokens[t.Value] = t
		return t.Value, nil
	},
	"projectTokenDelete": func(c call, args map[string]any) (any, error) {
		for value, t := range c.w().Tokens {
			if t.ID == argText(args, "id") && c.personal() == nil {
				delete(c.w().Tokens, value)
				return true, nil
			}
		}
		return nil, notAuthorized()
	},
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
		for _, e := range existing {
			if e.Name == name {
				return nil, refused("An environment named %q already exists in this project", name)
			}
		}
		if limit := c.s.options.Seed.Limits.Environments; limit > 0 && len(existing) >= limit {
			return nil, planLimit("Your plan allows %d environments per project. Upgrade your plan to create more", limit)
		}
		if err := c.throttle("environment", "Whoa there pal! Only one environment can be created per user every 30s. Try again in a sec"); err != nil {
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

func deleteProject(c call, args map[string]any) (any, error) {
	p, err := c.project(c.w(), argText(args, "id"))
	if err != nil || c.personal() != nil {
		return nil, notAuthorized()
	}
	for _, e := range c.w().environmentsOf(p.ID) {
		c.s.deleteEnvironment(e)
	}
	now := c.s.now()
	p.DeletedAt = &now
	return true, nil
}

func (s *Sim) addEnvironment(p *project, name string) *environment {
	e := &environment{
		ID: s.id(), Name: name, ProjectID: p.ID, CreatedAt: s.now(), UpdatedAt: s.now(),
		Config: map[string]any{}, Instances: map[string]*instance{},
	}
	s.world.Environments[e.ID] = e
	return e
}

// duplicate copies an environment's services and settings. Sealed variables are not copied (FACTS §5).
func (s *Sim) duplicate(from, to *environment, skipDeploys bool) {
	to.SourceID, to.Config = from.ID, deepCopy(from.Config)
	for id := range from.Instances {
		if from.live(id) {
			to.Instances[id] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
			dropSealed(sub(to.Config, "services", id, "variables"))
		}
	}
	dropSealed(sub(to.Config, "sharedVariables"))
	for _, id := range sortedKeys(to.Instances) {
		if !skipDeploys {
			s.deploy(to, id, "", "environment", "")
		}
	}
}

func dropSealed(variables map[string]any) {
	maps.DeleteFunc(variables, func(_ string, raw any) bool {
		variable, _ := raw.(map[string]any)
		return variable["isSealed"] == true
	})
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
	delete(sub(e.Config, "services"), serviceID)
}
