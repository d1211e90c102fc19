// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
)

func planned(policy v1alpha1.WritePolicy, approved bool, changes ...v1alpha1.PlannedChange) *v1alpha1.EngineEnvironment {
	return &v1alpha1.EngineEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "dev", Namespace: "team"},
		Spec:       v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev, WritePolicy: policy},
		Status: v1alpha1.EngineEnvironmentStatus{Plan: &v1alpha1.PlanStatus{
			Hash: "3f1c8a745d3e", Message: "the sum", Changes: changes, Approved: approved,
		}},
	}
}

func TestPlanOnTheScreen(t *testing.T) {
	screen := func(object *v1alpha1.EngineEnvironment) show.Text {
		return show.Tier(object, time.Time{}, show.NewPaint(false), "")
	}
	const indent = "\n                "
	text := screen(planned(v1alpha1.WritePolicyObserve, false,
		v1alpha1.PlannedChange{Path: "engine.variables.A", Action: v1alpha1.PlannedSet, From: "1", To: "2"},
		v1alpha1.PlannedChange{Path: "engine.variables.B", Action: v1alpha1.PlannedSet, From: "(absent)", To: "(secret)"},
		v1alpha1.PlannedChange{Path: "engine.variables.C", Action: v1alpha1.PlannedDelete, From: "3"},
		v1alpha1.PlannedChange{Path: "environment", Action: v1alpha1.PlannedCreate}, // what weighs most is shown first
	))
	assert.Contains(t, text, "  plan        the sum"+indent+"+ environment"+indent+`~ engine.variables.A: "1" → "2"`+indent+
		"+ engine.variables.B: (secret)"+indent+`- engine.variables.C: was "3"`+"\n              only observed: set spec.writePolicy to Apply")
	assert.NotContains(t, text, "kubectl engine approve", "nobody can approve what is only observed")

	waiting := screen(planned(v1alpha1.WritePolicyApprove, false))
	assert.Contains(t, waiting, "kubectl engine approve -n team dev\n")
	assert.NotContains(t, waiting, "another plan")
	stale := planned(v1alpha1.WritePolicyApprove, false)
	stale.Annotations = map[string]string{v1alpha1.AnnotationApprovePlan: "90a1b2c3d4e5"}
	assert.Contains(t, screen(stale), "the approval so far, 90a1b2c3d4e5, is for another plan: this one has changed since\n")
	assert.Contains(t, screen(planned(v1alpha1.WritePolicyApprove, true)), "approved, and being written\n")
	suspended := planned(v1alpha1.WritePolicyApprove, true)
	suspended.Spec.Suspend = true
	assert.Contains(t, screen(suspended), "approved, and written once the tier is no longer suspended\n")
	older := planned(v1alpha1.WritePolicyApprove, false)
	older.Generation = 2
	assert.NotContains(t, screen(older), "kubectl engine approve", "the next pass makes another plan")

	many := planned(v1alpha1.WritePolicyApprove, false)
	for i := range 64 {
		many.Status.Plan.Changes = append(many.Status.Plan.Changes, v1alpha1.PlannedChange{Path: fmt.Sprint("p", i), Action: v1alpha1.PlannedCreate})
	}
	many.Status.Plan.More = 36
	assert.Contains(t, screen(many), "+ p9"+indent+"and 90 more: see status.plan\n")
	assert.NotContains(t, screen(many), "p10")
}
