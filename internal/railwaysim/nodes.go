// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/base64"
	"strconv"
	"time"
)

// view builds the objects that resolvers return, from one version of the world.
type view struct {
	w   *world
	now time.Time
}

// connection pages over a list as Relay does.
func connection[T any](items []T, describe func(T) node) lazy {
	return func(args map[string]any) (any, error) {
		start, end := 0, len(items)
		if after, ok := decodeCursor(args["after"]); ok {
			start = min(after+1, end)
		}
		if before, ok := decodeCursor(args["before"]); ok {
			end = max(min(before, end), start)
		}
		hasNext, hasPrevious := end < len(items), start > 0
		if first, ok := number(args["first"]); ok && start+first < end {
			end, hasNext = start+first, true
		}
		if last, ok := number(args["last"]); ok && end-last > start {
			start, hasPrevious = end-last, true
		}
		edges := []any{}
		for i := start; i < end; i++ {
			edges = append(edges, node{"cursor": cursor(i), "node": describe(items[i])})
		}
		page := node{"hasNextPage": hasNext, "hasPreviousPage": hasPrevious, "startCursor": nil, "endCursor": nil}
		if len(edges) > 0 {
			page["startCursor"], page["endCursor"] = cursor(start), cursor(end-1)
		}
		return node{"edges": edges, "pageInfo": page}, nil
	}
}

func cursor(i int) string { return base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(i))) }

func decodeCursor(value any) (int, bool) {
	encoded, _ := value.(string)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || encoded == "" {
		return 0, false
	}
	i, err := strconv.Atoi(string(raw))
	return i, err == nil
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
	environments := v.w.environmentsOf(p.ID)
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
			return e != nil && e.ProjectID == p.ID, d.CreatedAt, d.ID
		}), v.deployment),
		"deploymentTriggers": connection(sortedBy(v.w.Triggers, func(t *trigger) (bool, time.Time, string) {
			e := v.w.Environments[t.EnvironmentID]
			return e != nil && e.ProjectID == p.ID, t.CreatedAt, t.ID
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
			if source := v.w.Environments[e.SourceID]; source != nil {
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
	for _, e := range v.w.environmentsOf(s.ProjectID) {
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
			return d.ServiceID == s.ID, d.CreatedAt, d.ID
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

func (v view) domains(environmentID, serviceID string) node {
	own, custom := []any{}, []any{}
	for _, d := range v.w.domainsOf(environmentID, serviceID, false) {
		own = append(own, v.serviceDomain(d))
	}
	for _, d := range v.w.domainsOf(environmentID, serviceID, true) {
		custom = append(custom, v.customDomain(d))
	}
	return node{"serviceDomains": own, "customDomains": custom}
}

func (v view) domain(d *domain) node {
	n := node{
		"id": d.ID, "domain": d.Host, "environmentId": d.EnvironmentID, "serviceId": d.ServiceID, "projectId": nil, "targetPort": nil,
		"createdAt": stamp(d.CreatedAt), "updatedAt": stamp(d.CreatedAt), "deletedAt": optionalStamp(d.DeletedAt),
		"syncStatus": "ACTIVE", "edgeId": nil, "cdnMode": nil,
	}
	if d.Port != nil {
		n["targetPort"] = *d.Port
	}
	if e := v.w.Environments[d.EnvironmentID]; e != nil {
		n["projectId"] = e.ProjectID
	}
	return n
}

func (v view) serviceDomain(d *domain) node {
	n := v.domain(d)
	n["__typename"], n["suffix"] = "ServiceDomain", railwaySuffix
	return n
}

func (v view) customDomain(d *domain) node {
	n := v.domain(d)
	n["__typename"], n["isRailwayPurchased"] = "CustomDomain", false
	n["status"] = node{
		"certificateStatus": "CERTIFICATE_STATUS_TYPE_VALID", "verified": true, "certificates": nil,
		"dnsRecords": []any{node{
			"currentValue": "", "fqdn": d.Host, "hostlabel": d.Host, "purpose": "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE",
			"recordType": "DNS_RECORD_TYPE_CNAME", "requiredValue": deterministic(d.ID)[:8] + "." + railwaySuffix,
			"status": "DNS_RECORD_STATUS_PROPAGATED", "zone": d.Host,
		}},
	}
	return n
}

func (v view) proxy(p *proxy) node {
	return node{
		"__typename": "TCPProxy", "id": p.ID, "applicationPort": p.ApplicationPort, "proxyPort": p.ProxyPort,
		"domain": "proxy.rlwy.net", "environmentId": p.EnvironmentID, "serviceId": p.ServiceID, "syncStatus": "ACTIVE",
		"createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt), "deletedAt": optionalStamp(p.DeletedAt),
	}
}

func (v view) volume(x *volume) node {
	list := []node{}
	for _, id := range sortedKeys(x.Instances) {
		if x.Instances[id].DeletedAt == nil {
			list = append(list, v.volumeInstance(x, id))
		}
	}
	return node{
		"__typename": "Volume", "id": x.ID, "name": x.Name, "projectId": x.ProjectID, "createdAt": stamp(x.CreatedAt),
		"project":         lazy(func(map[string]any) (any, error) { return v.project(v.w.Projects[x.ProjectID]), nil }),
		"volumeInstances": connection(list, func(n node) node { return n }),
	}
}

func (v view) volumeInstance(x *volume, environmentID string) node {
	i := x.Instances[environmentID]
	return node{
		"__typename": "VolumeInstance", "id": i.ID, "volumeId": x.ID, "environmentId": environmentID, "serviceId": optional(i.ServiceID),
		"mountPath": i.MountPath, "region": optional(i.Region), "sizeMB": 5000, "currentSizeMB": 0.0, "state": "READY",
		"isPendingDeletion": false, "createdAt": stamp(i.CreatedAt), "deletedAt": optionalStamp(i.DeletedAt), "externalId": nil,
		"volume":      lazy(func(map[string]any) (any, error) { return v.volume(x), nil }),
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(v.w.Environments[environmentID]), nil }),
		"service": lazy(func(map[string]any) (any, error) {
			if s := v.w.Services[i.ServiceID]; s != nil {
				return v.service(s), nil
			}
			return nil, nil
		}),
	}
}

func (v view) volumeInstances(e *environment) []node {
	list := []node{}
	for _, id := range sortedKeys(v.w.Volumes) {
		x := v.w.Volumes[id]
		if i := x.Instances[e.ID]; i != nil && i.DeletedAt == nil && x.DeletedAt == nil {
			list = append(list, v.volumeInstance(x, e.ID))
		}
	}
	return list
}

func (v view) trigger(t *trigger) node {
	projectID := ""
	if e := v.w.Environments[t.EnvironmentID]; e != nil {
		projectID = e.ProjectID
	}
	return node{
		"__typename": "DeploymentTrigger", "id": t.ID, "environmentId": t.EnvironmentID, "serviceId": t.ServiceID, "projectId": projectID,
		"provider": t.Provider, "repository": t.Repository, "branch": t.Branch, "checkSuites": t.CheckSuites, "validCheckSuites": 0,
		"baseEnvironmentOverrideId": nil,
	}
}

func (v view) deployment(d *deployment) node {
	status, since := v.w.status(d, v.now)
	projectID := ""
	e := v.w.Environments[d.EnvironmentID]
	if e != nil {
		projectID = e.ProjectID
	}
	_, serves := d.servesFrom()
	n := node{
		"__typename": "Deployment", "id": d.ID, "projectId": projectID, "environmentId": d.EnvironmentID, "serviceId": d.ServiceID,
		"status": status, "statusUpdatedAt": stamp(since), "createdAt": stamp(d.CreatedAt), "updatedAt": stamp(since),
		"canRedeploy": !inProgress(status), "canRollback": serves && !inProgress(status), "deploymentStopped": d.StoppedAt != nil,
		"meta": d.meta(), "snapshotId": deterministic("snapshot", d.ID), "url": nil, "staticUrl": nil, "diagnosis": nil,
		"suggestAddServiceDomain": false, "instances": v.replicas(d, status), "creator": nil, "sockets": []any{},
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(e), nil }),
		"service":     lazy(func(map[string]any) (any, error) { return v.service(v.w.Services[d.ServiceID]), nil }),
	}
	if domains := v.w.domainsOf(d.EnvironmentID, d.ServiceID, false); len(domains) > 0 {
		n["url"], n["staticUrl"] = domains[0].Host, domains[0].Host
	}
	return n
}

// replicas are the deployment's replicas with their status (FACTS §6.1).
func (v view) replicas(d *deployment, status string) []any {
	state := map[string]string{
		"SUCCESS": "RUNNING", "SLEEPING": "STOPPED", "CRASHED": "CRASHED", "DEPLOYING": "INITIALIZING",
		"REMOVING": "REMOVING", "REMOVED": "REMOVED",
	}[status]
	list := []any{}
	if state == "" {
		return list
	}
	if d.StoppedAt != nil {
		state = "EXITED"
	}
	for i := range v.w.replicaCount(d, status) {
		list = append(list, node{"id": deterministic(d.ID, strconv.Itoa(i)), "status": state})
	}
	return list
}

// replicaCount follows the config while the deployment serves: replicas scale without a deployment (FACTS §4.2).
func (w *world) replicaCount(d *deployment, status string) int {
	e := w.Environments[d.EnvironmentID]
	if status == "SUCCESS" && e != nil && e.live(d.ServiceID) {
		return replicasOf(effective(deepCopy(sub(e.Config, "services", d.ServiceID))))
	}
	return d.Replicas
}

func (v view) patch(p *patch) node {
	n := node{
		"__typename": "EnvironmentPatch", "id": p.ID, "environmentId": p.EnvironmentID, "status": "COMMITTED", "message": optional(p.Message),
		"lastAppliedError": optional(p.Error), "appliedAt": stamp(p.CreatedAt), "createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt),
		"appliedBy":   nil,
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(v.w.Environments[p.EnvironmentID]), nil }),
		"patch":       lazy(func(args map[string]any) (any, error) { return shownPatch(p.Patch, args), nil }),
	}
	if u := v.w.Users[p.AppliedBy]; u != nil {
		n["appliedBy"] = node{"id": u.ID, "name": u.Name, "username": u.Name, "email": u.Email, "avatar": nil}
	}
	return n
}

func shownPatch(p map[string]any, args map[string]any) map[string]any {
	if args["decryptVariables"] != true {
		return masked(p)
	}
	shown := deepCopy(p)
	dropSealedValues(shown)
	return shown
}

// staged is the staging area: never null, and an empty placeholder while nothing is staged (FACTS §3.3).
func (v view) staged(e *environment) node {
	id := "<empty>"
	if len(e.Staged) > 0 {
		id = e.StagedID
	}
	return node{
		"__typename": "EnvironmentPatch", "id": id, "environmentId": e.ID, "status": "STAGED", "message": nil, "lastAppliedError": nil,
		"appliedAt": nil, "appliedBy": nil, "createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt),
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(e), nil }),
		"patch": lazy(func(args map[string]any) (any, error) {
			if e.Staged == nil {
				return map[string]any{}, nil
			}
			return shownPatch(e.Staged, args), nil
		}),
	}
}

func (v view) event(d *deployment, i int, e event) node {
	n := node{
		"__typename": "DeploymentEvent", "id": deterministic(d.ID, "event", strconv.Itoa(i)), "step": e.step,
		"createdAt": stamp(e.at), "completedAt": nil, "payload": node{"error": optional(e.problem), "reason": nil, "skipped": nil, "attempt": nil, "detail": nil, "durationMs": nil, "maxAttempts": nil},
	}
	if !e.done.After(v.now) {
		n["completedAt"] = stamp(e.done)
	}
	return n
}
