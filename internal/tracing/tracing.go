// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tracing sends OpenTelemetry traces where the environment names a collector: one span for a pass, and one for each request to
// Railway. Nothing is traced without. Spans say which object, which operation, how long and which class of error; no span has a
// variable's value, a token, or a text that Railway answered.
package tracing

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// flushTimeout bounds how long the last spans may take on shutdown.
const flushTimeout = 5 * time.Second

// FromEnvironment returns what spans are made with, and what to call before the process ends. It reads the variables of
// OpenTelemetry's specification: OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, turns traces on;
// OTEL_SDK_DISABLED=true turns them off; the exporter and the sampler read theirs. The protocol is gRPC.
func FromEnvironment(ctx context.Context, version string, log logr.Logger) (trace.TracerProvider, func(), error) {
	if !enabled(os.Getenv) {
		return noop.NewTracerProvider(), func() {}, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Error(err, "Traces are not exported") }))
	exporter, err := otlptracegrpc.New(ctx) // connects when there is something to send
	if err != nil {
		return nil, nil, fmt.Errorf("make the exporter of traces: %w", err)
	}
	provider, err := provide(ctx, version, sdktrace.WithBatcher(exporter))
	if err != nil {
		return nil, nil, err
	}
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Error(err, "The last traces are lost")
		}
	}, nil
}

func enabled(env func(string) string) bool {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	return env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// provide makes the provider. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word on who we are; what is malformed in them
// is left out.
func provide(ctx context.Context, version string, export sdktrace.TracerProviderOption) (*sdktrace.TracerProvider, error) {
	us, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "engine-operator"), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if us == nil {
		return nil, fmt.Errorf("describe the operator for traces: %w", err)
	}
	return sdktrace.NewTracerProvider(export, sdktrace.WithResource(us)), nil
}
