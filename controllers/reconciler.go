// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers is the loop: a pass gathers facts, decides, acts on Railway, and reports. What it decides by, it takes from
// the pure packages: desired, plan, rollout, promotion, journal and status.
package controllers

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// Options are what a Reconciler works with.
type Options struct {
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Namespaces are those that are watched; none means all.
	Namespaces []string
	// Events records what people should know, on transitions only.
	Events events.EventRecorder
	// Metrics tells Prometheus what the statuses say.
	Metrics *metrics.Objects
	// Railway hands out one client per token.
	Railway *railway.Pool
	// Watch holds the snapshots of the Railway environments, Verifier runs the checks. Both wake an object by Waker.
	Watch    *railway.Watch
	Verifier *verify.Verifier
	Waker    *Waker
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
}

// Reconciler keeps the Railway environment, or the Local tier's Secret, in line with its EngineEnvironment. Each of its parts does
// one kind of work.
type Reconciler struct {
	options Options
	objects *objects
	sources sources
	tokens  *tokens
	views   views
	writer  writer
	rollout *rollouts
	checks  checks
	history history
	ledger  *ledger
}

// New returns a Reconciler.
func New(o Options) *Reconciler {
	objects := newObjects(o)
	hasher := hasher{key: o.HashKey}
	return &Reconciler{
		options: o, objects: objects, sources: sources{o.Client}, tokens: newTokens(o.Railway),
		views:   views{watch: o.Watch},
		writer:  writer{objects: objects, watch: o.Watch, metrics: o.Metrics, hasher: hasher, settle: o.Settle, now: o.Now},
		rollout: &rollouts{watch: o.Watch}, checks: checks{verifier: o.Verifier, hosts: o.ProbeHosts, hasher: hasher},
		history: history{o.Client}, ledger: &ledger{},
	}
}

// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;patch;delete

// Reconcile brings one object a step further. Its result is decided in one place, outcome.result.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object, err := r.objects.get(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		r.forget(req.NamespacedName.String())
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	p := newPass(ctx, object, r.options)
	out := r.run(ctx, p)
	if err := r.report(ctx, p, out); err != nil {
		return resultOfStore(err)
	}
	return out.result()
}

// run does what the object's state and tier ask for.
func (r *Reconciler) run(ctx context.Context, p *pass) *outcome {
	if !p.object.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, p)
	}
	if !controllerutil.ContainsFinalizer(p.object, v1alpha1.Finalizer) {
		if err := r.objects.addFinalizer(ctx, p); err != nil {
			return failed(err)
		}
	}
	if p.object.Spec.Suspend {
		r.idle(p.key)
		return suspended("suspended: nothing is read from or written to Railway")
	}
	settings := p.object.Spec.EffectiveSettings()
	p.facts.Settings = &settings
	if p.object.Spec.Tier == v1alpha1.TierLocal {
		return r.local(ctx, p)
	}
	return r.railway(ctx, p)
}

// railway brings Railway in line with the object. Each step needs what the one before it returns:
//
//  1. connect: without a token nothing can be asked.
//  2. declare: what the spec names must exist and fit together before anything is read from or written to Railway.
//  3. locate: the environment, by its id; it is created when it is missing, and claimed.
//  4. settle: what was written last must show before anything is compared.
//  5. promote: which revision counts; everything after works on one effective spec.
//  6. converge: compare, and write what differs.
//  7. conclude: how it runs, what the checks say, and what follows for the revision.
func (r *Reconciler) railway(ctx context.Context, p *pass) *outcome {
	out := r.tokens.connect(ctx, p, r.sources)
	if out != nil {
		return out
	}
	gathered, out := r.declare(ctx, p)
	if out != nil {
		return out
	}
	view, out := r.locate(ctx, p)
	if out != nil {
		return out
	}
	if view, out = r.settle(ctx, p, view); out != nil {
		return out
	}
	r.ledger.account(ctx, p)
	chosen, out := r.promote(ctx, p, view, gathered)
	if out != nil {
		return out
	}
	if view, out = r.writer.converge(ctx, p, view, chosen.declared, r.views); out != nil {
		return out
	}
	return r.conclude(ctx, p, view, chosen)
}

// report writes the status that follows from the pass, when it changed, and tells a transition once it is written: a pass on an
// older status ends in a conflict.
func (r *Reconciler) report(ctx context.Context, p *pass, out *outcome) error {
	if out.gone {
		return nil
	}
	if !out.unread {
		before := readyOf(&p.object.Status)
		p.facts.Outcome = out.Outcome
		if out.err == nil {
			p.facts.Forced = p.forced
		}
		if err := r.objects.report(ctx, p); err != nil {
			return err
		}
		r.objects.judge(p.key)
		p.tellTransition(before)
		r.options.Metrics.Set(p.object)
	}
	out.wakeBy(&p.object.Status, p.wake, r.options.Now())
	return nil
}

// forget drops all that is kept about an object that is gone.
func (r *Reconciler) forget(key string) {
	r.idle(key)
	r.objects.forget(key)
	r.tokens.forget(key)
	r.options.Metrics.Forget(key)
}

// idle ends all work for the object between its passes.
func (r *Reconciler) idle(key string) {
	r.options.Watch.Forget(key)
	r.options.Verifier.Forget(key)
}
