// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
)

// Services and their instances (railway-api.md, "Object model", "Service mutations and forks").

var serviceQueries = map[string]query{
	"service": func(c call, args map[string]any) (any, error) {
		s, err := c.service(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		return c.view.service(s), nil
	},
	"serviceInstance": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		return c.view.instance(e, s.ID), nil
	},
	"serviceInstanceLimitOverride": limitOverride,
	"serviceInstanceLimits":        limitOverride,
}

var serviceMutations = map[string]mutation{
	"serviceCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		p, err := c.project(c.w(), argText(input, "projectId"))
		if err != nil {
			return nil, err
		}
		only := argText(input, "environmentId")
		if c.token.Kind == tokenProject && only != c.token.EnvironmentID {
			return nil, notAuthorized()
		}
		if only != "" {
			if _, err := c.environment(c.w(), only); err != nil {
				return nil, err
			}
		}
		if err := c.s.checkCredentials(p, input["registryCredentials"]); err != nil {
			return nil, err
		}
		name, err := c.newServiceName(p, argText(input, "name"))
		if err != nil {
			return nil, err
		}
		if err := c.countService(); err != nil {
			return nil, err
		}
		s := &service{ID: c.s.id(), Name: name, Icon: argText(input, "icon"), ProjectID: p.ID, CreatedAt: c.s.now()}
		c.w().addService(s)
		declared := declaredBy(input)
		for _, e := range c.w().affected(p.ID, only) {
			e.Instances[s.ID] = &instance{ID: c.s.id(), CreatedAt: c.s.now(), UpdatedAt: c.s.now()}
			// elsewhere it is an instance without a source (railway-api.md, "Service mutations and forks")
			if only == "" || only == e.ID {
				c.s.configure(e, s.ID, deepCopy(declared))
				c.s.deploy(e, s.ID, "", "deploy", "")
			}
		}
		return c.fresh().service(s), nil
	},
	"serviceUpdate": func(c call, args map[string]any) (any, error) {
		s, err := c.service(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		input := sub(args, "input")
		if name := argText(input, "name"); name != "" && name != s.Name {
			if name, err = c.newServiceName(c.w().Projects[s.ProjectID], name); err != nil {
				return nil, err
			}
			s.Name = name
		}
		s.Icon = orElse(argText(input, "icon"), s.Icon)
		return c.fresh().service(s), nil
	},
	"serviceDelete": func(c call, args map[string]any) (any, error) {
		s, err := c.service(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		only := argText(args, "environmentId")
		if only != "" {
			if _, err := c.environment(c.w(), only); err != nil {
				return nil, err
			}
		}
		if c.token.Kind == tokenProject && only != c.token.EnvironmentID {
			return nil, notAuthorized()
		}
		for _, e := range c.w().affected(s.ProjectID, only) {
			if e.live(s.ID) {
				c.s.removeInstance(e, s.ID)
			}
		}
		left := slices.ContainsFunc(c.w().environmentsOf(s.ProjectID), func(e *environment) bool { return e.live(s.ID) })
		if !left {
			s.DeletedAt = at(c.s.now())
		}
		return true, nil
	},
	"serviceConnect": func(c call, args map[string]any) (any, error) {
		s, err := c.service(c.w(), argText(args, "id"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		source := sourceOf(sub(args, "input"))
		for _, e := range c.w().environmentsOf(s.ProjectID) {
			if e.live(s.ID) {
				c.s.configure(e, s.ID, map[string]any{"source": source})
				c.s.deploy(e, s.ID, "", "deploy", "")
			}
		}
		return c.fresh().service(s), nil
	},
	"serviceDisconnect": func(c call, args map[string]any) (any, error) {
		s, err := c.service(c.w(), argText(args, "id"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		for _, e := range c.w().environmentsOf(s.ProjectID) {
			if e.live(s.ID) {
				c.s.configure(e, s.ID, map[string]any{"source": nil})
			}
		}
		return c.fresh().service(s), nil
	},
}

func (c call) newServiceName(p *project, name string) (string, error) {
	existing := c.w().servicesOf(p.ID)
	if name == "" {
		name = "service-" + c.s.id()[:4]
	}
	if len(name) > 32 || !validName.MatchString(name) {
		return "", badInput("Invalid service name")
	}
	for _, s := range existing {
		if s.Name == name {
			return "", refused("A service named %q already exists in this project", name)
		}
	}
	if limit := c.s.options.Seed.Limits.Services; limit > 0 && len(existing) >= limit {
		return "", planLimit("Your plan allows %d services per project. Upgrade your plan to create more", limit)
	}
	return name, nil
}

// configure changes a service's config without a deployment, as the per-field mutations do
// (railway-api.md, "Mutations of one field").
func (s *Sim) configure(e *environment, serviceID string, change map[string]any) {
	e.Config = merge(e.Config, map[string]any{"services": map[string]any{serviceID: change}})
	e.UpdatedAt = s.now()
	if _, given := change["source"]; given {
		s.retrigger(e, serviceID)
	}
}

// declaredBy is the config that serviceCreate's input stands for.
func declaredBy(input map[string]any) map[string]any {
	declared := map[string]any{}
	if source := sourceOf(input); source != nil {
		declared["source"] = source
	}
	if given, ok := deepCopy(input["variables"]).(map[string]any); ok {
		variables := map[string]any{}
		for name, value := range given {
			variables[name] = map[string]any{"value": value}
		}
		declared["variables"] = variables
	}
	if credentials, ok := deepCopy(input["registryCredentials"]).(map[string]any); ok {
		declared["deploy"] = map[string]any{"registryCredentials": credentials}
	}
	return declared
}

// sourceOf reads image, repo and branch from an input, where they stand beside each other or in a source.
func sourceOf(input map[string]any) map[string]any {
	from := input
	if nested := sub(input, "source"); nested != nil {
		from = nested
	}
	image, repo := argText(from, "image"), argText(from, "repo")
	switch {
	case image != "":
		return map[string]any{"image": image, "repo": nil, "branch": nil}
	case repo != "":
		source := map[string]any{"repo": repo, "image": nil}
		if branch := argText(input, "branch"); branch != "" {
			source["branch"] = branch
		}
		return source
	default:
		return nil
	}
}
