// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

const (
	// reasonsAtMost and reasonSize bound what the status says about the verdict.
	reasonsAtMost = 16
	reasonSize    = 256
	// checkMessageSize bounds a check's message, in bytes.
	checkMessageSize = 512
)

// reason is why the verdict is not GO.
type reason struct {
	verdict v1alpha1.Verdict
	text    string
}

// verdict sums up: NO-GO when something is known to be wrong, else PENDING when something is not decided, else GO. What is wrong
// is told before what is undecided.
func verdict(s *v1alpha1.EngineEnvironmentStatus, facts Facts) (v1alpha1.Verdict, []string) {
	found := checkReasons(s.Checks, facts.Outcome)
	all := append(outcomeReasons(facts.Outcome, found), found...)
	if n := len(s.Drift); n > 0 {
		all = append(all, reason{v1alpha1.VerdictNoGo, fmt.Sprintf("%s: %s", Count(n, "field drifts", "fields drift"), List(driftPaths(s.Drift)))})
	}
	all = append(all, conditionReasons(s, facts.Outcome)...)
	worst := v1alpha1.VerdictGo
	var texts []string
	for _, kind := range []v1alpha1.Verdict{v1alpha1.VerdictNoGo, v1alpha1.VerdictPending} {
		for _, r := range all {
			if r.verdict != kind {
				continue
			}
			if worst == v1alpha1.VerdictGo {
				worst = kind
			}
			texts = append(texts, redact.CutMessage(redacted(facts, r.text), reasonSize))
		}
	}
	return worst, texts[:min(len(texts), reasonsAtMost)]
}

// outcomeReasons are what the outcome of the pass says. Checks tell for themselves, where they do.
func outcomeReasons(out Outcome, checks []reason) []reason {
	if out.Kind == Done {
		return nil
	}
	kind := v1alpha1.VerdictPending
	if out.Kind == Stalled {
		kind = v1alpha1.VerdictNoGo
	}
	byChecks := out.Reason == v1alpha1.ReasonCheckFailed || out.Reason == v1alpha1.ReasonVerifying
	if byChecks && slices.ContainsFunc(checks, func(r reason) bool { return r.verdict == kind }) {
		return nil
	}
	return []reason{{kind, out.Reason + ": " + out.Message}}
}

// checkReasons name the checks that do not pass. While the object is not done its outcome tells what the revision check would.
func checkReasons(checks []v1alpha1.CheckStatus, out Outcome) []reason {
	var all []reason
	for _, check := range checks {
		told := check.Name == v1alpha1.CheckRevision && out.Kind != Done
		switch {
		case told, check.Name == out.Check: // the outcome tells it
		case check.Result == v1alpha1.CheckFailed:
			all = append(all, reason{v1alpha1.VerdictNoGo, fmt.Sprintf("check %s failed: %s", check.Name, check.Message)})
		case check.Result == v1alpha1.CheckPending:
			all = append(all, reason{v1alpha1.VerdictPending, fmt.Sprintf("check %s is not decided: %s", check.Name, check.Message)})
		}
	}
	return all
}

// conditionReasons are what the table says of conditions that do not hold.
func conditionReasons(s *v1alpha1.EngineEnvironmentStatus, out Outcome) []reason {
	var all []reason
	for _, row := range Conditions {
		condition := meta.FindStatusCondition(s.Conditions, row.Type)
		if condition == nil || row.Type == v1alpha1.ConditionSynced && len(s.Drift) > 0 {
			continue // the drift tells for itself
		}
		if weight := row.weigh(condition.Status, out.Kind == Done); weight != "" {
			all = append(all, reason{weight, condition.Reason + ": " + condition.Message})
		}
	}
	return all
}

// weigh is the verdict while the condition has that value, empty when it says nothing.
func (r Row) weigh(value metav1.ConditionStatus, done bool) v1alpha1.Verdict {
	switch {
	case value == metav1.ConditionFalse && done && r.Ready:
		return v1alpha1.VerdictNoGo
	case value == metav1.ConditionFalse:
		return r.WhenFalse
	case value == metav1.ConditionUnknown && done && r.Ready:
		return v1alpha1.VerdictPending
	case value == metav1.ConditionUnknown:
		return r.WhenUnknown
	default:
		return ""
	}
}

// Tally counts the checks that pass, and those that could: one that is skipped counts neither way.
func Tally(checks []v1alpha1.CheckStatus) (passing, counted int) {
	for _, check := range checks {
		if check.Result == v1alpha1.CheckSkipped {
			continue
		}
		counted++
		if check.Result == v1alpha1.CheckPassed {
			passing++
		}
	}
	return passing, counted
}

// readiness is the tally in short.
func readiness(checks []v1alpha1.CheckStatus) string {
	passing, counted := Tally(checks)
	if counted == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", passing, counted)
}

// checks takes over the results. One that has not changed keeps its time, and a failing one its first message: each failing
// answer may differ.
func checks(known []v1alpha1.CheckStatus, facts Facts, now metav1.Time) []v1alpha1.CheckStatus {
	if facts.Checks == nil {
		return known
	}
	before := map[string]v1alpha1.CheckStatus{}
	for _, check := range known {
		before[check.Name] = check
	}
	list := make([]v1alpha1.CheckStatus, 0, len(facts.Checks))
	for _, check := range facts.Checks {
		check.Since = now
		check.Message = redact.Cut(redacted(facts, check.Message), checkMessageSize)
		old, ok := before[check.Name]
		if ok && old.Result == check.Result {
			check.Since, check.DurationMs = old.Since, old.DurationMs
			if check.Result == v1alpha1.CheckFailed && check.Name != v1alpha1.CheckRevision {
				check.Message = old.Message
			}
		}
		list = append(list, check)
	}
	return list
}

// notRun marks the check that cannot be run as it is written: it counts, and an earlier result is no answer to what is declared now.
func notRun(list []v1alpha1.CheckStatus, facts Facts, now metav1.Time) []v1alpha1.CheckStatus {
	if facts.Outcome.Check == "" {
		return list
	}
	check := v1alpha1.CheckStatus{
		Name: facts.Outcome.Check, Result: v1alpha1.CheckPending, Since: now,
		Message: redact.CutMessage(redacted(facts, "not run: "+facts.Outcome.Message), checkMessageSize),
	}
	at := slices.IndexFunc(list, func(c v1alpha1.CheckStatus) bool { return c.Name == check.Name })
	if at < 0 {
		return append(list, check)
	}
	if list[at].Result == check.Result {
		check.Since = list[at].Since
	}
	list[at] = check
	return list
}

func driftPaths(drift []v1alpha1.Drift) []string {
	paths := make([]string, 0, len(drift))
	for _, entry := range drift {
		paths = append(paths, entry.Path)
	}
	return paths
}

// namesAtMost is how many names a message lists.
const namesAtMost = 5

// List names some of the names, and how many more there are.
func List(names []string) string {
	if len(names) <= namesAtMost {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:namesAtMost], ", "), len(names)-namesAtMost)
}

// Count says how many there are, in the singular or plural.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
