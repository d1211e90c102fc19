// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"fmt"
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
	applied := map[string]int{}
	for _, r := range w.sim.Requests() {
		if r.Kind == "mutation" && r.Applied && r.Error == "" {
			applied[r.Operation]++
		}
	}
	for _, operation := range mutations {
		assert.Equal(w.t, 1, applied[operation], "%s was applied once", operation)
	}
}

// TestFaultsAtEveryMutation lets each mutation of a first convergence meet each fault. Whether the write was applied or not,
// the object recovers by itself and nothing is made twice.
func TestFaultsAtEveryMutation(t *testing.T) {
	kinds := []string{
		railwaysim.Fault429, railwaysim.Fault500, railwaysim.FaultHTML, railwaysim.FaultTimeoutAfter, railwaysim.FaultResetAfter,
		railwaysim.FaultTimeoutBefore, railwaysim.FaultTruncated, railwaysim.FaultPartial,
	}
	for _, operation := range mutations {
		for _, kind := range kinds {
			t.Run(operation+"/"+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, settings{settle: 400 * time.Millisecond})
				require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: operation, Ordinal: 1, Kind: kind}))
				w.secret("openai", map[string]string{"api-key": secretMark})
				w.apply("dev", devSpec)
				w.ready("dev")
				w.exactlyOnce()
			})
		}
	}
}

// TestFaultsOnReads lets the reads fail in every way at once and holds that no wrong write follows.
func TestFaultsOnReads(t *testing.T) {
	for _, kind := range []string{
		railwaysim.Fault429, railwaysim.Fault500, railwaysim.FaultHTML, railwaysim.FaultTruncated, railwaysim.FaultPartial,
		railwaysim.FaultTimeoutBefore, railwaysim.FaultUnauthorized,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := running(t, settings{}, nil)
			before, deployed := w.mark(), w.deployments("dev", "ai-engine")
			require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Ordinal: 1, Count: 2, Kind: kind}))
			w.apply("dev", strings.Replace(devSpec, "value: dev", "value: next", 1))
			w.until("dev", "recovered", func(o *v1alpha1.EngineEnvironment) bool {
				return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "next"
			})
			counts := w.count(before)
			assert.Equal(t, 1, counts["CommitPatch"], "one commit")
			assert.Zero(t, counts["CreateEnvironment"]+counts["CreateService"], "nothing is created because a read failed")
			assert.Equal(t, deployed+1, w.deployments("dev", "ai-engine"))
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
		{name: "token Secret missing", reason: v1alpha1.ReasonSecretNotFound, says: `Secret "nope" does not exist: create it`,
			spec: func(s string) string {
				return strings.Replace(s, "tokenSecretRef: {name: railway}", "tokenSecretRef: {name: nope}", 1)
			}},
		{name: "token key missing", reason: v1alpha1.ReasonKeyNotFound, says: "no value under the key RAILWAY_API_TOKEN",
			secrets: map[string]map[string]string{"railway": {"TOKEN": "x"}}},
		{name: "value key missing", reason: v1alpha1.ReasonKeyNotFound, says: `has no key "api-key": add it; there is other`,
			secrets: map[string]map[string]string{"openai": {"other": "x"}}},
		{name: "token rejected", reason: v1alpha1.ReasonTokenRejected, says: `the account or workspace token in Secret "railway", key RAILWAY_API_TOKEN: put a valid one into the Secret`,
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
