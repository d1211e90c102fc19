// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// finalizer carries out the deletion policy of objects that are deleted.
type finalizer struct {
	store  store
	reader reader
	local  local
	settle time.Duration
	// forget drops all that is kept about an object that is gone.
	forget func(key string)
}

// goneRetry is how soon to read again whether Railway has deleted what it was told to delete.
const goneRetry = 3 * time.Second

// finalize carries out the deletion policy and lets the object go.
func (f finalizer) finalize(ctx context.Context, p *pass) *outcome.Outcome {
	switch {
	case !controllerutil.ContainsFinalizer(p.object, v1alpha1.Finalizer):
		return &outcome.Outcome{Gone: true}
	case p.object.Spec.Tier == v1alpha1.TierLocal:
		return f.local.finalize(ctx, p, f.letGo)
	case p.object.Status.Railway == nil && p.journal.Pending() == nil: // nothing of this object can be on Railway
		return f.letGo(ctx, p)
	case p.object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyObserve:
		return f.leave(ctx, p, "Retained", "writePolicy is Observe: everything stays on Railway")
	case p.object.Spec.EffectiveDeletionPolicy() == v1alpha1.DeletionPolicyRetain:
		return f.leave(ctx, p, "Retained", "deletionPolicy is Retain: everything stays on Railway")
	}
	rival, _, err := f.store.Rival(ctx, p.object)
	if err != nil {
		return outcome.Failed(err)
	}
	if rival != nil { // what another object claims is not deleted
		return f.leave(ctx, p, "Retained",
			fmt.Sprintf("EngineEnvironment %s claims the Railway environment: everything stays on Railway", client.ObjectKeyFromObject(rival)))
	}
	if out := f.reader.connect(ctx, p); out != nil {
		if out = f.withoutToken(ctx, p, out); out != nil {
			return out
		}
	}
	return wayOut(p, f.deleteFromRailway(ctx, p))
}

// letGo removes the finalizer and ends all work for the object. While the finalizer stays, so does what is kept: the token that served last
// may be the only one.
func (f finalizer) letGo(ctx context.Context, p *pass) *outcome.Outcome {
	out := f.store.letGo(ctx, p)
	if out.Gone {
		f.forget(p.key)
	}
	return out
}

// leave is letGo that tells what becomes of Railway, once it is decided: until the finalizer is gone, somebody may edit the policy.
func (f finalizer) leave(ctx context.Context, p *pass, reason, message string) *outcome.Outcome {
	out := f.letGo(ctx, p)
	if out.Gone {
		p.event(normal, reason, "Delete", "%s", message)
	}
	return out
}

// withoutToken goes on when the token's Secret went away together with the object: with the token that served last, or, when
// Railway has accepted the deletion before, without another one.
func (f finalizer) withoutToken(ctx context.Context, p *pass, out *outcome.Outcome) *outcome.Outcome {
	if p.client = f.reader.tokens.LastOf(p.key); p.client != nil {
		return nil
	}
	if p.journal.DeletionAccepted() {
		return f.leave(ctx, p, "Deleted", "Railway has accepted the deletion; the token to watch it with is gone")
	}
	return wayOut(p, out)
}

// wayOut adds to a deletion that cannot go on how to end it without Railway: its project, environment or token may be gone for good.
func wayOut(p *pass, out *outcome.Outcome) *outcome.Outcome {
	if out.Kind == status.Stalled || out.Reason == v1alpha1.ReasonRailwayUnavailable {
		out.Message = fmt.Sprintf("the deletion waits. To leave what is on Railway: kubectl patch eenv -n %s %s --type merge "+
			"-p '{\"spec\":{\"deletionPolicy\":\"Retain\"}}' (%s)", p.object.Namespace, p.object.Name, out.Message)
	}
	return out
}

// deleteFromRailway deletes the declared services, or the whole environment when the operator made it and it holds nothing
// else, and waits until Railway shows them no more. Reads lag behind writes: what Railway has accepted is not sent again until then.
func (f finalizer) deleteFromRailway(ctx context.Context, p *pass) *outcome.Outcome {
	ctx = railway.WithPriority(ctx, railway.Write)
	id, out := f.environmentToDelete(ctx, p)
	if out != nil {
		return out
	}
	if id == "" {
		return f.leave(ctx, p, "Deleted", "The Railway environment is deleted")
	}
	environment, err := p.client.Environment(ctx, p.object.Spec.Railway.ProjectID, id)
	if err != nil {
		return p.rejected(ctx, err)
	}
	if seeForeign(p, view.Of(environment, p.now, p.journal.ServiceIDs())); disputed(p) {
		return f.leave(ctx, p, "Retained", "An operator in another cluster writes to the environment: everything stays on Railway")
	}
	environment = environment.Named(p.journal.ServiceIDs())
	all := made(p) && view.HoldsOnly(environment, view.DeclaredNames(&p.object.Spec))
	services, names := servicesToDelete(p, environment)
	wait := p.journal.SinceLastWrite(p.now)
	switch {
	case !all && len(services) == 0 && wait > 0:
		return notShown(wait)
	case !all && len(services) == 0:
		return f.leave(ctx, p, "Retained", "Deleted the declared services; the Railway environment stays, because it was there before or holds something else")
	case p.journal.DeletionSince(p.now) < f.settle:
		return outcome.Progressing(v1alpha1.ReasonDeleting, "waits for Railway to show the deletion", goneRetry)
	case all:
		err = p.client.DeleteEnvironment(ctx, id)
	default:
		err = p.client.DeleteServices(ctx, id, services, "engine-operator: delete "+status.List(names))
	}
	if err != nil {
		return p.rejected(ctx, err)
	}
	p.journal.Deleting(metav1.NewTime(p.now))
	return outcome.Progressing(v1alpha1.ReasonDeleting, "waits for Railway to show the deletion", goneRetry)
}

// servicesToDelete are the ids and names of the declared services that the environment still has.
func servicesToDelete(p *pass, environment *model.Environment) (ids, names []string) {
	for _, name := range view.DeclaredNames(&p.object.Spec) {
		if instance, found := environment.Instance(name); found {
			ids, names = append(ids, instance.ServiceID), append(names, name)
		}
	}
	return ids, names
}

// environmentToDelete returns the id of the environment if the project still has it. Only the project's own list proves that
// something is gone (railway-api.md, "Errors"); a project token cannot list, and reads the environment instead.
func (f finalizer) environmentToDelete(ctx context.Context, p *pass) (string, *outcome.Outcome) {
	at := p.object.Status.Railway
	if p.client.Kind() == railway.TokenProject {
		if at == nil {
			return "", nil // a project token cannot have created an environment
		}
		return at.EnvironmentID, nil
	}
	project, out := p.readProject(ctx)
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
	if wait := p.journal.SinceLastWrite(p.now); wait > 0 && !p.journal.DeletionAccepted() {
		return "", notShown(wait)
	}
	return "", nil
}

// notShown keeps a deletion from ending while reads may not show yet what was created last: it would stay on Railway for good.
func notShown(wait time.Duration) *outcome.Outcome {
	return outcome.Progressing(v1alpha1.ReasonVerifyingWrite, "waits until Railway must show what was created last, to delete it, too", min(wait, outcome.UnknownRetry))
}

// made reports whether the operator made the environment. A project token cannot have.
func made(p *pass) bool {
	at := p.object.Status.Railway
	return (at == nil || at.Created) && p.client.Kind() != railway.TokenProject
}
