// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Who asks: users, workspaces and tokens (railway-api.md, "Tokens").

var accessQueries = map[string]query{
	"projectToken": func(c call, _ map[string]any) (any, error) {
		if c.token.Kind != tokenProject {
			return nil, refused("Project Token not found")
		}
		p, e := c.view.w.Projects[c.token.ProjectID], c.view.w.Environments[c.token.EnvironmentID]
		if p == nil || e == nil {
			return nil, notAuthorized()
		}
		n := tokenNode(c.token, p)
		n["project"], n["environment"] = c.view.project(p), c.view.environment(e)
		return n, nil
	},
	"apiToken": func(c call, _ map[string]any) (any, error) {
		if err := c.personal(); err != nil {
			return nil, err
		}
		list := []any{}
		for _, id := range sortedKeys(c.view.w.Workspaces) {
			if ws := c.view.w.Workspaces[id]; c.token.Kind == tokenAccount || c.token.WorkspaceID == id {
				list = append(list, node{"id": ws.ID, "name": ws.Name})
			}
		}
		return node{"workspaces": list}, nil
	},
	"me": func(c call, _ map[string]any) (any, error) {
		u := c.view.w.Users[c.token.UserID]
		if c.token.Kind != tokenAccount || u == nil {
			return nil, notAuthorized()
		}
		list := []any{}
		for _, id := range sortedKeys(c.view.w.Workspaces) {
			list = append(list, c.view.workspace(c.view.w.Workspaces[id]))
		}
		return node{"__typename": "User", "id": u.ID, "name": u.Name, "email": u.Email, "workspaces": list, "createdAt": stamp(time.Unix(0, 0))}, nil
	},
	"workspace": func(c call, args map[string]any) (any, error) {
		ws := c.view.w.Workspaces[argText(args, "workspaceId")]
		if ws == nil || c.personal() != nil || (c.token.Kind == tokenWorkspace && c.token.WorkspaceID != ws.ID) {
			return nil, notAuthorized()
		}
		n := c.view.workspace(ws)
		n["apiTokenRateLimit"] = c.s.sharedLimit(ws)
		return n, nil
	},
	"projectTokens": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.view.w, argText(args, "projectId"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		return graphql.Connection(sortedBy(all(c.view.w.Tokens), func(t *token) (bool, time.Time, string) {
			return t.Kind == tokenProject && t.ProjectID == p.ID, time.Time{}, t.ID
		}), func(t *token) node {
			return tokenNode(t, p)
		})(args)
	},
}

var accessMutations = map[string]mutation{
	"projectTokenCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, err := c.environment(c.w(), argText(input, "environmentId"))
		if err != nil || c.personal() != nil || e.ProjectID != argText(input, "projectId") {
			return nil, notAuthorized()
		}
		t := &token{
			ID: c.s.id(), Name: argText(input, "name"), Kind: tokenProject, Value: c.s.id(), ProjectID: e.ProjectID,
			EnvironmentID: e.ID, UserID: c.token.UserID,
		}
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
}

// tokenNode is a project token as it is listed: its value is shown once, when it is made.
func tokenNode(t *token, p *project) node {
	return node{
		"id": t.ID, "name": t.Name, "displayToken": "****", "projectId": t.ProjectID, "environmentId": t.EnvironmentID,
		"createdAt": stamp(p.CreatedAt),
	}
}

func (v view) workspace(ws *workspace) node {
	return node{
		"__typename": "Workspace", "id": ws.ID, "name": ws.Name, "plan": workspacePlan(ws.Plan),
		"createdAt": stamp(ws.CreatedAt), "updatedAt": stamp(ws.CreatedAt),
		"projects": graphql.Connection(sortedBy(all(v.w.Projects), func(p *project) (bool, time.Time, string) {
			return p.WorkspaceID == ws.ID && p.DeletedAt == nil, p.CreatedAt, p.ID
		}), v.project),
	}
}

func workspacePlan(plan string) string { return strings.ToUpper(plan) }
