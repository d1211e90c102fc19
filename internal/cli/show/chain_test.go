// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"strings"
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
	chain := show.Chain([]v1alpha1.EngineEnvironment{tier}, time.Time{}, false, show.NewPaint(false), "")
	assert.Regexp(t, `NO-GO .* 1\.6\.0 runs in place of 1\.7\.0, until dev has verified a newer one or the spec changes; to deploy 1\.7\.0 again: kubectl engine resume -n team preview\n`, chain)
	assert.NotContains(t, chain, "long message")
	screen := show.Tier(&tier, time.Time{}, show.NewPaint(false), "")
	assert.Contains(t, screen, "1.6.0 runs in place of 1.7.0, which was rolled back: check health failed")
	assert.NotContains(t, screen, "it was rolled back here", "said once")
	tier.Status.Engine = &v1alpha1.ServiceStatus{Revision: "1.7.0"}
	assert.Contains(t, show.Tier(&tier, time.Time{}, show.NewPaint(false), ""), "1.6.0 is to run in place of 1.7.0, which was rolled back: ",
		"as long as nobody has approved the plan, what was rolled back runs")
}

// TestWaitsFor: the tree says of each tier what to do next, where there is something.
func TestWaitsFor(t *testing.T) {
	for _, c := range []struct {
		reason string
		change func(*v1alpha1.EngineEnvironment)
		want   string
	}{
		{"nothing is to be done", func(*v1alpha1.EngineEnvironment) {}, ""},
		{"a suspended tier is resumed", func(e *v1alpha1.EngineEnvironment) {
			e.Spec.Suspend, e.Status.VerdictReasons = true, []string{"Suspended: nothing is read"}
		}, "suspended: kubectl engine resume -n team dev"},
		{"a hold is ended", func(e *v1alpha1.EngineEnvironment) {
			e.Spec.Promotion, e.Annotations = &v1alpha1.Promotion{From: "other"}, map[string]string{v1alpha1.AnnotationHold: "demo"}
		}, "held by a person: kubectl engine resume -n team dev"},
		{"what is observed is not approved", func(e *v1alpha1.EngineEnvironment) {
			e.Spec.WritePolicy, e.Status.Plan = v1alpha1.WritePolicyObserve, &v1alpha1.PlanStatus{Message: "2 to set"}
		}, "2 to set: set spec.writePolicy to Apply, or to Approve"},
		{"the spec ends the rollback of a tier that takes nothing by promotion", func(e *v1alpha1.EngineEnvironment) {
			e.Status.Rollback = &v1alpha1.RollbackStatus{From: "1.7.0", To: "1.7.0"}
		}, "1.7.0 runs as it was verified before, not as declared now, until the spec changes; to deploy 1.7.0 as declared again: kubectl engine resume -n team dev"},
	} {
		tier := v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Name: "dev", Namespace: "team"}}
		tier.Status.Verdict = v1alpha1.VerdictPending
		c.change(&tier)
		lines := strings.Split(string(show.Chain([]v1alpha1.EngineEnvironment{tier}, time.Time{}, false, show.NewPaint(false), "")), "\n")
		at := strings.Index(lines[0], "WAITS FOR")
		assert.Equal(t, c.want, lines[1][min(at, len(lines[1])):], c.reason)
	}
}
