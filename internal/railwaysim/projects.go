// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Projects (railway-api.md, "Object model").

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]*$`)

var projectQueries = map[string]query{
	"project": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		return c.view.project(p), nil
	},
	"projects": func(c call, args map[string]any) (any, error) {
		if err := c.personal(); err != nil {
			return nil, err
		}
		// none for an account token: no projects (railway-api.md, "Tokens")
		workspaceID := orElse(argText(args, "workspaceId"), c.token.WorkspaceID)
		if c.token.Kind == tokenWorkspace && workspaceID != c.token.WorkspaceID {
			return nil, notAuthorized()
		}
		return graphql.Connection(sortedBy(all(c.view.w.Projects), func(p *project) (bool, time.Time, string) {
			return c.sees(p) && p.WorkspaceID == workspaceID, p.CreatedAt, p.ID
		}), c.view.project)(args)
	},
	"projectsByIds": func(c call, args map[string]any) (any, error) {
		list := []any{}
		ids, _ := args["ids"].([]any)
		for _, id := range ids {
			if p, err := c.project(c.view.w, fmt.Sprint(id)); err == nil { // what it may not see it skips, says the schema
				list = append(list, c.view.project(p))
			}
		}
		return list, nil
	},
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
		if err := c.throttle("projectCreate"); err != nil {
			return nil, err
		}
		p := &project{ID: c.s.id(), Name: name, Description: argText(input, "description"), WorkspaceID: workspaceID, CreatedAt: c.s.now()}
		p.settings(input)
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
		p.Name = orElse(argText(input, "name"), p.Name)
		if description, given := input["description"].(string); given {
			p.Description = description // an empty one clears (railway-api.md, "Object model")
		}
		p.settings(input)
		return c.fresh().project(p), nil
	},
	"projectDelete":         deleteProject,
	"projectScheduleDelete": deleteProject,
}

// settings takes the settings that an input gives, and leaves the others.
func (p *project) settings(input map[string]any) {
	for name, setting := range map[string]*bool{
		"isPublic": &p.Public, "prDeploys": &p.PRDeploys, "botPrEnvironments": &p.BotPREnvironments, "focusedPrEnvironments": &p.FocusedPREnvironments,
	} {
		if value, given := input[name].(bool); given {
			*setting = value
		}
	}
	p.BaseEnvironmentID = orElse(argText(input, "baseEnvironmentId"), p.BaseEnvironmentID)
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

func (v view) project(p *project) node {
	environments := v.environments(p.ID)
	n := node{
		"__typename": "Project", "id": p.ID, "name": p.Name, "description": optional(p.Description),
		"createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt), "deletedAt": optionalStamp(p.DeletedAt),
		"isPublic": p.Public, "isTempProject": false, "prDeploys": p.PRDeploys,
		"botPrEnvironments": p.BotPREnvironments, "focusedPrEnvironments": p.FocusedPREnvironments,
		"workspaceId": p.WorkspaceID, "subscriptionType": "pro", "baseEnvironmentId": nil, "primaryEnvironmentId": nil,
		"environments": graphql.Connection(environments, v.environment),
		"services":     graphql.Connection(v.w.everyServiceOf(p.ID), v.service),
		"volumes":      graphql.Connection(v.w.volumesOf(p.ID), v.volume),
		"deployments": graphql.Connection(sortedBy(v.w.deploymentsIn(p.ID), func(d *deployment) (bool, time.Time, string) {
			return v.reaches(d.EnvironmentID), d.CreatedAt, d.ID
		}), v.deployment),
		"deploymentTriggers": graphql.Connection(sortedBy(all(v.w.Triggers), func(t *trigger) (bool, time.Time, string) {
			e := v.w.Environments[t.EnvironmentID]
			return e != nil && e.ProjectID == p.ID && v.reaches(e.ID), t.CreatedAt, t.ID
		}), v.trigger),
		"workspace": lazy(func(map[string]any) (any, error) { return v.workspace(v.w.Workspaces[p.WorkspaceID]), nil }),
	}
	if len(environments) > 0 {
		base := environments[0]
		if chosen := v.w.Environments[p.BaseEnvironmentID]; chosen != nil && chosen.DeletedAt == nil && v.reaches(chosen.ID) {
			base = chosen
		}
		n["baseEnvironmentId"] = base.ID
		if oldest := slices.IndexFunc(environments, func(e *environment) bool { return !e.Ephemeral }); oldest >= 0 {
			n["primaryEnvironmentId"] = environments[oldest].ID
		}
		n["baseEnvironment"] = lazy(func(map[string]any) (any, error) { return v.environment(base), nil })
	}
	if ws := v.w.Workspaces[p.WorkspaceID]; ws != nil && ws.Plan != "Pro" {
		n["subscriptionType"] = map[string]string{"Free": "free", "Hobby": "hobby"}[ws.Plan]
	}
	return n
}
