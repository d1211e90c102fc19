// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// TestRolledBackInBrief: the tree has one line for a tier, with the command and without the whole message; the screen says it once.
func TestRolledBackInBrief(t *testing.T) {
	tier := v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Name: "preview", Namespace: "team"}}
	tier.Spec.Tier, tier.Spec.Promotion = v1alpha1.TierPreview, &v1alpha1.Promotion{From: "dev"}
	tier.Status = v1alpha1.EngineEnvironmentStatus{
		Verdict: v1alpha1.VerdictNoGo, VerdictReasons: []string{"RolledBack: 1.7.0 failed, and a long message says why"},
		Rollback:  &v1alpha1.RollbackStatus{From: "1.7.0", To: "1.6.0", Reason: "check health failed"},
		Promotion: &v1alpha1.PromotionStatus{State: v1alpha1.PromotionBlocked, Candidate: "x", Rejected: []string{"x"}},
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionPromoted, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPromotionBlocked, Message: "it was rolled back here"},
		},
	}
	chain := show.Chain([]v1alpha1.EngineEnvironment{tier}, time.Time{}, false, show.NewPaint(false))
	assert.Regexp(t, `NO-GO .* 1\.6\.0 runs in place of 1\.7\.0: kubectl engine resume -n team preview\n`, chain)
	assert.NotContains(t, chain, "long message")
	screen := show.Tier(&tier, time.Time{}, show.NewPaint(false))
	assert.Contains(t, screen, "1.6.0 runs in place of 1.7.0, which was rolled back: check health failed")
	assert.NotContains(t, screen, "it was rolled back here", "said once")
}
