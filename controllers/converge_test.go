// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/status"
)

var engineInDev = railwaysim.Place{Environment: "dev", Service: "ai-engine"}

func (l *loop) variable(name string) string {
	l.t.Helper()
	variables, err := l.sim.Variables(engineInDev)
	require.NoError(l.t, err)
	return variables[name]
}

func (l *loop) edit(name, value string) {
	l.t.Helper()
	require.NoError(l.t, l.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: name, Value: &value}))
}

func TestDrift(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ policy, value, reason string }{
		{"Repair", "dev", v1alpha1.ReasonSucceeded},
		{"Warn", "mine", v1alpha1.ReasonDrifted},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", "driftPolicy: "+tt.policy+"\n"+loopDev)
			l.settled("dev")
			l.edit("DB_SCHEMA", "mine")
			l.advance(10 * time.Second)
			l.poll("dev")
			o := l.until("dev", "decided", func(o *v1alpha1.EngineEnvironment) bool {
				synced := status.ReasonOf(&o.Status, v1alpha1.ConditionSynced)
				return synced == tt.reason && l.variable("DB_SCHEMA") == tt.value
			})
			assert.Equal(t, tt.policy == "Warn", len(o.Status.Drift) > 0)
		})
	}
}

// TestAFieldThatSomebodyKeepsChanging is left alone after three repairs, until a person asks for a pass.
func TestAFieldThatSomebodyKeepsChanging(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	for range 4 {
		l.edit("DB_SCHEMA", "mine")
		l.advance(10 * time.Second)
		l.poll("dev")
		l.until("dev", "decided", func(o *v1alpha1.EngineEnvironment) bool {
			return l.variable("DB_SCHEMA") == "dev" || status.ReasonOf(&o.Status, v1alpha1.ConditionSynced) == v1alpha1.ReasonContested
		})
	}
	assert.Equal(t, "mine", l.variable("DB_SCHEMA"))
	assert.Equal(t, v1alpha1.VerdictNoGo, l.get("dev").Status.Verdict)
	l.annotate("dev", v1alpha1.AnnotationRequestedAt, "now")
	l.until("dev", "repaired", func(*v1alpha1.EngineEnvironment) bool { return l.variable("DB_SCHEMA") == "dev" })
}

// TestWhatRailwaySaysToACommit: refused is tried again later, unknown is looked for first, and nothing is committed twice.
func TestWhatRailwaySaysToACommit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind    string
		commits int
		reason  string
	}{
		{railwaysim.Fault429, 1, "it was not applied, and is sent again"},
		{railwaysim.Fault500, 1, "perhaps applied: looked for, and sent again when it is not there"},
		{railwaysim.FaultTimeoutAfter, 1, "applied without an answer"},
		{railwaysim.FaultResetAfter, 1, "applied without an answer"},
		{railwaysim.FaultTruncated, 1, "applied with half an answer"},
		{railwaysim.FaultTimeoutBefore, 1, "not applied"},
		{railwaysim.FaultNotAuthorized, 1, "the token is valid: Railway's word of a moment"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", loopDev)
			l.settled("dev")
			require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Ordinal: 1, Kind: tt.kind, RetryAfter: 1}))
			before := len(l.sim.Deployments())
			l.apply("dev", loopDev, "value: dev", "value: next")
			l.settled("dev")
			assert.Equal(t, "next", l.variable("DB_SCHEMA"))
			assert.Equal(t, before+tt.commits, len(l.sim.Deployments()), tt.reason)
		})
	}
}

// TestRollback puts the last verified revision back when a deployment fails, and holds it until the content changes.
func TestRollback(t *testing.T) {
	t.Parallel()
	const spec = "verification: {onFailure: Rollback}\n" + loopDev
	l := newLoop(t)
	l.apply("dev", spec)
	l.settled("dev")
	l.apply("dev", spec, "1.4.2", "crash")
	o := l.until("dev", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Rollback != nil && o.Status.Engine.Revision == "1.4.2" && ready(o).Reason == v1alpha1.ReasonRolledBack
	})
	assert.Contains(t, o.Status.Rollback.From, "crash")
	before := len(l.sim.Deployments())
	l.apply("dev", spec, "1.4.2", "crash", "interval: 30s", "interval: 60s")
	for range 10 {
		_, _ = l.tryPass("dev")
		l.advance(10 * time.Second)
		l.poll("dev")
	}
	assert.Len(t, l.sim.Deployments(), before, "the hold belongs to the rejected content")
	l.apply("dev", spec, "1.4.2", "1.4.3")
	assert.Nil(t, l.settled("dev").Status.Rollback)
}

func TestPromotion(t *testing.T) {
	t.Parallel()
	const preview = `
tier: Preview
interval: 30s
railway: {projectID: ` + loopProject + `, tokenSecretRef: {name: railway}}
promotion: {from: dev, soak: 5m, approval: Manual}
engine: {name: ai-engine, domains: {railway: true}}
`
	l := newLoop(t)
	l.patience(0)
	l.apply("preview", preview)
	assert.Equal(t, outcome.SafetyNet, l.untilPromotion("preview", v1alpha1.PromotionWaiting), "an event may be lost")
	l.apply("dev", loopDev)
	l.settled("dev")
	wait := l.untilPromotion("preview", v1alpha1.PromotionSoaking)
	assert.InDelta(t, 5*time.Minute, wait, float64(time.Minute), "the end of the soak wakes it")
	l.advance(5 * time.Minute)
	l.poll("dev")
	l.settled("dev")
	l.untilPromotion("preview", v1alpha1.PromotionAwaitingApproval)
	assert.Zero(t, len(l.deploymentsIn("preview")))
	candidate := l.get("preview").Status.Promotion.Candidate
	l.annotate("preview", v1alpha1.AnnotationApprove, "other-registry/"+candidate)
	l.untilPromotion("preview", v1alpha1.PromotionAwaitingApproval)
	l.annotate("preview", v1alpha1.AnnotationApprove, candidate)
	o := l.settled("preview")
	assert.Equal(t, v1alpha1.PromotionUpToDate, o.Status.Promotion.State)
	assert.Equal(t, l.get("dev").Status.Engine.Digest, o.Status.Engine.Digest, "the bytes that were verified")
}

func (l *loop) deploymentsIn(environment string) (found []railwaysim.Deployed) {
	for _, d := range l.sim.Deployments() {
		if d.Environment == environment {
			found = append(found, d)
		}
	}
	return found
}

// untilPromotion passes until the promotion is in the state, and returns when the object is passed again.
func (l *loop) untilPromotion(name string, state v1alpha1.PromotionState) time.Duration {
	l.t.Helper()
	l.until(name, string(state), func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == state
	})
	return l.pass(name).RequeueAfter
}

func TestBudget(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", "budget: {monthlyUSD: 500}\n"+loopDev)
	o := l.settled("dev")
	require.NotNil(t, o.Status.Cost)
	asked := l.requests(0)["ReadUsage"]
	assert.Equal(t, 1, asked, "once an hour")
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "ReadUsage", Kind: railwaysim.Fault500}))
	l.advance(2 * time.Hour)
	l.poll("dev")
	assert.Positive(t, l.pass("dev").RequeueAfter)
	assert.NotNil(t, l.get("dev").Status.Cost, "what was known this month stays known")
}

// TestWritersOfAProjectTakeTurns holds that a pass does not wait for another object that writes to the same project.
func TestWritersOfAProjectTakeTurns(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	unlock, ok := l.reader.tokens.LastOf("team/dev").TryLock(loopProject, "team/other")
	require.True(t, ok)
	before := l.mark()
	l.apply("dev", loopDev, "value: dev", "value: next")
	assert.Equal(t, turn, l.pass("dev").RequeueAfter)
	assert.Zero(t, l.requests(before)["CommitPatch"])
	unlock()
	l.settled("dev")
	assert.Equal(t, "next", l.variable("DB_SCHEMA"))
}

// TestWhoWantsNoTurnHoldsNobodyUp: an object that is gone, is suspended, or has nothing to write any more has no place in its project's line.
func TestWhoWantsNoTurnHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(l *loop){
		"deleted":          func(l *loop) { require.NoError(l.t, l.client.Delete(l.t.Context(), l.get("dev"))) },
		"suspended":        func(l *loop) { l.apply("dev", "suspend: true\n"+loopDev) },
		"nothing to write": func(l *loop) { l.apply("dev", loopDev) },
		"gone": func(l *loop) {
			o := l.get("dev")
			o.Finalizers = nil
			require.NoError(l.t, l.client.Update(l.t.Context(), o))
			require.NoError(l.t, l.client.Delete(l.t.Context(), o))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", loopDev)
			l.settled("dev")
			other := l.reader.tokens.LastOf("team/dev")
			unlock, ok := other.TryLock(loopProject, "team/other")
			require.True(t, ok)
			l.apply("dev", loopDev, "value: dev", "value: next")
			l.pass("dev")
			unlock()
			_, ok = other.TryLock(loopProject, "team/third")
			require.False(t, ok, "dev waits for it")
			change(l)
			l.pass("dev")
			_, ok = other.TryLock(loopProject, "team/third")
			assert.True(t, ok)
		})
	}
}

// TestRefusedBacksOff: a value that Railway never takes costs no failed commit a minute.
func TestRefusedBacksOff(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Kind: railwaysim.FaultApplyError, Message: "Invalid value"}))
	before := l.mutations()["CommitPatch"]
	l.apply("dev", loopDev, "value: dev", "value: next")
	start, sent := l.clock(), before
	var at []string
	for l.clock().Sub(start) < 30*time.Minute {
		_, _ = l.tryPass("dev")
		if n := l.mutations()["CommitPatch"]; n != sent {
			sent = n
			at = append(at, l.clock().Sub(start).String())
		}
		l.advance(5 * time.Second)
		l.poll("dev")
	}
	assert.InDelta(t, 6, sent-before, 1, "at once, then after 1, 2, 4, 8 and 10 minutes: %v", at)
}
