// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	loopApprove = "writePolicy: Approve\n" + loopDev
	loopObserve = "writePolicy: Observe\n" + loopDev
	loopPreview = "tier: Preview\ninterval: 30s\nrailway: {projectID: " + loopProject + ", tokenSecretRef: {name: railway}}\n" +
		"promotion: {from: dev, soak: 0s}\nengine: {name: ai-engine, domains: {railway: true}}\n"
)

// approved passes until a plan waits, approves it, and passes until it is carried out.
func (l *loop) approved(name string) {
	l.t.Helper()
	l.annotate(name, v1alpha1.AnnotationApprovePlan, l.planned(name).Status.Plan.Hash)
	l.settled(name)
}

// planned passes until a plan waits for a person.
func (l *loop) planned(name string) *v1alpha1.EngineEnvironment {
	l.t.Helper()
	return l.until(name, "planned", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Plan != nil && !o.Status.Plan.Approved
	})
}

// verified passes until the revision is verified.
func (l *loop) verified(name, revision string) {
	l.t.Helper()
	l.until(name, "verified", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Verified != nil && o.Status.Verified.Revision == revision && o.Status.Verdict == v1alpha1.VerdictGo
	})
}

// rest passes n times, and reads Railway in between.
func (l *loop) rest(name string, n int) {
	for range n {
		l.advance(10 * time.Second)
		l.poll(name)
		_, _ = l.tryPass(name)
	}
}

// TestAnApprovalIsForOnce: not even where no commit tells two plans apart.
func TestAnApprovalIsForOnce(t *testing.T) {
	t.Parallel()
	t.Run("the environment is deleted", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		l.apply("dev", loopApprove)
		l.approved("dev")
		require.NoError(t, l.sim.DeleteEnvironment(railwaysim.Place{Environment: "dev"}))
		l.rest("dev", 10)
		assert.Equal(t, 1, l.mutations()["CreateEnvironment"], "a person approved one")
		assert.Equal(t, v1alpha1.ReasonAwaitingPlanApproval, ready(l.get("dev")).Reason)
		l.approved("dev")
		assert.Equal(t, 2, l.mutations()["CreateEnvironment"])
	})
	t.Run("it was approved, then observed", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		l.apply("dev", loopApprove)
		l.approved("dev")
		l.apply("dev", loopObserve)
		l.rest("dev", 2)
		require.NoError(t, l.sim.DeleteEnvironment(railwaysim.Place{Environment: "dev"}))
		l.rest("dev", 5)
		l.apply("dev", loopApprove)
		l.rest("dev", 5)
		assert.Equal(t, 1, l.mutations()["CreateEnvironment"], "a person approved one")
	})
}

// comesToRest holds that nothing more is written once the checks, which run beside the loop, have ended.
func (l *loop) comesToRest(name string) {
	l.t.Helper()
	var written []string
	for range 100 {
		l.kubernetesWrites()
		l.rest(name, 3)
		if written = l.kubernetesWrites(); len(written) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	l.t.Errorf("%s does not come to rest: %v", name, written)
}

// TestObserveAfterACrash: an intent that Apply left is neither sent nor waited for, wherever the operator stopped.
func TestObserveAfterACrash(t *testing.T) {
	t.Parallel()
	for operation, intent := range map[string]string{
		"CreateEnvironment": "Environment", "CreateService": "Service", "CreateRailwayDomain": "Domain", "CommitPatch": "Commit",
	} {
		for _, kind := range []string{railwaysim.FaultTruncated, railwaysim.Fault500} {
			t.Run(operation+" "+kind, func(t *testing.T) {
				t.Parallel()
				l := newLoop(t)
				l.patience(0)
				l.apply("dev", loopDev)
				require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: operation, Kind: kind}))
				l.until("dev", "announced", func(o *v1alpha1.EngineEnvironment) bool {
					pending := o.Status.WorkingRecord
					return pending != nil && pending.Pending != nil && string(pending.Pending.Kind) == intent
				})
				l.sim.ClearFaults()
				before := l.mutations()
				l.apply("dev", loopObserve)
				l.rest("dev", 12)
				assert.Equal(t, before, l.mutations())
				assert.NotContains(t, []string{v1alpha1.ReasonVerifyingWrite, v1alpha1.ReasonApplying}, ready(l.get("dev")).Reason, "nothing hangs")
				l.comesToRest("dev")
				l.apply("dev", loopDev)
				l.settled("dev")
			})
		}
	}
}

// TestObserveAnEnvironmentThatIsGone says what would be done, and nothing that will not be.
func TestObserveAnEnvironmentThatIsGone(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.apply("dev", loopObserve)
	l.rest("dev", 2)
	before := l.mutations()
	for len(l.events.Events) > 0 {
		<-l.events.Events
	}
	require.NoError(t, l.sim.DeleteEnvironment(railwaysim.Place{Environment: "dev"}))
	l.rest("dev", 6)
	o := l.get("dev")
	assert.Equal(t, before, l.mutations())
	assert.Equal(t, v1alpha1.ReasonObserving, ready(o).Reason)
	require.NotNil(t, o.Status.Plan)
	for len(l.events.Events) > 0 {
		assert.NotContains(t, <-l.events.Events, "will be created again")
	}
	l.kubernetesWrites()
	l.rest("dev", 3)
	assert.Empty(t, l.kubernetesWrites())
}

// TestAPlanHasNoSecrets: neither declared ones, nor what somebody else has on Railway.
func TestAPlanHasNoSecrets(t *testing.T) {
	t.Parallel()
	const foreign = "sk-live-foreign-8c1f"
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.edit("SOMEBODYS_KEY", foreign)
	for _, spec := range []string{
		strings.NewReplacer("tier: Dev", "tier: Dev\nunmanagedVariables: Prune").Replace(loopObserve),
		strings.NewReplacer("sealed: true", "sealed: false").Replace(loopObserve),
		strings.NewReplacer("{name: OPENAI_API_KEY, sealed: true,", "{name: DB_KEY,").Replace(loopObserve),
	} {
		l.apply("dev", spec)
		l.rest("dev", 3)
		text := asText(t, l.get("dev").Status)
		assert.NotContains(t, text, foreign)
		assert.NotContains(t, text, loopSecret)
	}
}

// TestALargePlan is approved as a whole.
func TestALargePlan(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	spec := loopApprove
	for i := range 100 {
		spec += fmt.Sprintf("  - {name: V%03d, value: x}\n", i)
	}
	l.apply("dev", spec)
	o := l.planned("dev")
	assert.Len(t, o.Status.Plan.Changes, 64)
	old := o.Status.Plan.Hash
	l.apply("dev", spec, "{name: V099, value: x}", "{name: V099, value: why}") // beyond what the list shows
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, old)
	l.rest("dev", 3)
	assert.Empty(t, l.mutations())
	l.approved("dev")
	assert.Equal(t, "why", l.variable("V099"))
	assert.Equal(t, 1, l.mutations()["CommitPatch"])
}

// TestSomebodyCreatesTheEnvironment that a plan would create: what is left is another plan.
func TestSomebodyCreatesTheEnvironment(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopApprove)
	hash := l.planned("dev").Status.Plan.Hash
	l.apply("other", loopDev)
	l.until("other", "created", func(*v1alpha1.EngineEnvironment) bool { return l.mutations()["CreateEnvironment"] == 1 })
	before := l.mutations()
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, hash)
	l.rest("dev", 3)
	assert.Equal(t, before, l.mutations())
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get("dev")).Reason)
}

// TestRollbackOfAPromotedTier is not undone by the promotion, nor by a new operator, nor by the annotation that stays.
func TestRollbackOfAPromotedTier(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"previous", "1.4.2"} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", loopDev)
			l.verified("dev", "1.4.2")
			l.apply("preview", loopPreview)
			l.verified("preview", "1.4.2")
			l.annotate("preview", v1alpha1.AnnotationRollback, "previous")
			l.rest("preview", 3)
			assert.Nil(t, l.get("preview").Status.Rollback, "there is one revision")
			l.apply("dev", loopDev, "1.4.2", "1.5.0")
			l.verified("dev", "1.5.0")
			l.until("preview", "promoted", func(o *v1alpha1.EngineEnvironment) bool {
				return o.Status.Verified.Revision == "1.5.0" && o.Status.Verdict == v1alpha1.VerdictGo
			})
			l.annotate("preview", v1alpha1.AnnotationRollback, "")
			l.pass("preview")
			l.annotate("preview", v1alpha1.AnnotationRollback, asked)
			l.until("preview", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
				return o.Status.Engine.Revision == "1.4.2" && ready(o).Reason == v1alpha1.ReasonRolledBack
			})
			l.Reconciler = New(l.options)
			l.rest("preview", 5)
			assert.Equal(t, "1.4.2", l.get("preview").Status.Engine.Revision)
			l.annotate("preview", v1alpha1.AnnotationResume, "1")
			l.until("preview", "resumed", func(o *v1alpha1.EngineEnvironment) bool {
				return o.Status.Engine.Revision == "1.5.0" && o.Status.Verdict == v1alpha1.VerdictGo
			})
			l.Reconciler = New(l.options)
			l.rest("preview", 5)
			assert.Equal(t, []string{"Normal Resumed The hold after the rollback has ended: a person resumed it"}, l.toldOf("Held", "Resumed"))
			assert.Equal(t, "1.5.0", l.get("preview").Status.Engine.Revision, "what was asked for once is not done again")
		})
	}
}

// TestPreviousDuringAHold is what was verified before the declared revision, and not the declared one.
func TestPreviousDuringAHold(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.verified("dev", "1.4.2")
	l.apply("dev", loopDev, "1.4.2", "1.5.0")
	l.verified("dev", "1.5.0")
	l.annotate("dev", v1alpha1.AnnotationRollback, "1.4.2")
	l.until("dev", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Engine.Revision == "1.4.2" && ready(o).Reason == v1alpha1.ReasonRolledBack
	})
	l.annotate("dev", v1alpha1.AnnotationRollback, "previous")
	l.rest("dev", 8)
	assert.Equal(t, "1.4.2", l.get("dev").Status.Engine.Revision)
}

// TestHoldAndApproval: an approval that is given during a hold counts when the hold ends, and not before.
func TestHoldAndApproval(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	manual := strings.Replace(loopPreview, "soak: 0s", "soak: 0s, approval: Manual", 1)
	l.apply("dev", loopDev)
	l.verified("dev", "1.4.2")
	l.apply("preview", loopPreview)
	l.verified("preview", "1.4.2")
	l.apply("preview", manual)
	l.annotate("preview", v1alpha1.AnnotationHold, "freeze")
	l.apply("dev", loopDev, "1.4.2", "1.5.0")
	l.verified("dev", "1.5.0")
	l.untilPromotion("preview", v1alpha1.PromotionBlocked)
	l.annotate("preview", v1alpha1.AnnotationApprove, l.get("preview").Status.Promotion.Candidate)
	l.rest("preview", 3)
	assert.Len(t, l.deploymentsIn("preview"), 1)
	l.annotate("preview", v1alpha1.AnnotationHold, "")
	l.until("preview", "promoted", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Engine.Revision == "1.5.0" })
}

// TestObserveWhileItConverges: what was announced and not sent is not sent under Observe.
func TestObserveWhileItConverges(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "CreateRailwayDomain", Kind: railwaysim.Fault429, RetryAfter: 1}))
	for range 5 {
		_, _ = l.tryPass("dev")
		l.advance(time.Second)
	}
	l.sim.ClearFaults()
	l.apply("dev", loopObserve)
	l.rest("dev", 4)
	o := l.get("dev")
	assert.Zero(t, l.mutations()["CommitPatch"])
	assert.Equal(t, v1alpha1.ReasonObserving, ready(o).Reason)
	require.NotNil(t, o.Status.Plan)
}

// TestLongAnnotations: an annotation may have 256 KiB and the status all together no more than etcd takes, so that it keeps little of each.
// Each long value counts as one of its own, and the version before, which kept them as they were, has carried out the same.
func TestLongAnnotations(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.verified("dev", "1.4.2")
	l.apply("preview", loopPreview, "{railway: true}",
		"{railway: true}, variables: [{name: KEY, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}]")
	l.settled("preview")
	requests := []string{
		v1alpha1.AnnotationRequestedAt, v1alpha1.AnnotationResume, v1alpha1.AnnotationRollback, v1alpha1.AnnotationApprove,
		v1alpha1.AnnotationApprovedBy, v1alpha1.AnnotationApprovePlan, v1alpha1.AnnotationTakeOver, v1alpha1.AnnotationHold,
	}
	for _, request := range requests {
		l.annotate("preview", request, long+loopSecret)
	}
	l.annotate("preview", v1alpha1.AnnotationApprovedBy, "dana@acme.example"+long)
	l.rest("preview", 3)
	o := l.get("preview")
	assert.Less(t, len(asText(t, o.Status)), 30_000)
	assert.NotContains(t, asText(t, o.Status), loopSecret)
	assert.Len(t, l.toldOf("RollbackRefused", "Resumed", "Held"), 2)
	handled := o.Status.LastHandledReconcileAt
	require.NotEmpty(t, handled)

	before := o.DeepCopy() // as the version before wrote it
	o.Status.LastHandledReconcileAt, o.Status.Promotion.Resume = long+loopSecret, long+loopSecret
	o.Status.WorkingRecord.RollbackRequest, o.Status.WorkingRecord.Forced = long+loopSecret, long+loopSecret
	o.Status.Promotion.Rejected = []string{"ghcr.io/acme/ai-engine:0"}
	require.NoError(t, l.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	l.crash()
	l.rest("preview", 3)
	assert.Empty(t, l.toldOf("RollbackRefused", "Resumed", "Held"), "nothing is carried out again")
	assert.Equal(t, handled, l.get("preview").Status.LastHandledReconcileAt)
	assert.NotEmpty(t, l.get("preview").Status.Promotion.Rejected)
	assert.Less(t, len(asText(t, l.get("preview").Status)), 30_000)

	for _, request := range requests {
		l.annotate("preview", request, long+"y")
	}
	l.rest("preview", 3)
	o = l.get("preview")
	assert.Len(t, l.toldOf("RollbackRefused"), 1, "another value is another request")
	assert.Empty(t, o.Status.Promotion.Rejected)
	assert.NotEqual(t, handled, o.Status.LastHandledReconcileAt)
}
