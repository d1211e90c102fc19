// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

var fleets atomic.Int64

var fleetFlag = flag.Int("chaos.fleet", 30, "objects of the fleet whose leader is killed")

const (
	// takeover is how long after the death of the leader another replica must lead.
	takeover = 20 * time.Second
	// beat is for how long one look at the lease counts at most: a machine that takes longer is starving, and so are the replicas.
	beat = 250 * time.Millisecond
)

// fleet is a settled fleet with two replicas.
type fleet struct {
	t      *testing.T
	client client.Client
	sim    *railwaysim.Sim
	site   site
	size   int
	// namespace and number tell the fleets of one run apart.
	namespace string
	number    int64
	replicas  [2]*replica
}

// TestFailoverOfASettledFleet kills the leader of a settled fleet, as the kernel does. A warm standby leads within 20s, nothing is written,
// no verdict changes, soaks go on, and Railway is asked at most once for each object.
func TestFailoverOfASettledFleet(t *testing.T) {
	f := newFleet(t, *fleetFlag)
	leader := f.leader()
	standby := 1 - leader
	before := f.statuses()
	f.replicas[standby].do(func(r *replica) {
		for _, kind := range []string{"engineenvironments", "secrets", "configmaps", "controllerrevisions"} {
			assert.True(t, r.api.watches(kind), "the standby watches %s: its cache is warm", kind)
		}
	})
	holder := f.holder()
	require.NotEmpty(t, holder)
	requests, killed := len(f.sim.Requests()), time.Now()
	f.replicas[standby].do(func(r *replica) { r.api.count() })
	f.replicas[leader].do(func(r *replica) { r.closed = true; r.kill() }) // nobody starts it again
	led := f.led(holder)
	require.Eventually(t, func() bool { return f.reads(requests) >= f.size }, time.Minute, 50*time.Millisecond, "the new leader reads every environment")
	read := time.Since(killed)
	time.Sleep(2 * time.Second)

	after, changed := f.statuses(), 0
	for name, status := range before {
		if after[name] != status {
			changed++
			t.Logf("%s: before\n%s\nafter\n%s", name, status, after[name])
		}
	}
	writes := 0
	f.replicas[standby].do(func(r *replica) { writes = r.api.count() })
	total := len(f.sim.Requests()) - requests
	t.Logf("failover of %d settled objects: another replica led %s after the leader was killed and had read all of Railway after %s; "+
		"%d statuses changed, %d Kubernetes writes, %d requests to Railway", f.size, led.Round(100*time.Millisecond), read.Round(100*time.Millisecond), changed, writes, total)
	assert.Less(t, led, takeover)
	assert.Zero(t, changed, "no status is written, so no verdict changes and soaks go on")
	assert.Zero(t, writes, "nothing is written to Kubernetes")
	assert.LessOrEqual(t, total, f.size, "one request for each object at most")
}

// newFleet makes a fleet of objects, each with a project of its own, and waits until all of them are GO.
func newFleet(t *testing.T, size int) *fleet {
	t.Helper()
	cluster := controlplane.Need(t, kube)
	n := fleets.Add(1)
	f := &fleet{t: t, size: size, namespace: fmt.Sprintf("fleet-%d", n), number: n}
	seed := "workspaces: [{id: ws, name: acme, plan: Pro}]\ntokens: [{name: t, kind: workspace, workspace: ws, value: " + token +
		", requestsPerHour: 1000000}]\nlimits: {environmentCreateInterval: 0s, requestsPerSecond: 500}\nprojects:\n"
	for i := range size {
		seed += fmt.Sprintf("- {id: %s, name: p%d, workspace: ws, environments: [{id: e%d, name: dev}]}\n", f.project(i), i, i)
	}
	parsed, err := railwaysim.ParseSeed([]byte(seed))
	require.NoError(t, err)
	f.sim, err = railwaysim.New(railwaysim.Options{Seed: parsed, Step: 20 * time.Millisecond})
	require.NoError(t, err)
	endpoint, stop, err := f.sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	edge, err := f.sim.StartEdge("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(edge.Close)
	f.client, err = client.New(cluster, client.Options{Scheme: scheme.Scheme})
	require.NoError(t, err)
	// The lease is the default one: what is measured is what people get.
	f.site = site{
		cluster: cluster, namespace: f.namespace, railway: strings.TrimSuffix(strings.TrimPrefix(endpoint, "http://"), "/graphql/v2"), edge: edge,
		log: testLog(), election: operator.Election{Enabled: true, Namespace: f.namespace},
	}
	require.NoError(t, f.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}))
	require.NoError(t, f.client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "railway", Namespace: f.namespace}, StringData: map[string]string{"RAILWAY_API_TOKEN": token},
	}))
	for i := range f.replicas {
		f.replicas[i], err = newReplica(f.site, fmt.Sprintf("replica-%d", i))
		require.NoError(t, err)
		t.Cleanup(f.replicas[i].close)
	}
	f.settle()
	return f
}

func (f *fleet) project(i int) string {
	return fmt.Sprintf("0bb01547-570d-4109-b5e8-%06d%06d", f.number, i)
}

// settle makes the objects and waits until nothing changes any more.
func (f *fleet) settle() {
	f.t.Helper()
	for i := range f.size {
		object := f.object(fmt.Sprintf("tier-%03d", i))
		object.Object["spec"] = tree{
			"tier": "Dev", "interval": "30s", "railway": tree{"projectID": f.project(i), "tokenSecretRef": tree{"name": "railway"}},
			"engine": tree{"name": "engine", "source": tree{"image": "ghcr.io/acme/ai-engine:1.4.2"}, "domains": tree{"railway": true}},
		}
		require.NoError(f.t, f.client.Create(f.t.Context(), object))
	}
	var last map[string]string
	require.Eventually(f.t, func() bool {
		now := f.statuses()
		settled := maps.Equal(now, last)
		last = now
		for _, status := range now {
			settled = settled && strings.Contains(status, `"verdict":"GO"`)
		}
		return settled
	}, 4*time.Minute, 2*time.Second, "the fleet settles")
}

func (f *fleet) object(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: tree{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment", "metadata": tree{"name": name, "namespace": f.namespace},
	}}
}

// statuses are the statuses by object, as JSON.
func (f *fleet) statuses() map[string]string {
	f.t.Helper()
	objects := &unstructured.UnstructuredList{}
	objects.SetAPIVersion("railway.engine-operator.dev/v1alpha1")
	objects.SetKind("EngineEnvironmentList")
	require.NoError(f.t, f.client.List(f.t.Context(), objects, client.InNamespace(f.namespace)))
	all := map[string]string{}
	for _, o := range objects.Items {
		all[o.GetName()] = asJSON(o.Object["status"])
	}
	return all
}

func (f *fleet) holder() string {
	lease := &coordinationv1.Lease{}
	err := f.client.Get(f.t.Context(), types.NamespacedName{Namespace: f.namespace, Name: "engine-operator.railway.engine-operator.dev"}, lease)
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// led waits until somebody else than the one leads, and returns how long that took, without the time in which the machine was starving.
func (f *fleet) led(than string) (took time.Duration) {
	f.t.Helper()
	for last := time.Now(); took < 2*takeover; {
		h := f.holder()
		now := time.Now()
		took += min(now.Sub(last), beat)
		last = now
		if h != "" && h != than {
			return took
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.t.Fatal("nobody leads")
	return took
}

// leader waits until a replica renews the lease, and returns which one that is. That it tried to get the lease once says nothing: two replicas
// that start at the same moment both write it, and one of them is refused.
func (f *fleet) leader() (leader int) {
	f.t.Helper()
	since := time.Now()
	require.Eventually(f.t, func() bool {
		for i, r := range f.replicas {
			leads := false
			r.do(func(r *replica) { leads = r.api.leads(since) })
			if leads {
				leader = i
				return true
			}
		}
		return false
	}, 2*takeover, 20*time.Millisecond, "no replica renews the lease")
	return leader
}

// reads counts the environments that were read since so many requests: one request reads several of them.
func (f *fleet) reads(since int) int {
	read := map[string]bool{}
	for _, r := range f.sim.Requests()[since:] {
		for _, id := range r.Environments {
			read[id] = true
		}
	}
	return len(read)
}

// traffic is what one replica asked of the API server.
type traffic struct {
	mu      sync.Mutex
	watched map[string]bool
	writes  int
	// renewed is when the API server last accepted a write of the lease.
	renewed time.Time
}

func (a *traffic) see(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.watched == nil {
		a.watched = map[string]bool{}
	}
	parts := strings.Split(strings.TrimSuffix(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Query().Get("watch") != "":
		a.watched[parts[len(parts)-1]] = true
	case r.Method == http.MethodGet, strings.Contains(r.URL.Path, "/events"):
	case strings.Contains(r.URL.Path, "/leases"):
	default:
		a.writes++
	}
}

// answered notes a write of the lease that the API server accepted.
func (a *traffic) answered(r *http.Response) {
	if r.Request.Method == http.MethodGet || r.StatusCode >= http.StatusMultipleChoices || !strings.Contains(r.Request.URL.Path, "/leases") {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.renewed = time.Now()
}

func (a *traffic) watches(kind string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.watched[kind]
}

// leads reports whether the replica wrote the lease since then: a standby only reads it.
func (a *traffic) leads(since time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.renewed.After(since)
}

// count is how much was written since the last count, events and leases left out.
func (a *traffic) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.writes
	a.writes = 0
	return n
}
