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
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/tracing"
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
	if err := cluster.AddIndexes(func(object client.Object, field string, values client.IndexerFunc) error {
		return mgr.GetFieldIndexer().IndexField(ctx, object, field, values)
	}); err != nil {
		return err
	}
	objects := r.options.Client
	return ctrl.NewControllerManagedBy(mgr).
		Named("engineenvironment").
		For(&v1alpha1.EngineEnvironment{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, cluster.Requested()))).
		Owns(&corev1.Secret{}, builder.OnlyMetadata).
		Watches(&corev1.Secret{}, cluster.UsersOf(objects, cluster.IndexSecrets), builder.OnlyMetadata).
		Watches(&corev1.ConfigMap{}, cluster.UsersOf(objects, cluster.IndexConfigMaps), builder.OnlyMetadata).
		Watches(&v1alpha1.EngineEnvironment{}, cluster.Claimants(objects)).
		Watches(&v1alpha1.EngineEnvironment{}, cluster.Downstream(objects), builder.WithPredicates(cluster.UpstreamChanged())).
		WatchesRawSource(r.options.Waker). // its Railway environment, or the result of a check, changed
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.options.Concurrency,
			ReconciliationTimeout:   passTimeout,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
				backoffFrom, backoffTo),
		}).
		Complete(tracing.Passes(r.options.Tracer, r))
}
