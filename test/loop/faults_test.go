// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// mutations are what first convergence of one engine sends, in order.
var mutations = []string{"CreateEnvironment", "CreateService", "CreateRailwayDomain", "CommitPatch"}

// exactlyOnce holds that nothing was made twice.
func (w *world) exactlyOnce() {
	w.t.Helper()
	assert.Equal(w.t, 1, w.deployments("dev", "ai-engine"), "one deployment")
	state := w.sim.State()["ai-engine"]
	assert.Len(w.t, state, 2, "production, which was there, and dev")
	dev, ok := state["dev"].(map[string]any)
	require.True(w.t, ok)
	assert.Len(w.t, dev["services"], 1, "one service")
	for _, operation := range mutations {
		assert.Equal(w.t, 1, w.applied(operation), "%s was applied once", operation)
	}
}

// TestFaultsAtEveryMutation lets each mutation meet each kind of answer that does not say what was applied, and those of a first
// convergence more of them. Whether the write was applied or not, the object recovers by itself and nothing is made twice.
func TestFaultsAtEveryMutation(t *testing.T) {
	few := []string{railwaysim.Fault429, railwaysim.FaultTimeoutAfter, railwaysim.FaultErrorAfter} // not applied, and applied
	kinds := append([]string{
		railwaysim.Fault500, railwaysim.FaultTimeoutBefore, railwaysim.FaultHTML, railwaysim.FaultResetAfter, railwaysim.FaultTruncated, railwaysim.FaultPartial, railwaysim.FaultError,
		railwaysim.FaultNotAuthorized,
	}, few...)
	converges := func(w *world) {
		w.apply("dev", devSpec)
		w.untilWithin(2*eventually, "dev", "Ready", isReady)
		w.exactlyOnce()
	}
	for _, c := range []struct {
		operation string
		kinds     []string
		does      func(w *world)
	}{
		{"CreateEnvironment", kinds, converges}, {"CreateService", kinds, converges}, {"CreateRailwayDomain", kinds, converges}, {"CommitPatch", kinds, converges},
		{"DeleteTrigger", few, func(w *world) {
			w.apply("dev", strings.Replace(devSpec, `source: {image: "ghcr.io/acme/ai-engine:1.4.2"}`,
				"source: {repo: acme/ai-engine, branch: main, commit: 0123456789abcdef0123456789abcdef01234567}", 1))
			w.until("dev", "without triggers", func(o *v1alpha1.EngineEnvironment) bool { return w.applied("DeleteTrigger") == 1 && isReady(o) })
			w.exactlyOnce()
		}},
		{"DeployService", few, func(w *world) {
			w.apply("production", undeployedSpec)
			w.until("production", "deployed", func(o *v1alpha1.EngineEnvironment) bool {
				return w.deployments("production", "cache") > 0 && isReady(o)
			})
			assert.Equal(w.t, 1, w.deployments("production", "cache"), "one deployment")
		}},
		{"DeleteEnvironment", few, func(w *world) {
			w.apply("dev", "deletionPolicy: Delete\n"+devSpec)
			w.ready("dev")
			require.NoError(w.t, w.client.Delete(w.t.Context(), w.get("dev")))
			w.gone("dev")
			assert.Len(w.t, w.sim.State()["ai-engine"], 1, "production, which was there")
			assert.Equal(w.t, 1, w.applied("DeleteEnvironment"), "it was applied once")
		}},
	} {
		for _, kind := range c.kinds {
			t.Run(c.operation+"/"+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, settings{settle: 400 * time.Millisecond, seed: undeployedSeed})
				require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: c.operation, Ordinal: 1, Kind: kind}))
				w.secret("openai", map[string]string{"api-key": secretMark})
				c.does(w)
				assert.True(t, w.met(c.operation, kind), "the fault was met")
			})
		}
	}
}

// undeployedSpec declares that service.
var undeployedSpec = strings.NewReplacer("tier: Dev", "tier: Production", "value: dev", "value: production").Replace(devSpec) +
	"services: [{name: cache, source: {image: \"redis:7\"}}]\n"

// undeployedSeed has a service in production that has no deployment.
var undeployedSeed = strings.Replace(plainSeed, "name: production}]", `name: production}]
  services: [{id: s-cache, name: cache, environments: {production: {source: {image: "redis:7"}, undeployed: true}}}]`, 1)

// applied counts the requests of the operation that were applied.
func (w *world) applied(operation string) int {
	n := 0
	for _, r := range w.sim.Requests() {
		if r.Operation == operation && r.Applied && r.Error == "" {
			n++
		}
	}
	return n
}

// met reports whether a request of the operation met the fault.
func (w *world) met(operation, kind string) bool {
	return slices.ContainsFunc(w.sim.Requests(), func(r railwaysim.Request) bool { return r.Operation == operation && r.Fault == kind })
}

// TestFaultsOnReads lets the reads of a tier fail in every way and holds that no wrong write follows.
func TestFaultsOnReads(t *testing.T) {
	for _, kind := range []string{
		railwaysim.Fault429, railwaysim.Fault500, railwaysim.FaultHTML, railwaysim.FaultTruncated, railwaysim.FaultPartial,
		railwaysim.FaultTimeoutBefore, railwaysim.FaultUnauthorized, railwaysim.FaultNotFound, railwaysim.FaultError,
		railwaysim.FaultUnknownEnum, railwaysim.FaultUnknownField,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{seed: usageSeed})
			w.secret("openai", map[string]string{"api-key": secretMark})
			reads := []string{"ReadProject", "ReadEnvironment", "ReadLogs", "ReadUsage"}
			for _, operation := range reads {
				require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: operation, Ordinal: 1, Kind: kind}))
			}
			spec := devSpec + "budget: {monthlyUSD: 570}\nverification: {interval: 5s, checks: [{name: log, logs: {}, contains: ython}]}\n"
			w.apply("dev", spec)
			w.untilWithin(2*eventually, "dev", "GO", isGo)
			w.exactlyOnce()
			for _, operation := range reads {
				assert.True(t, w.met(operation, kind), "%s met the fault", operation)
			}

			before := w.mark()
			require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Ordinal: 1, Count: 2, Kind: kind}))
			w.apply("dev", strings.Replace(spec, "value: dev", "value: next", 1))
			w.until("dev", "recovered", func(o *v1alpha1.EngineEnvironment) bool {
				return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "next"
			})
			counts, met := w.count(before), 0
			for _, r := range w.sim.Requests() {
				if r.Operation == "ReadEnvironment" && r.Fault == kind {
					met++
				}
			}
			assert.Equal(t, 3, met, "the one of the first convergence, and both later ones")
			assert.Equal(t, 1, counts["CommitPatch"], "one commit")
			assert.Zero(t, counts["CreateEnvironment"]+counts["CreateService"], "nothing is created because a read failed")
			assert.Equal(t, 2, w.deployments("dev", "ai-engine"))
		})
	}
}

// TestLaggingReads lets reads lag behind writes: a stale read is not drift.
func TestLaggingReads(t *testing.T) {
	w := running(t, settings{lag: 300 * time.Millisecond, settle: 2 * time.Second}, nil)
	time.Sleep(time.Second)
	w.exactlyOnce()
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: next", 1))
	w.until("dev", "applied", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "next"
	})
	time.Sleep(time.Second)
	assert.Equal(t, 2, w.deployments("dev", "ai-engine"), "one deployment for the edit")
}

func TestProblemsHaveAReasonOfTheirOwn(t *testing.T) {
	image := func(tag string) func(string) string {
		return func(s string) string { return strings.Replace(s, "ai-engine:1.4.2", "ai-engine:"+tag, 1) }
	}
	cases := []struct {
		name, reason, says string
		seed               func(string) string
		spec               func(string) string
		secrets            map[string]map[string]string
		fault              *railwaysim.Fault
	}{
		{name: "token Secret missing", reason: v1alpha1.ReasonSecretNotFound, says: `Secret "nope" does not exist in this namespace: create it`,
			spec: func(s string) string {
				return strings.Replace(s, "tokenSecretRef: {name: railway}", "tokenSecretRef: {name: nope}", 1)
			}},
		{name: "token key missing", reason: v1alpha1.ReasonKeyNotFound, says: "no value under the key RAILWAY_API_TOKEN",
			secrets: map[string]map[string]string{"railway": {"TOKEN": "x"}}},
		{name: "value key missing", reason: v1alpha1.ReasonKeyNotFound, says: `has no key "api-key": add it; there is other`,
			secrets: map[string]map[string]string{"openai": {"other": "x"}}},
		{name: "token rejected", reason: v1alpha1.ReasonTokenRejected, says: `the account or workspace token in Secret "railway", key RAILWAY_API_TOKEN (a project token goes under RAILWAY_TOKEN instead): put a valid one into the Secret`,
			secrets: map[string]map[string]string{"railway": {"RAILWAY_API_TOKEN": "nonsense"}}},
		{name: "project not visible", reason: v1alpha1.ReasonProjectNotFound, says: "check spec.railway.projectID",
			spec: func(s string) string { // an id of its own in every run: claims are held across namespaces
				return strings.Replace(s, projectID, fmt.Sprintf("99999999-9999-4999-8999-%012d", time.Now().UnixNano()%1e12), 1)
			}},
		{name: "plan limit", reason: v1alpha1.ReasonPlanLimit, says: "plan does not allow it",
			seed: func(s string) string {
				return strings.Replace(s, "limits: {", "limits: {environments: 1, ", 1)
			}},
		{name: "name taken", reason: v1alpha1.ReasonNameTaken, says: "taken",
			fault: &railwaysim.Fault{Operation: "CreateService", Kind: railwaysim.FaultError, Message: "A service named \"ai-engine\" already exists in this project"}},
		{name: "image not found", reason: v1alpha1.ReasonImageNotFound, says: "cannot be pulled", spec: image("missing")},
		{name: "build failed", reason: v1alpha1.ReasonBuildFailed, says: "No matching distribution", spec: image("fail-build")},
		{name: "health check failed", reason: v1alpha1.ReasonHealthcheckFailed, says: "health check did not succeed", spec: image("unhealthy")},
		{name: "crashed", reason: v1alpha1.ReasonCrashed, says: "no model to serve", spec: image("crash")},
		{name: "deadline", reason: v1alpha1.ReasonDeadlineExceeded, says: "BUILDING",
			spec: func(s string) string {
				return strings.Replace(image("stuck")(s), "regions:", "progressDeadline: 10s\n    regions:", 1)
			}},
		{name: "replicas above the plan", reason: v1alpha1.ReasonPlanLimit, says: "replicas",
			seed: func(s string) string { return strings.Replace(s, "limits: {", "limits: {replicas: 1, ", 1) }},
		{name: "region unknown to Railway", reason: v1alpha1.ReasonInvalidSpec, says: "Invalid region",
			spec: func(s string) string { return strings.Replace(s, "us-west2", "mars-north1", 1) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := settings{settle: 300 * time.Millisecond}
			if c.seed != nil {
				s.seed = c.seed(plainSeed)
			}
			w := newWorld(t, s)
			w.secret("openai", map[string]string{"api-key": secretMark})
			for name, data := range c.secrets {
				w.secret(name, data)
			}
			if c.fault != nil {
				require.NoError(t, w.sim.AddFault(*c.fault))
			}
			spec := devSpec
			if c.spec != nil {
				spec = c.spec(spec)
			}
			w.apply("dev", spec)
			o := w.reason("dev", c.reason)
			stalled := condition(o, v1alpha1.ConditionStalled)
			assert.Equal(t, metav1.ConditionTrue, stalled.Status, "a person has to act")
			assert.Contains(t, stalled.Message, c.says)
		})
	}
}

func TestConfigFileOwnerIsReportedNotFought(t *testing.T) {
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.SetConfigFile(railwaysim.ConfigFileEdit{Place: engineInDev, File: "railway.json"}))
	before := w.mark()
	w.poke("dev")
	o := w.reason("dev", v1alpha1.ReasonConfigFileOwned)
	assert.Contains(t, condition(o, v1alpha1.ConditionStalled).Message, "ai-engine.deploy.healthcheck.path")
	assert.Zero(t, w.count(before)["CommitPatch"])
}

func TestRecoversWhenTheMissingThingAppears(t *testing.T) {
	w := newWorld(t, settings{})
	w.apply("dev", devSpec)
	w.reason("dev", v1alpha1.ReasonSecretNotFound)
	start := time.Now()
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.ready("dev")
	assert.Less(t, time.Since(start), 10*time.Second, fmt.Sprintf("a watch wakes the object, not a timer (%s)", time.Since(start)))
}
