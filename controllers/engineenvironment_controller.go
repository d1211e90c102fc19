// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers is the loop: it walks an EngineEnvironment through named steps and is the only writer of its status.
package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// Reconciler keeps the Railway environment, or the Local tier's Secret, in line with its EngineEnvironment.
type Reconciler struct {
	client.Client
	// Live reads past the cache.
	Live client.Reader
	// Namespaces are those that are watched; none means all.
	Namespaces []string
	// Events records what people should know, on transitions only.
	Events events.EventRecorder
	// Railway hands out one client per token.
	Railway *railway.Pool
	// Watch holds the snapshots of the Railway environments and wakes an object when its snapshot changed.
	Watch *railway.Watch
	// Verifier runs the checks and wakes an object when a result changed.
	Verifier *verify.Verifier
	// ProbeHosts are the hosts that checks may name besides the environment's own domains.
	ProbeHosts []string
	// HashKey keys the hashes of applied values.
	HashKey []byte
	// Settle is how long reads of Railway may lag behind writes: until then a missing write is late, after that it was lost.
	Settle time.Duration
	// Now is the clock.
	Now func() time.Time
	// Concurrency is how many objects are reconciled at once.
	Concurrency int

	failures failureCache
	ledger   ledger
}

// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one object a step further. Its result is decided in one place, Outcome.result.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object := &v1alpha1.EngineEnvironment{}
	if err := r.Get(ctx, req.NamespacedName, object); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName.String())
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	p := newPass(r, object)
	p.log = ctrl.LoggerFrom(ctx)
	out := p.afterwards(ctx, p.run(ctx))
	p.nameToken(out)
	if err := p.report(ctx, out); err != nil {
		return resultOfWrite(err)
	}
	out.atLatest(p.untilWake())
	return out.result()
}

// resultOfWrite turns a failed write of the object into a result. A conflict means that the cache was behind: the next pass
// sees the newer object, and a pending write is settled then.
func resultOfWrite(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

const conflictDelay = 200 * time.Millisecond

// step is one named part of a pass. It returns nil to go on.
type step func(ctx context.Context, p *pass) *Outcome

// run walks the steps that fit the object's state and tier until one has an outcome.
func (p *pass) run(ctx context.Context) *Outcome {
	if !p.object.DeletionTimestamp.IsZero() {
		return p.finalize(ctx)
	}
	if !controllerutil.ContainsFinalizer(p.object, v1alpha1.Finalizer) {
		if err := p.addFinalizer(ctx); err != nil {
			return failed(err)
		}
	}
	if p.object.Spec.Suspend {
		p.r.idle(p.key)
		return &Outcome{Kind: outcomeSuspended, Reason: v1alpha1.ReasonSuspended, Message: "suspended: nothing is read from or written to Railway"}
	}
	for _, next := range p.steps() {
		if out := next(ctx, p); out != nil {
			return out
		}
	}
	return p.conclude()
}

func (p *pass) steps() []step {
	r := p.r
	if p.object.Spec.Tier == v1alpha1.TierLocal {
		return []step{r.declare, r.writeEnvSecret}
	}
	return []step{r.claim, r.connect, r.hold, r.declare, r.locate, r.settle, r.promote, r.converge, r.account, r.follow, r.verify}
}

// pass is one walk over one object. Steps fill it in order.
type pass struct {
	r      *Reconciler
	object *v1alpha1.EngineEnvironment
	// base is the object as the API server has it, against which the status is patched.
	base *v1alpha1.EngineEnvironment
	key  string
	now  time.Time
	log  logr.Logger

	// client is set by connect, token says where its token lies.
	client *railway.Client
	token  string
	// declared is what the spec and its sources ask for; set by declare.
	declared *desired.Environment
	// spec is what counts: the object's, or, set by hold and promote, one with another revision in place.
	spec *v1alpha1.EngineEnvironmentSpec
	// gathered are the Secrets and ConfigMaps that the spec names; set by declare.
	gathered desired.Sources
	// environment is set by locate: the state of Railway that the pass works on. It is shared and never modified.
	environment *model.Environment
	// fresh is true when environment was read after the pass began.
	fresh bool
	// forced is the annotation value that forces this pass, empty when none does.
	forced string

	// What the steps found out, for the conditions. Nil means: not looked at in this pass.
	credentials, synced, healthy, verified, promoted, budget *verdict
	// wake is when the object must be looked at again although nothing may have changed by then.
	wake time.Time
	// results are those of the checks; nil when nothing was verified in this pass.
	results []verify.Result
}

func newPass(r *Reconciler, object *v1alpha1.EngineEnvironment) *pass {
	p := &pass{
		r: r, object: object, base: object.DeepCopy(), now: r.Now(),
		key: client.ObjectKeyFromObject(object).String(), spec: &object.Spec,
	}
	if requested := requestedAt(object); requested != "" && requested != object.Status.LastHandledReconcileAt {
		p.forced = requested
		if synced := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionSynced); synced != nil && synced.Reason == v1alpha1.ReasonContested {
			object.Status.Repairs = nil // whoever asks for a pass then wants the repairs tried again
		}
	}
	return p
}

// requestedAt returns the value of the annotations that force a pass. Both may be set; a change of either counts.
func requestedAt(object *v1alpha1.EngineEnvironment) string {
	own, flux := object.Annotations[v1alpha1.AnnotationRequestedAt], object.Annotations[v1alpha1.AnnotationFluxRequestedAt]
	switch {
	case own == "":
		return flux
	case flux == "":
		return own
	default:
		return own + "," + flux
	}
}

func (p *pass) addFinalizer(ctx context.Context) error {
	controllerutil.AddFinalizer(p.object, v1alpha1.Finalizer)
	return p.patchObject(ctx)
}

func (p *pass) removeFinalizer(ctx context.Context) error {
	controllerutil.RemoveFinalizer(p.object, v1alpha1.Finalizer)
	return p.patchObject(ctx)
}

// patchObject writes the object's metadata. The status in memory survives: the answer carries the one on the server.
func (p *pass) patchObject(ctx context.Context) error {
	status := p.object.Status.DeepCopy()
	before := p.base.DeepCopy()
	err := p.r.Patch(ctx, p.object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if err != nil {
		return fmt.Errorf("write finalizer: %w", err)
	}
	p.base = p.object.DeepCopy()
	p.object.Status = *status
	return nil
}

// persist writes the status when it changed. The optimistic lock refuses it when the cache was behind, so that no decision
// made on an old status reaches Railway.
func (p *pass) persist(ctx context.Context) error {
	if equalStatus(&p.base.Status, &p.object.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(p.base.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if err := p.r.Status().Patch(ctx, p.object, patch); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	p.base = p.object.DeepCopy()
	return nil
}

// event tells people about a transition, in the events and in the log.
func (p *pass) event(kind, reason, action, format string, args ...any) {
	p.log.Info(fmt.Sprintf(format, args...), "reason", reason)
	p.r.Events.Eventf(p.object, nil, kind, reason, action, format, args...)
}

func (r *Reconciler) forget(key string) {
	r.idle(key)
	deleteMetrics(key)
}

// idle ends all work for the object between its passes.
func (r *Reconciler) idle(key string) {
	r.Watch.Forget(key)
	r.Verifier.Forget(key)
}
