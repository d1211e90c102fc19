// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	own "github.com/engine-operator/engine-operator/internal/status"
)

// secretMark is what Redact masks.
const secretMark = "s3cret"

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(seconds int) metav1.Time {
	return metav1.NewTime(epoch.Add(time.Duration(seconds) * time.Second))
}

// text is a message of any length with a secret anywhere, the places where texts are cut among them.
func text(t *rapid.T) string {
	before := rapid.SampledFrom([]int{0, 1, 20, 230, 248, 501, 1013, 3000}).Draw(t, "before")
	fill := rapid.SampledFrom([]string{"a", "é", "日", "\xff", "\x80"}).Draw(t, "fill")
	return "says " + strings.Repeat(fill, before/len(fill)) + secretMark + " to all"
}

func drawFinding(t *rapid.T) own.Finding {
	switch rapid.IntRange(0, 3).Draw(t, "finding") {
	case 0:
		return own.Failed("Because", text(t))
	case 1:
		return own.Unknown("Because", text(t))
	default:
		return own.Passed(text(t))
	}
}

// reasons of outcomes: two of them leave the verdict to the checks.
var reasons = []string{v1alpha1.ReasonDeploying, v1alpha1.ReasonCheckFailed, v1alpha1.ReasonVerifying, v1alpha1.ReasonRolledBack}

func drawOutcome(t *rapid.T) own.Outcome {
	out := own.Outcome{Kind: own.Kind(rapid.IntRange(0, 3).Draw(t, "kind"))}
	if out.Kind == own.Done {
		return out
	}
	out.Reason, out.Message = rapid.SampledFrom(reasons).Draw(t, "reason"), text(t)
	if out.Kind == own.Stalled {
		out.About = rapid.SampledFrom([]string{"", v1alpha1.ConditionSynced, v1alpha1.ConditionPromoted, v1alpha1.ConditionCredentialsValid}).Draw(t, "about")
	}
	return out
}

func drawSpec(t *rapid.T) *v1alpha1.EngineEnvironmentSpec {
	spec := &v1alpha1.EngineEnvironmentSpec{Tier: rapid.SampledFrom(v1alpha1.Tiers).Draw(t, "tier")}
	if rapid.Bool().Draw(t, "promotion") {
		spec.Promotion = &v1alpha1.Promotion{From: "dev"}
	}
	if rapid.Bool().Draw(t, "budget") {
		spec.Budget = &v1alpha1.Budget{}
	}
	return spec
}

func drawChecks(t *rapid.T) []v1alpha1.CheckStatus {
	if rapid.IntRange(0, 3).Draw(t, "no checks") == 0 {
		return nil
	}
	var list []v1alpha1.CheckStatus
	names := []string{v1alpha1.CheckRevision, "health", "metrics"}
	for _, name := range names[:rapid.IntRange(0, len(names)).Draw(t, "checks")] {
		result := rapid.SampledFrom([]v1alpha1.CheckResult{
			v1alpha1.CheckPassed, v1alpha1.CheckPassed, v1alpha1.CheckFailed, v1alpha1.CheckPending, v1alpha1.CheckSkipped,
		}).Draw(t, name)
		list = append(list, v1alpha1.CheckStatus{Name: name, Result: result, Message: text(t), DurationMs: int64(rapid.IntRange(0, 9).Draw(t, "ms"))})
	}
	return list
}

func drawConfig(t *rapid.T) *own.Config {
	switch rapid.IntRange(0, 3).Draw(t, "config") {
	case 0:
		return nil
	case 1:
		config := &own.Config{}
		for i := range rapid.SampledFrom([]int{1, 2, 70}).Draw(t, "drift") {
			path := "engine.variables.V" + string(rune('A'+i%26)) + string(rune('A'+i/26))
			config.Drift = append(config.Drift, v1alpha1.Drift{Path: path, Declared: "a", Actual: "b"})
			config.Unmanaged, config.Staged = append(config.Unmanaged, path), append(config.Staged, path)
		}
		return config
	default:
		return &own.Config{}
	}
}

// drawFacts draws what a pass may find, whatever the one before found. A pass that is done has compared.
func drawFacts(t *rapid.T, previous *v1alpha1.EngineEnvironmentStatus, now metav1.Time) own.Facts {
	facts := own.Facts{
		Spec: drawSpec(t), Generation: int64(rapid.IntRange(1, 3).Draw(t, "generation")), Outcome: drawOutcome(t),
		Findings: map[string]own.Finding{}, Checks: drawChecks(t), Config: drawConfig(t), Gone: rapid.IntRange(0, 9).Draw(t, "gone") == 0,
		Redact: func(s string) string { return strings.ReplaceAll(s, secretMark, "***") },
	}
	for _, kind := range []string{
		v1alpha1.ConditionCredentialsValid, v1alpha1.ConditionSynced, v1alpha1.ConditionHealthy, v1alpha1.ConditionVerified,
		v1alpha1.ConditionPromoted, v1alpha1.ConditionWithinBudget,
	} {
		if rapid.Bool().Draw(t, kind) {
			facts.Findings[kind] = drawFinding(t)
		}
	}
	if facts.Outcome.Kind == own.Done {
		facts.Findings[v1alpha1.ConditionSynced] = drawFinding(t)
	}
	drawSections(t, &facts)
	if facts.Gone { // there is nothing to compare
		facts.Config, facts.Services, facts.Railway = nil, nil, nil
	}
	facts.Verified = drawVerified(t, previous, now)
	return facts
}

func drawSections(t *rapid.T, facts *own.Facts) {
	if rapid.Bool().Draw(t, "services") {
		facts.Services = []v1alpha1.ServiceStatus{{Name: "engine", Revision: "1"}, {Name: "worker"}}[:rapid.IntRange(1, 2).Draw(t, "services")]
		facts.Railway = &v1alpha1.RailwayStatus{EnvironmentID: "e1"}
	}
	if rapid.Bool().Draw(t, "promotion state") {
		facts.Promotion = &v1alpha1.PromotionStatus{State: v1alpha1.PromotionSoaking, Rejected: []string{"app:1"}}
		facts.Cost = &v1alpha1.CostStatus{}
	}
	if rapid.Bool().Draw(t, "hold") {
		facts.Hold = &own.Hold{}
		if rapid.Bool().Draw(t, "held") {
			facts.Hold.Rollback = &v1alpha1.RollbackStatus{From: "2", To: "1"}
		}
	}
	if rapid.Bool().Draw(t, "record") {
		facts.Record = &v1alpha1.WorkingRecord{Written: map[string]string{"shared": "X=1"}}
		facts.LastCommit = &v1alpha1.Commit{ID: "eo-1", Fields: []string{"shared.X=1"}}
		facts.Forced = "now"
	}
}

// drawVerified is what package promotion says: what was verified before, or something new.
func drawVerified(t *rapid.T, previous *v1alpha1.EngineEnvironmentStatus, now metav1.Time) *v1alpha1.VerifiedStatus {
	switch rapid.IntRange(0, 3).Draw(t, "verified") {
	case 0, 1:
		return previous.Verified.DeepCopy()
	case 2:
		return &v1alpha1.VerifiedStatus{Revision: "2", Since: now, Source: v1alpha1.Source{Image: "app:2"}}
	default:
		return nil
	}
}

// told is all that the facts say.
func told(f own.Facts) string {
	return asJSON([]any{
		f.Spec, f.Generation, f.Forced, f.Outcome, f.Findings, f.Settings, f.EnvSecret, f.Railway, f.Gone, f.Services, f.Checks, f.Config,
		f.Promotion, f.Hold, f.Verified, f.Cost, f.Record, f.LastCommit,
	})
}

func TestStatusKeepsItsInvariants(t *testing.T) {
	for range 40 { // 40 times rapid's 100 cases, each with up to 3 passes
		rapid.Check(t, func(t *rapid.T) {
			previous := v1alpha1.EngineEnvironmentStatus{ObservedGeneration: -1}
			for i := range rapid.IntRange(1, 3).Draw(t, "passes") {
				now := at(i * 60)
				facts := drawFacts(t, &previous, now)
				next := own.Next(previous, facts, now)
				holds(t, &next, facts)
				moves(t, &previous, &next, facts, now)
				previous = next
			}
			isFunction(t, &previous)
		})
	}
}

// isFunction holds that Next changes neither argument, and that the same facts again change nothing.
func isFunction(t *rapid.T, previous *v1alpha1.EngineEnvironmentStatus) {
	facts := drawFacts(t, previous, at(500))
	before, given := previous.DeepCopy(), told(facts)
	next := own.Next(*previous, facts, at(500))
	if !equality.Semantic.DeepEqual(before, previous) || given != told(facts) {
		t.Fatalf("an argument was changed")
	}
	written := next.DeepCopy()
	again := own.Next(next, facts, at(900))
	if !equality.Semantic.DeepEqual(written, &again) {
		t.Fatalf("the same facts change the status\nfrom %s\nto   %s", asJSON(written), asJSON(&again))
	}
}

func asJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// want fails the case; testify is too slow for hundreds of thousands of conditions that hold.
func want(t *rapid.T, holds bool, format string, args ...any) {
	if !holds {
		t.Fatalf(format, args...)
	}
}

func value(s *v1alpha1.EngineEnvironmentStatus, kind string) metav1.ConditionStatus {
	if c := meta.FindStatusCondition(s.Conditions, kind); c != nil {
		return c.Status
	}
	return ""
}

// holds is what is true of every status.
func holds(t *rapid.T, s *v1alpha1.EngineEnvironmentStatus, facts own.Facts) {
	kind := facts.Outcome.Kind
	ready := map[own.Kind]metav1.ConditionStatus{own.Done: metav1.ConditionTrue, own.Suspended: metav1.ConditionUnknown}[kind]
	if ready == "" {
		ready = metav1.ConditionFalse
	}
	want(t, value(s, v1alpha1.ConditionReady) == ready, "Ready is %s", value(s, v1alpha1.ConditionReady))
	want(t, (value(s, v1alpha1.ConditionReconciling) == metav1.ConditionTrue) == (kind == own.Progressing), "Reconciling while progressing, and only then")
	want(t, (value(s, v1alpha1.ConditionStalled) == metav1.ConditionTrue) == (kind == own.Stalled), "Stalled when a person must act, and only then")
	want(t, s.ObservedGeneration == facts.Generation, "observedGeneration")
	want(t, facts.Spec.Promotion != nil || s.Promotion == nil && value(s, v1alpha1.ConditionPromoted) == "", "no promotion without spec.promotion")
	want(t, facts.Spec.Budget != nil || s.Cost == nil && value(s, v1alpha1.ConditionWithinBudget) == "", "no cost without spec.budget")
	conditionsHold(t, s, facts)
	verdictHolds(t, s, facts)
	bounded(t, s)
	want(t, !strings.Contains(asJSON(s), "s3c"), "no secret, and no half of one: %s", asJSON(s))
}

func conditionsHold(t *rapid.T, s *v1alpha1.EngineEnvironmentStatus, facts own.Facts) {
	last := -1
	for _, c := range s.Conditions {
		row := slices.IndexFunc(own.Conditions, func(r own.Row) bool { return r.Type == c.Type })
		want(t, row > last, "%s is out of its place, or twice", c.Type)
		last = row
		applies := own.Conditions[row].Applies
		want(t, applies == nil || applies(facts.Spec), "%s has no meaning for this spec", c.Type)
		want(t, c.Reason != "" && c.Message != "", "%s says why", c.Type)
		want(t, c.ObservedGeneration > 0 && c.ObservedGeneration <= 3, "%s tells its generation", c.Type)
		_, found := facts.Findings[c.Type]
		want(t, !found || c.ObservedGeneration == facts.Generation, "%s was found for this generation", c.Type)
		want(t, own.Conditions[row].Polarity == own.NormalTrue || c.Status == metav1.ConditionTrue, "%s is only there while it is True", c.Type)
	}
}

func verdictHolds(t *rapid.T, s *v1alpha1.EngineEnvironmentStatus, facts own.Facts) {
	wrong, undecided := len(s.Drift) > 0 || facts.Outcome.Kind == own.Stalled || value(s, v1alpha1.ConditionWithinBudget) == metav1.ConditionFalse,
		facts.Outcome.Kind == own.Progressing || facts.Outcome.Kind == own.Suspended
	for _, check := range s.Checks {
		told := check.Name == v1alpha1.CheckRevision && facts.Outcome.Kind != own.Done
		wrong = wrong || check.Result == v1alpha1.CheckFailed && !told
		undecided = undecided || check.Result == v1alpha1.CheckPending
	}
	if facts.Outcome.Kind == own.Done {
		for _, kind := range []string{v1alpha1.ConditionCredentialsValid, v1alpha1.ConditionSynced, v1alpha1.ConditionHealthy} {
			wrong = wrong || value(s, kind) == metav1.ConditionFalse
			undecided = undecided || value(s, kind) == metav1.ConditionUnknown
		}
	}
	expected := v1alpha1.VerdictGo
	switch {
	case wrong:
		expected = v1alpha1.VerdictNoGo
	case undecided:
		expected = v1alpha1.VerdictPending
	}
	want(t, s.Verdict == expected, "the verdict is %s and should be %s: %s", s.Verdict, expected, asJSON(s))
	want(t, (s.Verdict == v1alpha1.VerdictGo) == (len(s.VerdictReasons) == 0), "%s says why: %q", s.Verdict, s.VerdictReasons)
	want(t, (s.GoSince != nil) == (s.Verdict == v1alpha1.VerdictGo), "goSince while GO, and only then")
}

func bounded(t *rapid.T, s *v1alpha1.EngineEnvironmentStatus) {
	want(t, len(s.VerdictReasons) <= 16 && len(s.Drift) <= 64 && len(s.UnmanagedVariables) <= 64 && len(s.StagedChanges) <= 64, "lists are bounded")
	for _, reason := range s.VerdictReasons {
		want(t, reason != "" && len(reason) <= 256, "a reason of %d bytes", len(reason))
	}
	for _, c := range s.Conditions {
		want(t, len(c.Message) <= 1024, "%s has %d bytes", c.Type, len(c.Message))
	}
	for _, check := range s.Checks {
		want(t, len(check.Message) <= 512, "check %s has %d bytes", check.Name, len(check.Message))
	}
}

// moves is what is true of every step: times move with what they are about, and only then.
func moves(t *rapid.T, before, after *v1alpha1.EngineEnvironmentStatus, facts own.Facts, now metav1.Time) {
	for _, c := range after.Conditions {
		expected := now
		if old := meta.FindStatusCondition(before.Conditions, c.Type); old != nil && old.Status == c.Status {
			expected = old.LastTransitionTime
		}
		want(t, c.LastTransitionTime.Equal(&expected), "%s changed at %s and says %s", c.Type, expected, c.LastTransitionTime)
	}
	for _, check := range after.Checks {
		expected := now
		for _, old := range before.Checks {
			if old.Name == check.Name && (old.Result == check.Result || facts.Checks == nil) {
				expected = old.Since
			}
		}
		want(t, check.Since.Equal(&expected), "check %s is so since %s and says %s", check.Name, expected, check.Since)
	}
	for _, d := range after.Drift {
		expected := now
		for _, old := range before.Drift {
			if old.Path == d.Path && !facts.Gone {
				expected = old.FirstSeen
			}
		}
		want(t, d.FirstSeen.Equal(&expected), "%s drifts since %s and says %s", d.Path, expected, d.FirstSeen)
	}
	goSinceMoves(t, before, after, now)
}

func goSinceMoves(t *rapid.T, before, after *v1alpha1.EngineEnvironmentStatus, now metav1.Time) {
	if after.GoSince == nil {
		return
	}
	expected := now
	if before.GoSince != nil {
		expected = *before.GoSince
	}
	if after.Verified != nil && expected.Before(&after.Verified.Since) {
		expected = after.Verified.Since
	}
	want(t, after.GoSince.Equal(&expected), "GO since %s and says %s", expected, after.GoSince)
}

// TestKstatusReadsReady holds that kstatus, and so kubectl wait, Flux and Argo CD, see as current what is Ready, and nothing else.
func TestKstatusReadsReady(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t, &v1alpha1.EngineEnvironmentStatus{}, at(0))
		object := v1alpha1.EngineEnvironment{Status: own.Next(v1alpha1.EngineEnvironmentStatus{}, facts, at(0))}
		object.Name, object.Generation = "preview", facts.Generation
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&object)
		require.NoError(t, err)
		result, err := status.Compute(&unstructured.Unstructured{Object: fields})
		require.NoError(t, err)
		expected := map[own.Kind]status.Status{
			own.Done: status.CurrentStatus, own.Progressing: status.InProgressStatus, own.Stalled: status.FailedStatus, own.Suspended: status.InProgressStatus,
		}[facts.Outcome.Kind]
		require.Equal(t, expected, result.Status, result.Message)
	})
}
