// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"slices"
	"strings"
)

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
		name, err := c.newServiceName(p, argText(input, "name"))
		if err != nil {
			return nil, err
		}
		s := &service{ID: c.s.id(), Name: name, Icon: argText(input, "icon"), ProjectID: p.ID, CreatedAt: c.s.now()}
		c.w().Services[s.ID] = s
		declared := declaredBy(input)
		for _, e := range c.w().affected(p.ID, only) {
			e.Instances[s.ID] = &instance{ID: c.s.id(), CreatedAt: c.s.now(), UpdatedAt: c.s.now()}
			if only == "" || only == e.ID { // elsewhere it is an instance without a source (FACTS §13)
				e.Config = merge(e.Config, map[string]any{"services": map[string]any{s.ID: deepCopy(declared)}})
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
	"serviceInstanceUpdate": func(c call, args map[string]any) (any, error) {
		s, err := c.service(c.w(), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		only := argText(args, "environmentId")
		if only != "" {
			if _, _, err := c.at(c.w(), only, s.ID); err != nil {
				return nil, err
			}
		}
		if c.token.Kind == tokenProject && only != c.token.EnvironmentID {
			return nil, notAuthorized()
		}
		input, _ := deepCopy(args["input"]).(map[string]any)
		for _, e := range c.w().affected(s.ProjectID, only) {
			if e.live(s.ID) {
				c.s.configure(e, s.ID, instanceChange(e, input))
			}
		}
		return true, nil
	},
	"serviceInstanceLimitsUpdate": func(c call, args map[string]any) (any, error) {
		input, _ := deepCopy(args["input"]).(map[string]any)
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		containers := map[string]any{}
		if cpu, ok := input["vCPUs"].(float64); ok {
			containers["cpu"] = cpu
		}
		if memory, ok := input["memoryGB"].(float64); ok {
			containers["memoryBytes"] = memory * 1e9
		}
		c.s.configure(e, s.ID, map[string]any{"deploy": map[string]any{"limitOverride": map[string]any{"containers": containers}}})
		return true, nil
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

// configure changes a service's config without a deployment, as the per-field mutations do (FACTS §4.4).
func (s *Sim) configure(e *environment, serviceID string, change map[string]any) {
	e.Config = merge(e.Config, map[string]any{"services": map[string]any{serviceID: change}})
	e.UpdatedAt = s.now()
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
		return map[string]any{"image": image}
	case repo != "":
		source := map[string]any{"repo": repo}
		if branch := argText(input, "branch"); branch != "" {
			source["branch"] = branch
		}
		return source
	default:
		return nil
	}
}

// instanceFields says where serviceInstanceUpdate's inputs stand in the config.
var instanceFields = map[string][]string{
	"buildCommand": {"build"}, "builder": {"build"}, "dockerfilePath": {"build"}, "nixpacksPlan": {"build"}, "watchPatterns": {"build"},
	"cronSchedule": {"deploy"}, "drainingSeconds": {"deploy"}, "healthcheckPath": {"deploy"}, "healthcheckTimeout": {"deploy"},
	"ipv6EgressEnabled": {"deploy"}, "multiRegionConfig": {"deploy"}, "overlapSeconds": {"deploy"}, "preDeployCommand": {"deploy"},
	"registryCredentials": {"deploy"}, "restartPolicyMaxRetries": {"deploy"}, "restartPolicyType": {"deploy"},
	"sleepApplication": {"deploy"}, "startCommand": {"deploy"}, "rootDirectory": {"source"},
}

// instanceChange turns serviceInstanceUpdate's input into a config change: null is no change, "" clears, and numReplicas or
// region set the one region (FACTS §4.4).
func instanceChange(_ *environment, input map[string]any) map[string]any {
	change := map[string]any{}
	for name, value := range input {
		place, known := instanceFields[name]
		if value == nil || !known {
			continue
		}
		if value == "" {
			value = nil
		}
		section, _ := change[place[0]].(map[string]any)
		if section == nil {
			section = map[string]any{}
			change[place[0]] = section
		}
		section[name] = value
	}
	if file := argText(input, "railwayConfigFile"); file != "" {
		change["configFile"] = file
	}
	if source := sourceOf(map[string]any{"source": input["source"]}); source != nil {
		change["source"] = layer(sub(change, "source"), source)
	}
	count, hasCount := number(input["numReplicas"])
	region := argText(input, "region")
	if (hasCount || region != "") && input["multiRegionConfig"] == nil {
		deploy, _ := change["deploy"].(map[string]any)
		if deploy == nil {
			deploy = map[string]any{}
			change["deploy"] = deploy
		}
		deploy["multiRegionConfig"] = map[string]any{orElse(region, "us-west2"): map[string]any{"numReplicas": float64(max(count, 1))}}
	}
	return change
}

var deploymentMutations = map[string]mutation{
	"serviceInstanceDeployV2": func(c call, args map[string]any) (any, error) {
		d, err := c.deployNow(args, argText(args, "commitSha"))
		if err != nil {
			return nil, err
		}
		return d.ID, nil
	},
	"serviceInstanceDeploy": func(c call, args map[string]any) (any, error) {
		_, err := c.deployNow(args, argText(args, "commitSha"))
		return err == nil, err
	},
	"environmentTriggersDeploy": func(c call, args map[string]any) (any, error) {
		_, err := c.deployNow(sub(args, "input"), "")
		return err == nil, err
	},
	"serviceInstanceRedeploy": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.w(), argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		all := c.w().deploymentsOf(e.ID, s.ID)
		if len(all) == 0 {
			return nil, refused("Cannot redeploy without a snapshot")
		}
		_, err = c.again(all[0], "redeploy", all[0].Variables)
		return err == nil, err
	},
	"deploymentRedeploy": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		next, err := c.again(d, "redeploy", d.Variables)
		if err != nil {
			return nil, err
		}
		return c.fresh().deployment(next), nil
	},
	"deploymentRollback": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		if _, serves := d.servesFrom(); !serves {
			return nil, refused("Cannot roll back to this deployment")
		}
		_, err = c.again(d, "rollback", d.Variables)
		return err == nil, err
	},
	"deploymentRestart": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		d.CrashedAt, d.SleepingAt, d.StoppedAt = nil, nil, nil // the same process with the same variables starts again
		return true, nil
	},
	"deploymentCancel": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		if status, _ := c.w().status(d, c.s.now()); !inProgress(status) {
			return nil, refused("Deployment is not in progress")
		}
		d.CanceledAt = at(c.s.now())
		return true, nil
	},
	"deploymentStop": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		d.StoppedAt = at(c.s.now())
		return true, nil
	},
	"deploymentRemove": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		d.RemovedAt = at(c.s.now())
		return true, nil
	},
	"deploymentTriggerCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		for _, t := range c.w().Triggers {
			if t.EnvironmentID == e.ID && t.ServiceID == s.ID {
				return nil, refused("A deployment trigger already exists for this service")
			}
		}
		t := &trigger{
			ID: c.s.id(), EnvironmentID: e.ID, ServiceID: s.ID, Provider: argText(input, "provider"), Repository: argText(input, "repository"),
			Branch: argText(input, "branch"), CheckSuites: input["checkSuites"] == true, CreatedAt: c.s.now(),
		}
		c.w().Triggers[t.ID] = t
		return c.fresh().trigger(t), nil
	},
	"deploymentTriggerUpdate": func(c call, args map[string]any) (any, error) {
		t, err := c.trigger(argText(args, "id"))
		if err != nil {
			return nil, err
		}
		input := sub(args, "input")
		t.Branch, t.Repository = orElse(argText(input, "branch"), t.Branch), orElse(argText(input, "repository"), t.Repository)
		if suites, ok := input["checkSuites"].(bool); ok {
			t.CheckSuites = suites
		}
		return c.fresh().trigger(t), nil
	},
	"deploymentTriggerDelete": func(c call, args map[string]any) (any, error) {
		t, err := c.trigger(argText(args, "id"))
		if err != nil {
			return nil, err
		}
		delete(c.w().Triggers, t.ID)
		return true, nil
	},
}

func (c call) trigger(id string) (*trigger, error) {
	t := c.w().Triggers[id]
	if t == nil {
		return nil, notFound("DeploymentTrigger")
	}
	_, err := c.environment(c.w(), t.EnvironmentID)
	return t, err
}

// deployNow starts a deployment of what is configured now.
func (c call) deployNow(args map[string]any, commit string) (*deployment, error) {
	e, s, err := c.at(c.w(), argText(args, "environmentId"), argText(args, "serviceId"))
	if err != nil {
		return nil, err
	}
	if commit != "" && (len(commit) < 7 || strings.Trim(commit, "0123456789abcdef") != "") {
		return nil, refused("Commit not found")
	}
	d := c.s.deploy(e, s.ID, "", "deploy", commit)
	if d == nil {
		return nil, refused("Service has no source to deploy")
	}
	return d, nil
}

// again starts a deployment like an earlier one, with its code, settings and variables (FACTS §4.4).
func (c call) again(old *deployment, cause string, variables map[string]string) (*deployment, error) {
	if status, _ := c.w().status(old, c.s.now()); inProgress(status) {
		return nil, refused("Cannot redeploy yet, please wait for the original deployment to finish building")
	}
	d := deepCopy(*old)
	d.ID, d.CreatedAt, d.Order, d.PatchID, d.Cause, d.Variables = c.s.id(), c.s.now(), c.s.order(), "", cause, variables
	d.CanceledAt, d.StoppedAt, d.RemovedAt, d.CrashedAt, d.SleepingAt = nil, nil, nil, nil, nil
	c.w().Deployments[d.ID] = &d
	return &d, nil
}

func jsonNumber(text string) json.Number { return json.Number(text) }
