// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const plainDomain = "  domains: {railway: true, port: 8000}\n"

// TestTwoDomainsAreMadeOnce lets a write fail while reads lag behind what was created before it.
func TestTwoDomainsAreMadeOnce(t *testing.T) {
	worker := "services:\n- name: worker\n  source: {image: \"ghcr.io/acme/worker:1\"}\n"
	for name, fault := range map[string]railwaysim.Fault{
		"the second domain is refused": {Operation: "CreateRailwayDomain", Ordinal: 2, Kind: railwaysim.Fault429},
		"the commit is refused":        {Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.Fault429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{lag: 1500 * time.Millisecond, settle: 3 * time.Second})
			w.secret("openai", map[string]string{"api-key": secretMark})
			w.apply("dev", strings.Replace(devSpec, plainDomain, "", 1)+worker)
			w.ready("dev")
			require.NoError(t, w.sim.AddFault(fault))
			w.apply("dev", strings.Replace(devSpec, "value: dev", "value: next", 1)+worker+"  domains: {railway: true}\n")
			w.until("dev", "settled", func(o *v1alpha1.EngineEnvironment) bool {
				return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "next" && o.Status.Services[0].URL != ""
			})
			raw, err := json.Marshal(w.sim.State()["ai-engine"]["dev"])
			require.NoError(t, err)
			assert.Equal(t, 2, strings.Count(string(raw), ".up.railway.app"), "one for each service")
		})
	}
}

func TestBusyRailwayIsNoTakenName(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{
		Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultError, Message: "A deployment is already in progress, please wait for the original deployment",
	}))
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: next", 1))
	w.until("dev", "applied", func(o *v1alpha1.EngineEnvironment) bool {
		assert.NotEqual(t, v1alpha1.ReasonNameTaken, condition(o, v1alpha1.ConditionReady).Reason)
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "next"
	})
}

func TestCommitThatRailwayCannotApply(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultApplyError, Message: "Invalid cron schedule"}))
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: refused", 1))
	o := w.reason("dev", v1alpha1.ReasonCommitFailed)
	assert.Contains(t, condition(o, v1alpha1.ConditionSynced).Message, "Invalid cron schedule")
	assert.Equal(t, "dev", w.variables("dev", "ai-engine")["DB_SCHEMA"])

	w.apply("dev", "driftPolicy: Warn\n"+strings.Replace(devSpec, "value: dev", "value: corrected", 1))
	w.until("dev", "applied", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "corrected"
	})
}

func TestWipedStatusIsWrittenAgain(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, func(s string) string { return strings.Replace(s, "sealed: true, ", "", 1) })
	o := w.get("dev")
	before := o.DeepCopy()
	o.Status = v1alpha1.EngineEnvironmentStatus{ObservedGeneration: -1} // as the API server defaults it
	require.NoError(t, w.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	w.ready("dev")
	assert.Equal(t, 1, w.deployments("dev", "ai-engine"), "what is there is found again, not made again")
}

func TestLocalSecretsDoNotGoRoundInACircle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.apply("a", "tier: Local\nengine: {name: ai-engine}\n")
	w.ready("a")
	writes := w.writes.n.Load()
	w.apply("a", "tier: Local\nengine: {name: ai-engine, variablesFrom: [{prefix: X, secretRef: {name: a-env}}]}\n")
	o := w.reason("a", v1alpha1.ReasonInvalidVariable)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, `Secret "a-env" is written by a Local EngineEnvironment`)
	time.Sleep(500 * time.Millisecond)
	assert.LessOrEqual(t, w.writes.n.Load()-writes, int64(2))
}

func TestClosedPullRequestIsNotBroughtBack(t *testing.T) {
	t.Parallel()
	const prID = "3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e2ff"
	w := newWorld(t, settings{seed: strings.Replace(plainSeed, "name: production}", "name: production}, {id: "+prID+", name: pr-12, ephemeral: true}", 1)})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("pr", strings.NewReplacer("tier: Dev", "tier: Preview", "  tokenSecretRef", "  environment: pr-12\n  tokenSecretRef").Replace(devSpec))
	w.ready("pr")
	require.NoError(t, w.sim.DeleteEnvironment(railwaysim.Place{Environment: "pr-12"}))
	before := w.mark()
	w.annotate("pr", v1alpha1.AnnotationRequestedAt, "now")
	o := w.reason("pr", v1alpha1.ReasonEnvironmentClosed)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, "delete this object")
	assert.Zero(t, w.count(before)["CreateEnvironment"])
}

func TestContestedHoldsWithoutTheAnnotation(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	for range 4 {
		w.interfere()
	}
	w.reason("dev", v1alpha1.ReasonContested)
	o := w.get("dev")
	before := o.DeepCopy()
	o.Annotations = nil
	require.NoError(t, w.client.Patch(t.Context(), o, client.MergeFrom(before)))
	w.secret("openai", map[string]string{"api-key": secretMark + "-new"}) // makes a pass
	w.until("dev", "rotated", func(*v1alpha1.EngineEnvironment) bool {
		return w.variables("dev", "ai-engine")["OPENAI_API_KEY"] == secretMark+"-new"
	})
	assert.Equal(t, "theirs", w.variables("dev", "ai-engine")["DB_SCHEMA"], "the fight is still left alone")
}

// TestTwoTiersShareTheirService lets two tiers of one project, whose environments exist, make the same service at once while
// reads lag: the slower one joins the service of the faster one.
func TestTwoTiersShareTheirService(t *testing.T) {
	t.Parallel()
	seed := strings.Replace(plainSeed, "name: production}", "name: production}, {id: aaaaaaaa-5d3e-4f0a-9c47-b5d8f0a1e201, name: dev}, "+
		"{id: bbbbbbbb-5d3e-4f0a-9c47-b5d8f0a1e201, name: preview}", 1)
	w := newWorld(t, settings{seed: seed, lag: 800 * time.Millisecond, settle: 2 * time.Second})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("dev", strings.Replace(devSpec, plainDomain, "", 1))
	w.apply("preview", strings.NewReplacer("tier: Dev", "tier: Preview", plainDomain, "").Replace(devSpec))
	w.ready("dev")
	w.ready("preview")
}

// TestTokenOfAnotherEnvironmentForgetsNothing swaps the token for one that sees another environment only.
func TestTokenOfAnotherEnvironmentForgetsNothing(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	written := w.get("dev").Status.WorkingRecord.Written
	w.secret("railway", map[string]string{"RAILWAY_TOKEN": projectToken})
	o := w.reason("dev", v1alpha1.ReasonTokenScope)
	assert.Equal(t, written, o.Status.WorkingRecord.Written, "what is known of the environment stays")
	assert.True(t, o.Status.Railway.Created)
	before := w.mark()
	w.secret("railway", map[string]string{"RAILWAY_API_TOKEN": accountToken})
	w.ready("dev")
	assert.Zero(t, w.count(before)["CommitPatch"])
}

func TestRefusedCommitWithAValidToken(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultUnauthorized}))
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: next", 1))
	w.until("dev", "applied", func(o *v1alpha1.EngineEnvironment) bool {
		assert.NotEqual(t, v1alpha1.ReasonTokenRejected, condition(o, v1alpha1.ConditionReady).Reason)
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "next"
	})
}

func TestPruneDoesNotFightForEver(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, func(s string) string { return "unmanagedVariables: Prune\n" + s })
	for range 5 {
		require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "BY_HAND", Value: ptrTo("x")}))
		w.poke("dev")
		w.ready("dev")
	}
	assert.Equal(t, "x", w.variables("dev", "ai-engine")["BY_HAND"], "left alone after three times")
	assert.Equal(t, []string{"ai-engine.variables.BY_HAND"}, w.get("dev").Status.UnmanagedVariables, "and told")
}

func TestTokenWithALineBreak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("railway", map[string]string{"RAILWAY_API_TOKEN": accountToken + "\nRAILWAY_TOKEN=" + secretMark})
	w.apply("dev", devSpec)
	o := w.reason("dev", v1alpha1.ReasonTokenRejected)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, "a blank or a line break")
}
