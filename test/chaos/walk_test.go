// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	projectMark = "PROJECT"
	token       = "11111111-1111-4111-8111-111111111111"
	robotUser   = "robot"
	// legacy is what nobody declared: it must stay as it is.
	legacy = `[{"image":"acme/legacy:1"},{"KEEP":"me"}]`
	// tick is how often the oracle looks.
	tick = 60 * time.Millisecond
)

var walks atomic.Int64

func seedOf(project string) string {
	return strings.ReplaceAll(`
workspaces: [{id: ws, name: acme, plan: Pro}]
users: [{id: dana, name: Dana, email: dana@acme.example}, {id: robot, name: Robot, email: robot@acme.example}]
projects:
- id: PROJECT
  name: ai-engine
  workspace: ws
  environments:
  - {id: PROJECT-p, name: production}
  - {id: PROJECT-s, name: staging, sharedVariables: {OWNER: somebody else}}
  services:
  - id: PROJECT-l
    name: legacy
    environments:
      staging: {source: {image: "acme/legacy:1"}, variables: {KEEP: {value: me}}}
      production: {source: {image: "acme/legacy:1"}, variables: {KEEP: {value: me}}}
tokens: [{name: operator, kind: workspace, workspace: ws, user: robot, value: `+token+`, requestsPerHour: 1000000}]
limits: {environmentCreateInterval: 0s, requestsPerSecond: 500}
`, projectMark, project)
}

// walk is one run of a script.
type walk struct {
	script   script
	client   client.Client
	sim      *railwaysim.Sim
	oracle   *oracle
	replicas []*replica
	site     site
	project  string
	// patience is how long the walk waits for the fleet to settle, hold for how long it must then stay so.
	patience, hold time.Duration
	trace          func(string, ...any)
	cleanups       []func()
}

// result is how a walk ended.
type result struct {
	problems []string
	// settled is how long the fleet took to be as declared once everything was quiet.
	settled                        time.Duration
	requests, commits, deployments int
	refused                        int
}

// run plays a script on the API server. An error is a walk that could not be played.
func run(ctx context.Context, cluster *rest.Config, s script, o runOptions) (result, error) {
	w := &walk{script: s, patience: o.patience, hold: o.hold, trace: o.trace}
	defer w.close()
	if err := w.setUp(ctx, cluster, o); err != nil {
		return result{}, err
	}
	stop := w.watch(ctx)
	refused := 0
	for i, step := range s.Steps {
		w.trace("%3d %s", i, asJSON(step))
		if err := w.play(ctx, step); apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			refused++
			w.trace("    refused: %s", err)
		} else if err != nil {
			stop()
			return result{}, fmt.Errorf("step %d: %w", i, err)
		}
		time.Sleep(time.Duration(step.Pause) * time.Millisecond)
	}
	settled, err := w.quiet(ctx)
	stop()
	if err != nil {
		return result{}, err
	}
	record := w.sim.Record()
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	w.oracle.judgeHistory(record, w.sim.Requests())
	commits := 0
	for _, p := range record.Patches {
		if p.By == robotUser {
			commits++
		}
	}
	return result{
		problems: w.oracle.problems, settled: settled, requests: len(w.sim.Requests()), commits: commits, deployments: len(record.Deployments),
		refused: refused,
	}, nil
}

// runOptions say how a script is played.
type runOptions struct {
	patience, hold time.Duration
	binary, dir    string
	trace          func(string, ...any)
}

func (w *walk) setUp(ctx context.Context, cluster *rest.Config, o runOptions) error {
	n := walks.Add(1)
	w.project = fmt.Sprintf("0bb01547-570d-4109-a5e8-%012d", n)
	seed, err := railwaysim.ParseSeed([]byte(seedOf(w.project)))
	if err != nil {
		return err
	}
	if w.sim, err = railwaysim.New(railwaysim.Options{Seed: seed, Step: 20 * time.Millisecond, History: lag}); err != nil {
		return err
	}
	endpoint, stop, err := w.sim.Start()
	if err != nil {
		return err
	}
	w.cleanups = append(w.cleanups, stop)
	edge, err := w.sim.StartEdge("127.0.0.1:0")
	if err != nil {
		return err
	}
	w.cleanups = append(w.cleanups, edge.Close)
	w.oracle = &oracle{sim: w.sim, robot: robotUser, project: w.project, sources: []sources{{}}}
	if w.client, err = client.New(cluster, client.Options{Scheme: scheme.Scheme}); err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	election := shortLease
	election.Enabled, election.Namespace = w.script.Replicas > 1, fmt.Sprintf("chaos-%d", n)
	w.site = site{
		cluster: cluster, namespace: fmt.Sprintf("chaos-%d", n), railway: strings.TrimSuffix(strings.TrimPrefix(endpoint, "http://"), "/graphql/v2"),
		edge: edge, binary: o.binary, dir: o.dir, log: testLog(), election: election,
	}
	if err := w.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.site.namespace}}); err != nil {
		return fmt.Errorf("make the namespace: %w", err)
	}
	for _, s := range [][3]string{
		{"railway", "RAILWAY_API_TOKEN", token}, {"registry", "username", "robot"}, {"registry", "password", "v0"},
		{"values", "KEY_A", "a0"}, {"values", "KEY_B", "b0"},
	} {
		if err := w.set(ctx, "Secret", s[0], s[1], s[2]); err != nil {
			return err
		}
	}
	for _, key := range []string{"KEY_A", "KEY_B"} {
		if err := w.set(ctx, "ConfigMap", "values", key, "c-"+key); err != nil {
			return err
		}
	}
	for i := range max(w.script.Replicas, 1) {
		r, err := newReplica(w.site, fmt.Sprintf("replica-%d", i))
		if err != nil {
			return err
		}
		w.replicas = append(w.replicas, r)
	}
	return nil
}

func (w *walk) close() {
	for _, r := range w.replicas {
		r.close()
	}
	for _, cleanup := range w.cleanups {
		cleanup()
	}
}

// set changes a key of a Secret or a ConfigMap. The oracle knows it first: the operator may be fast.
func (w *walk) set(ctx context.Context, kind, name, key, value string) error {
	w.oracle.mu.Lock()
	w.oracle.observe(w.sim.Record())
	next := maps.Clone(w.oracle.sources[len(w.oracle.sources)-1])
	next[kind+"/"+name+"/"+key] = value
	w.oracle.sources = append(w.oracle.sources, next)
	for _, o := range objects {
		if v := w.oracle.newest(o.name); v != nil {
			v.until = len(w.oracle.sources) - 1
		}
	}
	w.oracle.mu.Unlock()
	patch := fmt.Sprintf(`{"apiVersion":"v1","kind":%q,"metadata":{"name":%q,"namespace":%q},`, kind, name, w.site.namespace)
	if kind == "Secret" {
		patch += `"stringData":{`
	} else {
		patch += `"data":{`
	}
	patch += fmt.Sprintf("%q:%q}}", key, value)
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON([]byte(patch)); err != nil {
		return fmt.Errorf("make %s: %w", kind, err)
	}
	// An owner for each key: server-side apply would take the other keys away.
	return w.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("walk-"+strings.ToLower(key)), client.ForceOwnership)
}

func (w *walk) object(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: tree{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
		"metadata": tree{"name": name, "namespace": w.site.namespace},
	}}
}

// apply applies a spec as a GitOps tool does. What admission refuses was never declared.
func (w *walk) apply(ctx context.Context, name string, spec tree) error {
	if !w.gone(ctx, name) {
		w.trace("    not done: the object of before is still being deleted")
		return nil
	}
	object := w.object(name)
	object.Object["spec"] = replaced(spec, w.project)
	v := &version{object: name, spec: spec, at: time.Now(), generation: -1}
	w.oracle.mu.Lock()
	w.oracle.observe(w.sim.Record())
	v.from = len(w.oracle.sources) - 1
	v.until = v.from
	w.oracle.versions = append(w.oracle.versions, v)
	w.oracle.mu.Unlock()
	err := w.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("walk"), client.ForceOwnership)
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	if err != nil {
		w.oracle.versions = slices.DeleteFunc(w.oracle.versions, func(other *version) bool { return other == v })
		return err
	}
	v.generation = object.GetGeneration()
	return nil
}

// gone waits until an object that was deleted is gone: what is applied to it before goes with it.
func (w *walk) gone(ctx context.Context, name string) bool {
	w.oracle.mu.Lock()
	v := w.oracle.newest(name)
	w.oracle.mu.Unlock()
	if v == nil || !v.deleted {
		return true
	}
	for range 100 {
		if !w.exists(ctx, name) {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

func (w *walk) exists(ctx context.Context, name string) bool {
	return !apierrors.IsNotFound(w.client.Get(ctx, types.NamespacedName{Namespace: w.site.namespace, Name: name}, w.object(name)))
}

// replaced is a copy of the spec with the walk's project.
func replaced(spec tree, project string) tree {
	copied := tree{}
	for key, value := range spec {
		copied[key] = value
	}
	if railway := at(spec, "railway"); railway != nil {
		railway = maps.Clone(railway)
		railway["projectID"] = project
		copied["railway"] = railway
	}
	return copied
}

// watch lets the oracle look at every status, until it is stopped.
func (w *walk) watch(ctx context.Context) (stop func()) {
	done, ended := make(chan struct{}), sync.WaitGroup{}
	ended.Go(func() {
		for {
			w.look(ctx)
			select {
			case <-done:
				return
			case <-time.After(tick):
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		ended.Wait()
	})
}

// look judges the statuses of now.
func (w *walk) look(ctx context.Context) {
	objects := &unstructured.UnstructuredList{}
	objects.SetAPIVersion("railway.engine-operator.dev/v1alpha1")
	objects.SetKind("EngineEnvironmentList")
	if err := w.client.List(ctx, objects, client.InNamespace(w.site.namespace)); err != nil {
		return
	}
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	record := w.sim.Record()
	w.oracle.observe(record)
	for _, o := range objects.Items {
		verdict, _, _ := unstructured.NestedString(o.Object, "status", "verdict")
		observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		if verdict == "GO" && observed == o.GetGeneration() {
			w.oracle.judgeGo(o.GetName(), observed, record)
		}
	}
}

// poke forces a pass of the object.
func (w *walk) poke(ctx context.Context, name string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"railway.engine-operator.dev/requested-at":%q}}}`, time.Now().Format(time.RFC3339Nano))
	return client.IgnoreNotFound(w.client.Patch(ctx, w.object(name), client.RawPatch(types.MergePatchType, patch)))
}
