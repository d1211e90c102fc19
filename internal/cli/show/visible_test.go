// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// hostile is a text that hides what follows, clears the screen, sets the window's title, goes to other lines and turns the direction.
const hostile = "demo\r\nverdict GO\x1b[8m\x1b[2J\x1b]0;title\a\tover\u009b8m\u202eback"

// signs is hostile as it is shown, on one line.
const signs = "demo␍⏎verdict GO␛[8m␛[2J␛]0;title␇␉over�8m�back"

// TestVisible: what others write, such as the reason for a hold, does nothing to the terminal of who reads it, and makes no lines.
func TestVisible(t *testing.T) {
	assert.EqualValues(t, signs, show.Visible(hostile))
	assert.EqualValues(t, "ünï ✗ ␛[31m\n\tand ␍", show.Lines("ünï ✗ \x1b[31m\n\tand \r"))
	assert.EqualValues(t, "�8m", show.Visible("\x9b8m"), "no UTF-8")
}

// TestLog: a program's log keeps its colours, within a message.
func TestLog(t *testing.T) {
	assert.EqualValues(t, "\x1b[32mINFO\x1b[0m\tup␛[2J\nat ␍", show.Log("\x1b[32mINFO\x1b[0m\tup\x1b[2J\nat \r"))
	assert.EqualValues(t, "a \x1b[8mb\x1b[0m", show.Log("a \x1b[8mb"), "what follows is not hidden")
	assert.EqualValues(t, "\x1b[31mred\x1b[0m", show.Log("\x1b[31mred\x1b[0m"), "ended once")
}

// TestOthersTextIsVisible: wherever others' texts come to, they are signs, with and without colours.
func TestOthersTextIsVisible(t *testing.T) {
	const sign = "␛[8m"
	at := metav1.NewTime(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC))
	held := &v1alpha1.EngineEnvironment{Spec: v1alpha1.EngineEnvironmentSpec{Promotion: &v1alpha1.Promotion{From: "dev"}}}
	held.Annotations = map[string]string{v1alpha1.AnnotationHold: hostile}
	full := held.DeepCopy()
	full.Status = v1alpha1.EngineEnvironmentStatus{
		Verdict: v1alpha1.VerdictNoGo, VerdictReasons: []string{hostile},
		Engine:    &v1alpha1.ServiceStatus{Name: "ai-engine", Revision: hostile, DeploymentStatus: hostile},
		Checks:    []v1alpha1.CheckStatus{{Name: "a", Result: v1alpha1.CheckFailed, Message: hostile}},
		Drift:     []v1alpha1.Drift{{Path: hostile, Actual: "(" + hostile + ")", ChangedBy: hostile}},
		Plan:      &v1alpha1.PlanStatus{Message: hostile, Changes: []v1alpha1.PlannedChange{{Path: hostile, To: "(" + hostile + ")"}}},
		Rollback:  &v1alpha1.RollbackStatus{From: hostile, To: hostile, Reason: hostile},
		Promotion: &v1alpha1.PromotionStatus{State: v1alpha1.PromotionBlocked, Candidate: hostile, CandidateRevision: hostile},
		Railway:   &v1alpha1.RailwayStatus{Environment: hostile, URL: hostile},
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Reason: "X", Message: hostile}, {Type: v1alpha1.ConditionPromoted, Message: hostile},
		},
	}
	past := show.Past{
		Object: held, Events: []corev1.Event{{Reason: hostile, Message: hostile, LastTimestamp: at, ReportingController: hostile}},
		Patches: []model.Patch{{Message: hostile, AppliedBy: hostile, Error: hostile, AppliedAt: at.Time}},
	}
	change := preview.Change{Path: hostile, Action: v1alpha1.PlannedSet, From: "(" + hostile + ")", To: hostile, Note: hostile}
	previews := []*preview.Preview{{
		Name: hostile, Environment: hostile, Changes: []preview.Change{change}, Deployments: []string{hostile},
		Unknown: []preview.Unknown{{Path: hostile, Why: hostile}}, Left: []preview.Change{change}, Notes: []string{hostile},
	}}
	differ := []show.Difference{{Path: hostile, Left: hostile, Right: hostile}}
	checked := verify.Report{Results: []verify.Result{{Name: "a", Message: hostile}}}
	for _, colours := range []bool{false, true} {
		paint := show.NewPaint(colours)
		for name, shown := range map[string]struct {
			text  show.Text
			times int
		}{
			"a held tier":   {show.Tier(held, at.Time, paint, ""), 1},
			"a tier":        {show.Tier(full, at.Time, paint, ""), 18},
			"the tree":      {show.Chain([]v1alpha1.EngineEnvironment{*held, *full}, at.Time, false, paint, ""), 2},
			"the history":   {show.HistoryTable(show.History(past), paint), 7},
			"a plan":        {show.Plan(previews, paint), 11},
			"as Markdown":   {show.Markdown(previews), 12},
			"a comparison":  {show.DiffTable("a", "b", differ, paint), 3},
			"the same":      {show.DiffTable(hostile, "b", nil, paint), 1},
			"what was seen": {show.ResultTable(checked, paint), 1},
		} {
			assert.GreaterOrEqual(t, strings.Count(string(shown.text), sign), shown.times, "%s: %s", name, shown.text)
			assert.NotContains(t, shown.text, "\x1b[8m", name)
			assert.NotContains(t, shown.text, "\nverdict", name)
			plain := paints.ReplaceAllString(string(shown.text), "")
			assert.False(t, strings.ContainsFunc(plain, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }), name)
			assert.NotContains(t, plain, "\u202e", name)
		}
	}
}

// paints are the colours of Paint.
var paints = regexp.MustCompile(`\x1b\[(0|1|2|3[1-3]|22|0;22)m`)
