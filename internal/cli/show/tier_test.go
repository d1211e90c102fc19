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

// TestReadySince: the condition keeps its time when only its reason changes, so the time says nothing about the reason.
func TestReadySince(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	object := &v1alpha1.EngineEnvironment{Status: v1alpha1.EngineEnvironmentStatus{Conditions: []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonCheckFailed, Message: "check health failed",
		LastTransitionTime: metav1.NewTime(now.Add(-3 * time.Hour)),
	}}}}
	assert.Contains(t, show.Tier(object, now, show.NewPaint(false), ""), "  ready       no for 3h; now CheckFailed: check health failed\n")
	object.Status.Conditions[0].Status, object.Status.Conditions[0].Reason = metav1.ConditionUnknown, v1alpha1.ReasonObserving
	assert.Contains(t, show.Tier(object, now, show.NewPaint(false), ""), "  ready       not decided for 3h; now Observing: ")
}

// TestWhyIsWhole: the command of a reason that was cut is there to be pasted.
func TestWhyIsWhole(t *testing.T) {
	message := "would write: set A person must approve it: kubectl engine approve -n team dev, or kubectl annotate eenv -n team dev --overwrite " +
		v1alpha1.AnnotationApprovePlan + "=3f1c"
	object := &v1alpha1.EngineEnvironment{Status: v1alpha1.EngineEnvironmentStatus{
		VerdictReasons: []string{"AwaitingPlanApproval: would write: set A person must approve it: kubectl engine app…", "Other: cut…"},
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: "Else", Message: "x"},
			{Type: v1alpha1.ConditionSynced, Reason: "AwaitingPlanApproval", Message: message}},
	}}
	text := show.Tier(object, time.Time{}, show.NewPaint(false), "")
	assert.Contains(t, text, "  why         AwaitingPlanApproval: would write: set A person must approve it: kubectl engine approve -n team dev\n")
	assert.Contains(t, text, "  why         Other: cut…\n")
}

// TestChecksCount: the screen counts as status.readiness and the column CHECKS do, without the checks that are skipped.
func TestChecksCount(t *testing.T) {
	object := &v1alpha1.EngineEnvironment{Status: v1alpha1.EngineEnvironmentStatus{Readiness: "1/2", Checks: []v1alpha1.CheckStatus{
		{Name: "revision", Result: v1alpha1.CheckPassed}, {Name: "health", Result: v1alpha1.CheckFailed, Message: "answered 500"},
		{Name: "metrics", Result: v1alpha1.CheckSkipped, Message: "asleep"},
	}}}
	text := show.Tier(object, time.Time{}, show.NewPaint(false), "")
	assert.Contains(t, text, "  checks      1 of 2 checks pass: revision; 1 skipped\n")
	assert.Contains(t, text, "- metrics  asleep\n")
	object.Status.Checks = object.Status.Checks[2:]
	assert.Contains(t, show.Tier(object, time.Time{}, show.NewPaint(false), ""), "  checks      1 skipped\n")
}

// TestNamesOnTheScreen: variables that nobody declared, and changes that nobody deployed, are on the screen, and not only in the status.
func TestNamesOnTheScreen(t *testing.T) {
	object := &v1alpha1.EngineEnvironment{Status: v1alpha1.EngineEnvironmentStatus{
		UnmanagedVariables: []string{"engine.variables.A", "engine.variables.\x1b[2J"}, StagedChanges: strings.Split("a b c d e f g h i j", " "),
	}}
	text := show.Tier(object, time.Time{}, show.NewPaint(false), "")
	assert.Contains(t, text, "  unmanaged   2 on Railway that nobody declared: engine.variables.A, engine.variables.␛[2J\n")
	assert.Contains(t, text, "  staged      10 on Railway's dashboard that nobody deployed: a, b, c, d, e, f, g, h and 2 more\n")
	assert.NotContains(t, show.Tier(&v1alpha1.EngineEnvironment{}, time.Time{}, show.NewPaint(false), ""), "that nobody declared")
}
