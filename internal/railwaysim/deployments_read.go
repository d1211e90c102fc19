// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"strconv"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Deployments as they are read (railway-api.md, "Deployment meta", "Deployment status").

var deploymentQueries = map[string]query{
	"deployment": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		return c.view.deployment(d), nil
	},
	"deployments": deploymentList,
	"deploymentEvents": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "id"))
		if err != nil {
			return nil, err
		}
		all := []node{}
		for i, e := range c.view.w.events(d, c.view.now) {
			all = append(all, c.view.event(d, i, e))
		}
		return graphql.Connection(all, func(n node) node { return n })(args)
	},
	"deploymentSnapshot": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "deploymentId"))
		if err != nil {
			return nil, err
		}
		return node{"id": deterministic("snapshot", d.ID), "variables": d.Shown, "createdAt": stamp(d.CreatedAt), "updatedAt": stamp(d.CreatedAt)}, nil
	},
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
	list := sortedBy(all(c.view.w.Deployments), func(d *deployment) (bool, time.Time, string) { return matches(d), d.CreatedAt, d.ID })
	slices.SortStableFunc(list, func(a, b *deployment) int { return b.Order - a.Order })
	return graphql.Connection(list, c.view.deployment)(args)
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
		"meta": d.meta(v.w.HideDigests), "snapshotId": deterministic("snapshot", d.ID), "url": nil, "staticUrl": nil, "diagnosis": nil,
		"suggestAddServiceDomain": false, "instances": v.replicas(d, status), "creator": nil, "sockets": []any{},
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(e), nil }),
		"service":     lazy(func(map[string]any) (any, error) { return v.service(v.w.Services[d.ServiceID]), nil }),
	}
	if domains := v.w.domainsOf(d.EnvironmentID, d.ServiceID, false); len(domains) > 0 {
		n["url"], n["staticUrl"] = domains[0].Host, domains[0].Host
	}
	return n
}

// replicas are the deployment's replicas with their status (railway-api.md, "Deployment status").
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

// replicaCount follows the config while the deployment serves: replicas scale without a deployment
// (railway-api.md, "Config patches").
func (w *world) replicaCount(d *deployment, status string) int {
	e := w.Environments[d.EnvironmentID]
	if status == "SUCCESS" && e != nil && e.live(d.ServiceID) {
		return replicasOf(w.effective(deepCopy(sub(e.Config, "services", d.ServiceID))))
	}
	return d.Replicas
}

func (v view) event(d *deployment, i int, e event) node {
	n := node{
		"__typename": "DeploymentEvent", "id": deterministic(d.ID, "event", strconv.Itoa(i)), "step": e.step,
		"createdAt": stamp(e.at), "completedAt": nil, "payload": node{
			"error": optional(e.problem), "reason": nil, "skipped": nil, "attempt": nil, "detail": nil, "durationMs": nil, "maxAttempts": nil,
		},
	}
	if !e.done.After(v.now) {
		n["completedAt"] = stamp(e.done)
	}
	return n
}
