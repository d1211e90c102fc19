// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
)

// rollouts follows deployments to their end.
type rollouts struct {
	watch    *railway.Watch
	failures failureCache
}

// assessment is what the rollout of a service is judged by.
func assessment(p *pass, v *view, service desired.Service) rollout.Input {
	instance, _ := v.env.Instance(service.Name)
	return rollout.Input{
		Desired: service, Instance: instance, Commit: awaited(p, v, service.Name), ReadAt: v.readAt,
		HasSource: len(v.env.Config.Sub("services", instance.ServiceID, "source")) > 0, Synced: true,
	}
}

// awaited returns the last commit, or request to deploy, that starts a deployment of the service, so that it is awaited.
func awaited(p *pass, v *view, service string) *rollout.Commit {
	requested, last := p.journal.AcceptedAt(v1alpha1.WriteDeployment, service), p.journal.LastCommit()
	commits := last != nil && slices.Contains(last.Services, service)
	switch {
	case !requested.IsZero() && (!commits || requested.After(last.Time.Time)):
		return &rollout.Commit{At: requested}
	case !commits:
		return nil
	}
	commit := &rollout.Commit{At: last.Time.Time}
	if patch, ok := ownPatch(v.env, last.ID); ok {
		commit.PatchID, commit.At = patch.ID, patch.CreatedAt // by Railway's clock
	}
	return commit
}

// health is how the declared services are doing.
type health struct {
	finding status.Finding
	state   rollout.State
	// due is when the answer changes although Railway does not.
	due time.Time
}

// assess judges every declared service by the view, and fills in how they run.
func (r *rollouts) assess(ctx context.Context, p *pass, v *view, declared *desired.Environment) health {
	results := make([]rollout.Result, 0, len(declared.Services))
	p.facts.Services = nil
	for _, service := range declared.Services {
		in := assessment(p, v, service)
		result := rollout.Assess(in)
		if result.State == rollout.Failed && result.Deployment != nil {
			result = r.explain(ctx, p, declared, result)
		}
		results = append(results, result)
		p.facts.Services = append(p.facts.Services, describe(service, in.Instance, result.Deployment))
	}
	return judge(results)
}

// judge sums up the services: the worst one is told, and the others that are as bad.
func judge(results []rollout.Result) health {
	worst := results[0]
	h := health{}
	for _, result := range results {
		if weight[result.State] > weight[worst.State] {
			worst = result
		}
		if !result.Due.IsZero() && (h.due.IsZero() || result.Due.Before(h.due)) {
			h.due = result.Due
		}
	}
	var messages []string
	for _, result := range results {
		if result.State == worst.State {
			messages = append(messages, result.Service+": "+result.Message)
		}
	}
	h.state, h.finding = worst.State, status.Failed(worst.Reason, strings.Join(messages, "; "))
	if worst.State == rollout.Healthy {
		h.finding = status.Passed(strings.Join(messages, "; "))
	}
	return h
}

var weight = map[rollout.State]int{rollout.Healthy: 0, rollout.Progressing: 1, rollout.Failed: 2}

// outcome is how a pass over services in that state ends; nil when they are healthy.
func (h health) outcome(p *pass, watch *railway.Watch) *outcome {
	switch h.state {
	case rollout.Failed:
		return stalled(v1alpha1.ConditionHealthy, h.finding.Reason, h.finding.Message)
	case rollout.Progressing:
		watch.Hurry(p.key, p.now.Add(hurry))
		p.wakeAt(h.due)
		return progressing(h.finding.Reason, h.finding.Message, hurry-10*time.Second)
	default:
		return nil
	}
}

// describe fills a service's status.
func describe(service desired.Service, instance model.ServiceInstance, deployment *model.Deployment) v1alpha1.ServiceStatus {
	s := v1alpha1.ServiceStatus{Name: service.Name, ServiceID: instance.ServiceID, Replicas: service.Replicas, URL: urlOf(instance)}
	if deployment == nil {
		return s
	}
	s.DeploymentID, s.DeploymentStatus = deployment.ID, string(deployment.Status)
	runs := runsOn(instance)
	if runs == nil {
		return s
	}
	s.Revision, s.Image, s.Digest, s.Commit = rollout.Revision(runs.Meta), runs.Meta.Image, runs.Meta.Digest(), runs.Meta.CommitHash
	for state, count := range runs.Replicas {
		if state == "RUNNING" {
			s.ReadyReplicas = int32(count) //nolint:gosec // Railway allows 50 replicas (railway-api.md, "Service settings")
		}
		if service.Replicas == 0 {
			s.Replicas += int32(count) //nolint:gosec // as above
		}
	}
	return s
}

// urlOf is where the service is reached: a custom domain once Railway has verified it, else the generated one.
func urlOf(instance model.ServiceInstance) string {
	for _, domain := range instance.CustomDomains {
		if domain.Verified {
			return "https://" + domain.Host
		}
	}
	if len(instance.RailwayDomains) > 0 {
		return "https://" + instance.RailwayDomains[0].Host
	}
	return ""
}

// explain asks Railway once per deployment why it failed.
func (r *rollouts) explain(ctx context.Context, p *pass, declared *desired.Environment, result rollout.Result) rollout.Result {
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
		failure = failure.Map(declared.Redact) // as long as these values are known: they may be rotated
		r.failures.put(result.Deployment.ID, failure)
	}
	return result.Explain(failure, declared.Redact)
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
