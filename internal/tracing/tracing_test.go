// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"net"
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
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

// collector takes spans as an OpenTelemetry collector does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer

	names chan string
}

// Export implements collectorv1.TraceServiceServer.
func (c *collector) Export(_ context.Context, request *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.names <- span.GetName()
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// TestExport holds that spans reach the collector that the environment names, the last ones on shutdown.
func TestExport(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, taken := grpc.NewServer(), &collector{names: make(chan string, 1)}
	collectorv1.RegisterTraceServiceServer(server, taken)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
	provider, flush, err := FromEnvironment(t.Context(), "v1", logr.Discard())
	require.NoError(t, err)
	_, span := provider.Tracer("x").Start(t.Context(), "pass")
	span.End()
	flush()
	select {
	case name := <-taken.names:
		assert.Equal(t, "pass", name)
	default:
		assert.Fail(t, "flush returned before the span was sent")
	}
}
