// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// TestEveryStateThatWaits holds that whatever waits is passed again, although no event may come.
func TestEveryStateThatWaits(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	promoting := func(state v1alpha1.PromotionState) v1alpha1.EngineEnvironmentStatus {
		return v1alpha1.EngineEnvironmentStatus{Promotion: &v1alpha1.PromotionStatus{State: state}}
	}
	tests := []struct {
		name, reason string
		out          *outcome
		status       v1alpha1.EngineEnvironmentStatus
		wake         time.Time
		want         time.Duration
	}{
		{"done", "the watch and the checks wake it", done(), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, 0},
		{"done, soaking", "the soak ends", done(), promoting(v1alpha1.PromotionSoaking), now.Add(time.Minute), time.Minute},
		{"done, waiting", "an event may be lost", done(), promoting(v1alpha1.PromotionWaiting), time.Time{}, safetyNet},
		{"done, blocked", "an event may be lost", done(), promoting(v1alpha1.PromotionBlocked), time.Time{}, safetyNet},
		{"done, awaiting approval", "an event may be lost", done(), promoting(v1alpha1.PromotionAwaitingApproval), time.Time{}, safetyNet},
		{"done, up to date", "nothing waits", done(), promoting(v1alpha1.PromotionUpToDate), time.Time{}, 0},
		{"stalled", "an error may have been sorted wrongly", stalled("", "X", "x"), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, safetyNet},
		{"progressing", "an event may be lost", progressing("X", "x", 0), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, safetyNet},
		{"progressing, soon", "it said when", progressing("X", "x", time.Second), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, time.Second},
		{"progressing, later", "a day is too long", progressing("X", "x", 24*time.Hour), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, safetyNet},
		{"not readable", "the watch may have told already", unread(0), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, safetyNet},
		{"suspended", "until a person resumes", suspended("x"), v1alpha1.EngineEnvironmentStatus{}, time.Time{}, 0},
		{"wake has passed", "soon, and not at once for ever", done(), v1alpha1.EngineEnvironmentStatus{}, now.Add(-time.Hour), time.Second},
	}
	for _, tt := range tests {
		tt.out.wakeBy(&tt.status, tt.wake, now)
		assert.Equal(t, tt.want, tt.out.after, "%s: %s", tt.name, tt.reason)
	}
	broken := failed(errors.New("broken"))
	broken.wakeBy(&v1alpha1.EngineEnvironmentStatus{}, now.Add(time.Hour), now)
	_, err := broken.result()
	assert.Error(t, err, "the queue backs off by itself")
}
