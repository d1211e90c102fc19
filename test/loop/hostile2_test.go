// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// moment signals once when a request of the operation is in the phase, and holds the request for a while.
type moment struct {
	operation string
	phase     railwaysim.Phase
	once      sync.Once
	reached   chan struct{}
}

func at(operation string, phase railwaysim.Phase) *moment {
	return &moment{operation: operation, phase: phase, reached: make(chan struct{})}
}

func (m *moment) intercept(r railwaysim.Request, phase railwaysim.Phase) {
	if r.Operation != m.operation || phase != m.phase {
		return
	}
	m.once.Do(func() {
		close(m.reached)
		time.Sleep(150 * time.Millisecond)
	})
}

func (m *moment) wait(t *testing.T) {
	t.Helper()
	select {
	case <-m.reached:
	case <-time.After(eventually):
		t.Fatal("never reached ", m.operation)
	}
}

var moments = []struct {
	operation string
	phase     railwaysim.Phase
	says      string
}{
	{"CreateEnvironment", railwaysim.PhaseBefore, "before the environment is there"},
	{"CreateEnvironment", railwaysim.PhaseAfter, "before the answer of the environment"},
	{"CreateService", railwaysim.PhaseAfter, "before the answer of the service"},
	{"CreateRailwayDomain", railwaysim.PhaseAfter, "before the answer of the domain"},
	{"CommitPatch", railwaysim.PhaseBefore, "before the commit"},
	{"CommitPatch", railwaysim.PhaseAfter, "before the answer of the commit"},
}

// TestDeletedAtEachPoint deletes the object while a write of its first convergence is under way: nothing stays on Railway.
func TestDeletedAtEachPoint(t *testing.T) {
	for _, c := range moments {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			m := at(c.operation, c.phase)
			w := newWorld(t, settings{lag: 300 * time.Millisecond, settle: 3 * time.Second, intercept: m.intercept})
			w.secret("openai", map[string]string{"api-key": secretMark})
			w.apply("dev", "deletionPolicy: Delete\n"+devSpec)
			m.wait(t)
			require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
			w.gone("dev")
			_, err := w.sim.Variables(engineInDev)
			require.ErrorContains(t, err, "no environment")
			assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
			assert.LessOrEqual(t, w.count(0)["DeleteEnvironment"], 1, w.lastRequests())
		})
	}
}

// TestRestartedAtEachPoint restarts the operator while a write of the first convergence is under way: nothing is made twice.
func TestRestartedAtEachPoint(t *testing.T) {
	for _, c := range moments {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			m := at(c.operation, c.phase)
			w := newWorld(t, settings{lag: 300 * time.Millisecond, settle: 3 * time.Second, intercept: m.intercept})
			w.secret("openai", map[string]string{"api-key": secretMark})
			w.apply("dev", devSpec)
			m.wait(t)
			w.restart()
			w.ready("dev")
			assert.Equal(t, 1, w.deployments("dev", "ai-engine"))
			assert.Equal(t, 1, w.count(0)["CreateService"])
			assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
			assert.Equal(t, 1, w.count(0)["CreateRailwayDomain"])
		})
	}
}

// TestSuspendedAtEachPoint suspends while a write is under way, and resumes later: nothing is made twice, and nothing is written between.
func TestSuspendedAtEachPoint(t *testing.T) {
	for _, c := range moments {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			m := at(c.operation, c.phase)
			w := newWorld(t, settings{lag: 300 * time.Millisecond, settle: time.Second, intercept: m.intercept})
			w.secret("openai", map[string]string{"api-key": secretMark})
			w.apply("dev", devSpec)
			m.wait(t)
			w.apply("dev", "suspend: true\n"+devSpec)
			w.reason("dev", v1alpha1.ReasonSuspended)
			time.Sleep(300 * time.Millisecond)
			before := w.mark()
			time.Sleep(700 * time.Millisecond)
			assert.Empty(t, w.count(before))
			w.apply("dev", "suspend: false\n"+devSpec)
			w.ready("dev")
			assert.Equal(t, 1, w.deployments("dev", "ai-engine"))
			assert.Equal(t, 1, w.count(0)["CreateService"])
			assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
		})
	}
}

// TestWhatWaitsIsQuiet: an object that waits for a person sends next to nothing to Railway or Kubernetes.
func TestWhatWaitsIsQuiet(t *testing.T) {
	image := func(tag string) func(string) string {
		return func(s string) string { return strings.Replace(s, "ai-engine:1.4.2", "ai-engine:"+tag, 1) }
	}
	for _, c := range []struct {
		reason string
		spec   func(string) string
		fault  railwaysim.Fault
	}{
		{reason: v1alpha1.ReasonCrashed, spec: image("crash")},
		{reason: v1alpha1.ReasonImageNotFound, spec: image("missing")},
		{reason: v1alpha1.ReasonNameTaken,
			fault: railwaysim.Fault{Operation: "CreateService", Kind: railwaysim.FaultError, Message: "A service named \"ai-engine\" already exists in this project"}},
		{reason: v1alpha1.ReasonCommitFailed, fault: railwaysim.Fault{Operation: "CommitPatch", Kind: railwaysim.FaultApplyError, Message: "Invalid value"}},
		{reason: v1alpha1.ReasonInvalidSpec, spec: func(s string) string { return strings.Replace(s, "us-west2", "mars-north1", 1) }},
		{reason: v1alpha1.ReasonTokenRejected, fault: railwaysim.Fault{Kind: railwaysim.FaultUnauthorized}},
		{reason: v1alpha1.ReasonSchemaMismatch, fault: railwaysim.Fault{Operation: "CommitPatch", Kind: railwaysim.FaultError,
			Message: "Cannot query field \"x\" on type \"Environment\"", Code: "GRAPHQL_VALIDATION_FAILED"}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{settle: 300 * time.Millisecond})
			w.secret("openai", map[string]string{"api-key": secretMark})
			if c.fault.Kind != "" {
				require.NoError(t, w.sim.AddFault(c.fault))
			}
			spec := devSpec
			if c.spec != nil {
				spec = c.spec(spec)
			}
			w.apply("dev", spec)
			w.reason("dev", c.reason)
			time.Sleep(1500 * time.Millisecond)
			before, writes := w.mark(), w.writes.n.Load()
			time.Sleep(4 * time.Second)
			counts, all := w.count(before), 0
			for operation, n := range counts {
				all += n
				if operation != "ReadEnvironment" {
					assert.LessOrEqual(t, n, 2, operation)
				}
			}
			assert.LessOrEqual(t, all, 50, counts) // the pace of a rollout, 100ms in tests
			assert.LessOrEqual(t, w.writes.n.Load()-writes, int64(2))
		})
	}
}

// TestUnknownErrorsMakeNothingTwice: an answer that says nothing about what was applied makes nothing twice while reads lag.
func TestUnknownErrorsMakeNothingTwice(t *testing.T) {
	for _, operation := range mutations {
		for _, message := range []string{"Problem processing request", "Something that nobody has seen", "Failed to fetch"} {
			t.Run(operation+"/"+message, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, settings{lag: 700 * time.Millisecond, settle: 2 * time.Second})
				require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: operation, Ordinal: 1, Kind: railwaysim.FaultErrorAfter, Message: message}))
				w.secret("openai", map[string]string{"api-key": secretMark})
				w.apply("dev", devSpec)
				w.ready("dev")
				assert.Equal(t, 1, w.deployments("dev", "ai-engine"))
				assert.Equal(t, 1, w.count(0)[operation])
			})
		}
	}
}

// TestDeployIsSentOnce: a service without a deployment is deployed once, whatever the answer.
func TestDeployIsSentOnce(t *testing.T) {
	for _, kind := range []string{railwaysim.FaultErrorAfter, railwaysim.FaultResetAfter, railwaysim.FaultTruncated, railwaysim.FaultPartial} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{lag: 500 * time.Millisecond, settle: 1500 * time.Millisecond, seed: strings.Replace(plainSeed, "name: production}]", `name: production}]
  services: [{id: s-cache, name: cache, environments: {production: {source: {image: "redis:7"}, undeployed: true}}}]`, 1)})
			w.secret("openai", map[string]string{"api-key": secretMark})
			require.NoError(t, w.sim.AddFault(railwaysim.Fault{RootField: "serviceInstanceDeployV2", Ordinal: 1, Kind: kind, Message: "odd"}))
			w.apply("production", strings.NewReplacer("tier: Dev", "tier: Production", "value: dev", "value: production").Replace(devSpec)+
				"services: [{name: cache, source: {image: \"redis:7\"}}]\n")
			w.ready("production")
			assert.Equal(t, 1, w.deployments("production", "cache"))
			assert.Equal(t, 1, w.deployments("production", "ai-engine"))
		})
	}
}

// TestThrottledTokenDelaysNobodyElse: objects of a token that must pause take no worker from those of another.
func TestThrottledTokenDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	const other = "33333333-1111-4111-8111-111111111111"
	w := newWorld(t, settings{seed: strings.Replace(plainSeed, "tokens:\n", "tokens:\n- {name: other, kind: workspace, workspace: ws, value: "+other+"}\n", 1)})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("other", map[string]string{"RAILWAY_API_TOKEN": other})
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{Kind: railwaysim.Fault429, RetryAfter: 600}))
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		w.apply(name, strings.Replace(devSpec, "railway:\n", "railway:\n  environment: "+name+"\n", 1))
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		w.reason(name, v1alpha1.ReasonRateLimited)
	}
	w.sim.ClearFaults()
	start, before := time.Now(), w.mark()
	w.apply("dev", strings.Replace(devSpec, "{name: railway}", "{name: other}", 1))
	w.ready("dev")
	assert.Less(t, time.Since(start), 6*time.Second)
	assert.Equal(t, 1, w.count(before)["CreateEnvironment"])
	// An object of the paused token can be deleted, and does not block.
	require.NoError(t, w.client.Delete(t.Context(), w.get("a")))
	w.gone("a")
}

// TestLostSecretWritesNothing: a Secret that goes away and comes back changes nothing on Railway.
func TestLostSecretWritesNothing(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	w.runs("preview", "1.4.2")
	before, deployed := w.mark(), len(w.sim.Deployments())
	require.NoError(t, w.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "openai", Namespace: w.namespace}}))
	w.reason("preview", v1alpha1.ReasonSecretNotFound)
	w.restart()
	time.Sleep(500 * time.Millisecond)
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.runs("preview", "1.4.2")
	w.runs("dev", "1.4.2")
	assert.Zero(t, w.count(before)["CommitPatch"])
	assert.Len(t, w.sim.Deployments(), deployed)
}

// TestDashboardSourceGoesNoFurther: what somebody deploys on the dashboard is never verified nor promoted.
func TestDashboardSourceGoesNoFurther(t *testing.T) {
	for _, policy := range []string{"Warn", "Repair"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			w := chain(t, "0s")
			w.apply("dev", "driftPolicy: "+policy+"\n"+devSpec+"verification: {interval: 5s}\n")
			w.runs("preview", "1.4.2")
			w.awaits("production", "1.4.2")
			w.stop()
			require.NoError(t, w.sim.EditSettings(railwaysim.SettingsEdit{Place: engineInDev,
				Config: map[string]any{"source": map[string]any{"image": "ghcr.io/acme/ai-engine:9.9.9"}}}))
			time.Sleep(200 * time.Millisecond)
			w.stop = w.start(w.settings)
			w.until("dev", "noticed", func(o *v1alpha1.EngineEnvironment) bool {
				if policy == "Repair" {
					return isGo(o) && w.deployments("dev", "ai-engine") == 3
				}
				return len(o.Status.Drift) == 1 && o.Status.Verdict == v1alpha1.VerdictNoGo
			})
			w.poke("dev")
			w.poke("preview")
			time.Sleep(time.Second)
			assert.Equal(t, "1.4.2", w.get("dev").Status.Verified.Revision)
			assert.Equal(t, []string{"1.4.2"}, w.images("preview"))
			assert.Equal(t, "1.4.2", w.get("production").Status.Promotion.CandidateRevision)
		})
	}
}

// TestSuspendedUpstreamIsNotPromoted: a soak needs somebody who watches.
func TestSuspendedUpstreamIsNotPromoted(t *testing.T) {
	t.Parallel()
	w := chain(t, "3s")
	w.until("preview", "soaking", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionSoaking
	})
	w.edit("dev", func(s *v1alpha1.EngineEnvironmentSpec) { s.Suspend = true })
	w.reason("dev", v1alpha1.ReasonSuspended)
	time.Sleep(4 * time.Second)
	assert.Empty(t, w.images("preview"))
	w.edit("dev", func(s *v1alpha1.EngineEnvironmentSpec) { s.Suspend = false })
	w.runs("preview", "1.4.2")
}

// TestCrashedWhileTheOperatorWasAway: what was verified is no reason for GO once it has crashed.
func TestCrashedWhileTheOperatorWasAway(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	w.runs("preview", "1.4.2")
	w.awaits("production", "1.4.2")
	time.Sleep(300 * time.Millisecond)
	w.stop()
	require.NoError(t, w.sim.CrashDeployment(railwaysim.Place{Environment: "preview", Service: "ai-engine"}))
	candidate := w.get("production").Status.Promotion.Candidate
	w.annotate("production", v1alpha1.AnnotationApprovedBy, "Dana")
	w.annotate("production", v1alpha1.AnnotationApprove, candidate)
	w.stop = w.start(w.settings)
	w.until("preview", "NO-GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictNoGo })
	w.poke("production")
	time.Sleep(500 * time.Millisecond)
	assert.Empty(t, w.images("production"), "upstream was not GO when it was approved")
	assert.Nil(t, w.get("preview").Status.Rollback, "what was verified once is not rolled back")
}

// TestTwoObjectsAtOnce: of two objects for one environment, made at the same time, one holds it, and the other takes over.
func TestTwoObjectsAtOnce(t *testing.T) {
	for _, policy := range []string{"Retain", "Delete"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{lag: 400 * time.Millisecond, settle: 1500 * time.Millisecond})
			w.secret("openai", map[string]string{"api-key": secretMark})
			spec := "deletionPolicy: " + policy + "\n" + devSpec
			w.apply("a", spec)
			w.apply("b", strings.Replace(spec, "value: dev", "value: b", 1))
			holds := ""
			require.Eventually(t, func() bool {
				for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}} {
					if isReady(w.get(pair[0])) && condition(w.get(pair[1]), v1alpha1.ConditionReady).Reason == v1alpha1.ReasonEnvironmentClaimed {
						holds = pair[0]
					}
				}
				return holds != ""
			}, eventually, 20*time.Millisecond)
			assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
			assert.Equal(t, 1, w.deployments("dev", "ai-engine"))
			require.NoError(t, w.client.Delete(t.Context(), w.get(holds)))
			w.gone(holds)
			w.ready(map[string]string{"a": "b", "b": "a"}[holds])
		})
	}
}

// TestClaimedObjectDeletesNothing: an object that holds nothing deletes nothing.
func TestClaimedObjectDeletesNothing(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	w.apply("second", "deletionPolicy: Delete\n"+strings.Replace(devSpec, "value: dev", "value: second", 1))
	w.reason("second", v1alpha1.ReasonEnvironmentClaimed)
	w.apply("third", "deletionPolicy: Delete\n"+strings.Replace(devSpec, "{name: openai", "{name: nowhere", 1))
	w.reason("third", v1alpha1.ReasonSecretNotFound)
	before := w.mark()
	for _, name := range []string{"second", "third"} {
		require.NoError(t, w.client.Delete(t.Context(), w.get(name)))
		w.gone(name)
	}
	assert.Zero(t, w.count(before)["DeleteEnvironment"]+w.count(before)["CommitPatch"])
	w.poke("dev")
	assert.True(t, isReady(w.get("dev")))
}

// TestDeletionOfWhatIsGone: an object whose environment or project is gone can be deleted.
func TestDeletionOfWhatIsGone(t *testing.T) {
	t.Run("project token, environment deleted on the dashboard", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, settings{settle: 300 * time.Millisecond})
		w.secret("openai", map[string]string{"api-key": secretMark})
		w.secret("railway", map[string]string{"RAILWAY_TOKEN": projectToken})
		w.apply("prod", "deletionPolicy: Delete\n"+strings.Replace(devSpec, "tier: Dev", "tier: Production", 1))
		w.ready("prod")
		require.NoError(t, w.sim.DeleteEnvironment(railwaysim.Place{Environment: "production"}))
		require.NoError(t, w.client.Delete(t.Context(), w.get("prod")))
		time.Sleep(2 * time.Second)
		w.goneOrSays("prod", "deletionPolicy")
	})
	t.Run("the project is not visible any more", func(t *testing.T) {
		t.Parallel()
		w := running(t, settings{settle: 300 * time.Millisecond}, func(s string) string { return "deletionPolicy: Delete\n" + s })
		require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "ReadProject", Kind: railwaysim.FaultNotFound, Message: "Project not found"}))
		require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
		time.Sleep(2 * time.Second)
		w.goneOrSays("dev", "deletionPolicy")
	})
	t.Run("the token was revoked", func(t *testing.T) {
		t.Parallel()
		w := running(t, settings{settle: 300 * time.Millisecond}, func(s string) string { return "deletionPolicy: Delete\n" + s })
		require.NoError(t, w.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultUnauthorized}))
		require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
		time.Sleep(2 * time.Second)
		w.goneOrSays("dev", "deletionPolicy")
	})
}

// goneOrSays holds that the object is gone, or that its status says what a person can do.
func (w *world) goneOrSays(name, text string) {
	w.t.Helper()
	var list v1alpha1.EngineEnvironmentList
	require.NoError(w.t, w.client.List(w.t.Context(), &list))
	for i := range list.Items {
		if o := &list.Items[i]; o.Name == name && o.Namespace == w.namespace {
			assert.Contains(w.t, condition(o, v1alpha1.ConditionReady).Message, text)
		}
	}
}

// TestPushedTagDuringRollout: a tag that is pushed again with bad bytes, in the middle of everything, is rolled back to the bytes before.
func TestPushedTagDuringRollout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{step: 50 * time.Millisecond})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := previewSpec + "  onFailure: Rollback\n"
	w.apply("preview", spec)
	first := w.runs("preview", "1.4.2").Status.Engine.Digest
	require.NoError(t, w.sim.PushImage(railwaysim.ImagePush{Image: "ghcr.io/acme/ai-engine:1.4.2", Behaviour: "crash"}))
	w.poke("preview")
	assert.Equal(t, first, w.get("preview").Status.Engine.Digest)
	w.apply("preview", strings.Replace(spec, "value: preview", "value: next", 1))
	w.until("preview", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack && o.Status.Engine.Digest == first
	})
	n := len(w.images("preview"))
	w.restart()
	w.poke("preview")
	time.Sleep(time.Second)
	assert.Len(t, w.images("preview"), n)
	// The tag is pushed again with good bytes, and a person says resume.
	require.NoError(t, w.sim.PushImage(railwaysim.ImagePush{Image: "ghcr.io/acme/ai-engine:1.4.2"}))
	w.annotate("preview", v1alpha1.AnnotationResume, "1")
	o := w.until("preview", "GO", func(o *v1alpha1.EngineEnvironment) bool {
		return isGo(o) && o.Status.Engine.Digest != first && o.Status.Rollback == nil
	})
	assert.Equal(t, "next", w.variables("preview", "ai-engine")["DB_SCHEMA"])
	assert.Contains(t, o.Status.Verified.Source.Image, o.Status.Engine.Digest)
}

// TestResumeOfABadRevisionRollsBackOnceMore: and what is held stays held over restarts and suspension.
func TestResumeOfABadRevisionRollsBackOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := previewSpec + "  onFailure: Rollback\n"
	w.apply("preview", spec)
	w.runs("preview", "1.4.2")
	w.apply("preview", strings.Replace(spec, "1.4.2", "1.5.0-crash", 1))
	held := func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack && o.Status.Engine.Revision == "1.4.2"
	}
	w.until("preview", "held", held)
	w.annotate("preview", v1alpha1.AnnotationResume, "1")
	w.until("preview", "held again", func(o *v1alpha1.EngineEnvironment) bool { return held(o) && len(w.images("preview")) == 5 })
	w.stop()
	w.edit("preview", func(s *v1alpha1.EngineEnvironmentSpec) { s.Suspend = true })
	w.stop = w.start(w.settings)
	w.reason("preview", v1alpha1.ReasonSuspended)
	w.restart()
	w.edit("preview", func(s *v1alpha1.EngineEnvironmentSpec) { s.Suspend = false })
	w.until("preview", "held still", held)
	w.poke("preview")
	time.Sleep(time.Second)
	assert.Equal(t, []string{"1.4.2", "1.5.0-crash", "1.4.2", "1.5.0-crash", "1.4.2"}, w.images("preview"))
}
