// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command engine-operator keeps Railway environments in line with EngineEnvironment objects.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/controllers"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// version is set by the build.
var version = "dev"

func main() {
	if err := run(); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "engine-operator:", err)
			os.Exit(1)
		}
	}
}

func run() error {
	opts, err := options.Parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	if opts.Version {
		fmt.Println(version)
		return nil
	}
	logger, flush, err := opts.Logger()
	if err != nil {
		return err
	}
	defer flush()
	ctrl.SetLogger(logger)
	logger.Info("Starting engine-operator", "version", version, "railwayEndpoint", opts.RailwayEndpoint)

	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the Kubernetes API server: %w", err)
	}
	ctx := ctrl.SetupSignalHandler()
	manager, err := newManager(config, opts)
	if err != nil {
		return err
	}
	if err := addController(ctx, manager, config, opts); err != nil {
		return err
	}
	return manager.Start(ctx)
}

func newManager(config *rest.Config, opts *options.Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	metrics := metricsserver.Options{BindAddress: opts.MetricsAddress, SecureServing: opts.MetricsSecure}
	if opts.MetricsSecure {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	namespaces := map[string]cache.Config{}
	for _, namespace := range opts.WatchNamespaces {
		namespaces[namespace] = cache.Config{}
	}
	grace := opts.ShutdownTimeout
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metrics,
		Cache: cache.Options{
			DefaultNamespaces: namespaces,
			DefaultTransform:  cache.TransformStripManagedFields(),
		},
		// Secrets and ConfigMaps are read live when an object needs them: only their metadata is cached.
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}},
		HealthProbeBindAddress:        opts.ProbeAddress,
		LeaderElection:                opts.LeaderElect,
		LeaderElectionID:              "engine-operator.railway.engine-operator.dev",
		LeaderElectionNamespace:       opts.Namespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	if err := manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return manager, manager.AddReadyzCheck("ping", healthz.Ping)
}

func addController(ctx context.Context, manager ctrl.Manager, config *rest.Config, opts *options.Options) error {
	direct, err := client.New(config, client.Options{Scheme: manager.GetScheme()})
	if err != nil {
		return fmt.Errorf("make the Kubernetes client: %w", err)
	}
	key, err := controllers.EnsureHashKey(ctx, direct, opts.Namespace)
	if err != nil {
		return err
	}
	pool, err := railway.NewPool(railway.Options{
		Endpoint: opts.RailwayEndpoint, Version: version, Timeout: opts.RailwayTimeout,
		RequestsPerSecond: opts.RequestsPerSecond, Burst: opts.Burst,
		Registerer: ctrlmetrics.Registry, Log: manager.GetLogger().WithName("railway"),
	})
	if err != nil {
		return err
	}
	watch := railway.NewWatch(railway.WatchOptions{Fast: opts.RolloutInterval, Log: manager.GetLogger().WithName("watch")})
	if err := manager.Add(watch); err != nil {
		return err
	}
	guard, err := opts.Guard()
	if err != nil {
		return err
	}
	verifier := verify.New(verify.Options{Guard: guard, LogGrace: opts.LogGrace})
	if err := manager.Add(verifier); err != nil {
		return err
	}
	reconciler := &controllers.Reconciler{
		Client: manager.GetClient(), Live: manager.GetAPIReader(), Namespaces: opts.WatchNamespaces,
		Events:  manager.GetEventRecorder("engine-operator"),
		Railway: pool, Watch: watch, Verifier: verifier, ProbeHosts: opts.ProbeAllowHosts, HashKey: key,
		Settle: opts.Settle, Now: time.Now, Concurrency: opts.Concurrency,
	}
	return reconciler.SetupWithManager(ctx, manager)
}
