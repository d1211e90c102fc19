// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
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
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// cases is how many random environments and specs are planned and applied, each of them twice. They are others each time: AGREE_SEED
// makes those of a run again.
const cases = 9

// draw is a live environment, a spec for it, and what plan says of the two.
type draw struct {
	name    string
	exists  bool
	configs map[string]map[string]any
	shared  map[string]string
	spec    map[string]any
	planned preview.Preview
}

// held reports whether the operator may not write what it plans.
func (c *draw) held() bool { return c.spec["writePolicy"] != nil }

// writes gives every second case a policy under which nothing is written unasked.
func (c *draw) writes(i int) {
	if i%2 > 0 {
		c.spec["writePolicy"] = []string{"Observe", "Approve"}[i/2%2]
	}
}

func variable(value string) map[string]any { return map[string]any{"value": value} }

// drawCase draws what Railway has and what is declared, with much in common.
func drawCase(i int) *rapid.Generator[*draw] {
	return rapid.Custom(func(t *rapid.T) *draw {
		flip := func(what string) bool { return rapid.Bool().Draw(t, what) }
		pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
		tier := []string{"Dev", "Preview", "Production"}[i%3]
		c := &draw{name: fmt.Sprintf("tier-%02d", i), exists: rapid.IntRange(0, 4).Draw(t, "exists") > 0, configs: map[string]map[string]any{}}
		service := func(name string) map[string]any {
			s := map[string]any{"name": name, "source": map[string]any{"image": "acme/app:" + pick("declared tag", "1", "2")}}
			var variables []any
			config := model.Tree{"source": map[string]any{"image": "acme/app:" + pick("tag", "1", "2")}}
			for _, variableName := range []string{"A", "B", "C", "DEBUG", "LOG_LEVEL", "ENV"} {
				if flip("has " + variableName) {
					config.Set(variable(pick(variableName, "1", "2", "dev")), "variables", variableName)
				}
				if flip("declares "+variableName) && variableName != "ENV" && (variableName != "DEBUG" || tier != "Production") {
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
			"tier": tier, "railway": map[string]any{"projectID": projectID, "environment": c.name, "tokenSecretRef": map[string]any{"name": "railway"}},
			"driftPolicy": pick("drift", "Repair", "Repair", "Warn"), "unmanagedVariables": pick("unmanaged", "Ignore", "Warn", "Prune"),
			"engine": service("engine"),
		}
		var services []any
		if flip("worker") {
			services = append(services, service("worker"))
		}
		if flip("extra") { // a service that the project does not have yet
			name := fmt.Sprintf("extra-%02d", i)
			services = append(services, service(name))
			delete(c.configs, name)
		}
		if len(services) > 0 {
			c.spec["services"] = services
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
		"limits": map[string]any{"environmentCreateInterval": "0s", "requestsPerSecond": 10_000}, // plan is tried in turn, faster than people do
	})
	return string(raw)
}

// TestPlanAndTheLoopAgree: what plan lists for random environments and specs is just what the operator then creates, writes in one commit
// and deploys, at first and with the record of the live object after an edit of the spec and by hand. Where it may not write, the status
// says the same as plan.
func TestPlanAndTheLoopAgree(t *testing.T) {
	seed := int(time.Now().UnixNano() % 1_000_000)
	if given, err := strconv.Atoi(os.Getenv("AGREE_SEED")); err == nil {
		seed = given
	}
	t.Logf("AGREE_SEED=%d makes these cases again", seed)
	a := &agreement{stage: newStage(t)}
	for i := range cases {
		c := drawCase(i).Example(seed + i)
		c.writes(i)
		a.all = append(a.all, c)
	}
	a.sim, a.endpoint = a.railway(seedOf(a.all))
	a.plan()
	onlyRead(t, a.sim)
	a.secret("railway", map[string]string{"RAILWAY_API_TOKEN": accountToken})
	a.secret("values", map[string]string{"one": "canary-one", "two": "canary-two"})
	a.secret(operator.HashKeySecret, map[string]string{operator.HashKeyField: string(hashKey)})
	changes := a.carriedOut(func(c *draw) { a.apply(c.name, c.spec) })
	assert.Greater(t, changes, cases, "the cases have something to change")

	there := a.look()
	for i, c := range a.all {
		other := drawCase(i).Example(seed + cases + i)
		c.spec = other.spec
		c.writes(i / 2) // half of those that were written, and half of those that were not
		if there[c.name].services["engine"] && i%3 < 2 {
			at := railwaysim.Place{Environment: c.name, Service: "engine"}
			require.NoError(t, a.sim.EditVariable(railwaysim.VariableEdit{Place: at, Name: "A", Value: new("9")}))
			require.NoError(t, a.sim.EditVariable(railwaysim.VariableEdit{Place: at, Name: "HUMAN", Value: new("1")}))
		}
	}
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(a.sim.Deployments(), func(d railwaysim.Deployed) bool { return strings.HasSuffix(d.Status, "ING") })
	}, 10*time.Second, 10*time.Millisecond, "what was deployed by hand runs")
	a.plan("--cluster", "--operator-namespace", a.namespace)
	changes = a.carriedOut(func(c *draw) { a.replace(c.name, c.spec) })
	assert.Greater(t, changes, cases/2, "the edits make something to change")
}

// agreement is what plan says and the operator does.
type agreement struct {
	*stage
	all      []*draw
	sim      *railwaysim.Sim
	endpoint string
}

// plan has each case planned.
func (a *agreement) plan(more ...string) {
	a.t.Helper()
	for _, c := range a.all {
		r := a.run(append([]string{"plan", "-f", a.file("tier.yaml", c.manifest()), a.endpoint, "-o", "json"}, more...)...)
		require.NotEqual(a.t, 1, r.code, r.err)
		var planned []preview.Preview
		require.NoError(a.t, json.Unmarshal([]byte(r.out), &planned))
		c.planned = planned[0]
		assert.NotContains(a.t, r.out+r.err, "canary")
		assert.Empty(a.t, c.planned.Unknown, "%s: nothing is left open\n%s", c.name, c.manifest())
	}
}

// carriedOut has an operator do what the cases declare, and compares. It returns how many fields were written.
func (a *agreement) carriedOut(apply func(*draw)) (changes int) {
	t := a.t
	t.Helper()
	before, deployments := a.look(), len(a.sim.Deployments())
	a.sim.ClearRequests()
	stop := a.operate(strings.TrimPrefix(a.endpoint, "--railway-endpoint="))
	defer stop()
	for _, c := range a.all {
		apply(c)
	}
	for _, c := range a.all {
		a.settled(c.name)
	}
	stop()
	after := a.look()
	deployed, created := map[string][]string{}, map[string]int{}
	for _, d := range a.sim.Deployments()[deployments:] {
		deployed[d.Environment] = append(deployed[d.Environment], d.Service)
	}
	for _, c := range a.all {
		what := fmt.Sprintf("%s: what was planned is what was done\n%s", c.name, c.manifest())
		if c.held() {
			assert.Equal(t, asShown(c.planned.Changes), a.shown(c.name), what)
			assert.Equal(t, before[c.name], after[c.name], "%s: nothing is written", c.name)
			assert.Empty(t, deployed[c.name])
			continue
		}
		var fields, creations []string
		for _, change := range c.planned.Changes {
			if !committed(change) {
				creations = append(creations, change.Path)
				if kind := kindOf(change); kind != "" {
					created[kind]++
				}
				continue
			}
			fields = append(fields, change.Path)
			now, there := after[c.name].values[change.Path]
			if change.Action == preview.Delete {
				assert.False(t, there, "%s %s is gone", c.name, change.Path)
			} else if !strings.HasPrefix(change.To, "(") {
				assert.Equal(t, change.To, now, "%s %s", c.name, change.Path)
			}
		}
		assert.LessOrEqual(t, len(after[c.name].commits)-len(before[c.name].commits), 1, "%s: one commit is enough", c.name)
		slices.Sort(fields)
		changes += len(fields)
		assert.Equal(t, fields, after[c.name].writtenSince(before[c.name]), what)
		assert.ElementsMatch(t, creations, after[c.name].createdSince(before[c.name]), what)
		slices.Sort(deployed[c.name])
		assert.Equal(t, c.planned.Deployments, append([]string{}, deployed[c.name]...), "%s: what was planned is what was deployed, once\n%s", c.name, c.manifest())
	}
	did := map[string]int{}
	for _, r := range a.sim.Requests() {
		if r.Kind == "mutation" && slices.Contains([]string{"CreateEnvironment", "CreateService", "CreateRailwayDomain"}, r.Operation) {
			did[r.Operation]++
		}
	}
	assert.Equal(t, created, did, "what was planned to be created was created, and nothing else")
	return changes
}

// kindOf is the operation that makes what is created.
func kindOf(c preview.Change) string {
	switch {
	case c.Path == "environment":
		return "CreateEnvironment"
	case strings.HasSuffix(c.Path, ".domains.railway"):
		return "CreateRailwayDomain"
	case strings.Contains(c.Note, "joins"):
		return "" // the commit does it
	default:
		return "CreateService"
	}
}

// committed reports whether the change is part of a commit, and not a creation before it.
func committed(c preview.Change) bool {
	return c.Path != "environment" && !strings.HasSuffix(c.Path, ".domains.railway") && c.To != "(service)"
}

// shown is the plan in the status.
func (a *agreement) shown(name string) []v1alpha1.PlannedChange {
	shown := []v1alpha1.PlannedChange{}
	if p := a.read(name).Status.Plan; p != nil {
		for _, c := range p.Changes {
			shown = append(shown, v1alpha1.PlannedChange{Path: c.Path, Action: proposal.ActionOf(c.Action, c.From), From: c.From, To: c.To})
		}
	}
	return shown
}

// asShown are the changes as the status has them: by path, and without a value for what is created as a whole.
func asShown(changes []preview.Change) []v1alpha1.PlannedChange {
	shown := []v1alpha1.PlannedChange{}
	for _, c := range changes {
		if !committed(c) {
			c.To = ""
		}
		shown = append(shown, v1alpha1.PlannedChange{Path: c.Path, Action: c.Action, From: c.From, To: c.To})
	}
	slices.SortFunc(shown, func(a, b v1alpha1.PlannedChange) int { return strings.Compare(a.Path, b.Path) })
	return shown
}

// found is what Railway has in an environment.
type found struct {
	exists            bool
	services, domains map[string]bool
	// values are what fields have, by the names that plan has for them.
	values map[string]string
	// commits are the fields that each commit of an operator has written.
	commits [][]string
}

// look reads all environments, by their names.
func (a *agreement) look() map[string]found {
	a.t.Helper()
	pool, err := railway.NewPool(railway.Options{
		Endpoint: strings.TrimPrefix(a.endpoint, "--railway-endpoint="), RequestsPerSecond: 200, Burst: 200,
	})
	require.NoError(a.t, err)
	reader := pool.Client(railway.Credentials{Token: accountToken})
	project, err := reader.Project(a.t.Context(), projectID)
	require.NoError(a.t, err)
	names := map[string]string{}
	for _, service := range project.Services {
		names[service.ID] = service.Name
	}
	all := map[string]found{}
	for _, environment := range project.Environments {
		read, err := reader.Environment(a.t.Context(), projectID, environment.ID)
		require.NoError(a.t, err)
		in := found{exists: true, services: map[string]bool{}, domains: map[string]bool{}, values: map[string]string{}}
		for _, service := range read.Services {
			// Railway puts a new service into every environment (railway-api.md, "Service mutations and forks"): here it is for one
			if of, extra := strings.CutPrefix(service.Name, "extra-"); extra && environment.Name != "tier-"+of {
				continue
			}
			in.services[service.Name] = true
			in.domains[service.Name] = len(service.RailwayDomains) > 0
			in.fields(service.Name, nil, map[string]any(read.Config.Sub("services", service.ServiceID)))
			in.variables(a, service.Name+".variables.", railwaysim.Place{Environment: environment.Name, Service: service.Name})
		}
		in.variables(a, "shared.", railwaysim.Place{Environment: environment.Name})
		for _, patch := range slices.Backward(read.Patches) {
			if strings.HasPrefix(patch.Message, "engine-operator: ") {
				in.commits = append(in.commits, fieldsOf(patch, names))
			}
		}
		all[environment.Name] = in
	}
	return all
}

// fields notes the value of each setting, and of each group of settings.
func (f found) fields(service string, keys []string, of map[string]any) {
	for key, value := range of {
		path := append(slices.Clone(keys), key)
		if value == nil || path[0] == "variables" {
			continue
		}
		f.values[desired.SpecPath(service+"."+strings.Join(path, "."))] = desired.SpecValue(key, value)
		if below, ok := value.(map[string]any); ok {
			f.fields(service, path, below)
		}
	}
}

// variables notes the values of variables, those that Railway hides, too.
func (f found) variables(a *agreement, prefix string, at railwaysim.Place) {
	a.t.Helper()
	values, err := a.sim.Variables(at)
	require.NoError(a.t, err)
	for name, value := range values {
		f.values[prefix+name] = value
	}
}

// createdSince names what there is and was not, as plan does.
func (f found) createdSince(before found) []string {
	var created []string
	if f.exists && !before.exists {
		created = append(created, "environment")
	}
	for name := range f.services {
		if !before.services[name] {
			created = append(created, name)
		}
	}
	for name, has := range f.domains {
		if has && !before.domains[name] {
			created = append(created, name+".domains.railway")
		}
	}
	return created
}

// writtenSince are the fields of what was committed since.
func (f found) writtenSince(before found) []string {
	written := slices.Concat(f.commits[len(before.commits):]...)
	slices.Sort(written)
	return written
}

// fieldsOf are the fields of a commit, as plan names them.
func fieldsOf(patch model.Patch, names map[string]string) []string {
	fields := map[string]bool{}
	for _, path := range patch.Paths {
		if name, ok := readable(path, names); ok {
			fields[name] = true
		}
	}
	return slices.Sorted(maps.Keys(fields))
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

// replace gives the object another spec, and asks for a pass.
func (s *stage) replace(name string, spec map[string]any) {
	s.t.Helper()
	raw, err := json.Marshal(spec)
	require.NoError(s.t, err)
	tier := s.read(name)
	before := tier.DeepCopy()
	tier.Spec = v1alpha1.EngineEnvironmentSpec{}
	require.NoError(s.t, json.Unmarshal(raw, &tier.Spec))
	metav1.SetMetaDataAnnotation(&tier.ObjectMeta, v1alpha1.AnnotationRequestedAt, time.Now().Format(time.RFC3339Nano))
	require.NoError(s.t, s.Patch(s.t.Context(), tier, client.MergeFrom(before)))
}

// waitsForAPerson are the reasons of what is planned and may not be written.
var waitsForAPerson = []string{v1alpha1.ReasonDrifted, v1alpha1.ReasonObserving, v1alpha1.ReasonAwaitingPlanApproval}

// settled waits until there is nothing to write, or nothing that may be written, and nothing is under way.
func (s *stage) settled(name string) {
	s.t.Helper()
	tier := &v1alpha1.EngineEnvironment{}
	require.Eventuallyf(s.t, func() bool {
		require.NoError(s.t, s.Get(s.t.Context(), key(s.namespace, name), tier))
		synced := meta.FindStatusCondition(tier.Status.Conditions, v1alpha1.ConditionSynced)
		return synced != nil && (synced.Status == metav1.ConditionTrue || slices.Contains(waitsForAPerson, synced.Reason)) &&
			tier.Status.LastHandledReconcileAt == tier.Annotations[v1alpha1.AnnotationRequestedAt] &&
			!meta.IsStatusConditionTrue(tier.Status.Conditions, v1alpha1.ConditionReconciling) && tier.Status.ObservedGeneration == tier.Generation
	}, time.Minute, 50*time.Millisecond, "%s settles", name)
}

// hashKey is the operator's.
var hashKey = []byte("0123456789abcdef0123456789abcdef")

// operate runs an operator for the namespace, wired as main does.
func (s *stage) operate(endpoint string, more ...func(*operator.Options)) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	wiring := operator.Options{
		Namespaces: []string{s.namespace}, Concurrency: 4, Settle: time.Second, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthAddress: "0", Log: logr.Discard(), AnyName: true, HashKey: hashKey, ShutdownTimeout: 20 * time.Second,
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
