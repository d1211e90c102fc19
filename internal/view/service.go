// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

// Runs is what the service serves, as far as Railway tells.
func (v *View) Runs(service string) promotion.Running {
	instance, _ := v.Env.Instance(service)
	return madeFrom(serving(instance))
}

// Newest is what the deployment was made from that tells how the service is doing, whether it serves or not: what failed is to be
// named, too.
func (v *View) Newest(service string) promotion.Running {
	instance, _ := v.Env.Instance(service)
	return madeFrom(rollout.Current(instance))
}

func madeFrom(d *model.Deployment) promotion.Running {
	if d == nil {
		return promotion.Running{}
	}
	meta := d.Meta
	return promotion.Running{Image: meta.Image, Digest: meta.Digest(), Repo: meta.Repo, Branch: meta.Branch, Commit: meta.CommitHash}
}

// serving is the deployment that serves: the newest one, or an older one beside it. Nil when none does.
func serving(instance model.ServiceInstance) *model.Deployment {
	if instance.Latest != nil && instance.Latest.Status.Serving() {
		return instance.Latest
	}
	for i := range instance.Active {
		if instance.Active[i].Status.Serving() {
			return &instance.Active[i]
		}
	}
	return nil
}

// Subject names what runs: the deployments that tell how the declared services are doing.
func (v *View) Subject(declared *desired.Environment) string {
	var ids []string
	for _, service := range declared.Services {
		instance, _ := v.Env.Instance(service.Name)
		if d := rollout.Current(instance); d != nil {
			ids = append(ids, d.ID)
		}
	}
	return strings.Join(ids, ",")
}

// Rollout is what the rollout of a service is judged by. The journal knows which deployment is awaited.
func (v *View) Rollout(service desired.Service, j *journal.Journal) rollout.Input {
	instance, _ := v.Env.Instance(service.Name)
	return rollout.Input{
		Desired: service, Instance: instance, Commit: v.awaited(service.Name, j), ReadAt: v.ReadAt,
		HasSource: len(v.Env.Config.Sub("services", instance.ServiceID, "source")) > 0, Synced: true,
	}
}

// awaited returns the last commit, or request to deploy, that starts a deployment of the service, so that it is awaited.
func (v *View) awaited(service string, j *journal.Journal) *rollout.Commit {
	requested, last := j.AcceptedAt(v1alpha1.WriteDeployment, service), j.LastCommit()
	commits := last != nil && slices.Contains(last.Services, service)
	switch {
	case !requested.IsZero() && (!commits || requested.After(last.Time.Time)):
		return &rollout.Commit{At: requested}
	case !commits:
		return nil
	}
	commit := &rollout.Commit{At: last.Time.Time}
	if patch, ok := v.ownPatch(last.ID); ok {
		commit.PatchID, commit.At = patch.ID, patch.CreatedAt // by Railway's clock
	}
	return commit
}

// Service describes for the status how a service runs. deployment is the one that tells how it is doing, nil when there is none.
func (v *View) Service(service desired.Service, deployment *model.Deployment) v1alpha1.ServiceStatus {
	instance, _ := v.Env.Instance(service.Name)
	s := v1alpha1.ServiceStatus{Name: service.Name, ServiceID: instance.ServiceID, Replicas: service.Replicas, URL: urlOf(instance)}
	if deployment == nil {
		return s
	}
	s.DeploymentID, s.DeploymentStatus = deployment.ID, string(deployment.Status)
	runs := serving(instance)
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

// DeclaredNames are the names of the declared services, the engine first.
func DeclaredNames(spec *v1alpha1.EngineEnvironmentSpec) []string {
	names := []string{spec.Engine.Name}
	for i := range spec.Services {
		names = append(names, spec.Services[i].Name)
	}
	return names
}
