// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	own "github.com/engine-operator/engine-operator/internal/status"
)

const (
	isTrue    = metav1.ConditionTrue
	isFalse   = metav1.ConditionFalse
	isUnknown = metav1.ConditionUnknown
	goes      = v1alpha1.VerdictGo
	noGo      = v1alpha1.VerdictNoGo
	pending   = v1alpha1.VerdictPending
)

func check(name string, result v1alpha1.CheckResult, message string) v1alpha1.CheckStatus {
	return v1alpha1.CheckStatus{Name: name, Result: result, Message: message}
}

// healthy are the facts of a pass over a Preview tier in which everything went well.
func healthy(change ...func(*own.Facts)) own.Facts {
	facts := own.Facts{
		Spec:       &v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierPreview, Promotion: &v1alpha1.Promotion{From: "dev"}, Budget: &v1alpha1.Budget{}},
		Generation: 2,
		Findings: map[string]own.Finding{
			v1alpha1.ConditionCredentialsValid: own.Passed("Railway accepts the token"), v1alpha1.ConditionSynced: own.Passed("as declared"),
			v1alpha1.ConditionHealthy: own.Passed("engine runs 1.4.2"), v1alpha1.ConditionVerified: own.Passed("2 checks pass"),
			v1alpha1.ConditionPromoted: own.Passed("runs what dev has verified"), v1alpha1.ConditionWithinBudget: own.Passed("$1 of $5"),
		},
		Checks: []v1alpha1.CheckStatus{check(v1alpha1.CheckRevision, v1alpha1.CheckPassed, ""), check("health", v1alpha1.CheckPassed, "")},
		Config: &own.Config{},
	}
	for _, f := range change {
		f(&facts)
	}
	return facts
}

func finds(kind string, finding own.Finding) func(*own.Facts) {
	return func(f *own.Facts) { f.Findings[kind] = finding }
}

func ends(kind own.Kind, reason, about string) func(*own.Facts) {
	return func(f *own.Facts) { f.Outcome = own.Outcome{Kind: kind, Reason: reason, Message: "told", About: about} }
}

func checked(checks ...v1alpha1.CheckStatus) func(*own.Facts) {
	return func(f *own.Facts) { f.Checks = checks }
}

func drifts(paths ...string) func(*own.Facts) {
	return func(f *own.Facts) {
		for _, path := range paths {
			f.Config.Drift = append(f.Config.Drift, v1alpha1.Drift{Path: path})
		}
		f.Findings[v1alpha1.ConditionSynced] = own.Failed(v1alpha1.ReasonDrifted, "differs")
	}
}

func next(facts own.Facts) v1alpha1.EngineEnvironmentStatus {
	return own.Next(v1alpha1.EngineEnvironmentStatus{}, facts, at(0))
}

// TestCheckThatCannotBeRun: it counts, whatever it or others found before, and the reasons tell it once.
func TestCheckThatCannotBeRun(t *testing.T) {
	before := next(healthy(checked(check("health", v1alpha1.CheckPassed, ""), check("mode-1", v1alpha1.CheckPassed, ""))))
	require.Equal(t, "2/2", before.Readiness)
	for name, readiness := range map[string]string{"mode-1": "1/2", "new": "2/3"} {
		facts := healthy(ends(own.Stalled, v1alpha1.ReasonInvalidCheck, v1alpha1.ConditionVerified))
		facts.Outcome.Check, facts.Checks = name, nil // nothing is asked before it can be run
		after := own.Next(before, facts, at(1))
		assert.Equal(t, readiness, after.Readiness, name)
		assert.Equal(t, []string{"InvalidCheck: told"}, after.VerdictReasons, name)
		assert.Equal(t, after, own.Next(after, facts, at(2)), "the same again changes nothing")
	}
	assert.Equal(t, "2/2", before.Readiness)
}

// TestNothingIsComparedWhileACheckCannotBeRun: what was found of the spec before says nothing of this one. A check may be refused
// after the comparison, too: its host must be one of the environment's, for instance.
func TestNothingIsComparedWhileACheckCannotBeRun(t *testing.T) {
	before := next(healthy())
	facts := healthy(ends(own.Stalled, v1alpha1.ReasonInvalidCheck, v1alpha1.ConditionVerified))
	facts.Outcome.Check = "mode-1"
	after := own.Next(before, facts, at(1))
	assert.Equal(t, metav1.ConditionTrue, meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionSynced).Status, "it was compared")

	delete(facts.Findings, v1alpha1.ConditionSynced)
	facts.Generation = 3
	after = own.Next(before, facts, at(1))
	synced := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionSynced)
	assert.Equal(t, metav1.Condition{
		Type: v1alpha1.ConditionSynced, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonInvalidCheck,
		Message: "not compared: a check cannot be run", ObservedGeneration: 3, LastTransitionTime: at(1),
	}, *synced)
	assert.Equal(t, []string{"InvalidCheck: told"}, after.VerdictReasons, "told once")
}

func TestVerdict(t *testing.T) {
	failed := check("health", v1alpha1.CheckFailed, "got 500")
	undecided := check("health", v1alpha1.CheckPending, "runs")
	tests := []struct {
		name, reason string
		facts        own.Facts
		verdict      v1alpha1.Verdict
		ready        metav1.ConditionStatus
		says         []string
	}{
		{"all is well", "nothing is wrong or undecided", healthy(), goes, isTrue, nil},
		{"skipped check", "it does not count", healthy(checked(check("health", v1alpha1.CheckSkipped, "asleep"))), goes, isTrue, nil},
		{"no checks", "an object may have none", healthy(checked()), goes, isTrue, nil},
		{"check fails without spec.verification", "the tier's own checks make the verdict", healthy(checked(failed)), noGo, isTrue,
			[]string{"check health failed: got 500"}},
		{"check undecided", "first checks are no failure", healthy(checked(undecided)), pending, isTrue, []string{"check health is not decided: runs"}},
		{"revision check while done", "it tells for itself", healthy(checked(check(v1alpha1.CheckRevision, v1alpha1.CheckFailed, "runs 1"))), noGo, isTrue,
			[]string{"check revision failed: runs 1"}},
		{"check failed, pass stalled by it", "it is told once", healthy(checked(failed), ends(own.Stalled, v1alpha1.ReasonCheckFailed, v1alpha1.ConditionVerified)),
			noGo, isFalse, []string{"check health failed: got 500"}},
		{"stalled by a check that is not listed", "a pass that is stalled is never GO",
			healthy(ends(own.Stalled, v1alpha1.ReasonCheckFailed, v1alpha1.ConditionVerified)), noGo, isFalse, []string{"CheckFailed: told"}},
		{"waits for checks", "they are told by name", healthy(checked(undecided), ends(own.Progressing, v1alpha1.ReasonVerifying, "")), pending, isFalse,
			[]string{"check health is not decided: runs"}},
		{"waits for checks that are not listed", "a pass that is not done is never GO", healthy(ends(own.Progressing, v1alpha1.ReasonVerifying, "")),
			pending, isFalse, []string{"Verifying: told"}},
		{"waits for the revision check alone", "the same", healthy(checked(check(v1alpha1.CheckRevision, v1alpha1.CheckPending, "")),
			ends(own.Progressing, v1alpha1.ReasonVerifying, "")), pending, isFalse, []string{"Verifying: told"}},
		{"rolling out", "a routine rollout is no NO-GO", healthy(checked(check(v1alpha1.CheckRevision, v1alpha1.CheckPending, "runs 1")),
			ends(own.Progressing, v1alpha1.ReasonDeploying, "")), pending, isFalse, []string{"Deploying: told"}},
		{"rolling out, a check failed", "what is wrong is told before what is undecided",
			healthy(checked(failed), ends(own.Progressing, v1alpha1.ReasonDeploying, "")), noGo, isFalse, []string{"check health failed: got 500", "Deploying: told"}},
		{"suspended", "nobody looks", healthy(ends(own.Suspended, v1alpha1.ReasonSuspended, "")), pending, isUnknown, []string{"Suspended: told"}},
		{"stalled", "a person must act", healthy(ends(own.Stalled, v1alpha1.ReasonCrashed, v1alpha1.ConditionHealthy)), noGo, isFalse, []string{"Crashed: told"}},
		{"held after a rollback", "a person must look", healthy(ends(own.Stalled, v1alpha1.ReasonRolledBack, "")), noGo, isFalse, []string{"RolledBack: told"}},
		{"drift that is left alone", "Ready, and not to be relied on", healthy(drifts("a.b")), noGo, isTrue, []string{"1 field drifts: a.b"}},
		{"much drift", "five are named", healthy(drifts("a", "b", "c", "d", "e", "f", "g")), noGo, isTrue, []string{"7 fields drift: a, b, c, d, e and 2 more"}},
		{"over budget", "known to be wrong", healthy(finds(v1alpha1.ConditionWithinBudget, own.Failed(v1alpha1.ReasonOverBudget, "$9"))), noGo, isTrue,
			[]string{"OverBudget: $9"}},
		{"usage not readable", "says nothing about the engine", healthy(finds(v1alpha1.ConditionWithinBudget, own.Unknown("UsageNotReadable", "no"))), goes, isTrue, nil},
		{"promotion waits", "what runs may be relied on", healthy(finds(v1alpha1.ConditionPromoted, own.Failed(v1alpha1.ReasonSoaking, "1.5"))), goes, isTrue, nil},
		{"done and not synced", "no pass that is done hides it", healthy(finds(v1alpha1.ConditionSynced, own.Failed("ConfigFileOwned", "x"))), noGo, isTrue,
			[]string{"ConfigFileOwned: x"}},
		{"done and not known to be healthy", "the same", healthy(finds(v1alpha1.ConditionHealthy, own.Unknown("RailwayUnavailable", "x"))), pending, isTrue,
			[]string{"RailwayUnavailable: x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := next(tt.facts)
			assert.Equal(t, tt.verdict, s.Verdict, tt.reason)
			assert.Equal(t, tt.says, s.VerdictReasons)
			assert.Equal(t, tt.ready, meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady).Status)
			assert.Equal(t, tt.verdict == goes, s.GoSince != nil)
		})
	}
}

// TestEveryCondition goes through the table: each row is set by a finding, removed where it has no meaning, and weighs as it says.
func TestEveryCondition(t *testing.T) {
	type row struct {
		local, alone bool // whether it is there for a Local tier, and without spec.promotion and spec.budget
		whenFalse    v1alpha1.Verdict
		whenUnknown  v1alpha1.Verdict
	}
	rows := map[string]row{
		v1alpha1.ConditionCredentialsValid: {false, true, noGo, pending},
		v1alpha1.ConditionSynced:           {true, true, noGo, pending},
		v1alpha1.ConditionHealthy:          {false, true, noGo, pending},
		v1alpha1.ConditionVerified:         {false, true, goes, goes}, // the checks tell
		v1alpha1.ConditionPromoted:         {true, false, goes, goes},
		v1alpha1.ConditionWithinBudget:     {true, false, noGo, goes},
	}
	byOutcome := []string{v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled}
	for _, declared := range own.Conditions {
		assert.NotEmpty(t, declared.SetBy, declared.Type)
		expected, ok := rows[declared.Type]
		if !ok {
			assert.Contains(t, byOutcome, declared.Type, "a new condition needs a row here")
			continue
		}
		t.Run(declared.Type, func(t *testing.T) {
			has := func(facts own.Facts) bool {
				before := next(healthy())
				s := own.Next(before, facts, at(1))
				return meta.FindStatusCondition(s.Conditions, declared.Type) != nil
			}
			verdict := func(f own.Finding) v1alpha1.Verdict { return next(healthy(finds(declared.Type, f))).Verdict }
			assert.True(t, has(healthy()))
			assert.True(t, has(healthy(func(f *own.Facts) { delete(f.Findings, declared.Type) })), "what was not looked at stays as it was")
			assert.Equal(t, expected.local, has(healthy(func(f *own.Facts) { f.Spec.Tier = v1alpha1.TierLocal })), "Local tier")
			assert.Equal(t, expected.alone, has(healthy(func(f *own.Facts) { f.Spec.Promotion, f.Spec.Budget = nil, nil })), "without promotion and budget")
			assert.Equal(t, expected.whenFalse, verdict(own.Failed("Because", "x")))
			assert.Equal(t, expected.whenUnknown, verdict(own.Unknown("Because", "x")))
			about := next(healthy(ends(own.Stalled, "Because", declared.Type)))
			assert.Equal(t, isFalse, meta.FindStatusCondition(about.Conditions, declared.Type).Status, "the outcome may be about it")
		})
	}
	assert.Len(t, own.Conditions, len(rows)+len(byOutcome))
}

func TestReadyMessage(t *testing.T) {
	ready := func(facts own.Facts) metav1.Condition {
		s := next(facts)
		return *meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	}
	c := ready(healthy())
	assert.Equal(t, "Succeeded: as declared; engine runs 1.4.2", c.Reason+": "+c.Message)
	c = ready(healthy(drifts("a")))
	assert.Equal(t, "Drifted: differs", c.Reason+": "+c.Message, "drift that the policy leaves alone is told")
	c = ready(healthy(func(f *own.Facts) { f.Findings = nil }))
	assert.Equal(t, "Succeeded: nothing to do", c.Reason+": "+c.Message, "the API server refuses an empty reason")
}

func TestOutcomeConditionsComeAndGo(t *testing.T) {
	s := next(healthy(ends(own.Progressing, v1alpha1.ReasonDeploying, "")))
	assert.Equal(t, []string{"Ready", "Reconciling", "CredentialsValid", "Synced", "Healthy", "Verified", "Promoted", "WithinBudget"}, types(&s))
	s = own.Next(s, healthy(ends(own.Stalled, v1alpha1.ReasonCrashed, "")), at(1))
	assert.Equal(t, []string{"Ready", "Stalled", "CredentialsValid", "Synced", "Healthy", "Verified", "Promoted", "WithinBudget"}, types(&s))
	s.Conditions = append([]metav1.Condition{{Type: "OfAnotherVersion", Status: isTrue}}, s.Conditions...)
	s = own.Next(s, healthy(), at(2))
	assert.Equal(t, []string{"Ready", "CredentialsValid", "Synced", "Healthy", "Verified", "Promoted", "WithinBudget", "OfAnotherVersion"}, types(&s))
	assert.False(t, own.Holds(&s, v1alpha1.ConditionStalled))
	assert.True(t, own.Holds(&s, v1alpha1.ConditionReady))
}

func types(s *v1alpha1.EngineEnvironmentStatus) []string {
	var all []string
	for _, c := range s.Conditions {
		all = append(all, c.Type)
	}
	return all
}

func TestReasonsAreBounded(t *testing.T) {
	var checks []v1alpha1.CheckStatus
	for i := range 40 {
		result := []v1alpha1.CheckResult{v1alpha1.CheckPending, v1alpha1.CheckFailed}[i%2]
		checks = append(checks, check(fmt.Sprint("c", i), result, strings.Repeat("é", 2000)))
	}
	s := next(healthy(checked(checks...)))
	require.Len(t, s.VerdictReasons, 16)
	for _, reason := range s.VerdictReasons {
		assert.Contains(t, reason, "failed", "what is wrong comes first")
		assert.LessOrEqual(t, len(reason), 256)
	}
	assert.Equal(t, "0/40", s.Readiness)
}

// TestWhatRailwayRefusedIsMasked: Railway may repeat the value that it could not apply, and its message is kept in the record.
func TestWhatRailwayRefusedIsMasked(t *testing.T) {
	record := &v1alpha1.WorkingRecord{Refused: &v1alpha1.RefusedCommit{Message: "bad hunter2-hunter2 " + strings.Repeat("word ", 1000)}}
	s := next(healthy(func(f *own.Facts) {
		f.Record, f.Redact = record, func(s string) string { return strings.ReplaceAll(s, "hunter2-hunter2", "(secret)") }
	}))
	assert.True(t, strings.HasPrefix(s.WorkingRecord.Refused.Message, "bad (secret) word"))
	assert.LessOrEqual(t, len(s.WorkingRecord.Refused.Message), 1024)
	assert.Contains(t, record.Refused.Message, "hunter2-hunter2", "the facts are not changed")

	again := healthy(func(f *own.Facts) {
		f.Record, f.Redact = s.WorkingRecord, func(s string) string { return strings.ReplaceAll(s, "secret", "(secret)") }
	})
	assert.Equal(t, s.WorkingRecord.Refused.Message, own.Next(s, again, at(1)).WorkingRecord.Refused.Message, "the same facts change nothing")

	unknown := healthy(func(f *own.Facts) { f.Record = record })
	first := next(unknown)
	assert.NotContains(t, first.WorkingRecord.Refused.Message, "hunter2", "a deletion does not read the values")
	kept := healthy(func(f *own.Facts) { f.Record = s.WorkingRecord })
	assert.Equal(t, s.WorkingRecord.Refused.Message, own.Next(s, kept, at(1)).WorkingRecord.Refused.Message, "what was masked before stays")
}

func TestReadiness(t *testing.T) {
	passed, failed, skipped := check("a", v1alpha1.CheckPassed, ""), check("b", v1alpha1.CheckFailed, ""), check("c", v1alpha1.CheckSkipped, "")
	undecided := check("d", v1alpha1.CheckPending, "")
	s := next(healthy(checked(passed, failed, skipped, undecided)))
	assert.Equal(t, "1/3", s.Readiness, "a skipped check does not count")
	s = next(healthy(checked(skipped)))
	assert.Empty(t, s.Readiness)
}

func TestChecksKeepTheirTimes(t *testing.T) {
	run := func(result v1alpha1.CheckResult, message string, ms int64) own.Facts {
		c := check("health", result, message)
		c.DurationMs, c.Fingerprint = ms, message
		return healthy(checked(c))
	}
	s := next(run(v1alpha1.CheckFailed, "got 500, request 1", 7))
	s = own.Next(s, run(v1alpha1.CheckFailed, "got 500, request 2", 9), at(60))
	c := s.Checks[0]
	assert.Equal(t, "got 500, request 1", c.Message, "each failing answer may differ: the status is not written for it")
	assert.True(t, c.Since.Equal(ptr(at(0))))
	assert.EqualValues(t, 7, c.DurationMs)
	assert.Equal(t, "got 500, request 2", c.Fingerprint, "what it was found with is always new")
	s = own.Next(s, run(v1alpha1.CheckPassed, "", 3), at(120))
	assert.True(t, s.Checks[0].Since.Equal(ptr(at(120))))
	assert.EqualValues(t, 3, s.Checks[0].DurationMs)
	before := s.Checks
	s = own.Next(s, healthy(func(f *own.Facts) { f.Checks = nil }), at(180))
	assert.Equal(t, before, s.Checks, "nothing was checked in this pass")
	s = own.Next(s, healthy(checked([]v1alpha1.CheckStatus{}...)), at(240))
	assert.Empty(t, s.Checks, "there is nothing to check any more")
}

func ptr[T any](value T) *T { return &value }

func TestGoSince(t *testing.T) {
	verified := func(image string, seconds int) func(*own.Facts) {
		return func(f *own.Facts) {
			f.Verified = &v1alpha1.VerifiedStatus{Revision: image, Source: v1alpha1.Source{Image: image}, Since: at(seconds)}
		}
	}
	s := next(healthy(verified("app:1", 0)))
	steps := []struct {
		reason string
		facts  own.Facts
		now    int
		since  int // -1: none
	}{
		{"the same again", healthy(verified("app:1", 0)), 60, 0},
		{"nothing was verified in this pass", healthy(), 70, 0},
		{"another source starts a new soak", healthy(verified("app:2", 80)), 80, 80},
		{"which goes on", healthy(verified("app:2", 80)), 90, 80},
		{"a rollout breaks it", healthy(ends(own.Progressing, v1alpha1.ReasonDeploying, "")), 100, -1},
		{"and it starts anew, though the source was verified before", healthy(verified("app:2", 80)), 110, 110},
		{"a failing check breaks it", healthy(checked(check("health", v1alpha1.CheckFailed, "no"))), 120, -1},
		{"verified while something else is wrong", healthy(verified("app:3", 130), drifts("a")), 130, -1},
		{"the verdict counts from when it is GO", healthy(verified("app:3", 130)), 140, 140},
	}
	for _, step := range steps {
		s = own.Next(s, step.facts, at(step.now))
		if step.since < 0 {
			assert.Nil(t, s.GoSince, step.reason)
			continue
		}
		require.NotNil(t, s.GoSince, step.reason)
		assert.True(t, s.GoSince.Equal(ptr(at(step.since))), "%s: %s", step.reason, s.GoSince)
	}
	assert.Equal(t, "app:3", s.Verified.Revision)
}

func TestSections(t *testing.T) {
	s := v1alpha1.EngineEnvironmentStatus{
		PendingWrite: &v1alpha1.PendingWrite{}, Awaited: []v1alpha1.PendingWrite{{}}, Repairs: []v1alpha1.Repair{{}}, WrittenFields: []string{"a=1"},
		LastHandledReconcileAt: "then",
	}
	facts := healthy(func(f *own.Facts) {
		f.Services = []v1alpha1.ServiceStatus{{Name: "engine"}, {Name: "worker"}}
		f.Railway, f.Settings, f.EnvSecret = &v1alpha1.RailwayStatus{EnvironmentID: "e1"}, &v1alpha1.EffectiveSettings{Debug: true}, "local-env"
		f.Promotion, f.Cost = &v1alpha1.PromotionStatus{State: v1alpha1.PromotionSoaking}, &v1alpha1.CostStatus{}
		f.Hold = &own.Hold{Rollback: &v1alpha1.RollbackStatus{From: "2"}}
		f.Record, f.LastCommit, f.Forced = &v1alpha1.WorkingRecord{HashKey: "k"}, &v1alpha1.Commit{ID: "eo-1"}, "now"
	}, drifts("a"))
	s = own.Next(s, facts, at(0))
	assert.Equal(t, "engine worker", s.Engine.Name+" "+s.Services[0].Name)
	assert.Equal(t, "now", s.LastHandledReconcileAt)
	assert.Nil(t, s.PendingWrite)
	assert.Empty(t, slices.Concat(s.WrittenFields, paths(s.Awaited), repaired(s.Repairs)), "the working record has taken them over")

	kept := own.Next(s, healthy(func(f *own.Facts) {
		f.Config, f.Record, f.LastCommit = nil, s.WorkingRecord, s.LastCommit
		delete(f.Findings, v1alpha1.ConditionSynced)
	}, ends(own.Progressing, v1alpha1.ReasonRateLimited, "")), at(60))
	for name, value := range map[string]any{
		"railway": kept.Railway, "settings": kept.Settings, "promotion": kept.Promotion, "cost": kept.Cost, "rollback": kept.Rollback,
		"engine": kept.Engine, "record": kept.WorkingRecord, "commit": kept.LastCommit,
	} {
		assert.NotNil(t, value, "%s stays when it was not read", name)
	}
	assert.Len(t, kept.Drift, 1)
	assert.Equal(t, "now local-env", kept.LastHandledReconcileAt+" "+kept.EnvSecret)

	s = own.Next(s, healthy(func(f *own.Facts) { f.Hold, f.Services = &own.Hold{}, []v1alpha1.ServiceStatus{{Name: "engine"}} }), at(60))
	assert.Nil(t, s.Rollback, "the hold has ended")
	assert.Empty(t, s.Services)
	assert.Nil(t, s.WorkingRecord, "the journal says what is remembered")
	assert.Empty(t, s.Drift)

	gone := own.Next(kept, own.Facts{Spec: facts.Spec, Generation: 2, Gone: true, Outcome: own.Outcome{Kind: own.Progressing, Reason: "Creating", Message: "x"}}, at(70))
	assert.Nil(t, gone.Railway)
	assert.Nil(t, gone.Engine)
	assert.Empty(t, gone.Drift)
	assert.NotNil(t, gone.Promotion, "what is promoted has nothing to do with the environment")

	bare := healthy(func(f *own.Facts) {
		f.Spec.Promotion, f.Spec.Budget, f.Promotion = nil, nil, &v1alpha1.PromotionStatus{}
	})
	s = own.Next(kept, bare, at(80))
	assert.Nil(t, s.Promotion, "the spec asks for none")
	assert.Nil(t, s.Cost)
}

func paths(writes []v1alpha1.PendingWrite) []string {
	var all []string
	for _, w := range writes {
		all = append(all, w.Name)
	}
	return all
}

func repaired(repairs []v1alpha1.Repair) []string {
	var all []string
	for _, r := range repairs {
		all = append(all, r.Path)
	}
	return all
}

func TestListAndCount(t *testing.T) {
	assert.Equal(t, "a, b, c, d, e", own.List([]string{"a", "b", "c", "d", "e"}))
	assert.Equal(t, "a, b, c, d, e and 1 more", own.List([]string{"a", "b", "c", "d", "e", "f"}))
	assert.Empty(t, own.List(nil))
	assert.Equal(t, "1 field", own.Count(1, "field", "fields"))
	assert.Equal(t, "0 fields", own.Count(0, "field", "fields"))
}
