// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Requested lets a changed request of a person through: for a pass, an approval, a resumption; and a status that was
// deleted.
func Requested() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*v1alpha1.EngineEnvironment)
			after, ok2 := e.ObjectNew.(*v1alpha1.EngineEnvironment)
			return ok && ok2 && (wiped(before, after) || status.RequestedAt(before) != status.RequestedAt(after) ||
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

// Downstream wakes the tiers that take their source from the one that changed.
func Downstream(objects client.Reader) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return matching(ctx, objects, client.InNamespace(o.GetNamespace()), client.MatchingFields{IndexUpstream: o.GetName()})
	})
}

// UpstreamChanged lets through what downstream tiers go by.
func UpstreamChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.EngineEnvironment)
		after, ok2 := e.ObjectNew.(*v1alpha1.EngineEnvironment)
		return ok && ok2 && !promotion.UpstreamOf(before).Same(promotion.UpstreamOf(after))
	}}
}

// UsersOf wakes the objects that take values from a Secret or ConfigMap.
func UsersOf(objects client.Reader, index string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return matching(ctx, objects, client.InNamespace(o.GetNamespace()), client.MatchingFields{index: o.GetName()})
	})
}

// Claimants wakes the objects of the same project, which may wait for an environment, when its holder is deleted. Nothing else gives an
// environment up for good: a spec cannot name another one, and who lost the environment or its status is the first to take it again.
func Claimants(objects client.Reader) handler.EventHandler {
	return handler.Funcs{
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			holder, ok := e.Object.(*v1alpha1.EngineEnvironment)
			if !ok || ProjectOf(holder) == "" {
				return
			}
			for _, request := range matching(ctx, objects, client.MatchingFields{IndexProject: ProjectOf(holder)}) {
				queue.Add(request)
			}
		},
	}
}

func matching(ctx context.Context, objects client.Reader, options ...client.ListOption) []reconcile.Request {
	var list v1alpha1.EngineEnvironmentList
	// Only names are read: a shared Secret that changed would copy the whole fleet.
	if err := objects.List(ctx, &list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing EngineEnvironments failed")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
