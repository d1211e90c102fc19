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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// stays holds that the condition is true, and remains so for the time.
func (w *world) stays(name, what string, during time.Duration, ok func(*v1alpha1.EngineEnvironment) bool) {
	w.t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		o := w.get(name)
		require.True(w.t, ok(o), "%s: not %s any more: %s %v", name, what, o.Status.Verdict, o.Status.VerdictReasons)
	}
}

func isGo(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo }

// force asks for a pass by annotation and does not wait for it.
func (w *world) force(name string) {
	w.t.Helper()
	w.annotate(name, v1alpha1.AnnotationRequestedAt, time.Now().Format(time.RFC3339Nano))
}

// TestThrottledRolloutIsNotRolledBack: while Railway answers 429, a deployment that has succeeded meanwhile is not judged by an old
// snapshot and the wall clock.
func TestThrottledRolloutIsNotRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{step: 300 * time.Millisecond})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := strings.Replace(previewSpec, "regions:", "progressDeadline: 10s\n    regions:", 1) + "  onFailure: Rollback\n"
	w.apply("preview", spec)
	w.runs("preview", "1.4.2")
	w.apply("preview", strings.Replace(spec, "1.4.2", "1.5.0", 1))
	w.until("preview", "rolling out", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionReady).Reason == v1alpha1.ReasonDeploying
	})
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{Kind: railwaysim.Fault429, RetryAfter: 12}))
	time.Sleep(500 * time.Millisecond)
	w.sim.ClearFaults() // the client keeps to the pause that it was told
	o := w.runs("preview", "1.5.0")
	assert.Nil(t, o.Status.Rollback)
	assert.Equal(t, []string{"1.4.2", "1.5.0"}, w.images("preview"))
}

// TestRestartKeepsWhatIsKnown: a restart of settled objects writes nothing, costs one request each, and soaks go on.
func TestRestartKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	w.runs("dev", "1.4.2")
	w.runs("preview", "1.4.2")
	w.awaits("production", "1.4.2")
	w.poke("production")    // it sees the service that was created for the others
	time.Sleep(time.Second) // what is on its way arrives
	before := map[string]*v1alpha1.EngineEnvironment{}
	for _, name := range []string{"dev", "preview", "production"} {
		before[name] = w.get(name)
	}
	requests, writes := w.mark(), w.writes.n.Load()
	w.restart()
	time.Sleep(3 * time.Second)
	for name, o := range before {
		after := w.get(name)
		assert.Equal(t, o.ResourceVersion, after.ResourceVersion, "%s was written: %s", name, diffOf(t, o, after))
		assert.Equal(t, o.Status.GoSince, after.Status.GoSince)
	}
	assert.Equal(t, writes, w.writes.n.Load(), "nothing is written to Kubernetes")
	for operation, n := range w.count(requests) {
		assert.Contains(t, []string{"ReadEnvironment", "ReadEnvironments"}, operation)
		assert.LessOrEqual(t, n, 3, "one read for each object")
	}
}

func diffOf(t *testing.T, a, b *v1alpha1.EngineEnvironment) string {
	t.Helper()
	before, err := yaml.Marshal(a.Status)
	require.NoError(t, err)
	after, err := yaml.Marshal(b.Status)
	require.NoError(t, err)
	var changed []string
	was := strings.Split(string(before), "\n")
	for _, line := range strings.Split(string(after), "\n") {
		if !slices.Contains(was, line) {
			changed = append(changed, line)
		}
	}
	return strings.Join(changed, "\n")
}

// TestRestartWhileRailwayIsDown: the same tolerance as without a restart.
func TestRestartWhileRailwayIsDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{railwaysim.Fault500, railwaysim.FaultNotAuthorized, railwaysim.Fault429} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := running(t, settings{}, nil)
			time.Sleep(500 * time.Millisecond)
			version := w.get("dev").ResourceVersion
			require.NoError(t, w.sim.AddFault(railwaysim.Fault{Kind: kind, RetryAfter: 1}))
			w.restart()
			w.stays("dev", "as it was", 2*time.Second, func(o *v1alpha1.EngineEnvironment) bool { return o.ResourceVersion == version })
			w.sim.ClearFaults()
			w.poke("dev")
			assert.True(t, isGo(w.get("dev")))
		})
	}
}

// TestBlipsChangeNoVerdict: one odd answer to a read says nothing about an engine that runs.
func TestBlipsChangeNoVerdict(t *testing.T) {
	t.Parallel()
	for _, fault := range []railwaysim.Fault{
		{Kind: railwaysim.FaultNotAuthorized}, {Kind: railwaysim.FaultNotFound}, {Kind: railwaysim.Fault500}, {Kind: railwaysim.FaultHTML},
		{Kind: railwaysim.FaultError, Message: "a message that nobody has seen before", Code: "ODD"}, {Kind: railwaysim.Fault429, RetryAfter: 1},
		{Kind: railwaysim.FaultTruncated}, {Kind: railwaysim.FaultError, Message: "Cannot query field \"config\" on type \"Environment\""},
	} {
		t.Run(fault.Kind+fault.Code, func(t *testing.T) {
			t.Parallel()
			w := running(t, settings{}, nil)
			fault.Operation, fault.Ordinal, fault.Count = "ReadEnvironment", 1, 2
			require.NoError(t, w.sim.AddFault(fault))
			since := w.get("dev").Status.GoSince
			w.force("dev")
			w.stays("dev", "GO", 2*time.Second, isGo)
			w.until("dev", "read again", func(o *v1alpha1.EngineEnvironment) bool {
				return o.Status.LastHandledReconcileAt == o.Annotations[v1alpha1.AnnotationRequestedAt]
			})
			assert.Equal(t, since, w.get("dev").Status.GoSince, "the soak goes on")
			assert.Zero(t, w.count(0)["DeleteEnvironment"])
			assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
		})
	}
}

// TestAppliedTogether: a downstream tier that was there before its upstream tier is promoted all the same.
func TestAppliedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	source := `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + "\n"
	w.apply("preview", strings.Replace(previewSpec, source, "", 1)+"promotion: {from: dev}\n")
	w.until("preview", "waiting", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionWaiting
	})
	w.image("1.4.2")
	w.runs("preview", "1.4.2")
}

// TestRefusedCommitStallsNothingElse: what Railway could not apply does not keep drift from being repaired, nor a changed Secret from
// being written.
func TestRefusedCommitStallsNothingElse(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultApplyError, Message: "Invalid value"}))
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: refused", 1))
	o := w.reason("dev", v1alpha1.ReasonCommitFailed)
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
	commits := w.count(0)["CommitPatch"]

	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "LOG_LEVEL", Value: ptrTo("WARN")}))
	w.secret("openai", map[string]string{"api-key": secretMark + "-rotated"}) // wakes the object, and is written, too
	w.until("dev", "repaired beside what was refused", func(o *v1alpha1.EngineEnvironment) bool {
		variables := w.variables("dev", "ai-engine")
		return variables["OPENAI_API_KEY"] == secretMark+"-rotated" && variables["LOG_LEVEL"] == "DEBUG"
	})
	assert.GreaterOrEqual(t, w.count(0)["CommitPatch"], commits+1)
}

// TestPushedTagIsAnotherRevision: the same tag with other bytes is verified, soaked and approved anew, and production never pulls what
// was not.
func TestPushedTagIsAnotherRevision(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	first := w.runs("dev", "1.4.2").Status.Engine.Digest
	w.awaits("production", "1.4.2")
	w.approve("production", "Dana")
	w.runs("production", "1.4.2")

	require.NoError(t, w.sim.PushImage(railwaysim.ImagePush{Image: "ghcr.io/acme/ai-engine:1.4.2"}))
	// Something else deploys dev again: it pulls the new bytes.
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: next", 1)+"verification: {interval: 5s}\n")
	o := w.until("dev", "other bytes", func(o *v1alpha1.EngineEnvironment) bool {
		return isGo(o) && o.Status.Engine.Digest != first && strings.Contains(o.Status.Verified.Source.Image, o.Status.Engine.Digest)
	})
	second := o.Status.Engine.Digest
	w.until("preview", "other bytes", func(o *v1alpha1.EngineEnvironment) bool { return isGo(o) && o.Status.Engine.Digest == second })
	o = w.awaits("production", "1.4.2")
	assert.Contains(t, o.Status.Promotion.Candidate, second, "the old approval was for other bytes")
	w.poke("production")
	assert.Equal(t, first, w.get("production").Status.Engine.Digest, "production keeps what was approved")
	w.approve("production", "Dana")
	w.until("production", "other bytes", func(o *v1alpha1.EngineEnvironment) bool { return isGo(o) && o.Status.Engine.Digest == second })
	for _, d := range w.sim.Deployments() {
		if d.Environment == "production" {
			assert.Contains(t, d.Image, "@sha256:", "production runs images by their digest")
		}
	}
}

// TestOnlyATokenThatReachesTheEnvironmentHoldsIt: an older object without a usable token, in whatever namespace, keeps nobody out.
func TestOnlyATokenThatReachesTheEnvironmentHoldsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("nonsense", map[string]string{"RAILWAY_API_TOKEN": "nonsense"})
	w.apply("squatter", strings.Replace(devSpec, "{name: railway}", "{name: nonsense}", 1))
	w.reason("squatter", v1alpha1.ReasonTokenRejected)
	time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
	w.apply("dev", devSpec)
	w.ready("dev")

	// A usable token comes too late.
	w.secret("nonsense", map[string]string{"RAILWAY_API_TOKEN": accountToken})
	o := w.reason("squatter", v1alpha1.ReasonEnvironmentClaimed)
	assert.Contains(t, condition(o, v1alpha1.ConditionStalled).Message, w.namespace+"/dev")
	assert.Nil(t, o.Status.Railway)
	w.poke("dev")
	assert.True(t, isReady(w.get("dev")), "the holder is not disturbed")
}

// TestRenamedEnvironmentHasOneHolder: environments are known by their id.
func TestRenamedEnvironmentHasOneHolder(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.RenameEnvironment(railwaysim.Rename{Place: railwaysim.Place{Environment: "dev"}, Name: "other"}))
	w.apply("second", strings.NewReplacer("railway:\n", "railway:\n  environment: other\n", "value: dev", "value: second").Replace(devSpec))
	w.reason("second", v1alpha1.ReasonEnvironmentClaimed)
	w.poke("dev")
	assert.True(t, isReady(w.get("dev")))
	assert.Equal(t, "dev", w.variables("other", "ai-engine")["DB_SCHEMA"])
	assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
}

// TestRenamedServiceGetsNoTwin: services are known by their id.
func TestRenamedServiceGetsNoTwin(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.RenameService(railwaysim.Rename{Place: engineInDev, Name: "renamed"}))
	w.poke("dev")
	o := w.until("dev", "told", func(o *v1alpha1.EngineEnvironment) bool {
		return strings.Contains(condition(o, v1alpha1.ConditionSynced).Message, "ai-engine is called renamed")
	})
	assert.True(t, isReady(o))
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{
		Place: railwaysim.Place{Environment: "dev", Service: "renamed"}, Name: "DB_SCHEMA", Value: ptrTo("oops"),
	}))
	w.restart()
	w.poke("dev")
	w.until("dev", "repaired", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "renamed")["DB_SCHEMA"] == "dev"
	})
	assert.Equal(t, 1, w.count(0)["CreateService"])
}

// TestSealedOnTheDashboardIsDrift: a seal that nobody declared hides any value.
func TestSealedOnTheDashboardIsDrift(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, func(s string) string { return "driftPolicy: Warn\n" + s })
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DB_SCHEMA", Value: ptrTo("hidden"), SkipDeploys: true}))
	require.NoError(t, w.sim.SealVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DB_SCHEMA"}))
	w.poke("dev")
	o := w.until("dev", "drifted", func(o *v1alpha1.EngineEnvironment) bool { return len(o.Status.Drift) == 1 })
	assert.Equal(t, "ai-engine.variables.DB_SCHEMA", o.Status.Drift[0].Path)
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
	w.apply("dev", devSpec)
	w.until("dev", "repaired", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && isGo(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "dev"
	})
	commits := w.count(0)["CommitPatch"]
	w.poke("dev")
	assert.Equal(t, commits, w.count(0)["CommitPatch"], "the value that was written is believed")
}

// TestAddedDomainTakesNoProbes: what somebody adds on the dashboard gets no requests, no secret headers, and no say in the verdict.
func TestAddedDomainTakesNoProbes(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, func(s string) string { return s + "verification: {interval: 5s}\n" })
	require.NoError(t, w.sim.AddDomain(railwaysim.DomainEdit{Place: engineInDev, Domain: "engine.acme.example"}))
	w.poke("dev")
	visits := len(w.sim.Visits())
	w.force("dev")
	require.Eventually(t, func() bool { return len(w.sim.Visits()) > visits }, eventually, 20*time.Millisecond)
	w.stays("dev", "GO", time.Second, isGo)
	assert.Equal(t, "https://ai-engine-dev.up.railway.app", w.get("dev").Status.Engine.URL, "it is not verified")
	for _, visit := range w.sim.Visits() {
		assert.NotContains(t, fmt.Sprintf("%+v", visit), "engine.acme.example")
	}
	require.NoError(t, w.sim.VerifyDomain(railwaysim.DomainEdit{Place: engineInDev, Domain: "engine.acme.example"}))
	w.poke("dev")
	assert.Equal(t, "https://engine.acme.example", w.get("dev").Status.Engine.URL)
}

// TestRollbackSkipsChecksOfServicesItDoesNotHave: the new spec's check of a new service says nothing about the revision before it.
func TestRollbackSkipsChecksOfServicesItDoesNotHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := previewSpec + "  onFailure: Rollback\n"
	w.apply("preview", spec)
	w.runs("preview", "1.4.2")
	withWorker := strings.NewReplacer("1.4.2", "1.5.0-crash", "  checks:\n",
		"  checks:\n  - {name: worker, logs: {service: worker}, expect: logs.size() > 0}\n").Replace(spec) +
		"services: [{name: worker, source: {image: \"ghcr.io/acme/worker:1\"}}]\n"
	w.apply("preview", withWorker)
	o := w.until("preview", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack && o.Status.Engine.Revision == "1.4.2"
	})
	assert.Equal(t, v1alpha1.CheckSkipped, check(o, "worker").Result)
}

// TestWhatBlamesTheEnvironmentRollsNothingBack: a provider's outage is no fault of the revision.
func TestWhatBlamesTheEnvironmentRollsNothingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := strings.Replace(previewSpec, "  checks:\n",
		"  checks:\n  - {name: provider, http: {path: /nowhere}, status: 200, blames: Environment, retries: 0, failureThreshold: 1}\n", 1) + "  onFailure: Rollback\n"
	w.apply("preview", strings.Replace(spec, "path: /nowhere", "path: /health", 1))
	w.runs("preview", "1.4.2")
	w.apply("preview", strings.Replace(spec, "1.4.2", "1.5.0", 1))
	o := w.until("preview", "NO-GO", func(o *v1alpha1.EngineEnvironment) bool {
		return check(o, "provider").Result == v1alpha1.CheckFailed && o.Status.Engine.Revision == "1.5.0" && o.Status.Verified.Revision == "1.5.0"
	})
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
	assert.Nil(t, o.Status.Rollback)
	assert.Equal(t, "Environment", check(o, "provider").Blames)
	assert.Equal(t, []string{"1.4.2", "1.5.0"}, w.images("preview"))
}

// TestRoutineRolloutIsPending: nothing is known to be wrong.
func TestRoutineRolloutIsPending(t *testing.T) {
	t.Parallel()
	w := running(t, settings{step: 100 * time.Millisecond}, nil)
	seen := map[v1alpha1.Verdict]bool{}
	w.apply("dev", strings.Replace(devSpec, "1.4.2", "1.5.0", 1))
	w.until("dev", "GO with the next revision", func(o *v1alpha1.EngineEnvironment) bool {
		seen[o.Status.Verdict] = true
		return isGo(o) && o.Status.Engine.Revision == "1.5.0"
	})
	assert.True(t, seen[v1alpha1.VerdictPending])
	assert.False(t, seen[v1alpha1.VerdictNoGo], "a rollout is no reason for NO-GO")
}

// TestServiceWithoutADeploymentIsDeployed: a patch that equals the config starts none.
func TestServiceWithoutADeploymentIsDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{seed: undeployedSeed})
	require.Zero(t, w.deployments("production", "cache"))
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("production", undeployedSpec)
	w.ready("production")
	assert.Equal(t, 1, w.deployments("production", "cache"))
	assert.Equal(t, 1, w.applied("DeployService"))
}

// TestWarnDoesNotBringAnEnvironmentBack: somebody deleted it, and the policy is to report.
func TestWarnDoesNotBringAnEnvironmentBack(t *testing.T) {
	t.Parallel()
	w := running(t, settings{settle: 300 * time.Millisecond}, func(s string) string { return "driftPolicy: Warn\n" + s })
	time.Sleep(500 * time.Millisecond)
	require.NoError(t, w.sim.DeleteEnvironment(railwaysim.Place{Environment: "dev"}))
	w.force("dev")
	o := w.reason("dev", v1alpha1.ReasonEnvironmentGone)
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
	assert.Equal(t, "environment", o.Status.Drift[0].Path)
	assert.Equal(t, 1, w.count(0)["CreateEnvironment"])
	w.apply("dev", devSpec)
	w.ready("dev")
	assert.Equal(t, 2, w.count(0)["CreateEnvironment"])
}

// TestUnknownCostBlocksPromotion: a request that failed does not open the gate.
func TestUnknownCostBlocksPromotion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{seed: usageSeed})
	w.secret("openai", map[string]string{"api-key": secretMark})
	require.NoError(t, w.sim.AddFault(railwaysim.Fault{Operation: "ReadUsage", Kind: railwaysim.Fault500}))
	w.image("1.4.2")
	source := `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + "\n"
	w.apply("production", strings.NewReplacer("tier: Dev", "tier: Production", source, "").Replace(devSpec)+
		"budget: {monthlyUSD: 570, enforcement: BlockPromotion}\npromotion: {from: dev}\n")
	w.runs("dev", "1.4.2")
	o := w.until("production", "blocked", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionBlocked
	})
	assert.Contains(t, condition(o, v1alpha1.ConditionPromoted).Message, "is not known")
	assert.Empty(t, w.images("production"))
}

// TestDeletionOutlivesTheToken: the Secret goes away in the same sweep as the object.
func TestDeletionOutlivesTheToken(t *testing.T) {
	t.Parallel()
	w := running(t, settings{settle: 300 * time.Millisecond}, func(s string) string { return "deletionPolicy: Delete\n" + s })
	require.NoError(t, w.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "railway", Namespace: w.namespace}}))
	require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
	w.gone("dev")
	_, err := w.sim.Variables(engineInDev)
	assert.ErrorContains(t, err, "no environment")
}

// TestAcceptedDeletionNeedsNoTokenAfterARestart: what Railway has accepted is remembered.
func TestAcceptedDeletionNeedsNoTokenAfterARestart(t *testing.T) {
	t.Parallel()
	w := running(t, settings{lag: 2 * time.Second, settle: 4 * time.Second}, func(s string) string { return "deletionPolicy: Delete\n" + s })
	require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
	w.until("dev", "accepted", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.WorkingRecord != nil && o.Status.WorkingRecord.Deletion != nil
	})
	require.NoError(t, w.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "railway", Namespace: w.namespace}}))
	w.restart()
	w.gone("dev")
	assert.Equal(t, 1, w.count(0)["DeleteEnvironment"], "it is not sent twice")
}

// TestPushesDoNotPassAPinnedCommit: a trigger would deploy every push, past any gate.
func TestPushesDoNotPassAPinnedCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	const commit, pushed = "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"
	w.apply("dev", strings.Replace(devSpec, `source: {image: "ghcr.io/acme/ai-engine:1.4.2"}`,
		"source: {repo: acme/ai-engine, branch: main, commit: "+commit+"}", 1))
	w.runs("dev", commit[:12])
	w.until("dev", "without triggers", func(o *v1alpha1.EngineEnvironment) bool { return w.count(0)["DeleteTrigger"] > 0 && isReady(o) })
	require.NoError(t, w.sim.PushCommit(railwaysim.CommitPush{Repo: "acme/ai-engine", Branch: "main", Commit: pushed}))
	w.poke("dev")
	o := w.runs("dev", commit[:12])
	assert.Equal(t, commit, o.Status.Engine.Commit)
	for _, d := range w.sim.Deployments() {
		assert.NotEqual(t, pushed, d.Commit, "a push deploys nothing past the declared commit")
	}
}

// TestLostHashKeyCostsNoWait: what cannot be compared is written again, and nothing waits for deployments that never start.
func TestLostHashKeyCostsNoWait(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	since, deployed := w.get("dev").Status.GoSince, w.deployments("dev", "ai-engine")
	w.stop()
	w.settings.key = "another key of at least 32 bytes"
	start := time.Now()
	w.stop = w.start(w.settings)
	w.until("dev", "written with the new key", func(o *v1alpha1.EngineEnvironment) bool {
		return isGo(o) && w.count(0)["CommitPatch"] == 2
	})
	assert.Less(t, time.Since(start), 15*time.Second)
	assert.Equal(t, deployed, w.deployments("dev", "ai-engine"), "an equal value deploys nothing")
	_ = since
}

// TestApprovalIsForOneSource: the same tag of another registry is another source.
func TestApprovalIsForOneSource(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	w.awaits("production", "1.4.2")
	w.approve("production", "Dana")
	w.runs("production", "1.4.2")
	w.apply("dev", strings.Replace(devSpec, "ghcr.io/acme/ai-engine:1.4.2", "evil.example/acme/ai-engine:1.4.2", 1)+"verification: {interval: 5s}\n")
	o := w.until("production", "awaiting the other source", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion.State == v1alpha1.PromotionAwaitingApproval && strings.HasPrefix(o.Status.Promotion.Candidate, "evil.example/")
	})
	w.poke("production")
	assert.Contains(t, o.Status.Engine.Image, "ghcr.io/acme")
	assert.Equal(t, []string{"1.4.2"}, w.images("production"))
}
