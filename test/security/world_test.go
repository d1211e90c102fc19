// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
	"github.com/engine-operator/engine-operator/internal/verify"
)

const (
	namespace = "canary"
	// team is where the operator of config/namespaced runs, with its objects.
	team    = "team-a"
	account = "engine-operator-manager"
	// eventually bounds every wait. Nothing waits that long unless it fails.
	eventually = 60 * time.Second
	wait       = 30 * time.Millisecond
)

// world is the operator, what it works on, and what it says.
type world struct {
	// namespace is where the objects are, home where the operator runs.
	namespace, home string
	t               *testing.T
	kube            client.Client
	sim             *railwaysim.Sim
	metrics         string
	stop            func()
	// versions are all versions of the objects that the API server has stored: what stands in a status for a moment is read, too.
	versions func() []string
}

// newWorld installs the manifests and starts the operator in its home, for all namespaces unless its objects are at home.
func newWorld(t *testing.T, namespace, home string, manifests ...*unstructured.Unstructured) *world {
	t.Helper()
	if cluster == nil {
		t.Skip("needs a Kubernetes API server; run without -short")
	}
	seed, err := railwaysim.ParseSeed([]byte(`
workspaces: [{id: ws, name: acme, plan: Pro}]
users: [{id: dana, name: Dana, email: dana@acme.example}]
projects: [{id: ` + projectID + `, name: ai-engine, workspace: ws, environments: [{id: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, name: production}]}]
tokens: [{name: account, kind: workspace, workspace: ws, value: ` + canaries["token"] + `}]
limits: {environmentCreateInterval: 0s}
`))
	require.NoError(t, err)
	sim, err := railwaysim.New(railwaysim.Options{Seed: seed, Step: 20 * time.Millisecond})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	edge, err := sim.StartEdge("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(edge.Close)
	scheme, err := operator.Scheme()
	require.NoError(t, err)
	kube, err := client.NewWithWatch(cluster.Config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	w := &world{t: t, namespace: namespace, home: home, kube: kube, sim: sim, metrics: freeAddress(t)}
	require.NoError(t, kube.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	install(t, kube, manifests)
	w.versions = record(t, kube, namespace)
	w.stop = w.start(endpoint, edge)
	t.Cleanup(func() { w.stop() })
	return w
}

// record keeps every version of the objects of the namespace, from now on.
func record(t *testing.T, kube client.WithWatch, namespace string) (versions func() []string) {
	t.Helper()
	watcher, err := kube.Watch(t.Context(), &v1alpha1.EngineEnvironmentList{}, client.InNamespace(namespace))
	require.NoError(t, err)
	t.Cleanup(watcher.Stop)
	var mu sync.Mutex
	var seen []string
	go func() {
		for event := range watcher.ResultChan() {
			raw, err := json.Marshal(event.Object)
			mu.Lock()
			seen = append(seen, string(raw))
			if err != nil {
				seen = append(seen, err.Error())
			}
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

// start runs the operator as main does, with the most talkative log that --log-level has, as its ServiceAccount.
func (w *world) start(endpoint string, edge *railwaysim.Edge) (stop func()) {
	w.t.Helper()
	config := rest.CopyConfig(cluster.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: username(w.home),
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + w.home, "system:authenticated"},
	}
	roots := x509.NewCertPool()
	require.True(w.t, roots.AppendCertsFromPEM(edge.CA))
	log, flush, err := (&options.Options{LogLevel: "debug", LogFormat: "json"}).Logger()
	require.NoError(w.t, err)
	ctrl.SetLogger(log)
	ctx, cancel := context.WithCancel(context.Background())
	o := operator.Options{
		Concurrency: 4, Settle: time.Second, HealthAddress: "0", Log: log, ShutdownTimeout: 20 * time.Second,
		Metrics: metricsserver.Options{
			BindAddress: w.metrics, SecureServing: true, FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		Registerer: ctrlmetrics.Registry, HashKeyNamespace: w.home,
		Election: operator.Election{Enabled: true, Namespace: w.home},
		Railway:  railway.Options{Endpoint: endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 200, Burst: 200, Log: log.WithName("railway")},
		Watch:    railway.WatchOptions{Fast: 100 * time.Millisecond, Log: log.WithName("watch")},
		Verifier: verify.Options{
			Guard:      verify.GuardOptions{ConnectTo: edge.Address, RootCAs: roots},
			RetryPause: 10 * time.Millisecond, LogGrace: 300 * time.Millisecond,
		},
	}
	if w.namespace == w.home { // as config/namespaced does: without metrics
		o.Namespaces, o.Registerer, o.Metrics = []string{w.namespace}, nil, metricsserver.Options{BindAddress: "0"}
		o.AnyName = true // another one has run in this process
	}
	started, err := operator.New(ctx, config, o)
	require.NoError(w.t, err)
	done := make(chan error, 1)
	go func() { done <- started.Start(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-done)
		flush()
	})
}

// username is that of the operator whose home the namespace is.
func username(home string) string { return "system:serviceaccount:" + home + ":" + account }

// logged is what the process has written to standard error.
func (w *world) logged() string {
	w.t.Helper()
	text, err := os.ReadFile(stderr.Name())
	require.NoError(w.t, err)
	return string(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := testbed.FreeAddress()
	require.NoError(t, err)
	return address
}

func (w *world) secret(name string, data map[string]string) {
	w.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
	_, err := ctrl.CreateOrUpdate(w.t.Context(), w.kube, secret, func() error {
		secret.Data = map[string][]byte{}
		for key, value := range data {
			secret.Data[key] = []byte(value)
		}
		return nil
	})
	require.NoError(w.t, err)
}

func (w *world) apply(name, spec string, finalizers ...any) {
	w.t.Helper()
	var fields map[string]any
	require.NoError(w.t, yaml.Unmarshal([]byte(spec), &fields))
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
		"metadata": map[string]any{"name": name, "namespace": w.namespace, "finalizers": finalizers}, "spec": fields,
	}}
	require.NoError(w.t, w.kube.Apply(w.t.Context(), client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner("test"), client.ForceOwnership))
}

// until waits for the object to satisfy the condition.
func (w *world) until(name, what string, ok func(*v1alpha1.EngineEnvironment) bool) {
	w.t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	for deadline := time.Now().Add(eventually); time.Now().Before(deadline); time.Sleep(wait) {
		require.NoError(w.t, w.kube.Get(w.t.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, object))
		if object.Status.ObservedGeneration == object.Generation && ok(object) {
			return
		}
	}
	text, err := yaml.Marshal(object.Status)
	require.NoError(w.t, err)
	w.t.Fatalf("%s: not %s after %s; status:\n%s", name, what, eventually, text)
}

// reason waits until Ready has that reason.
func (w *world) reason(name, reason string) {
	w.t.Helper()
	w.until(name, reason, func(o *v1alpha1.EngineEnvironment) bool { return readyOf(o).Reason == reason })
}

func readyOf(o *v1alpha1.EngineEnvironment) metav1.Condition {
	if ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{}
}

// remove deletes the object and waits until it is gone.
func (w *world) remove(name string) {
	w.t.Helper()
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
	require.NoError(w.t, w.kube.Delete(w.t.Context(), object))
	require.Eventually(w.t, func() bool {
		return apierrors.IsNotFound(w.kube.Get(w.t.Context(), client.ObjectKeyFromObject(object), object))
	}, eventually, wait, "%s is gone", name)
}

// scrape reads the metrics as Prometheus does: as a ServiceAccount that may. One that may not is refused.
func (w *world) scrape() string {
	w.t.Helper()
	status, _ := w.readMetrics(w.token("nobody"))
	require.Equal(w.t, http.StatusForbidden, status)
	require.NoError(w.t, w.kube.Create(w.t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "scrape"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "engine-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: "prometheus"}},
	}))
	token, text := w.token("prometheus"), ""
	require.Eventually(w.t, func() bool {
		status, text = w.readMetrics(token)
		return status == http.StatusOK
	}, eventually, 100*time.Millisecond, "the binding is known")
	return text
}

func (w *world) token(name string) string {
	w.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
	require.NoError(w.t, client.IgnoreAlreadyExists(w.kube.Create(w.t.Context(), account)))
	request := &authenticationv1.TokenRequest{}
	require.NoError(w.t, w.kube.SubResource("token").Create(w.t.Context(), account, request))
	return request.Status.Token
}

func (w *world) readMetrics(token string) (int, string) {
	w.t.Helper()
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // as docs/monitoring.md says
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, fmt.Sprintf("https://%s/metrics", w.metrics), nil)
	require.NoError(w.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := insecure.Do(request)
	require.NoError(w.t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return answer.StatusCode, string(body)
}
