// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// TestEveryStateThatWaits holds that whatever waits is passed again, although no event may come.
func TestEveryStateThatWaits(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	promoting := func(state v1alpha1.PromotionState) v1alpha1.EngineEnvironmentStatus {
		return v1alpha1.EngineEnvironmentStatus{Promotion: &v1alpha1.PromotionStatus{State: state}}
	}
	tests := []struct {
		name, reason string
		out          *Outcome
		status       v1alpha1.EngineEnvironmentStatus
		wake         time.Time
		want         time.Duration
	}{
		{"done", "the watch and the checks wake it", Done(), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, 0},
		{"done, soaking", "the soak ends", Done(), promoting(v1alpha1.PromotionSoaking), now.Add(time.Minute), time.Minute},
		{"done, waiting", "an event may be lost", Done(), promoting(v1alpha1.PromotionWaiting), time.Time{}, SafetyNet},
		{"done, blocked", "an event may be lost", Done(), promoting(v1alpha1.PromotionBlocked), time.Time{}, SafetyNet},
		{"done, awaiting approval", "an event may be lost", Done(), promoting(v1alpha1.PromotionAwaitingApproval), time.Time{}, SafetyNet},
		{"done, up to date", "nothing waits", Done(), promoting(v1alpha1.PromotionUpToDate), time.Time{}, 0},
		{"stalled", "an error may have been sorted wrongly", Stalled("", "X", "x"), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, SafetyNet},
		{"progressing", "an event may be lost", Progressing("X", "x", 0), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, SafetyNet},
		{"progressing, soon", "it said when", Progressing("X", "x", time.Second), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, time.Second},
		{"progressing, later", "a day is too long", Progressing("X", "x", 24*time.Hour), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, SafetyNet},
		{"not readable", "the watch may have told already", NotRead(0), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, SafetyNet},
		{"suspended", "until a person resumes", Suspended(), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, 0},
		{"waiting for a person", "an event may be lost", Waiting(v1alpha1.ConditionSynced, "X", "x"), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, SafetyNet},
		{"wake has passed", "soon, and not at once for ever", Done(), v1alpha1.EngineEnvironmentStatus{}, now.Add(-time.Hour), time.Second},
	}
	for _, tt := range tests {
		tt.out.WakeBy(&tt.status, tt.wake, now)
		assert.Equal(t, tt.want, tt.out.After, "%s: %s", tt.name, tt.reason)
	}
	broken := Failed(errors.New("broken"))
	broken.WakeBy(&v1alpha1.EngineEnvironmentStatus{}, now.Add(time.Hour), now)
	assert.Error(t, broken.Err)
	assert.Zero(t, broken.After, "the queue backs off by itself")
}

// TestLearnt: only a pass that came to its end tells that an object wants no turn to write any more.
func TestLearnt(t *testing.T) {
	for _, c := range []struct {
		reason string
		out    *Outcome
		want   bool
	}{
		{"nothing is left to do", Done(), true},
		{"a person suspended it", Suspended(), true},
		{"a person must act", Failed(&railway.Error{Class: railway.Unauthorized}), true},
		{"Railway was not read", NotRead(0), false},
		{"the token is throttled", Failed(&railway.Error{Class: railway.RateLimited}), false},
		{"Railway does not answer", Failed(&railway.Error{Class: railway.Transient}), false},
		{"Kubernetes does not answer", Failed(errors.New("conflict")), false},
	} {
		assert.Equal(t, c.want, c.out.Learnt(), c.reason)
	}
}
