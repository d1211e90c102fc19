// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// goneRetry is how soon to look again whether Railway has deleted what it was told to delete.
const goneRetry = 3 * time.Second

// finalize carries out the deletion policy and lets the object go.
func (p *pass) finalize(ctx context.Context) *Outcome {
	if !controllerutil.ContainsFinalizer(p.object, v1alpha1.Finalizer) {
		return &Outcome{Kind: outcomeGone}
	}
	if p.object.Spec.Tier == v1alpha1.TierLocal {
		return p.finalizeLocal(ctx)
	}
	if p.neverWrote() {
		return p.gone(ctx)
	}
	if p.object.Spec.EffectiveDeletionPolicy() == v1alpha1.DeletionPolicyRetain {
		p.event(normal, "Retained", "Delete", "deletionPolicy is Retain: everything stays on Railway")
		return p.gone(ctx)
	}
	holder, err := p.r.claimHolder(ctx, p.object)
	if err != nil {
		return failed(err)
	}
	if holder != nil { // it is the other object's environment
		return p.gone(ctx)
	}
	if out := p.r.connect(ctx, p); out != nil {
		out.Message += "; it is needed to delete what is on Railway: or set deletionPolicy to Retain"
		return out
	}
	return p.deleteFromRailway(ctx)
}

// neverWrote reports whether nothing of this object can be on Railway.
func (p *pass) neverWrote() bool {
	return p.object.Status.Railway == nil && p.object.Status.PendingWrite == nil
}

// gone removes the finalizer; the API server then deletes the object.
func (p *pass) gone(ctx context.Context) *Outcome {
	p.r.forget(p.key)
	if err := p.removeFinalizer(ctx); err != nil {
		return failed(err)
	}
	return &Outcome{Kind: outcomeGone}
}

// deleteFromRailway deletes the declared services, or the whole environment when the operator made it and it holds nothing
// else, and waits until Railway shows them no more.
func (p *pass) deleteFromRailway(ctx context.Context) *Outcome {
	ctx = railway.WithPriority(ctx, railway.Write)
	id, out := p.environmentToDelete(ctx)
	if out != nil {
		return out
	}
	if id == "" {
		p.event(normal, "Deleted", "Delete", "The Railway environment is deleted")
		return p.gone(ctx)
	}
	environment, err := p.client.Environment(ctx, p.object.Spec.Railway.ProjectID, id)
	if err != nil {
		return failed(err)
	}
	if p.ownsAll(environment) {
		if err := p.client.DeleteEnvironment(ctx, id); err != nil {
			return failed(err)
		}
		return progressing(v1alpha1.ReasonDeleting, "waits for Railway to delete the environment", goneRetry)
	}
	var left []string
	for _, name := range p.declaredNames() {
		if instance, found := environment.Instance(name); found {
			left = append(left, instance.ServiceID)
		}
	}
	if len(left) > 0 {
		if err := p.client.DeleteServices(ctx, id, left, "engine-operator: delete "+list(p.declaredNames())); err != nil {
			return failed(err)
		}
		return progressing(v1alpha1.ReasonDeleting, "waits for Railway to delete the services", goneRetry)
	}
	p.event(normal, "Retained", "Delete", "Deleted the declared services; the Railway environment stays, because it was there before or holds something else")
	return p.gone(ctx)
}

// environmentToDelete returns the id of the environment if the project still has it. Only the project's own list proves that
// something is gone (FACTS §11.10); a project token cannot list, and reads the environment instead.
func (p *pass) environmentToDelete(ctx context.Context) (string, *Outcome) {
	at := p.object.Status.Railway
	if p.client.Kind() == railway.TokenProject {
		if at == nil {
			return "", nil // a project token cannot have created an environment
		}
		return at.EnvironmentID, nil
	}
	project, out := p.project(ctx)
	if out != nil {
		return "", out
	}
	for _, environment := range project.Environments {
		if at != nil && environment.ID == at.EnvironmentID {
			return environment.ID, nil
		}
		if at == nil && environment.Name == p.object.Spec.RailwayEnvironment() {
			return environment.ID, nil // created, and the answer was lost
		}
	}
	if pending := p.object.Status.PendingWrite; at == nil && pending != nil {
		if wait := p.settlesIn(pending); wait > 0 {
			return "", progressing(v1alpha1.ReasonVerifyingWrite, "it is not known whether Railway created the environment", min(wait, unknownRetry))
		}
	}
	return "", nil
}

// ownsAll reports whether the environment was made by the operator and holds nothing that the spec does not declare.
func (p *pass) ownsAll(environment *model.Environment) bool {
	created := p.object.Status.Railway == nil || p.object.Status.Railway.Created
	if !created || environment.Volumes > 0 || p.client.Kind() == railway.TokenProject {
		return false
	}
	names := map[string]bool{}
	for _, name := range p.declaredNames() {
		names[name] = true
	}
	for _, service := range environment.Services {
		if !names[service.Name] && !environment.Bare(service) {
			return false
		}
	}
	return true
}

func (p *pass) declaredNames() []string {
	names := []string{p.object.Spec.Engine.Name}
	for i := range p.object.Spec.Services {
		names = append(names, p.object.Spec.Services[i].Name)
	}
	return names
}
