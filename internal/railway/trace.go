// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// span begins the span of one request, which includes the wait for its turn.
func (s *sender) span(ctx context.Context, operation string) (context.Context, trace.Span) {
	return s.wire.options.Tracer.Start(ctx, "railway "+operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("graphql.operation.name", operation), attribute.String("railway.token", s.credentials.key())))
}

// endSpan says how a request ended: the class of its error and Railway's own id of the request. The text of an error is left out.
func endSpan(span trace.Span, class Class, r reply) {
	span.SetAttributes(attribute.Int("http.response.status_code", r.status), attribute.String("railway.trace_id", r.traceID))
	endAs(span, class)
}

// endHeld ends the span of a request that was not sent.
func endHeld(span trace.Span, err error) {
	class, failed := Transient, (*Error)(nil)
	if errors.As(err, &failed) {
		class = failed.Class
	}
	endAs(span, class)
}

func endAs(span trace.Span, class Class) {
	if class != None {
		span.SetAttributes(attribute.String("error.type", class.String()))
		span.SetStatus(otelcodes.Error, class.String())
	}
	span.End()
}
