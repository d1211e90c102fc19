// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"strconv"
)

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
