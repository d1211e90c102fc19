// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/hints"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/verify"
)

const (
	projectID    = "0bb01547-570d-4109-a5e8-138691f6a2d1"
	productionID = "3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201"
	accountToken = "11111111-1111-4111-8111-111111111111"
	projectToken = "22222222-2222-4222-8222-222222222222"

	// eventually bounds every wait of a test. Nothing waits that long unless it fails.
	eventually = 20 * time.Second
)

var kube *rest.Config

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(controlplane.ForTests(m, &kube))
}

var namespaces atomic.Int32

// world is one test's Kubernetes namespace, local Railway and running operator.
type world struct {
	t         *testing.T
	client    client.Client
	sim       *railwaysim.Sim
	edge      *railwaysim.Edge
	namespace string
	writes    *writeCounter
	// project replaces projectID: all tests share one API server, and two objects must not claim the same environment.
	project  string
	endpoint string
	settings settings
	stop     func()
}

// settings of a test's world; the zero value is fine.
type settings struct {
	seed string
	// lag of Railway's reads.
	lag time.Duration
	// step is how long a deployment stays in a state.
	step   time.Duration
	settle time.Duration
	// key of the operator's hashes.
	key string
	// webhooks says where they are taken; nowhere by default.
	webhooks hints.Options
	// intercept sees every request before it is applied and before it is answered.
	intercept func(railwaysim.Request, railwaysim.Phase)
}

const plainSeed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
users: [{id: dana, name: Dana, email: dana@acme.example}]
projects:
- id: ` + projectID + `
  name: ai-engine
  workspace: ws
  environments: [{id: ` + productionID + `, name: production}]
tokens:
- {name: account, kind: workspace, workspace: ws, value: ` + accountToken + `}
- {name: project, kind: project, project: ` + projectID + `, environment: ` + productionID + `, value: ` + projectToken + `}
limits: {environmentCreateInterval: 0s}
`

func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	cluster := controlplane.Need(t, kube)
	if s.seed == "" {
		s.seed = plainSeed
	}
	if s.step == 0 {
		s.step = 10 * time.Millisecond
	}
	if s.settle == 0 {
		s.settle = time.Second
	}
	n := namespaces.Add(1)
	project := fmt.Sprintf("0bb01547-570d-4109-a5e8-%012d", n)
	seed, err := railwaysim.ParseSeed([]byte(strings.ReplaceAll(s.seed, projectID, project)))
	require.NoError(t, err)
	sim, err := railwaysim.New(railwaysim.Options{Seed: seed, Step: s.step, Lag: s.lag, Intercept: s.intercept})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	edge, err := sim.StartEdge("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(edge.Close)

	scheme, err := operator.Scheme()
	require.NoError(t, err)
	direct, err := client.New(cluster, client.Options{Scheme: scheme})
	require.NoError(t, err)
	w := &world{
		t: t, client: direct, sim: sim, edge: edge, namespace: fmt.Sprintf("test-%d", n), writes: &writeCounter{}, project: project,
		endpoint: endpoint, settings: s,
	}
	require.NoError(t, direct.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}))
	w.secret("railway", map[string]string{"RAILWAY_API_TOKEN": accountToken})
	w.stop = w.start(s)
	t.Cleanup(func() {
		w.stop()
		w.checkInvariants()
	})
	return w
}

// start runs an operator in this process that watches the test's namespace, wired as main does. The returned function stops it.
func (w *world) start(s settings) (stop func()) {
	w.t.Helper()
	counted := rest.CopyConfig(controlplane.Need(w.t, kube))
	counted.Wrap(w.writes.wrap)
	roots := x509.NewCertPool()
	require.True(w.t, roots.AppendCertsFromPEM(w.edge.CA))
	ctx, cancel := context.WithCancel(context.Background())
	started, err := operator.New(ctx, counted, operator.Options{
		Namespaces: []string{w.namespace}, Concurrency: 4, Settle: s.settle, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthAddress: "0", Log: testLog(), AnyName: true, HashKey: s.hashKey(), ShutdownTimeout: 20 * time.Second,
		Railway: railway.Options{Endpoint: w.endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 200, Burst: 200},
		Watch:   railway.WatchOptions{Fast: 100 * time.Millisecond},
		Hints:   s.webhooks,
		Verifier: verify.Options{
			Guard:      verify.GuardOptions{ConnectTo: w.edge.Address, RootCAs: roots},
			RetryPause: 10 * time.Millisecond, LogGrace: 300 * time.Millisecond,
		},
	})
	require.NoError(w.t, err)
	done := make(chan error, 1)
	go func() { done <- started.Start(ctx) }()
	require.True(w.t, started.GetCache().WaitForCacheSync(w.t.Context()))
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-done)
	})
}

// restart stops the operator and starts another one, as a crash or a change of the leader does.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.stop = w.start(w.settings)
}

func (s settings) hashKey() []byte {
	if s.key == "" {
		return []byte("0123456789abcdef0123456789abcdef")
	}
	return []byte(s.key)
}

func (w *world) secret(name string, data map[string]string) {
	w.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
	_, err := ctrl.CreateOrUpdate(w.t.Context(), w.client, secret, func() error {
		secret.Data = map[string][]byte{}
		for key, value := range data {
			secret.Data[key] = []byte(value)
		}
		return nil
	})
	require.NoError(w.t, err)
}

// apply applies an EngineEnvironment given as the YAML of its spec, by server-side apply as GitOps tools do.
func (w *world) apply(name, spec string) {
	w.t.Helper()
	require.NoError(w.t, w.tryApply(name, spec))
}

func (w *world) tryApply(name, spec string) error {
	var fields map[string]any
	require.NoError(w.t, yaml.Unmarshal([]byte(strings.ReplaceAll(spec, projectID, w.project)), &fields))
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
		"metadata": map[string]any{"name": name, "namespace": w.namespace}, "spec": fields,
	}}
	return w.client.Apply(w.t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"), client.ForceOwnership)
}

func (w *world) get(name string) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	require.NoError(w.t, w.client.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: name}, object))
	return object
}

// until waits for the object to satisfy the condition and returns it.
func (w *world) until(name, what string, ok func(*v1alpha1.EngineEnvironment) bool) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	return w.untilWithin(eventually, name, what, ok)
}

func (w *world) untilWithin(
	limit time.Duration, name, what string, ok func(*v1alpha1.EngineEnvironment) bool,
) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	var object *v1alpha1.EngineEnvironment
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		object = w.get(name)
		checkStatus(w.t, object)
		if !ok(object) {
			continue
		}
		// ok may have seen a newer Railway beside an older object: it must hold for the object read after that, too.
		if object = w.get(name); ok(object) {
			return object
		}
	}
	text, err := yaml.Marshal(object.Status)
	require.NoError(w.t, err)
	w.t.Fatalf("%s: not %s after %s; status:\n%s\nlast requests:\n%s", name, what, limit, text, w.lastRequests())
	return nil
}

func (w *world) lastRequests() string {
	var lines []string
	requests := w.sim.Requests()
	for _, r := range requests[max(0, len(requests)-15):] {
		lines = append(lines, fmt.Sprintf("%s %s %d %s", r.Kind, r.Operation, r.Status, r.Error))
	}
	return strings.Join(lines, "\n")
}

// ready waits until the object is Ready for its newest generation.
func (w *world) ready(name string) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	return w.until(name, "Ready", isReady)
}

func isReady(o *v1alpha1.EngineEnvironment) bool {
	ready := condition(o, v1alpha1.ConditionReady)
	return ready.Status == metav1.ConditionTrue && o.Status.ObservedGeneration == o.Generation && ready.ObservedGeneration == o.Generation
}

// reason waits until Ready has the reason, for the newest generation.
func (w *world) reason(name, reason string) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	return w.until(name, "Ready with reason "+reason, func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionReady).Reason == reason && o.Status.ObservedGeneration == o.Generation
	})
}

func condition(o *v1alpha1.EngineEnvironment, kind string) metav1.Condition {
	if found := meta.FindStatusCondition(o.Status.Conditions, kind); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// count counts the requests by operation since the mark.
func (w *world) count(since int) map[string]int {
	counts := map[string]int{}
	for _, r := range w.sim.Requests() {
		if r.Seq > since {
			counts[r.Operation]++
		}
	}
	return counts
}

// read counts the environments that were read since.
func (w *world) read(since int) int {
	read := map[string]bool{}
	for _, r := range w.sim.Requests() {
		for _, id := range r.Environments {
			if r.Seq > since {
				read[id] = true
			}
		}
	}
	return len(read)
}

// mark is the number of the newest request.
func (w *world) mark() int {
	requests := w.sim.Requests()
	if len(requests) == 0 {
		return 0
	}
	return requests[len(requests)-1].Seq
}

func (w *world) variables(environment, service string) map[string]string {
	w.t.Helper()
	variables, err := w.sim.Variables(railwaysim.Place{Environment: environment, Service: service})
	require.NoError(w.t, err)
	return variables
}

// deployments counts the deployments ever made of a service.
func (w *world) deployments(environment, service string) int {
	n := 0
	for _, d := range w.sim.Deployments() {
		if d.Environment == environment && d.Service == service {
			n++
		}
	}
	return n
}

// testLog is silent unless TEST_LOG is set.
func testLog() logr.Logger {
	if os.Getenv("TEST_LOG") == "" {
		return logr.Discard()
	}
	return funcr.New(func(prefix, args string) { fmt.Fprintln(os.Stderr, prefix, args) }, funcr.Options{Verbosity: 1})
}
