// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// cases is how many random environments and specs are planned and applied.
const cases = 24

// draw is a live environment, a spec for it, and what plan says of the two.
type draw struct {
	name    string
	exists  bool
	configs map[string]map[string]any
	shared  map[string]string
	spec    map[string]any
	planned preview.Preview
}

func variable(value string) map[string]any { return map[string]any{"value": value} }

// drawCase draws what Railway has and what is declared, with much in common.
func drawCase(i int) *rapid.Generator[*draw] {
	return rapid.Custom(func(t *rapid.T) *draw {
		flip := func(what string) bool { return rapid.Bool().Draw(t, what) }
		pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
		c := &draw{name: fmt.Sprintf("tier-%02d", i), exists: rapid.IntRange(0, 4).Draw(t, "exists") > 0, configs: map[string]map[string]any{}}
		service := func(name string) map[string]any {
			s := map[string]any{"name": name, "source": map[string]any{"image": "acme/app:" + pick("declared tag", "1", "2")}}
			var variables []any
			config := model.Tree{"source": map[string]any{"image": "acme/app:" + pick("tag", "1", "2")}}
			for _, variableName := range []string{"A", "B", "C", "DEBUG", "LOG_LEVEL", "ENV"} {
				if flip("has " + variableName) {
					config.Set(variable(pick(variableName, "1", "2", "dev")), "variables", variableName)
				}
				if flip("declares "+variableName) && variableName != "ENV" {
					variables = append(variables, map[string]any{"name": variableName, "value": pick("declared "+variableName, "1", "2")})
				}
			}
			for _, secret := range []string{"KEY", "TOKEN"} {
				switch pick("has "+secret, "no", "clear", "sealed") {
				case "clear":
					config.Set(variable(pick("value", "canary-one", "canary-two")), "variables", secret)
				case "sealed":
					config.Set(map[string]any{"value": "canary-one", "isSealed": true}, "variables", secret)
				}
				if flip("declares " + secret) {
					variables = append(variables, map[string]any{"name": secret, "sealed": flip("sealed"),
						"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "values", "key": pick("key", "one", "two")}}})
				}
			}
			deploy := map[string]any{}
			if flip("health") {
				config.Set(pick("path", "/", "/health"), "deploy", "healthcheckPath")
			}
			if flip("declared health") {
				deploy["healthcheck"] = map[string]any{"path": pick("declared path", "/", "/health")}
			}
			if flip("regions") {
				config.Set(map[string]any{pick("region", "us-west2", "us-east4-eqdc4a"): map[string]any{"numReplicas": 1.0}}, "deploy", "multiRegionConfig")
			}
			if flip("declared regions") {
				deploy["regions"] = map[string]any{"us-west2": rapid.IntRange(1, 2).Draw(t, "replicas")}
			}
			if flip("limits") {
				deploy["limits"] = map[string]any{"cpu": "500m"}
				config.Set(rapid.SampledFrom([]any{0.5, 1.0}).Draw(t, "cpu"), "deploy", "limitOverride", "containers", "cpu")
			}
			if len(deploy) > 0 {
				s["deploy"] = deploy
			}
			if len(variables) > 0 {
				s["variables"] = variables
			}
			if flip("domain") {
				s["domains"] = map[string]any{"railway": true}
			}
			if c.exists && rapid.IntRange(0, 3).Draw(t, "there") > 0 {
				c.configs[name] = config
			}
			return s
		}
		c.spec = map[string]any{
			"tier": "Dev", "railway": map[string]any{"projectID": projectID, "environment": c.name, "tokenSecretRef": map[string]any{"name": "railway"}},
			"driftPolicy": pick("drift", "Repair", "Repair", "Warn"), "unmanagedVariables": pick("unmanaged", "Ignore", "Warn", "Prune"),
			"engine": service("engine"),
		}
		if flip("worker") {
			c.spec["services"] = []any{service("worker")}
		}
		if flip("shared") {
			c.shared = map[string]string{"S": pick("S", "1", "2")}
			c.spec["sharedVariables"] = []any{map[string]any{"name": "S", "value": pick("declared S", "1", "2")}}
		}
		return c
	})
}

const valuesSecret = "apiVersion: v1\nkind: Secret\nmetadata: {name: values}\nstringData: {one: canary-one, two: canary-two}\n"

func (c *draw) manifest() string {
	raw, _ := yaml.Marshal(map[string]any{ // plain values marshal
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment", "metadata": map[string]any{"name": c.name}, "spec": c.spec,
	})
	return string(raw) + "---\n" + valuesSecret
}

// seedOf is a project with the environments of the cases.
func seedOf(all []*draw) string {
	environments := []any{map[string]any{"id": "3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201", "name": "production"}}
	services := map[string]map[string]any{"engine": {}, "worker": {}}
	for i, c := range all {
		if !c.exists {
			continue
		}
		environments = append(environments, map[string]any{
			"id": fmt.Sprintf("7d2f1c3a-1111-4f0a-9c47-%012d", i), "name": c.name, "sharedVariables": c.shared,
		})
		for name, config := range c.configs {
			services[name][c.name] = config
		}
	}
	raw, _ := json.Marshal(map[string]any{ // plain values marshal
		"workspaces": []any{map[string]any{"id": "ws", "name": "acme", "plan": "Pro"}},
		"projects": []any{map[string]any{"id": projectID, "name": "p", "workspace": "ws", "environments": environments, "services": []any{
			map[string]any{"id": "5e1f0000-0000-4000-8000-000000000001", "name": "engine", "environments": services["engine"]},
			map[string]any{"id": "5e1f0000-0000-4000-8000-000000000002", "name": "worker", "environments": services["worker"]},
		}}},
		"tokens": []any{map[string]any{"name": "account", "kind": "workspace", "workspace": "ws", "value": accountToken}},
		"limits": map[string]any{"environmentCreateInterval": "0s"},
	})
	return string(raw)
}

// TestPlanAndTheLoopAgree: what plan lists for random environments and specs is just what the operator then writes in its first commit,
// and what it creates and deploys.
func TestPlanAndTheLoopAgree(t *testing.T) {
	s := newStage(t)
	var all []*draw
	for i := range cases {
		all = append(all, drawCase(i).Example(i))
	}
	sim, endpoint := s.railway(seedOf(all))
	for _, c := range all {
		r := s.run("plan", "-f", s.file("tier.yaml", c.manifest()), endpoint, "-o", "json")
		require.NotEqual(t, 1, r.code, r.err)
		var planned []preview.Preview
		require.NoError(t, json.Unmarshal([]byte(r.out), &planned))
		c.planned = planned[0]
		assert.NotContains(t, r.out+r.err, "canary")
		assert.Empty(t, c.planned.Unknown)
	}
	onlyRead(t, sim)
	before := len(sim.Deployments())
	s.secret("railway", map[string]string{"RAILWAY_API_TOKEN": accountToken})
	s.secret("values", map[string]string{"one": "canary-one", "two": "canary-two"})
	stop := s.operate(strings.TrimPrefix(endpoint, "--railway-endpoint="))
	defer stop()
	for _, c := range all {
		s.apply(c.name, c.spec)
	}
	for _, c := range all {
		s.settled(c.name)
	}
	stop()
	written := s.writtenTo(strings.TrimPrefix(endpoint, "--railway-endpoint="))
	deployed := map[string][]string{}
	for _, d := range sim.Deployments()[before:] {
		deployed[d.Environment] = append(deployed[d.Environment], d.Service)
	}
	changes := 0
	for _, c := range all {
		var planned []string
		for _, change := range c.planned.Changes {
			if committed(change) {
				planned = append(planned, change.Path)
			}
		}
		slices.Sort(planned)
		changes += len(planned)
		assert.Equal(t, planned, written[c.name], "%s: what was planned is what was committed\n%s", c.name, c.manifest())
		slices.Sort(deployed[c.name])
		assert.ElementsMatch(t, c.planned.Deployments, slices.Compact(deployed[c.name]), "%s: what was planned is what was deployed", c.name)
		assert.Len(t, deployed[c.name], len(c.planned.Deployments), "%s: once", c.name)
	}
	assert.Greater(t, changes, 2*cases, "the cases have something to change")
}

// committed reports whether the change is part of a commit, and not a creation before it.
func committed(c preview.Change) bool {
	return c.Path != "environment" && !strings.HasSuffix(c.Path, ".domains.railway") && c.To != "(service)"
}

// writtenTo are the fields of the first commit to each environment, by the environment's name, as plan names them.
func (s *stage) writtenTo(endpoint string) map[string][]string {
	s.t.Helper()
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, RequestsPerSecond: 200, Burst: 200})
	require.NoError(s.t, err)
	reader := pool.Client(railway.Credentials{Token: accountToken})
	project, err := reader.Project(s.t.Context(), projectID)
	require.NoError(s.t, err)
	names := map[string]string{}
	for _, service := range project.Services {
		names[service.ID] = service.Name
	}
	written := map[string][]string{}
	for _, environment := range project.Environments {
		read, err := reader.Environment(s.t.Context(), projectID, environment.ID)
		require.NoError(s.t, err)
		ours := slices.DeleteFunc(read.Patches, func(p model.Patch) bool { return !strings.HasPrefix(p.Message, "engine-operator: ") })
		require.LessOrEqual(s.t, len(ours), 1, "%s: one commit is enough", environment.Name)
		for _, patch := range ours {
			fields := map[string]bool{}
			for _, path := range patch.Paths {
				if name, ok := readable(path, names); ok {
					fields[name] = true
				}
			}
			written[environment.Name] = slices.Sorted(maps.Keys(fields))
		}
	}
	return written
}

// readable is a path of a patch as plan names it; ok is false for the mark of a service that joins.
func readable(path string, names map[string]string) (string, bool) {
	if name, ok := strings.CutPrefix(path, "sharedVariables."); ok {
		return "shared." + name, true
	}
	for id, name := range names {
		rest, ok := strings.CutPrefix(path, "services."+id+".")
		if !ok {
			continue
		}
		if strings.HasPrefix(rest, "deploy.multiRegionConfig") {
			rest = "deploy.multiRegionConfig"
		}
		return desired.SpecPath(name + "." + rest), rest != "isCreated"
	}
	return path, true
}

func (s *stage) apply(name string, spec map[string]any) {
	s.t.Helper()
	raw, err := json.Marshal(spec)
	require.NoError(s.t, err)
	tier := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace}}
	require.NoError(s.t, json.Unmarshal(raw, &tier.Spec))
	require.NoError(s.t, s.Create(s.t.Context(), tier))
}

// settled waits until there is nothing to write and nothing is under way.
func (s *stage) settled(name string) {
	s.t.Helper()
	tier := &v1alpha1.EngineEnvironment{}
	require.Eventuallyf(s.t, func() bool {
		require.NoError(s.t, s.Get(s.t.Context(), key(s.namespace, name), tier))
		synced := meta.FindStatusCondition(tier.Status.Conditions, v1alpha1.ConditionSynced)
		return synced != nil && (synced.Status == metav1.ConditionTrue || synced.Reason == v1alpha1.ReasonDrifted) &&
			!meta.IsStatusConditionTrue(tier.Status.Conditions, v1alpha1.ConditionReconciling) && tier.Status.ObservedGeneration == tier.Generation
	}, time.Minute, 50*time.Millisecond, "%s settles", name)
}

// operate runs an operator for the namespace, wired as main does.
func (s *stage) operate(endpoint string, more ...func(*operator.Options)) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	wiring := operator.Options{
		Namespaces: []string{s.namespace}, Concurrency: 4, Settle: time.Second, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthAddress: "0", Log: logr.Discard(), AnyName: true, HashKey: []byte("0123456789abcdef0123456789abcdef"), ShutdownTimeout: 20 * time.Second,
		Railway:  railway.Options{Endpoint: endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 200, Burst: 200},
		Watch:    railway.WatchOptions{Fast: 100 * time.Millisecond},
		Verifier: verify.Options{RetryPause: 10 * time.Millisecond, LogGrace: 300 * time.Millisecond},
	}
	for _, change := range more {
		change(&wiring)
	}
	started, err := operator.New(ctx, controlplane.Need(s.t, kube), wiring)
	require.NoError(s.t, err)
	done := make(chan error, 1)
	go func() { done <- started.Start(ctx) }()
	require.True(s.t, started.GetCache().WaitForCacheSync(s.t.Context()))
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(s.t, <-done)
	})
}
