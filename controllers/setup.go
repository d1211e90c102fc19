// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

const (
	// Back-off after errors. Railway is a shared service: its answers do not get better by asking every 5 ms.
	backoffFrom = time.Second
	backoffTo   = 10 * time.Minute

	// passTimeout ends a pass that hangs; a single request to Railway ends earlier.
	passTimeout = 3 * time.Minute
)

// SetupWithManager wires the loop: what wakes an object, and how fast it is tried again.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	for name, index := range cluster.Indexes() {
		if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.EngineEnvironment{}, name, index); err != nil {
			return err
		}
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("engineenvironment").
		For(&v1alpha1.EngineEnvironment{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, requestedPredicate()))).
		Owns(&corev1.Secret{}, builder.OnlyMetadata).
		Watches(&corev1.Secret{}, r.usersOf(cluster.IndexSecrets), builder.OnlyMetadata).
		Watches(&corev1.ConfigMap{}, r.usersOf(cluster.IndexConfigMaps), builder.OnlyMetadata).
		Watches(&v1alpha1.EngineEnvironment{}, r.claimants()).
		Watches(&v1alpha1.EngineEnvironment{}, r.downstream(), builder.WithPredicates(upstreamPredicate())).
		WatchesRawSource(r.options.Waker). // its Railway environment, or the result of a check, changed
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.options.Concurrency,
			ReconciliationTimeout:   passTimeout,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
				backoffFrom, backoffTo),
		}).
		Complete(traced(r.options.Tracer, r))
}

// requestedPredicate lets a changed request of a person through: for a pass, an approval, a resumption; and a status that was
// deleted.
func requestedPredicate() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*v1alpha1.EngineEnvironment)
			after, ok2 := e.ObjectNew.(*v1alpha1.EngineEnvironment)
			return ok && ok2 && (wiped(before, after) || requestedAt(before) != requestedAt(after) ||
				annotated(before, after, v1alpha1.AnnotationApprove) || annotated(before, after, v1alpha1.AnnotationApprovedBy) ||
				annotated(before, after, v1alpha1.AnnotationResume) || annotated(before, after, v1alpha1.AnnotationApprovePlan) ||
				annotated(before, after, v1alpha1.AnnotationHold) || annotated(before, after, v1alpha1.AnnotationRollback) ||
				annotated(before, after, v1alpha1.AnnotationTakeOver))
		},
	}
}

func annotated(before, after *v1alpha1.EngineEnvironment, annotation string) bool {
	return before.Annotations[annotation] != after.Annotations[annotation]
}

// wiped reports that somebody deleted the status.
func wiped(before, after *v1alpha1.EngineEnvironment) bool {
	return len(before.Status.Conditions) > 0 && len(after.Status.Conditions) == 0
}

// downstream wakes the tiers that take their source from the one that changed.
func (r *Reconciler) downstream() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return r.matching(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{cluster.IndexUpstream: o.GetName()})
	})
}

// upstreamPredicate lets through what downstream tiers go by.
func upstreamPredicate() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.EngineEnvironment)
		after, ok2 := e.ObjectNew.(*v1alpha1.EngineEnvironment)
		return ok && ok2 && !promotion.UpstreamOf(before).Same(promotion.UpstreamOf(after))
	}}
}

// usersOf wakes the objects that take values from a Secret or ConfigMap.
func (r *Reconciler) usersOf(index string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return r.matching(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{index: o.GetName()})
	})
}

// claimants wakes the objects of the same project, which may wait for an environment, when its holder is deleted.
func (r *Reconciler) claimants() handler.EventHandler {
	return handler.Funcs{
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			holder, ok := e.Object.(*v1alpha1.EngineEnvironment)
			if !ok || cluster.ProjectOf(holder) == "" {
				return
			}
			for _, request := range r.matching(ctx, client.MatchingFields{cluster.IndexProject: cluster.ProjectOf(holder)}) {
				queue.Add(request)
			}
		},
	}
}

func (r *Reconciler) matching(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	var list v1alpha1.EngineEnvironmentList
	// Only names are read: a shared Secret that changed would copy the whole fleet.
	if err := r.options.Client.List(ctx, &list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing EngineEnvironments failed")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
