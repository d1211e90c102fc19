// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

// labelOwner marks the ControllerRevisions of an object.
const labelOwner = "railway.engine-operator.dev/engine-environment"

// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;delete

// revision is the part of a spec that a rollback puts back. Values from Secrets are not in it: the spec only names them.
type revision struct {
	Settings        *v1alpha1.Settings   `json:"settings,omitempty"`
	Engine          v1alpha1.Engine      `json:"engine"`
	Services        []v1alpha1.Companion `json:"services,omitempty"`
	SharedVariables []v1alpha1.Variable  `json:"sharedVariables,omitempty"`
}

func revisionOfSpec(spec *v1alpha1.EngineEnvironmentSpec) revision {
	return revision{Settings: spec.Settings, Engine: spec.Engine, Services: spec.Services, SharedVariables: spec.SharedVariables}
}

// applyTo is the spec with the revision's part in place of its own.
func (v revision) applyTo(spec *v1alpha1.EngineEnvironmentSpec) *v1alpha1.EngineEnvironmentSpec {
	spec = spec.DeepCopy()
	spec.Settings, spec.Engine, spec.Services, spec.SharedVariables = v.Settings, v.Engine, v.Services, v.SharedVariables
	return spec
}

// pinned is what counts with the commit that runs, so that two commits of a branch are two revisions.
func (p *pass) pinned() *v1alpha1.EngineEnvironmentSpec {
	source := p.spec.Engine.Source
	instance, _ := p.environment.Instance(p.spec.Engine.Name)
	if source == nil || source.Repo == "" || source.Commit != "" || instance.Latest == nil || instance.Latest.Meta.CommitHash == "" {
		return p.spec
	}
	spec := p.spec.DeepCopy()
	spec.Engine.Source.Commit = instance.Latest.Meta.CommitHash
	return spec
}

// revisionName names the revision by its content, so that the same one is stored once.
func (p *pass) revisionName() (name string, raw []byte, err error) {
	raw, err = json.Marshal(revisionOfSpec(p.pinned()))
	if err != nil {
		return "", nil, fmt.Errorf("write revision: %w", err)
	}
	sum := sha256.Sum256(raw)
	return p.object.Name + "-" + hex.EncodeToString(sum[:5]), raw, nil
}

// hold puts a revision in place that a rollback holds, or ends the hold.
func (r *Reconciler) hold(ctx context.Context, p *pass) *Outcome {
	rollback := p.object.Status.Rollback
	if rollback == nil {
		return nil
	}
	if rollback.Generation != p.object.Generation || rollback.Resume != p.object.Annotations[v1alpha1.AnnotationResume] {
		p.object.Status.Rollback = nil
		p.event(normal, "Resumed", "Resume", "%s is no longer held in place of %s", rollback.To, rollback.From)
		return nil
	}
	stored := &appsv1.ControllerRevision{}
	err := r.Get(ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: rollback.RevisionName}, stored)
	if apierrors.IsNotFound(err) {
		p.object.Status.Rollback = nil // nothing to hold: the spec counts again
		p.event(warning, "Resumed", "Resume", "The ControllerRevision %s is gone: the spec counts again", rollback.RevisionName)
		return nil
	}
	if err != nil {
		return failed(fmt.Errorf("read ControllerRevision: %w", err))
	}
	var held revision
	if err := json.Unmarshal(stored.Data.Raw, &held); err != nil {
		return failed(fmt.Errorf("read ControllerRevision %s: %w", stored.Name, err))
	}
	p.spec = held.applyTo(&p.object.Spec)
	return nil
}

// keepRevision stores what was verified, to roll back to.
func (p *pass) keepRevision(ctx context.Context) error {
	name, raw, err := p.revisionName()
	if err != nil {
		return err
	}
	stored, err := p.revisions(ctx)
	if err != nil {
		return err
	}
	newest := int64(0)
	for i := range stored {
		if stored[i].Name == name {
			return nil
		}
		newest = max(newest, stored[i].Revision)
	}
	kept := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.object.Namespace, Labels: map[string]string{labelOwner: string(p.object.UID)}},
		Data:       runtime.RawExtension{Raw: raw}, Revision: newest + 1,
	}
	if err := controllerutil.SetControllerReference(p.object, kept, p.r.Scheme()); err != nil {
		return fmt.Errorf("own ControllerRevision: %w", err)
	}
	if err := p.r.Create(ctx, kept); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("store ControllerRevision: %w", err)
	}
	return p.dropOldRevisions(ctx, stored)
}

// dropOldRevisions keeps as many as the spec asks for, the new one included.
func (p *pass) dropOldRevisions(ctx context.Context, stored []appsv1.ControllerRevision) error {
	slices.SortFunc(stored, func(a, b appsv1.ControllerRevision) int { return int(b.Revision - a.Revision) })
	for i := p.object.Spec.EffectiveRevisionHistoryLimit() - 1; i < len(stored); i++ {
		if err := p.r.Delete(ctx, &stored[i]); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ControllerRevision: %w", err)
		}
	}
	return nil
}

// revisions are the stored ones of this object, as far as the cache has them.
func (p *pass) revisions(ctx context.Context) ([]appsv1.ControllerRevision, error) {
	var list appsv1.ControllerRevisionList
	err := p.r.List(ctx, &list, client.InNamespace(p.object.Namespace), client.MatchingLabels{labelOwner: string(p.object.UID)})
	if err != nil {
		return nil, fmt.Errorf("list ControllerRevisions: %w", err)
	}
	return list.Items, nil
}

// afterwards keeps what was verified, or rolls back what failed, once it is known how the pass ended.
func (p *pass) afterwards(ctx context.Context, out *Outcome) *Outcome {
	if p.environment == nil || p.declared == nil || p.healthy == nil {
		return out
	}
	rollback := p.object.Status.Rollback
	if p.verified != nil && p.verified.ok && out.Kind == outcomeDone && rollback == nil {
		if err := p.keepRevision(ctx); err != nil {
			return failed(err)
		}
	}
	if rollback == nil {
		return p.rollBack(ctx, out)
	}
	if out.Kind == outcomeDone {
		return stalled("", v1alpha1.ReasonRolledBack, p.heldMessage())
	}
	return out
}

func (p *pass) heldMessage() string {
	rollback := p.object.Status.Rollback
	return fmt.Sprintf("%s failed, %s runs instead: change the spec, or try again with kubectl annotate eenv %s %s=$(date +%%s) --overwrite (%s)",
		rollback.From, rollback.To, p.object.Name, v1alpha1.AnnotationResume, rollback.Reason)
}

// blamesRevision are the reasons that say that what was deployed is bad, and not that somebody deleted it, say.
var blamesRevision = map[string]bool{
	v1alpha1.ReasonImageNotFound: true, v1alpha1.ReasonBuildFailed: true, v1alpha1.ReasonPreDeployFailed: true,
	v1alpha1.ReasonHealthcheckFailed: true, v1alpha1.ReasonCrashed: true, v1alpha1.ReasonDeploymentFailed: true,
	v1alpha1.ReasonDeadlineExceeded: true, v1alpha1.ReasonCheckFailed: true,
}

// rollBack puts the last verified revision in place when a new one has failed.
func (p *pass) rollBack(ctx context.Context, out *Outcome) *Outcome {
	failedNow := out.Kind == outcomeStalled && blamesRevision[out.Reason]
	if !p.object.Spec.RollsBack() || !failedNow {
		return out
	}
	current, _, err := p.revisionName()
	if err != nil {
		return failed(err)
	}
	stored, err := p.revisions(ctx)
	if err != nil {
		return failed(err)
	}
	verified := make([]promotion.Revision, 0, len(stored))
	for i := range stored {
		verified = append(verified, promotion.Revision{Name: stored[i].Name, Number: stored[i].Revision})
	}
	if !promotion.ShouldRollBack(verified, current, failedNow) {
		return out
	}
	target, ok := promotion.Target(verified, current)
	if !ok {
		out.Message += "; no verified revision is known that could be rolled back to"
		return out
	}
	at := slices.IndexFunc(stored, func(r appsv1.ControllerRevision) bool { return r.Name == target.Name })
	var held revision
	if err := json.Unmarshal(stored[at].Data.Raw, &held); err != nil || held.Engine.Source == nil {
		out.Message += "; the last verified revision cannot be read"
		return out
	}
	p.reject()
	p.object.Status.Rollback = &v1alpha1.RollbackStatus{
		From: p.failedRevision(), To: revisionOf(held.Engine.Source), RevisionName: target.Name,
		Reason: boundedTo(p.redact(out.Message), checkMessageSize), At: metav1.NewTime(p.now), Generation: p.object.Generation,
		Resume: p.object.Annotations[v1alpha1.AnnotationResume],
	}
	p.event(warning, v1alpha1.ReasonRolledBack, "Rollback", "Rolls %s back to %s: %s",
		p.object.Status.Rollback.From, p.object.Status.Rollback.To, p.object.Status.Rollback.Reason)
	return progressing(v1alpha1.ReasonApplying, "rolls back to "+p.object.Status.Rollback.To+": "+out.Message, conflictDelay)
}

func (p *pass) failedRevision() string {
	if p.spec.Engine.Source == nil {
		return ""
	}
	return revisionOf(p.pinned().Engine.Source)
}

// reject keeps a promoted source that failed from being promoted here again.
func (p *pass) reject() {
	status := p.object.Status.Promotion
	if status == nil || status.Source == nil {
		return
	}
	p.endPromotion(v1alpha1.PromotionRolledBack)
	key := string(keyOf(status.Source))
	if !slices.Contains(status.Rejected, key) {
		status.Rejected = append(status.Rejected, key)
		status.Rejected = status.Rejected[max(0, len(status.Rejected)-historyAtMost):]
	}
}
