// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"time"
)

// view builds the objects that resolvers return, from one version of the world.
type view struct {
	w     *world
	now   time.Time
	token *token
}

// environments lists the project's environments that the token reaches: a project token reaches one (FACTS §1.2).
func (v view) environments(projectID string) []*environment {
	return slices.DeleteFunc(v.w.environmentsOf(projectID), func(e *environment) bool { return !v.reaches(e.ID) })
}

func (v view) reaches(environmentID string) bool {
	return v.token.Kind != tokenProject || v.token.EnvironmentID == environmentID
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func optionalStamp(t *time.Time) any {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

func optional(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func (v view) workspace(ws *workspace) node {
	return node{
		"__typename": "Workspace", "id": ws.ID, "name": ws.Name, "plan": workspacePlan(ws.Plan),
		"createdAt": stamp(ws.CreatedAt), "updatedAt": stamp(ws.CreatedAt),
		"projects": connection(sortedBy(v.w.Projects, func(p *project) (bool, time.Time, string) {
			return p.WorkspaceID == ws.ID && p.DeletedAt == nil, p.CreatedAt, p.ID
		}), v.project),
	}
}

func workspacePlan(plan string) string {
	switch plan {
	case "Free":
		return "FREE"
	case "Hobby":
		return "HOBBY"
	default:
		return "PRO"
	}
}

func (v view) project(p *project) node {
	environments := v.environments(p.ID)
	n := node{
		"__typename": "Project", "id": p.ID, "name": p.Name, "description": optional(p.Description),
		"createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt), "deletedAt": optionalStamp(p.DeletedAt),
		"isPublic": false, "isTempProject": false, "prDeploys": p.PRDeploys, "botPrEnvironments": false, "focusedPrEnvironments": false,
		"workspaceId": p.WorkspaceID, "subscriptionType": "pro", "baseEnvironmentId": nil, "primaryEnvironmentId": nil,
		"environments": connection(environments, v.environment),
		"services":     connection(v.w.servicesOf(p.ID), v.service),
		"volumes": connection(sortedBy(v.w.Volumes, func(x *volume) (bool, time.Time, string) {
			return x.ProjectID == p.ID && x.DeletedAt == nil, x.CreatedAt, x.ID
		}), v.volume),
		"deployments": connection(sortedBy(v.w.Deployments, func(d *deployment) (bool, time.Time, string) {
			e := v.w.Environments[d.EnvironmentID]
			return e != nil && e.ProjectID == p.ID && v.reaches(e.ID), d.CreatedAt, d.ID
		}), v.deployment),
		"deploymentTriggers": connection(sortedBy(v.w.Triggers, func(t *trigger) (bool, time.Time, string) {
			e := v.w.Environments[t.EnvironmentID]
			return e != nil && e.ProjectID == p.ID && v.reaches(e.ID), t.CreatedAt, t.ID
		}), v.trigger),
		"workspace": lazy(func(map[string]any) (any, error) { return v.workspace(v.w.Workspaces[p.WorkspaceID]), nil }),
	}
	if len(environments) > 0 {
		n["baseEnvironmentId"], n["primaryEnvironmentId"] = environments[0].ID, environments[0].ID
		n["baseEnvironment"] = lazy(func(map[string]any) (any, error) { return v.environment(environments[0]), nil })
	}
	if ws := v.w.Workspaces[p.WorkspaceID]; ws != nil && ws.Plan != "Pro" {
		n["subscriptionType"] = map[string]string{"Free": "free", "Hobby": "hobby"}[ws.Plan]
	}
	return n
}

func (v view) environment(e *environment) node {
	return node{
		"__typename": "Environment", "id": e.ID, "name": e.Name, "projectId": e.ProjectID, "canAccess": true, "isEphemeral": e.Ephemeral,
		"createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt), "deletedAt": optionalStamp(e.DeletedAt),
		"unmergedChangesCount": len(e.Staged), "canvasGroupRefs": node{}, "configEtag": etag(v.w.shown(e, false)),
		"config": lazy(func(args map[string]any) (any, error) {
			return v.w.shown(e, args["decryptVariables"] == true), nil
		}),
		"variables":        connection(v.variables(e), func(n node) node { return n }),
		"serviceInstances": connection(v.instances(e), func(i instanceOf) node { return v.instance(e, i.serviceID) }),
		"volumeInstances":  connection(v.volumeInstances(e), func(n node) node { return n }),
		"deployments":      connection(v.w.deploymentsOf(e.ID, ""), v.deployment),
		"deploymentTriggers": connection(sortedBy(v.w.Triggers, func(t *trigger) (bool, time.Time, string) {
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

// variables lists the variables of every scope, without values (FACTS §3.1).
func (v view) variables(e *environment) []node {
	list := []node{}
	add := func(serviceID string, variables map[string]any) {
		for _, name := range keys(variables) {
			variable, _ := variables[name].(map[string]any)
			list = append(list, node{
				"__typename": "Variable", "id": deterministic(e.ID, serviceID, name), "name": name, "serviceId": optional(serviceID),
				"environmentId": e.ID, "isSealed": variable["isSealed"] == true, "references": references(variable),
				"createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt),
				"environment": lazy(func(map[string]any) (any, error) { return v.environment(e), nil }),
			})
		}
	}
	add("", sub(e.Config, "sharedVariables"))
	for _, id := range keys(sub(e.Config, "services")) {
		if e.live(id) {
			add(id, sub(e.Config, "services", id, "variables"))
		}
	}
	return list
}

func references(variable map[string]any) []any {
	list := []any{}
	value, _ := variable["value"].(string)
	for _, match := range reference.FindAllStringSubmatch(value, -1) {
		list = append(list, match[1])
	}
	return list
}

type instanceOf struct{ serviceID string }

func (v view) instances(e *environment) []instanceOf {
	list := []instanceOf{}
	for _, s := range v.w.servicesOf(e.ProjectID) {
		if e.live(s.ID) {
			list = append(list, instanceOf{s.ID})
		}
	}
	return list
}

func (v view) service(s *service) node {
	var in []*environment
	for _, e := range v.environments(s.ProjectID) {
		if e.live(s.ID) {
			in = append(in, e)
		}
	}
	return node{
		"__typename": "Service", "id": s.ID, "name": s.Name, "icon": optional(s.Icon), "projectId": s.ProjectID,
		"createdAt": stamp(s.CreatedAt), "updatedAt": stamp(s.CreatedAt), "deletedAt": optionalStamp(s.DeletedAt),
		"project":          lazy(func(map[string]any) (any, error) { return v.project(v.w.Projects[s.ProjectID]), nil }),
		"serviceInstances": connection(in, func(e *environment) node { return v.instance(e, s.ID) }),
		"deployments": connection(sortedBy(v.w.Deployments, func(d *deployment) (bool, time.Time, string) {
			return d.ServiceID == s.ID && v.reaches(d.EnvironmentID), d.CreatedAt, d.ID
		}), v.deployment),
	}
}

func (v view) instance(e *environment, serviceID string) node {
	s, i := v.w.Services[serviceID], e.Instances[serviceID]
	config := effective(deepCopy(sub(e.Config, "services", serviceID)))
	deploy, build, source := sub(config, "deploy"), sub(config, "build"), sub(config, "source")
	n := node{
		"__typename": "ServiceInstance", "id": i.ID, "serviceId": serviceID, "serviceName": s.Name, "environmentId": e.ID,
		"createdAt": stamp(i.CreatedAt), "updatedAt": stamp(i.UpdatedAt), "deletedAt": optionalStamp(i.DeletedAt), "isUpdatable": true,
		"railwayConfigFile": optional(text(config, "configFile")), "watchPatterns": listOf(build["watchPatterns"]),
		"builder": build["builder"], "buildCommand": build["buildCommand"], "dockerfilePath": build["dockerfilePath"],
		"nixpacksPlan": build["nixpacksPlan"], "rootDirectory": source["rootDirectory"], "upstreamUrl": source["upstreamUrl"],
		"startCommand": deploy["startCommand"], "preDeployCommand": deploy["preDeployCommand"], "cronSchedule": deploy["cronSchedule"],
		"healthcheckPath": deploy["healthcheckPath"], "healthcheckTimeout": deploy["healthcheckTimeout"],
		"restartPolicyType": deploy["restartPolicyType"], "restartPolicyMaxRetries": deploy["restartPolicyMaxRetries"],
		"sleepApplication": deploy["sleepApplication"], "overlapSeconds": deploy["overlapSeconds"],
		"drainingSeconds": deploy["drainingSeconds"], "ipv6EgressEnabled": deploy["ipv6EgressEnabled"],
		"numReplicas": replicasOf(config), "region": onlyRegion(deploy), "source": nil,
		"service": lazy(func(map[string]any) (any, error) { return v.service(s), nil }),
		"domains": lazy(func(map[string]any) (any, error) { return v.domains(e.ID, serviceID), nil }),
		"latestDeployment": lazy(func(map[string]any) (any, error) {
			if all := v.w.deploymentsOf(e.ID, serviceID); len(all) > 0 {
				return v.deployment(all[0]), nil
			}
			return nil, nil
		}),
		"activeDeployments": lazy(func(map[string]any) (any, error) {
			list := []any{}
			for _, d := range v.w.active(e.ID, serviceID, v.now) {
				list = append(list, v.deployment(d))
			}
			return list, nil
		}),
	}
	if source["image"] != nil || source["repo"] != nil {
		n["source"] = node{"image": source["image"], "repo": source["repo"]}
	}
	return n
}

func listOf(value any) any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{}
}

// onlyRegion is the region of a service that runs in one.
func onlyRegion(deploy map[string]any) any {
	regions := sub(deploy, "multiRegionConfig")
	if len(regions) != 1 {
		return nil
	}
	return keys(regions)[0]
}
