// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command engine-operator keeps Railway environments in line with EngineEnvironment objects. It is also the command line for people,
// and kubectl's plugin when it is installed as kubectl-engine.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	ctrl "sigs.k8s.io/controller-runtime"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/internal/cli"
	"github.com/engine-operator/engine-operator/internal/hints"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/tracing"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx := ctrl.SetupSignalHandler()
	os.Exit(cli.Main(ctx, cli.FromOS(version, func(o *options.Options) error { return operate(ctx, o) }), os.Args))
}

// operate runs the operator until ctx ends.
func operate(ctx context.Context, opts *options.Options) error {
	logger, flush, err := opts.Logger()
	if err != nil {
		return err
	}
	defer flush()
	ctrl.SetLogger(logger)
	if opts.PprofAddress == "" || opts.PprofAddress == "0" {
		runtime.MemProfileRate = 0 // nobody can read the profile
	}
	if os.Getenv("GOGC") == "" {
		go operator.PaceCollector(ctx)
	}
	logger.Info("Starting engine-operator", "version", version, "railwayEndpoint", opts.RailwayEndpoint)
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the Kubernetes API server: %w", err)
	}
	wiring, err := optionsOf(opts)
	if err != nil {
		return err
	}
	wiring.Log = logger
	traces, flushTraces, err := tracing.FromEnvironment(ctx, version, logger)
	if err != nil {
		return err
	}
	defer flushTraces()
	wiring.Traces = traces
	if err := metrics.Build(wiring.Registerer, version); err != nil {
		return err
	}
	started, err := operator.New(ctx, cluster, wiring)
	if err != nil {
		return err
	}
	return started.Start(ctx)
}

// optionsOf turns the command line into the options of the operator.
func optionsOf(o *options.Options) (operator.Options, error) {
	guard, err := o.Guard()
	if err != nil {
		return operator.Options{}, err
	}
	served := metricsserver.Options{BindAddress: o.MetricsAddress, SecureServing: o.MetricsSecure}
	webhookSecret, err := o.WebhookSecret()
	if err != nil {
		return operator.Options{}, err
	}
	if o.MetricsSecure {
		served.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return operator.Options{
		Namespaces: o.WatchNamespaces, Selector: o.WatchSelector, Concurrency: o.Concurrency, Settle: o.Settle,
		Metrics: served, Registerer: ctrlmetrics.Registry, HealthAddress: o.ProbeAddress, PprofAddress: o.PprofAddress,
		Election: operator.Election{Enabled: o.LeaderElect, Namespace: o.Namespace, Name: o.LeaseName}, ShutdownTimeout: o.ShutdownTimeout,
		Railway: railway.Options{
			Endpoint: o.RailwayEndpoint, Version: version, Timeout: o.RailwayTimeout, RequestsPerSecond: o.RequestsPerSecond, Burst: o.Burst,
			Log: ctrl.Log.WithName("railway"),
		},
		Watch:            railway.WatchOptions{Fast: o.RolloutInterval, Log: ctrl.Log.WithName("watch")},
		Hints:            hints.Options{Address: o.WebhookAddress, Secret: webhookSecret, Registerer: ctrlmetrics.Registry},
		Verifier:         verify.Options{Guard: guard, LogGrace: o.LogGrace},
		HashKeyNamespace: o.Namespace,
	}, nil
}
