// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers is the loop: a pass gathers facts, decides, acts on Railway, and reports. What it decides by, it takes from
// the pure packages: desired, plan, rollout, promotion, journal and status.
package controllers

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/fieldhash"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/tokens"
	"github.com/engine-operator/engine-operator/internal/tracing"
	"github.com/engine-operator/engine-operator/internal/usage"
	"github.com/engine-operator/engine-operator/internal/verify"
	"github.com/engine-operator/engine-operator/internal/view"
)

// Options are what a Reconciler works with.
type Options struct {
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Cache has the metadata of Secrets, of which Client reads nothing but live.
	Cache client.Reader
	// Namespaces are those that are watched; none means all.
	Namespaces []string
	// Events records what people should know, on transitions only.
	Events events.EventRecorder
	// Tracer makes a span of each pass; nil makes none.
	Tracer trace.Tracer
	// Metrics tells Prometheus what the statuses say.
	Metrics *metrics.Objects
	// Railway hands out one client per token.
	Railway *railway.Pool
	// Watch holds the snapshots of the Railway environments, Verifier runs the checks. Both wake an object by Waker.
	Watch    *railway.Watch
	Verifier *verify.Verifier
	Waker    *cluster.Waker
	// ProbeHosts are the hosts that checks may name besides the environment's own domains.
	ProbeHosts []string
	// HashKey keys the hashes of applied values.
	HashKey []byte
	// Settle is how long reads of Railway may lag behind writes: until then a missing write is late, after that it was lost.
	Settle time.Duration
	// Patience is for how long a report of progress may wait to be written together with what follows.
	Patience time.Duration
	// Now is the clock.
	Now func() time.Time
	// Concurrency is how many objects are reconciled at once.
	Concurrency int
}

// Reconciler keeps the Railway environment, or the Local tier's Secret, in line with its EngineEnvironment. It knows the order of the
// steps; each of its parts does one kind of them.
type Reconciler struct {
	options  Options
	store    store
	reader   reader
	local    local
	locator  locator
	ledger   *usage.Ledger
	chooser  chooser
	writer   writer
	follower follower
	final    finalizer
}

// New returns a Reconciler.
func New(o Options) *Reconciler {
	hasher := fieldhash.New(o.HashKey)
	watch, history := watcher{o.Watch}, cluster.History{Client: o.Client}
	r := &Reconciler{options: o, store: store{cluster.NewObjects(o.Client, o.Live, o.Namespaces), o.Patience}, ledger: &usage.Ledger{}}
	checks := checks{verifier: o.Verifier, hosts: o.ProbeHosts, hasher: hasher, key: o.HashKey}
	r.reader = reader{sources: cluster.Sources{Reader: o.Client, Metadata: o.Cache}, tokens: tokens.New(o.Railway), checks: checks}
	r.local = local{secrets: cluster.EnvSecrets{Client: o.Client, Sources: r.reader.sources}, reader: r.reader}
	r.writer = writer{store: r.store, watch: watch, metrics: o.Metrics, hasher: hasher, settle: o.Settle, now: o.Now}
	r.locator = locator{store: r.store, watch: watch, writer: r.writer, idle: r.idle}
	r.chooser = chooser{store: r.store, watch: watch, reader: r.reader, history: history}
	r.follower = follower{watch: watch, checks: checks, history: history, failures: &railway.Failures{}}
	r.final = finalizer{store: r.store, reader: r.reader, local: r.local, settle: o.Settle, forget: r.forget}
	return r
}

// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments/status,verbs=patch
// +kubebuilder:rbac:groups=railway.engine-operator.dev,resources=engineenvironments/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=list;watch;create;patch;delete

// Reconcile brings one object a step further. Its result is decided in one place, outcome.Result.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object, err := r.store.Get(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		r.forget(req.NamespacedName.String())
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	p := newPass(ctx, object, r.options)
	defer p.end()
	out := r.run(ctx, p)
	if out.Reason == v1alpha1.ReasonTokenRejected {
		r.reader.tokens.Doubt(p.key)
	}
	if !p.wantsTurn && out.Learnt() { // others of its project need not wait for it
		r.options.Railway.Leave(p.key)
	}
	if !out.Unread && !out.Gone {
		tracing.Ended(ctx, cmp.Or(out.Reason, v1alpha1.ReasonSucceeded))
	}
	if err := r.report(ctx, p, out); err != nil {
		return outcome.ResultOfStore(err)
	}
	result, err := out.Result()
	result.Priority = new(0) // the queue would keep that of this pass: objects that are tried again would stay in front of every edit
	return result, err
}

// run does what the object's state and tier ask for.
func (r *Reconciler) run(ctx context.Context, p *pass) *outcome.Outcome {
	p.refuseOldRollback()
	if !p.object.DeletionTimestamp.IsZero() {
		return r.final.finalize(ctx, p)
	}
	if !controllerutil.ContainsFinalizer(p.object, v1alpha1.Finalizer) {
		if err := r.store.hold(ctx, p); err != nil {
			return outcome.Failed(err)
		}
	}
	if p.object.Spec.Suspend {
		r.idle(p.key)
		return outcome.Suspended()
	}
	settings := p.object.Spec.EffectiveSettings()
	p.facts.Settings = &settings
	if p.object.Spec.Tier == v1alpha1.TierLocal {
		return r.local.converge(ctx, p)
	}
	return r.railway(ctx, p)
}

// railway brings Railway in line with the object. Each step needs what the one before it returns:
//
//  1. connect: without a token nothing can be asked.
//  2. declare: what the spec names must exist and fit together before anything is read from or written to Railway.
//  3. locate: the environment, by its id, and claim it.
//  4. await: what was written last must show before anything is compared.
//  5. promote: which revision counts; everything after works on one effective spec.
//  6. converge: create the environment when it is missing, compare, and write what differs.
//  7. conclude: how it runs, what the checks say, and what follows for the revision.
func (r *Reconciler) railway(ctx context.Context, p *pass) *outcome.Outcome {
	out := r.reader.connect(ctx, p)
	if out != nil {
		return out
	}
	gathered, out := r.reader.declare(ctx, p)
	if out != nil {
		return out
	}
	view, out := r.locator.locate(ctx, p)
	if out != nil {
		return out
	}
	if view, out = r.writer.awaitShown(ctx, p, view); out != nil {
		return out
	}
	r.account(ctx, p)
	chosen, out := r.chooser.promote(ctx, p, view, gathered)
	if out != nil {
		return out
	}
	if view, out = r.converge(ctx, p, view, chosen.declared); out != nil {
		return out
	}
	return r.follower.conclude(ctx, p, view, chosen)
}

// account compares what the environment costs with its budget.
func (r *Reconciler) account(ctx context.Context, p *pass) {
	if at := p.at(); at != nil && p.object.Spec.Budget != nil {
		a := r.ledger.Account(ctx, p.client, p.object, at, p.now)
		p.wakeAt(a.Due)
		p.find(v1alpha1.ConditionWithinBudget, a.Finding)
		p.facts.Cost = a.Cost
	}
}

// converge makes Railway as declared, the environment first.
func (r *Reconciler) converge(ctx context.Context, p *pass, v *view.View, declared *desired.Environment) (*view.View, *outcome.Outcome) {
	if !v.Absent {
		return r.writer.converge(ctx, p, v, declared)
	}
	ahead, out := r.writer.mayCreate(ctx, p, v, declared)
	if out != nil {
		return nil, out
	}
	if v, out = r.locator.create(ctx, p, ahead); out != nil {
		return nil, out
	}
	return r.writer.converge(ctx, p, v, declared)
}

// report writes the status that follows from the pass, when it changed, and tells a transition once it is written: a pass on an
// older status ends in a conflict.
func (r *Reconciler) report(ctx context.Context, p *pass, out *outcome.Outcome) error {
	if out.Gone {
		p.tellDecided()
		return nil
	}
	if p.unwritten != nil { // whoever wrote the object meanwhile knows more; nothing was sent that is not stored
		return p.unwritten
	}
	p.erred = out.Err != nil
	before := status.Ready(&r.store.Stored(p.object).Status)
	written, err := r.tell(ctx, p, out)
	if err != nil {
		return err
	}
	if written {
		p.tellTransition(before)
	}
	out.WakeBy(&p.object.Status, p.wake, r.options.Now())
	return nil
}

// tell puts what was found into the status, and reports whether it was written.
func (r *Reconciler) tell(ctx context.Context, p *pass, out *outcome.Outcome) (written bool, err error) {
	if out.Unread {
		return r.store.unread(ctx, p)
	}
	p.facts.Outcome = out.Outcome
	if out.Err == nil {
		p.facts.Forced = p.forced
	}
	if written, err = r.store.report(ctx, p); err != nil {
		return false, err
	}
	r.store.Judge(p.key)
	r.options.Metrics.Set(p.object)
	return written, nil
}

// forget drops all that is kept about an object that is gone.
func (r *Reconciler) forget(key string) {
	r.idle(key)
	r.options.Railway.Leave(key)
	r.store.Forget(key)
	r.reader.tokens.Forget(key)
	r.options.Metrics.Forget(key)
}

// idle ends all work for the object between its passes.
func (r *Reconciler) idle(key string) {
	r.options.Watch.Forget(key)
	r.options.Verifier.Forget(key)
}
