// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestEnabled(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, tt := range []struct {
		reason string
		env    map[string]string
		want   bool
	}{
		{"off by default", nil, false},
		{"a collector is named", map[string]string{endpoint: "http://127.0.0.1:4317"}, true},
		{"for traces alone", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4317"}, true},
		{"another signal", map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4317"}, false},
		{"switched off", map[string]string{endpoint: "http://127.0.0.1:4317", "OTEL_SDK_DISABLED": "TRUE"}, false},
	} {
		assert.Equal(t, tt.want, enabled(func(name string) string { return tt.env[name] }), tt.reason)
	}
}

func TestNothingIsTracedByDefault(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	provider, flush, err := FromEnvironment(t.Context(), "v1", logr.Discard())
	require.NoError(t, err)
	defer flush()
	_, span := provider.Tracer("x").Start(t.Context(), "x")
	assert.False(t, span.IsRecording())
}

func TestResource(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	exporter := tracetest.NewInMemoryExporter()
	provider, err := provide(t.Context(), "v1.2.3", sdktrace.WithSyncer(exporter))
	require.NoError(t, err)
	_, span := provider.Tracer("x").Start(t.Context(), "x")
	span.End()
	require.Len(t, exporter.GetSpans(), 1)
	assert.Equal(t, "deployment.environment.name=test,service.name=engine-operator,service.version=v1.2.3",
		exporter.GetSpans()[0].Resource.Encoded(attribute.DefaultEncoder()))
}
