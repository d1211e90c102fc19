// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package operator puts the operator together: manager, Railway client, watch, verifier and loop. main, the tests and the benchmarks use
// the same wiring.
package operator

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/controllers"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/hints"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// Options are what differs between a cluster, a test and a benchmark.
type Options struct {
	// Namespaces are those that are watched; none means all.
	Namespaces []string
	// Selector picks the EngineEnvironments that this instance reconciles; nil means all. Others are not cached, and take part only
	// where claims are read past the cache, so a tier and its upstream tier belong to one instance.
	Selector labels.Selector
	// Concurrency is how many objects are passed at once.
	Concurrency int
	// Settle is how long reads of Railway may lag behind writes.
	Settle time.Duration
	// Metrics and HealthAddress say what is served where. Registerer takes the metrics; nil leaves them out.
	Metrics       metricsserver.Options
	Registerer    prometheus.Registerer
	HealthAddress string
	// PprofAddress is where Go profiles are served; "0" or empty serves none.
	PprofAddress string
	// Election lets one replica work at a time.
	Election Election
	// ShutdownTimeout is how long a running pass may take to end on shutdown.
	ShutdownTimeout time.Duration
	// Railway, Watch and Verifier are passed on; what wakes an object is added here.
	Railway  railway.Options
	Watch    railway.WatchOptions
	Verifier verify.Options
	// Traces makes spans of passes and of requests to Railway; nil makes none.
	Traces trace.TracerProvider
	// Hints takes webhooks when it has an address.
	Hints hints.Options
	// HashKey keys the hashes of applied values. Nil takes the one in HashKeyNamespace, and makes it when there is none.
	HashKey          []byte
	HashKeyNamespace string
	// Log is the logger of the manager and of what it runs.
	Log logr.Logger
	// AnyName lets more than one operator run in a process, as tests do.
	AnyName bool
}

// DefaultLease is the name of the Lease of the instance that takes every object.
const DefaultLease = "engine-operator.railway.engine-operator.dev"

// Election says whether, and where, a leader is elected.
type Election struct {
	Enabled bool
	// Namespace and Name are the Lease's. Default of the name: DefaultLease.
	Namespace, Name string
	// LeaseDuration is how long a standby waits for a leader that renews no more, RenewDeadline how long a leader tries to renew
	// until it gives up, RetryPeriod the time between two tries. Zero means 12s, 8s and 2s: with Kubernetes' own 15s, 10s and 2s another
	// replica led 18.9s after a leader was killed, and 20s are promised (docs/reliability.md).
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
}

// Operator is the operator, put together and not started.
type Operator struct {
	ctrl.Manager
	// Pool, Watch and Verifier are its parts that others may ask.
	Pool     *railway.Pool
	Watch    *railway.Watch
	Verifier *verify.Verifier
	// stopped is closed when the operator is told to end.
	stopped chan struct{}
}

// New puts the operator together. It writes nothing but the Secret of the hash key.
func New(ctx context.Context, apiServer *rest.Config, o Options) (*Operator, error) {
	stopped := make(chan struct{})
	manager, err := newManager(apiServer, o, stopped)
	if err != nil {
		return nil, err
	}
	if o.HashKey == nil {
		if o.HashKey, err = hashKey(ctx, apiServer, manager.GetScheme(), o.HashKeyNamespace); err != nil {
			return nil, err
		}
	}
	waker := &cluster.Waker{}
	o.Watch.Changed, o.Verifier.Changed = waker.Wake, waker.Wake
	operator := &Operator{Manager: manager, Watch: railway.NewWatch(o.Watch), Verifier: verify.New(o.Verifier), stopped: stopped}
	o.Railway.Registerer = o.Registerer
	var passes trace.Tracer
	if o.Traces != nil {
		passes, o.Railway.Tracer = o.Traces.Tracer("controllers"), o.Traces.Tracer("railway")
	}
	if operator.Pool, err = railway.NewPool(o.Railway); err != nil {
		return nil, err
	}
	objects, err := metrics.NewObjects(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register the metrics: %w", err)
	}
	if err := manager.Add(operator.Watch); err != nil {
		return nil, err
	}
	if err := manager.Add(operator.Verifier); err != nil {
		return nil, err
	}
	if err := addHints(manager, o.Hints, operator.Watch); err != nil {
		return nil, err
	}
	const patience = 3 // polls of a rollout, for a report of progress
	reconciler := controllers.New(controllers.Options{
		Client: manager.GetClient(), Live: manager.GetAPIReader(), Cache: manager.GetCache(), Namespaces: o.Namespaces,
		Events: manager.GetEventRecorder("engine-operator"), Metrics: objects, Tracer: passes, Railway: operator.Pool, Watch: operator.Watch,
		Verifier: operator.Verifier, Waker: waker, ProbeHosts: o.Verifier.Guard.AllowHosts, HashKey: o.HashKey, Settle: o.Settle,
		Patience: patience * operator.Watch.Fast(), Now: time.Now, Concurrency: o.Concurrency,
	})
	return operator, reconciler.SetupWithManager(ctx, manager)
}

func addHints(manager ctrl.Manager, o hints.Options, watch *railway.Watch) error {
	if o.Address == "" || o.Address == "0" {
		return nil
	}
	o.Hint = watch.Hint
	o.Standby = func() bool {
		select {
		case <-manager.Elected():
			return false
		default:
			return true
		}
	}
	server, err := hints.New(o)
	if err != nil {
		return err
	}
	return manager.Add(server)
}

func hashKey(ctx context.Context, apiServer *rest.Config, scheme *runtime.Scheme, namespace string) ([]byte, error) {
	direct, err := client.New(apiServer, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes client: %w", err)
	}
	return ensureHashKey(ctx, direct, namespace)
}

func newManager(apiServer *rest.Config, o Options, stopped <-chan struct{}) (ctrl.Manager, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	namespaces := map[string]cache.Config{}
	for _, namespace := range o.Namespaces {
		namespaces[namespace] = cache.Config{}
	}
	own, err := labels.NewRequirement(cluster.LabelOwner, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	manager, err := ctrl.NewManager(apiServer, ctrl.Options{
		Scheme:   scheme,
		Logger:   o.Log,
		Metrics:  o.Metrics,
		NewCache: newStoppable(stopped),
		Cache: cache.Options{
			DefaultNamespaces: namespaces,
			DefaultTransform:  cache.TransformStripManagedFields(),
			// Every StatefulSet and DaemonSet has ControllerRevisions, too: only ours are cached.
			ByObject: map[client.Object]cache.ByObject{
				&appsv1.ControllerRevision{}:  {Label: labels.NewSelector().Add(*own)},
				&v1alpha1.EngineEnvironment{}: {Label: o.Selector},
				&corev1.Secret{}:              {Transform: nameAndOwners},
				&corev1.ConfigMap{}:           {Transform: nameAndOwners},
			},
		},
		// Secrets and ConfigMaps are read live when an object needs them: only of their metadata is something cached.
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}},
		HealthProbeBindAddress:        o.HealthAddress,
		PprofBindAddress:              o.PprofAddress,
		LeaderElection:                o.Election.Enabled,
		LeaderElectionID:              cmp.Or(o.Election.Name, DefaultLease),
		LeaderElectionNamespace:       o.Election.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 orDefault(o.Election.LeaseDuration, 12*time.Second),
		RenewDeadline:                 orDefault(o.Election.RenewDeadline, 8*time.Second),
		RetryPeriod:                   orDefault(o.Election.RetryPeriod, 2*time.Second),
		GracefulShutdownTimeout:       &o.ShutdownTimeout,
		// A standby fills its caches before it leads.
		Controller: config.Controller{SkipNameValidation: &o.AnyName, EnableWarmup: ptr.To(true)},
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	if err := manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return manager, manager.AddReadyzCheck("ping", healthz.Ping)
}

// nameAndOwners leaves of the metadata of a Secret or a ConfigMap what the loop asks: who it is and whose. The cache has all of the cluster,
// and the annotation of kubectl apply holds every value of a Secret. It writes nothing that is empty already: an object may come by again
// while it is read.
func nameAndOwners(in any) (any, error) {
	object, err := meta.Accessor(in)
	if err != nil {
		return in, nil //nolint:nilerr // what has no metadata is passed on
	}
	if object.GetManagedFields() != nil {
		object.SetManagedFields(nil)
	}
	if object.GetAnnotations() != nil {
		object.SetAnnotations(nil)
	}
	if object.GetLabels() != nil {
		object.SetLabels(nil)
	}
	return in, nil
}

func orDefault(d, otherwise time.Duration) *time.Duration {
	d = cmp.Or(d, otherwise)
	return &d
}

// Scheme knows the types that the operator reads and writes.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}
