// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Passes makes a span of each pass. It has the name of the object, and by its id the lines of the log that belong to it.
func Passes(tracer trace.Tracer, next reconcile.Reconciler) reconcile.Reconciler {
	if tracer == nil {
		return next
	}
	return reconcile.Func(func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
		ctx, span := tracer.Start(ctx, "pass", trace.WithAttributes(
			attribute.String("k8s.namespace.name", req.Namespace), attribute.String("engine.environment", req.Name),
			attribute.String("reconcile.id", string(controller.ReconcileIDFromContext(ctx)))))
		defer span.End()
		result, err := next.Reconcile(ctx, req)
		if err != nil {
			span.SetStatus(codes.Error, "the pass failed")
		}
		return result, err
	})
}

// Ended says in the pass's span how it ended: a reason of the status, never a message.
func Ended(ctx context.Context, reason string) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("engine.reason", reason))
}
