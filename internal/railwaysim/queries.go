// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// query resolves a root field of Query.
type query func(c call, args map[string]any) (any, error)

var queries = map[string]query{}

func init() {
	for _, family := range []map[string]query{stateQueries, logQueries, usageQueries} {
		maps.Copy(queries, family)
	}
}

var stateQueries = map[string]query{
	"projectToken": func(c call, _ map[string]any) (any, error) {
		if c.token.Kind != tokenProject {
			return nil, refused("Project Token not found")
		}
		p, e := c.view.w.Projects[c.token.ProjectID], c.view.w.Environments[c.token.EnvironmentID]
		if p == nil || e == nil {
			return nil, notAuthorized()
		}
		return node{"projectId": p.ID, "environmentId": e.ID, "project": c.view.project(p), "environment": c.view.environment(e), "id": c.token.ID, "name": c.token.Name, "displayToken": "****", "createdAt": stamp(p.CreatedAt)}, nil
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
		return c.view.workspace(ws), nil
	},
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
		workspaceID := argText(args, "workspaceId")
		return connection(sortedBy(c.view.w.Projects, func(p *project) (bool, time.Time, string) {
			return c.sees(p) && (workspaceID == "" || p.WorkspaceID == workspaceID), p.CreatedAt, p.ID
		}), c.view.project)(args)
	},
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
		return connection(list, c.view.environment)(args)
	},
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
		return connection(c.view.w.patchesOf(e.ID), c.view.patch)(args)
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
	"serviceInstanceLimitOverride": limits,
	"serviceInstanceLimits":        limits,
	"variables": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.view.w, argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		serviceID := argText(args, "serviceId")
		scope := sub(e.Config, "sharedVariables")
		if serviceID != "" {
			if _, _, err := c.at(c.view.w, e.ID, serviceID); err != nil {
				return nil, err
			}
			scope = sub(e.Config, "services", serviceID, "variables")
		}
		all := values(scope)
		if args["unrendered"] != true && serviceID != "" {
			all = c.view.w.readable(e, serviceID)
		}
		return withoutSealed(all, scope), nil
	},
	"variablesForServiceDeployment": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		all := c.view.w.readable(e, s.ID)
		for name, value := range c.view.w.system(e, s.ID) {
			all[name] = value
		}
		return all, nil
	},
	"domains": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		return c.view.domains(e.ID, s.ID), nil
	},
	"customDomain": func(c call, args map[string]any) (any, error) {
		d := c.view.w.Domains[argText(args, "id")]
		if d == nil || !d.Custom || d.DeletedAt != nil {
			return nil, notFound("CustomDomain")
		}
		if _, err := c.environment(c.view.w, d.EnvironmentID); err != nil {
			return nil, err
		}
		return c.view.customDomain(d), nil
	},
	"customDomainAvailable":  available,
	"serviceDomainAvailable": available,
	"tcpProxies": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		list := []any{}
		for _, p := range sortedBy(c.view.w.Proxies, func(p *proxy) (bool, time.Time, string) {
			return p.EnvironmentID == e.ID && p.ServiceID == s.ID && p.DeletedAt == nil, p.CreatedAt, p.ID
		}) {
			list = append(list, c.view.proxy(p))
		}
		return list, nil
	},
	"volumeInstance": func(c call, args map[string]any) (any, error) {
		for _, id := range sortedKeys(c.view.w.Volumes) {
			for environmentID, i := range c.view.w.Volumes[id].Instances {
				if i.ID == argText(args, "id") && i.DeletedAt == nil {
					if _, err := c.environment(c.view.w, environmentID); err != nil {
						return nil, err
					}
					return c.view.volumeInstance(c.view.w.Volumes[id], environmentID), nil
				}
			}
		}
		return nil, notFound("VolumeInstance")
	},
	"deployment": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		return c.view.deployment(d), nil
	},
	"deployments": deploymentList,
	"deploymentTriggers": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		return connection(sortedBy(c.view.w.Triggers, func(t *trigger) (bool, time.Time, string) {
			return t.EnvironmentID == e.ID && t.ServiceID == s.ID, t.CreatedAt, t.ID
		}), c.view.trigger)(args)
	},
	"deploymentEvents": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		all := []node{}
		for i, e := range c.view.w.events(d, c.view.now) {
			all = append(all, c.view.event(d, i, e))
		}
		return connection(all, func(n node) node { return n })(args)
	},
	"deploymentSnapshot": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "deploymentId"))
		if err != nil {
			return nil, err
		}
		return node{"id": deterministic("snapshot", d.ID), "variables": d.Shown, "createdAt": stamp(d.CreatedAt), "updatedAt": stamp(d.CreatedAt)}, nil
	},
	"regions": func(call, map[string]any) (any, error) {
		list := []any{}
		for _, r := range regionNames {
			list = append(list, node{"name": r, "location": r, "country": "-", "id": r, "region": r, "workspaceId": nil})
		}
		return list, nil
	},
	"workflowStatus": func(c call, args map[string]any) (any, error) {
		if c.view.w.Patches[argText(args, "workflowId")] == nil {
			return node{"status": "NotFound", "error": nil}, nil
		}
		return node{"status": "Complete", "error": nil}, nil
	},
	"projectTokens": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.view.w, argText(args, "projectId"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		return connection(sortedBy(c.view.w.Tokens, func(t *token) (bool, time.Time, string) {
			return t.Kind == tokenProject && t.ProjectID == p.ID, time.Time{}, t.ID
		}), func(t *token) node {
			return node{"id": t.ID, "name": t.Name, "displayToken": "****", "projectId": t.ProjectID, "environmentId": t.EnvironmentID, "createdAt": stamp(p.CreatedAt)}
		})(args)
	},
}

// regionNames are Railway's regions (FACTS §6.2).
var regionNames = []string{"us-west2", "us-east4-eqdc4a", "europe-west4-drams3a", "asia-southeast1-eqsg3a"}

// readable are a service's rendered variables as they may be read back.
func (w *world) readable(e *environment, serviceID string) map[string]string {
	return withoutSealed(w.rendered(e.open(), serviceID), sub(e.Config, "services", serviceID, "variables"))
}

func withoutSealed(all map[string]string, scope map[string]any) map[string]string {
	for name := range all {
		if variable, _ := scope[name].(map[string]any); variable["isSealed"] == true {
			delete(all, name)
		}
	}
	return all
}

func limits(c call, args map[string]any) (any, error) {
	e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
	if err != nil {
		return nil, err
	}
	containers := sub(e.Config, "services", s.ID, "deploy", "limitOverride", "containers")
	if containers == nil {
		containers = map[string]any{}
	}
	return map[string]any{"containers": containers}, nil
}

func available(c call, args map[string]any) (any, error) {
	host := argText(args, "domain")
	for _, d := range c.view.w.Domains {
		if d.Host == host && d.DeletedAt == nil {
			return node{"available": false, "message": "already in use"}, nil
		}
	}
	return node{"available": strings.Contains(host, "."), "message": ""}, nil
}

func deploymentList(c call, args map[string]any) (any, error) {
	input := sub(args, "input")
	if environmentID := argText(input, "environmentId"); environmentID != "" {
		if _, err := c.environment(c.view.w, environmentID); err != nil {
			return nil, err
		}
	}
	status := sub(input, "status")
	matches := func(d *deployment) bool {
		e := c.view.w.Environments[d.EnvironmentID]
		if e == nil {
			return false
		}
		if _, err := c.environment(c.view.w, e.ID); err != nil {
			return false
		}
		for key, value := range map[string]string{"environmentId": e.ID, "projectId": e.ProjectID, "serviceId": d.ServiceID} {
			if want := argText(input, key); want != "" && want != value {
				return false
			}
		}
		is, _ := c.view.w.status(d, c.view.now)
		if in, ok := status["in"].([]any); ok && !slices.Contains(in, any(is)) {
			return false
		}
		notIn, _ := status["notIn"].([]any)
		return !slices.Contains(notIn, any(is))
	}
	list := sortedBy(c.view.w.Deployments, func(d *deployment) (bool, time.Time, string) { return matches(d), d.CreatedAt, d.ID })
	slices.SortStableFunc(list, func(a, b *deployment) int { return b.Order - a.Order })
	return connection(list, c.view.deployment)(args)
}
