// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/status"
)

// TestObserve writes nothing, not even what is missing, until the policy changes.
func TestObserve(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", "writePolicy: Observe\ndeletionPolicy: Delete\n"+loopDev)
	for range 5 {
		l.pass("dev")
		l.advance(time.Second)
	}
	o := l.get("dev")
	assert.Equal(t, v1alpha1.ReasonObserving, ready(o).Reason)
	assert.Equal(t, v1alpha1.VerdictPending, o.Status.Verdict)
	require.NotNil(t, o.Status.Plan)
	assert.Contains(t, o.Status.Plan.Changes, v1alpha1.PlannedChange{Path: "environment", Action: v1alpha1.PlannedCreate})
	assert.Contains(t, o.Status.Plan.Changes, v1alpha1.PlannedChange{Path: "ai-engine", Action: v1alpha1.PlannedCreate})
	assert.Equal(t, []string{"ai-engine"}, o.Status.Plan.Deployments)
	assert.NotContains(t, asText(t, o.Status.Plan), loopSecret)
	assert.Empty(t, l.mutations())
	l.kubernetesWrites()
	l.pass("dev")
	assert.Empty(t, l.kubernetesWrites(), "a plan that does not change is not written again")

	l.apply("dev", "deletionPolicy: Delete\n"+loopDev)
	assert.Nil(t, l.settled("dev").Status.Plan)
	before := l.mutations()
	l.edit("DB_SCHEMA", "mine")
	const rotated = "sk-live-rotated-7d2a"
	l.secret("openai", map[string]string{"api-key": rotated})
	l.apply("dev", "writePolicy: Observe\ndeletionPolicy: Delete\n"+loopDev)
	l.advance(10 * time.Second)
	l.poll("dev")
	o = l.until("dev", "planned", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil })
	assert.Equal(t, []v1alpha1.PlannedChange{
		{Path: "ai-engine.variables.DB_SCHEMA", Action: v1alpha1.PlannedSet, From: "mine", To: "dev"},
		{Path: "ai-engine.variables.OPENAI_API_KEY", Action: v1alpha1.PlannedSet, From: "(secret)", To: "(secret)"},
	}, o.Status.Plan.Changes)
	assert.NotContains(t, asText(t, o.Status), loopSecret)
	assert.NotContains(t, asText(t, o.Status), rotated)
	require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
	l.gone("dev")
	assert.Equal(t, before, l.mutations(), "nothing is deleted either")
}

// asText is all of a value.
func asText(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// TestApprove writes exactly what a person approved, once.
func TestApprove(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", "writePolicy: Approve\n"+loopDev)
	l.pass("dev")
	o := l.get("dev")
	assert.Equal(t, v1alpha1.ReasonAwaitingPlanApproval, ready(o).Reason)
	first := o.Status.Plan.Hash
	assert.Contains(t, ready(o).Message, v1alpha1.AnnotationApprovePlan+"="+first)

	l.apply("dev", "writePolicy: Approve\n"+loopDev, "value: dev", "value: next")
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, first)
	l.pass("dev")
	assert.Empty(t, l.mutations(), "the plan has changed since")
	assert.Contains(t, ready(l.get("dev")).Message, "is for another plan, "+first)

	l.annotate("dev", v1alpha1.AnnotationApprovePlan, l.get("dev").Status.Plan.Hash)
	o = l.settled("dev")
	assert.Nil(t, o.Status.Plan)
	require.NotNil(t, o.Status.WorkingRecord.ApprovedPlan)
	assert.Empty(t, o.Status.WorkingRecord.ApprovedPlan.Changes, "it is carried out")
	assert.Equal(t, "next", l.variable("DB_SCHEMA"))
	assert.Equal(t, map[string]int{"CreateEnvironment": 1, "CreateService": 1, "CreateRailwayDomain": 1, "CommitPatch": 1}, l.mutations())

	l.edit("DB_SCHEMA", "mine")
	l.advance(10 * time.Second)
	l.poll("dev")
	o = l.until("dev", "planned", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil })
	assert.Equal(t, "mine", l.variable("DB_SCHEMA"), "a repair is approved, too")
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, o.Status.Plan.Hash)
	l.until("dev", "repaired", func(*v1alpha1.EngineEnvironment) bool { return l.variable("DB_SCHEMA") == "next" })
	l.settled("dev")
	l.edit("DB_SCHEMA", "mine")
	l.advance(10 * time.Second)
	l.poll("dev")
	l.until("dev", "planned again", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil && !o.Status.Plan.Approved })
	assert.Equal(t, "mine", l.variable("DB_SCHEMA"), "an approval is for once")
}

// TestRollbackOnRequest puts back what a person names, once, and holds it.
func TestRollbackOnRequest(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.apply("dev", loopDev, "1.4.2", "1.5.0")
	l.settled("dev")
	l.annotate("dev", v1alpha1.AnnotationRollback, "9.9.9")
	l.pass("dev")
	assert.Nil(t, l.get("dev").Status.Rollback, "nobody verified that")
	l.annotate("dev", v1alpha1.AnnotationRollback, "previous")
	o := l.until("dev", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Rollback != nil && o.Status.Engine.Revision == "1.4.2" && ready(o).Reason == v1alpha1.ReasonRolledBack
	})
	assert.True(t, o.Status.Rollback.Requested)
	deployed := len(l.sim.Deployments())
	l.annotate("dev", v1alpha1.AnnotationResume, "now")
	o = l.settled("dev")
	assert.Equal(t, "1.5.0", o.Status.Engine.Revision, "the same annotation does not roll back again")
	assert.Len(t, l.sim.Deployments(), deployed+1)
}

// TestRollbackIsNotRepeated: an annotation that stays is not carried out again when the status, which remembers it, was deleted.
func TestRollbackIsNotRepeated(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.apply("dev", loopDev, "1.4.2", "1.5.0")
	l.settled("dev")
	l.annotate("dev", v1alpha1.AnnotationRollback, "previous")
	l.until("dev", "rolled back", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Rollback != nil })
	l.annotate("dev", v1alpha1.AnnotationResume, "now")
	l.settled("dev")
	o := l.get("dev")
	before := o.DeepCopy()
	o.Status = v1alpha1.EngineEnvironmentStatus{}
	require.NoError(t, l.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	o = l.settled("dev")
	l.rest("dev", 3)
	assert.Nil(t, l.get("dev").Status.Rollback)
	assert.Equal(t, "1.5.0", o.Status.Engine.Revision)
	assert.True(t, l.told("RollbackRefused"))
	l.annotate("dev", v1alpha1.AnnotationRollback, "1.4.2")
	l.until("dev", "rolled back", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Rollback != nil })
}

// TestRollbackOfASpecThatIsWrong: what is declared now need not be right for what was verified before.
func TestRollbackOfASpecThatIsWrong(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.apply("dev", loopDev, "1.4.2", "1.5.0")
	l.settled("dev")
	l.apply("dev", loopDev, "1.4.2", "1.6.0", "name: openai", "name: no-such-secret")
	l.pass("dev")
	require.Equal(t, v1alpha1.ReasonSecretNotFound, ready(l.get("dev")).Reason)
	l.annotate("dev", v1alpha1.AnnotationRollback, "1.4.2")
	o := l.until("dev", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Rollback != nil && o.Status.Engine.Revision == "1.4.2" && ready(o).Reason == v1alpha1.ReasonRolledBack
	})
	assert.True(t, o.Status.Rollback.Requested)
}

// TestObserveTellsNoPromotion: an event says what happened, and under Observe nothing does.
func TestObserveTellsNoPromotion(t *testing.T) {
	t.Parallel()
	const preview = "tier: Preview\nwritePolicy: Observe\ninterval: 30s\n" +
		"railway: {projectID: " + loopProject + ", environment: production, tokenSecretRef: {name: railway}}\n" +
		"promotion: {from: dev, soak: 0s}\nengine: {name: ai-engine, domains: {railway: true}}\n"
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.verified("dev", "1.4.2")
	l.apply("preview", preview)
	l.until("preview", "planned", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil })
	assert.False(t, l.told("Promoted"))
}

// told reports whether an event of that reason was told since the last call.
func (l *loop) told(reason string) bool {
	return len(l.toldOf(reason)) > 0
}

// toldOf drains the events, and returns those with one of the reasons.
func (l *loop) toldOf(reasons ...string) []string {
	var all []string
	for len(l.events.Events) > 0 {
		text := <-l.events.Events
		if slices.Contains(reasons, strings.Fields(text)[1]) {
			all = append(all, text)
		}
	}
	return all
}

// TestHold keeps a promoted tier at what it runs.
func TestHold(t *testing.T) {
	t.Parallel()
	const preview = "tier: Preview\ninterval: 30s\nrailway: {projectID: " + loopProject + ", tokenSecretRef: {name: railway}}\n" +
		"promotion: {from: dev, soak: 0s}\nengine: {name: ai-engine, domains: {railway: true}, " +
		"variables: [{name: KEY, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}]}\n"
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.verified("dev", "1.4.2")
	l.apply("preview", preview)
	l.settled("preview")
	l.annotate("preview", v1alpha1.AnnotationHold, "release freeze")
	l.apply("dev", loopDev, "1.4.2", "1.5.0")
	l.verified("dev", "1.5.0")
	l.untilPromotion("preview", v1alpha1.PromotionBlocked)
	assert.Contains(t, l.get("preview").Status.Promotion.CandidateRevision, "1.5.0")
	assert.Len(t, l.deploymentsIn("preview"), 1)
	l.crash()
	l.rest("dev", 2)
	l.rest("preview", 3)
	assert.Equal(t, []string{"Normal Held A person holds what runs: release freeze"}, l.toldOf("Held", "Resumed"), "once, whatever happens meanwhile")
	l.annotate("preview", v1alpha1.AnnotationHold, strings.Repeat("x", 5000))
	l.rest("preview", 3)
	assert.Len(t, l.get("preview").Status.Promotion.Hold, 512)
	assert.Len(t, l.toldOf("Held", "Resumed"), 1)
	l.annotate("preview", v1alpha1.AnnotationHold, strings.Repeat("x", 500)+loopSecret)
	l.annotate("preview", v1alpha1.AnnotationRollback, loopSecret)
	l.rest("preview", 3)
	told := strings.Join(l.toldOf("Held", "RollbackRefused"), "")
	assert.Contains(t, told, "RollbackRefused")
	seen := l.get("preview").Status
	seen.WorkingRecord = nil // it remembers the annotation that was carried out
	assert.NotContains(t, asText(t, seen)+told, loopSecret[:9], "a person may name a secret")
	l.annotate("preview", v1alpha1.AnnotationHold, "dem")
	l.annotate("preview", v1alpha1.AnnotationRollback, "dem")
	l.onWrite = func(verb string, _ client.Object) error {
		if verb == "patch status" && l.get("preview").Annotations[v1alpha1.AnnotationHold] == "dem" {
			l.annotate("preview", v1alpha1.AnnotationHold, "demo")
			l.annotate("preview", v1alpha1.AnnotationRollback, "demo")
		}
		return nil
	}
	l.rest("preview", 3)
	l.onWrite = nil
	assert.Equal(t, []string{
		`Warning RollbackRefused Does not roll back: nothing but what is declared was verified here (asked for: "demo")`,
		"Normal Held A person holds what runs: demo",
	}, l.toldOf("Held", "Resumed", "RollbackRefused"), "what was edited before the status could be written is not told")
	assert.Equal(t, "demo", l.get("preview").Status.Promotion.Hold)
	l.rest("dev", 1) // what it takes must have been read lately
	o := l.get("preview")
	delete(o.Annotations, v1alpha1.AnnotationHold)
	require.NoError(t, l.client.Update(t.Context(), o))
	l.until("preview", "promoted", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Engine.Revision == "1.5.0" })
	l.crash()
	l.rest("preview", 3)
	assert.Equal(t, []string{"Normal Resumed A person has ended the hold: demo"}, l.toldOf("Held", "Resumed"))
}

// TestApprovalIsForOnceWithoutACommit asks again for what no commit tells apart: an environment that somebody deleted.
func TestApprovalIsForOnceWithoutACommit(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", "writePolicy: Approve\n"+loopDev)
	l.pass("dev")
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, l.get("dev").Status.Plan.Hash)
	l.settled("dev")
	before := l.mutations()

	require.NoError(t, l.sim.DeleteEnvironment(railwaysim.Place{Project: loopProject, Environment: "dev"}))
	l.advance(10 * time.Second)
	l.poll("dev")
	l.until("dev", "planned again", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Railway == nil && o.Status.Plan != nil })
	for range 5 {
		l.advance(time.Second)
		l.pass("dev")
	}
	assert.Equal(t, before, l.mutations(), "the approval was for the first environment")
	assert.Equal(t, v1alpha1.ReasonAwaitingPlanApproval, ready(l.get("dev")).Reason)
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, l.get("dev").Status.Plan.Hash)
	l.settled("dev")
	assert.Equal(t, before["CreateEnvironment"]+1, l.mutations()["CreateEnvironment"])
}

// TestWhatWaitsIsNotToBlame: a plan that nobody has approved does not run, so it has not failed.
func TestWhatWaitsIsNotToBlame(t *testing.T) {
	t.Parallel()
	const dev = "verification: {onFailure: Rollback}\n" + loopDev
	l := newLoop(t)
	l.apply("dev", dev)
	l.settled("dev")
	l.apply("dev", "writePolicy: Approve\n"+dev, "1.4.2", "1.5.0")
	l.pass("dev")
	require.Equal(t, v1alpha1.ReasonAwaitingPlanApproval, ready(l.get("dev")).Reason)
	require.NoError(t, l.sim.CrashDeployment(railwaysim.Place{Project: loopProject, Environment: "dev", Service: "ai-engine"}))
	l.advance(10 * time.Second)
	l.poll("dev")
	o := l.until("dev", "unhealthy", func(o *v1alpha1.EngineEnvironment) bool {
		return status.ReasonOf(&o.Status, v1alpha1.ConditionHealthy) == v1alpha1.ReasonCrashed
	})
	for range 3 {
		l.advance(time.Second)
		l.poll("dev")
		l.pass("dev")
		o = l.get("dev")
	}
	assert.Nil(t, o.Status.Rollback)
	assert.Equal(t, v1alpha1.ReasonAwaitingPlanApproval, ready(o).Reason)
	assert.NotNil(t, o.Status.Plan)
}

// TestWhoIsAskedAgainSeesTheRefusal: the reason why Railway could not apply an approved plan stands in the status until it was applied,
// and not only while its values are held back.
func TestWhoIsAskedAgainSeesTheRefusal(t *testing.T) {
	t.Parallel()
	const dev = "writePolicy: Approve\n" + loopDev
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultApplyError, Message: "Invalid value"}))
	l.apply("dev", dev, "value: dev", "value: next")
	l.pass("dev")
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, l.get("dev").Status.Plan.Hash)
	l.until("dev", "refused", func(o *v1alpha1.EngineEnvironment) bool {
		return status.ReasonOf(&o.Status, v1alpha1.ConditionSynced) == v1alpha1.ReasonCommitFailed
	})
	o := l.until("dev", "asked again", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil && !o.Status.Plan.Approved })
	for range 3 { // however long nobody answers
		assert.Equal(t, v1alpha1.ReasonAwaitingPlanApproval, ready(o).Reason)
		assert.Contains(t, ready(o).Message, "Invalid value")
		l.advance(10 * time.Minute)
		l.poll("dev")
		l.pass("dev")
		o = l.get("dev")
	}
	l.annotate("dev", v1alpha1.AnnotationApprovePlan, o.Status.Plan.Hash)
	o = l.settled("dev")
	assert.Equal(t, "next", l.variable("DB_SCHEMA"))
	assert.Nil(t, o.Status.WorkingRecord.Refused)

	l.edit("DB_SCHEMA", "mine")
	l.advance(10 * time.Second)
	l.poll("dev")
	o = l.until("dev", "planned", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil })
	assert.NotContains(t, ready(o).Message, "Invalid value", "that was another plan")
}
