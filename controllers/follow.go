// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

// follow watches the deployments to their end and says how every declared service is doing.
func (r *Reconciler) follow(ctx context.Context, p *pass) *Outcome {
	results := make([]rollout.Result, 0, len(p.declared.Services))
	for _, service := range p.declared.Services {
		instance, _ := p.environment.Instance(service.Name)
		result := rollout.Assess(rollout.Input{
			Desired: service, Instance: instance, Commit: p.awaited(service.Name), Now: p.now,
		})
		if result.State == rollout.Failed && result.Deployment != nil {
			result = r.explain(ctx, p, result)
		}
		results = append(results, result)
	}
	p.describe(results)
	return p.judge(results)
}

// awaited returns the last commit when it touched the service, so that its deployment is awaited.
func (p *pass) awaited(service string) *rollout.Commit {
	last := p.object.Status.LastCommit
	if last == nil {
		return nil
	}
	for _, touched := range last.Services {
		if touched != service {
			continue
		}
		commit := &rollout.Commit{At: last.Time.Time}
		if patch, ok := ownPatch(p.environment, last.ID); ok {
			commit.PatchID, commit.At = patch.ID, patch.CreatedAt // by Railway's clock
		}
		return commit
	}
	return nil
}

// judge sums up the services: the worst one speaks, the others are named after it.
func (p *pass) judge(results []rollout.Result) *Outcome {
	worst := results[0]
	due := time.Time{}
	var messages []string
	for _, result := range results {
		if weight[result.State] > weight[worst.State] {
			worst = result
		}
		if !result.Due.IsZero() && (due.IsZero() || result.Due.Before(due)) {
			due = result.Due
		}
	}
	for _, result := range results {
		if result.State == worst.State {
			messages = append(messages, result.Service+": "+result.Message)
		}
	}
	message := strings.Join(messages, "; ")
	switch worst.State {
	case rollout.Failed:
		p.healthy = &verdict{reason: worst.Reason, message: message}
		out := stalled(v1alpha1.ConditionHealthy, worst.Reason, message)
		out.After = 0 // the watch wakes the object when a deployment changes
		return out
	case rollout.Progressing:
		p.healthy = &verdict{reason: worst.Reason, message: message}
		p.r.Watch.Hurry(p.key, p.now.Add(hurry))
		return progressing(worst.Reason, message, p.until(due))
	default:
		p.healthy = passed(message)
		p.r.Watch.Hurry(p.key, time.Time{})
		return nil
	}
}

var weight = map[rollout.State]int{rollout.Healthy: 0, rollout.Progressing: 1, rollout.Failed: 2}

// until is when to look again while something is under way: when it is due, and before the hurry ends.
func (p *pass) until(due time.Time) time.Duration {
	wait := hurry - 10*time.Second
	if !due.IsZero() {
		wait = min(wait, due.Sub(p.now))
	}
	return max(wait, time.Second)
}

// describe fills the services' status.
func (p *pass) describe(results []rollout.Result) {
	all := make([]v1alpha1.ServiceStatus, 0, len(results))
	for i, result := range results {
		service := p.declared.Services[i]
		instance, _ := p.environment.Instance(service.Name)
		all = append(all, serviceStatus(service.Name, service.Replicas, instance, result.Deployment))
	}
	p.object.Status.Engine = &all[0]
	p.object.Status.Services = all[1:]
	if len(all) == 1 {
		p.object.Status.Services = nil
	}
}

func serviceStatus(name string, replicas int32, instance model.ServiceInstance, deployment *model.Deployment) v1alpha1.ServiceStatus {
	status := v1alpha1.ServiceStatus{Name: name, ServiceID: instance.ServiceID, Replicas: replicas}
	for _, domains := range [][]model.Domain{instance.CustomDomains, instance.RailwayDomains} {
		if len(domains) > 0 {
			status.URL = "https://" + domains[0].Host
			break
		}
	}
	if deployment == nil {
		return status
	}
	status.DeploymentID, status.DeploymentStatus = deployment.ID, string(deployment.Status)
	runs := runsOn(instance, deployment)
	if runs == nil {
		return status
	}
	status.Revision, status.Image, status.Commit = rollout.Revision(runs.Meta), runs.Meta.Image, runs.Meta.CommitHash
	for state, count := range runs.Replicas {
		if state == "RUNNING" {
			status.ReadyReplicas = int32(count) //nolint:gosec // Railway allows 50 replicas (FACTS §6.2)
		}
		if replicas == 0 {
			status.Replicas += int32(count) //nolint:gosec // as above
		}
	}
	return status
}

// runsOn is the deployment that serves: the newest one, or an older one beside it. Nil when none does.
func runsOn(instance model.ServiceInstance, newest *model.Deployment) *model.Deployment {
	if newest.Status.Serving() {
		return newest
	}
	for i := range instance.Active {
		if instance.Active[i].Status.Serving() {
			return &instance.Active[i]
		}
	}
	return nil
}

// explain asks Railway once per deployment why it failed.
func (r *Reconciler) explain(ctx context.Context, p *pass, result rollout.Result) rollout.Result {
	switch result.Deployment.Status {
	case model.DeploymentFailed, model.DeploymentCrashed:
	default:
		return result
	}
	failure, known := r.failures.get(result.Deployment.ID)
	if !known {
		var err error
		failure, err = p.client.Failure(railway.WithPriority(ctx, railway.Rollout), result.Deployment.ID)
		if err != nil {
			return result // the status says that it failed; why is a courtesy
		}
		failure = failure.Map(p.declared.Redact) // as long as these values are known: they may be rotated
		r.failures.put(result.Deployment.ID, failure)
	}
	return result.Explain(failure, p.declared.Redact)
}

// failureCache remembers why deployments failed, so that Railway is asked once.
type failureCache struct {
	mu    sync.Mutex
	known map[string]model.Failure
}

// failuresAtMost bounds the cache; it starts anew when full.
const failuresAtMost = 512

func (c *failureCache) get(id string) (model.Failure, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failure, ok := c.known[id]
	return failure, ok
}

func (c *failureCache) put(id string, failure model.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= failuresAtMost {
		c.known = map[string]model.Failure{}
	}
	c.known[id] = failure
}
