// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/tracing"
)

// TestTraces holds that a pass is one span with the requests that it sends below it, and that no span has a value or a token.
func TestTraces(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	loop := tracing.Passes(l.tracer(), l.Reconciler)
	request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "team", Name: "dev"}}
	spans := map[string]tracetest.SpanStub{}
	parents := map[string]string{}
	for range 5 {
		l.spans.Reset()
		_, err := loop.Reconcile(t.Context(), request)
		require.NoError(t, err)
		below := map[string]string{}
		for _, span := range l.spans.GetSpans() {
			below[span.SpanContext.SpanID().String()] = span.Name
		}
		for _, span := range l.spans.GetSpans() {
			spans[span.Name], parents[span.Name] = span, below[span.Parent.SpanID().String()]
		}
	}
	require.Contains(t, spans, "pass")
	pass := spans["pass"].Attributes
	assert.Contains(t, pass, attribute.String("k8s.namespace.name", "team"))
	assert.Contains(t, pass, attribute.String("engine.reason", v1alpha1.ReasonApplying))
	for _, operation := range []string{"railway CreateEnvironment", "railway CommitPatch"} {
		assert.Equal(t, "pass", parents[operation], "%s: %v", operation, parents)
	}

	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultError, Message: "upstream says " + loopSecret}))
	l.spans.Reset()
	l.edit("DB_SCHEMA", loopSecret)
	l.advance(time.Minute)
	l.poll("dev")
	_, _ = l.tryPass("dev")
	failed := 0
	for _, span := range append(l.spans.GetSpans(), valuesOf(spans)...) {
		text := fmt.Sprintf("%+v", span)
		assert.NotContains(t, text, loopSecret, span.Name)
		assert.NotContains(t, text, loopToken, span.Name)
		if span.Status.Code == codes.Error {
			failed++
			assert.Contains(t, span.Attributes, attribute.String("error.type", span.Status.Description), "the class and no text")
		}
	}
	assert.Positive(t, failed, "the fault shows")
}

func valuesOf(spans map[string]tracetest.SpanStub) (all tracetest.SpanStubs) {
	for _, span := range spans {
		all = append(all, span)
	}
	return all
}
