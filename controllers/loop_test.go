// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// loop is the loop without an API server: Kubernetes in memory, a local Railway, one clock for all of them, and passes that a test asks
// for one by one. Nothing happens between two of them but the checks.
type loop struct {
	t      *testing.T
	client client.Client
	sim    *railwaysim.Sim
	watch  *railway.Watch
	events *events.FakeRecorder
	// spans are those of the requests to Railway, and of passes that a test traces.
	spans *tracetest.InMemoryExporter
	*Reconciler
	// uid is what the uids of objects begin with.
	uid string
	// endpoint is the local Railway's.
	endpoint string
	// here is the loop whose clock counts, nil for its own.
	here *loop

	mu  sync.Mutex
	now time.Time
	// writes are the writes to Kubernetes: verb and kind.
	writes []string
	// onWrite may refuse a write.
	onWrite func(verb string, object client.Object) error
	// onList is called after the objects were listed, from the cache or past it, and may change what is seen.
	onList func(cached bool, list *v1alpha1.EngineEnvironmentList)
	// onRequest is called for every request to Railway before it is applied and after it was applied but not answered.
	onRequest func(railwaysim.Request, railwaysim.Phase)
}

const (
	loopProject   = "0bb01547-570d-4109-a5e8-138691f6a2d1"
	loopOther     = "0bb01547-570d-4109-a5e8-138691f6a2d2"
	loopToken     = "11111111-1111-4111-8111-111111111111"
	loopProjToken = "22222222-2222-4222-8222-222222222222"
	loopSecret    = "sk-live-51H8xY2eZvKYlo2C"

	loopSeed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
users: [{id: dana, name: Dana, email: dana@acme.example}]
projects:
- {id: ` + loopProject + `, name: ai-engine, workspace: ws, environments: [{id: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, name: production}]}
tokens:
- {name: account, kind: workspace, workspace: ws, value: ` + loopToken + `}
- {name: project, kind: project, project: ` + loopProject + `, environment: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, value: ` + loopProjToken + `}
limits: {environmentCreateInterval: 0s}
`

	loopDev = `
tier: Dev
interval: 30s
railway: {projectID: ` + loopProject + `, tokenSecretRef: {name: railway}}
engine:
  name: ai-engine
  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
  domains: {railway: true, port: 8000}
  variables:
  - {name: DB_SCHEMA, value: dev}
  - {name: OPENAI_API_KEY, sealed: true, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}
`
)

// newLoop brings up a loop with the token's Secret and one more; edit changes the seed of the local Railway.
func newLoop(t *testing.T, edit ...string) *loop {
	t.Helper()
	return newLaggingLoop(t, 0, edit...)
}

// ahead is by how much the clock is ahead of the time by which the checks run: on a slow machine, too, what they find is never newer than
// what a pass reads after it.
const ahead = time.Hour

// newLaggingLoop is newLoop with a Railway whose reads lag behind writes.
func newLaggingLoop(t *testing.T, lag time.Duration, edit ...string) *loop {
	t.Helper()
	now := time.Now().Truncate(time.Second).Add(ahead)
	l := &loop{t: t, uid: "uid-", now: now, events: events.NewFakeRecorder(10_000), spans: tracetest.NewInMemoryExporter()}
	seed, err := railwaysim.ParseSeed([]byte(strings.NewReplacer(edit...).Replace(loopSeed)))
	require.NoError(t, err)
	l.sim, err = railwaysim.New(railwaysim.Options{
		Seed: seed, Step: time.Second, Now: l.clock, Lag: lag, History: time.Minute, Intercept: l.requested,
	})
	require.NoError(t, err)
	endpoint, stop, err := l.sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	edge, err := l.sim.StartEdge("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(edge.Close)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(edge.CA))

	l.client = l.kubernetes()
	l.endpoint = endpoint
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 1e6, Burst: 1e6, Now: l.clock, Tracer: l.tracer()})
	require.NoError(t, err)
	l.watch = railway.NewWatch(railway.WatchOptions{Now: l.clock})
	verifier := verify.New(verify.Options{
		Guard: verify.GuardOptions{ConnectTo: edge.Address, RootCAs: roots}, RetryPause: time.Millisecond, LogGrace: 50 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- verifier.Start(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	objects, err := metrics.NewObjects(prometheus.NewRegistry())
	require.NoError(t, err)
	l.Reconciler = New(Options{
		Metrics: objects,
		Client:  l.client, Live: l.client, Cache: l.client, Events: l.events, Railway: pool, Watch: l.watch, Verifier: verifier,
		HashKey: []byte("0123456789abcdef0123456789abcdef"), Settle: 5 * time.Second, Patience: 10 * time.Second, Now: l.clock, Concurrency: 1,
	})
	l.secret("railway", map[string]string{"RAILWAY_API_TOKEN": loopToken})
	l.secret("openai", map[string]string{"api-key": loopSecret})
	return l
}

func (l *loop) tracer() trace.Tracer {
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(l.spans)).Tracer("test")
}

// kubernetes is an API in memory that counts writes.
func (l *loop) kubernetes() client.Client {
	scheme := runtime.NewScheme()
	require.NoError(l.t, clientgoscheme.AddToScheme(scheme))
	require.NoError(l.t, v1alpha1.AddToScheme(scheme))
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.EngineEnvironment{})
	require.NoError(l.t, cluster.AddIndexes(func(object client.Object, field string, values client.IndexerFunc) error {
		builder = builder.WithIndex(object, field, values)
		return nil
	}))
	return builder.WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			err := c.List(ctx, list, opts...)
			l.mu.Lock()
			listed := l.onList
			l.mu.Unlock()
			if objects, ok := list.(*v1alpha1.EngineEnvironmentList); ok && listed != nil {
				listed(slices.Contains(opts, client.ListOption(client.UnsafeDisableDeepCopy)), objects)
			}
			return err
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return l.written("create", o, func() error { return c.Create(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return l.written("delete", o, func() error { return c.Delete(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return l.written("patch", o, func() error { return c.Patch(ctx, o, p, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return l.written("patch "+sub, o, func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	}).Build()
}

func (l *loop) requested(r railwaysim.Request, phase railwaysim.Phase) {
	l.mu.Lock()
	called := l.onRequest
	l.mu.Unlock()
	if called != nil {
		called(r, phase)
	}
}

func (l *loop) written(verb string, object client.Object, write func() error) error {
	l.mu.Lock()
	kind, err := l.client.GroupVersionKindFor(object)
	require.NoError(l.t, err)
	l.writes = append(l.writes, verb+" "+kind.Kind)
	refuse := l.onWrite
	l.mu.Unlock()
	if refuse != nil {
		if err := refuse(verb, object); err != nil {
			return err
		}
	}
	return write()
}

func (l *loop) clock() time.Time {
	if l.here != nil {
		return l.here.clock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *loop) advance(d time.Duration) {
	if l.here != nil {
		l.here.advance(d)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

func (l *loop) secret(name string, data map[string]string) {
	l.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}}
	_, err := ctrl.CreateOrUpdate(l.t.Context(), l.client, secret, func() error {
		secret.Data = map[string][]byte{}
		for key, value := range data {
			secret.Data[key] = []byte(value)
		}
		return nil
	})
	require.NoError(l.t, err)
}

// apply creates the object, or gives it another spec.
func (l *loop) apply(name, spec string, edits ...string) {
	l.t.Helper()
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}}
	_, err := ctrl.CreateOrUpdate(l.t.Context(), l.client, object, func() error {
		object.UID, object.Generation = types.UID(l.uid+name), object.Generation+1
		if object.CreationTimestamp.IsZero() {
			object.CreationTimestamp = metav1.NewTime(l.clock())
		}
		object.Spec = v1alpha1.EngineEnvironmentSpec{}
		return yaml.UnmarshalStrict([]byte(strings.NewReplacer(edits...).Replace(spec)), &object.Spec)
	})
	require.NoError(l.t, err)
}

func (l *loop) annotate(name, key, value string) {
	l.t.Helper()
	object := l.get(name)
	before := object.DeepCopy()
	if object.Annotations == nil {
		object.Annotations = map[string]string{}
	}
	object.Annotations[key] = value
	require.NoError(l.t, l.client.Patch(l.t.Context(), object, client.MergeFrom(before)))
}

func (l *loop) get(name string) *v1alpha1.EngineEnvironment {
	l.t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	require.NoError(l.t, l.client.Get(l.t.Context(), types.NamespacedName{Namespace: "team", Name: name}, object))
	return object
}

// pass runs one pass.
func (l *loop) pass(name string) ctrl.Result {
	l.t.Helper()
	result, err := l.tryPass(name)
	require.NoError(l.t, err)
	return result
}

func (l *loop) tryPass(name string) (ctrl.Result, error) {
	return l.Reconcile(l.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "team", Name: name}})
}

// poll reads the object's environment as the watch does in between.
func (l *loop) poll(name string) {
	_, _ = l.watch.Refresh(l.t.Context(), "team/"+name)
}

// until passes, a second of the clock apart, until the object is as wanted.
func (l *loop) until(name, what string, ok func(*v1alpha1.EngineEnvironment) bool) *v1alpha1.EngineEnvironment {
	l.t.Helper()
	for i := range 200 {
		_, _ = l.tryPass(name)
		if o := l.get(name); ok(o) {
			return o
		}
		l.advance(time.Second)
		l.poll(name)
		time.Sleep(time.Duration(2+i/4) * time.Millisecond) // the checks run beside the loop
	}
	text, err := yaml.Marshal(l.get(name).Status)
	require.NoError(l.t, err)
	l.t.Fatalf("%s is not %s after 200 passes:\n%s", name, what, text)
	return nil
}

// settled passes until the object is GO and nothing is left to do.
func (l *loop) settled(name string) *v1alpha1.EngineEnvironment {
	l.t.Helper()
	return l.until(name, "GO", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Verdict == v1alpha1.VerdictGo && o.Status.ObservedGeneration == o.Generation
	})
}

func ready(o *v1alpha1.EngineEnvironment) metav1.Condition { return status.Ready(&o.Status) }

// requests counts the requests to Railway since the mark, by operation.
func (l *loop) requests(since int) map[string]int {
	counts := map[string]int{}
	for _, r := range l.sim.Requests()[since:] {
		counts[r.Operation]++
	}
	return counts
}

func (l *loop) mark() int { return len(l.sim.Requests()) }

// kubernetesWrites returns the writes since the last call.
func (l *loop) kubernetesWrites() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	writes := l.writes
	l.writes = nil
	return writes
}
