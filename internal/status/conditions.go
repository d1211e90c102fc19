// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// Polarity says which value of a condition is the good one.
type Polarity int

const (
	// NormalTrue: True is good; the condition is there once it was looked at.
	NormalTrue Polarity = iota
	// AbnormalTrue: the condition is only there while it is True, as kstatus reads Reconciling and Stalled.
	AbnormalTrue
)

// Row is all there is to know about one condition: a new condition is one row here, one constant in the API, and one line in the
// runbook.
type Row struct {
	Type     string
	Polarity Polarity
	// SetBy names what decides it.
	SetBy string
	// Applies reports whether the spec gives the condition a meaning; where it has none it is removed. Nil: always.
	Applies func(*v1alpha1.EngineEnvironmentSpec) bool
	// Ready is true when the object cannot be Ready while the condition does not hold; the outcome of the pass says so. Only drift
	// that the policy leaves alone goes with Ready. A pass that is done all the same is not GO.
	Ready bool
	// WhenFalse and WhenUnknown are the verdict while the condition has that value, whatever else is found; empty leaves it to
	// Ready and to the checks.
	WhenFalse, WhenUnknown v1alpha1.Verdict
}

// Conditions are all conditions, in the order in which the status shows them.
var Conditions = []Row{
	{Type: v1alpha1.ConditionReady, SetBy: "the outcome of the pass", Ready: true},
	{Type: v1alpha1.ConditionReconciling, Polarity: AbnormalTrue, SetBy: "the outcome of the pass: Progressing"},
	{Type: v1alpha1.ConditionStalled, Polarity: AbnormalTrue, SetBy: "the outcome of the pass: Stalled"},
	{Type: v1alpha1.ConditionCredentialsValid, SetBy: "reading the project and the environment", Applies: onRailway, Ready: true},
	{Type: v1alpha1.ConditionSynced, SetBy: "comparing Railway's config", Ready: true},
	{Type: v1alpha1.ConditionHealthy, SetBy: "following deployments", Applies: onRailway, Ready: true},
	{Type: v1alpha1.ConditionVerified, SetBy: "the checks; with spec.verification Ready waits for it", Applies: onRailway},
	{Type: v1alpha1.ConditionPromoted, SetBy: "the promotion", Applies: promoted},
	{
		Type: v1alpha1.ConditionWithinBudget, SetBy: "the cost", Applies: budgeted,
		WhenFalse: v1alpha1.VerdictNoGo,
	},
}

func onRailway(s *v1alpha1.EngineEnvironmentSpec) bool { return s.Tier != v1alpha1.TierLocal }
func promoted(s *v1alpha1.EngineEnvironmentSpec) bool  { return s.Promotion != nil }
func budgeted(s *v1alpha1.EngineEnvironmentSpec) bool  { return s.Budget != nil }

// conditions sets what was found, and removes what has no meaning.
func conditions(s *v1alpha1.EngineEnvironmentStatus, facts Facts, now metav1.Time) {
	found := findings(facts)
	for _, row := range Conditions {
		finding, ok := found[row.Type]
		switch {
		case row.Applies != nil && !row.Applies(facts.Spec), row.Polarity == AbnormalTrue && !ok:
			meta.RemoveStatusCondition(&s.Conditions, row.Type)
		case ok:
			meta.SetStatusCondition(&s.Conditions, metav1.Condition{
				Type: row.Type, Status: finding.Status, Reason: finding.Reason, Message: redact.CutMessage(redacted(facts, finding.Message), messageSize),
				ObservedGeneration: facts.Generation, LastTransitionTime: now,
			})
		}
	}
	slices.SortStableFunc(s.Conditions, func(a, b metav1.Condition) int { return place(a.Type) - place(b.Type) })
}

// place is where the table has the condition. What another version knows comes last.
func place(kind string) int {
	if i := slices.IndexFunc(Conditions, func(r Row) bool { return r.Type == kind }); i >= 0 {
		return i
	}
	return len(Conditions)
}

// findings adds to what the pass found what follows from its outcome.
func findings(facts Facts) map[string]Finding {
	found := map[string]Finding{}
	for kind, finding := range facts.Findings {
		found[kind] = finding
	}
	out := facts.Outcome
	if out.About != "" {
		found[out.About] = Failed(out.Reason, out.Message)
	}
	if _, compared := found[v1alpha1.ConditionSynced]; out.Check != "" && !compared { // what was found before is about another spec
		found[v1alpha1.ConditionSynced] = Unknown(out.Reason, "not compared: a check cannot be run")
	}
	switch out.Kind {
	case Done:
		found[v1alpha1.ConditionReady] = ready(facts)
	case Suspended:
		found[v1alpha1.ConditionReady] = Unknown(out.Reason, out.Message)
	case Progressing:
		found[v1alpha1.ConditionReady] = Failed(out.Reason, out.Message)
		found[v1alpha1.ConditionReconciling] = Finding{metav1.ConditionTrue, out.Reason, out.Message}
	case Stalled:
		found[v1alpha1.ConditionReady] = Failed(out.Reason, out.Message)
		found[v1alpha1.ConditionStalled] = Finding{metav1.ConditionTrue, out.Reason, out.Message}
	}
	return found
}

// ready sums up a pass in which everything went well. Drift that the policy leaves alone is told in its place.
func ready(facts Facts) Finding {
	synced, compared := facts.Findings[v1alpha1.ConditionSynced]
	finding := Passed(cmp.Or(synced.Message, facts.Outcome.Message, "nothing to do"))
	if compared && synced.Status != metav1.ConditionTrue {
		finding.Reason = synced.Reason
		return finding
	}
	if healthy, ok := facts.Findings[v1alpha1.ConditionHealthy]; ok {
		finding.Message += "; " + healthy.Message
	}
	return finding
}

// Holds reports whether the status has the condition, and it is True.
func Holds(s *v1alpha1.EngineEnvironmentStatus, kind string) bool {
	return meta.IsStatusConditionTrue(s.Conditions, kind)
}

// messageSize bounds a condition's message, in bytes.
const messageSize = 1024

func redacted(facts Facts, text string) string {
	if facts.Redact == nil {
		return text
	}
	return facts.Redact(text)
}

// Ready returns the Ready condition, an empty one when the status does not have it.
func Ready(s *v1alpha1.EngineEnvironmentStatus) metav1.Condition {
	if ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{}
}

// ReasonOf is the reason of a condition, empty when the status does not have it.
func ReasonOf(s *v1alpha1.EngineEnvironmentStatus, kind string) string {
	if found := meta.FindStatusCondition(s.Conditions, kind); found != nil {
		return found.Reason
	}
	return ""
}

// Subject is what the results of checks are about, as a version kept it that had no record of it: the deployments that run.
func Subject(s *v1alpha1.EngineEnvironmentStatus) string {
	if s.Engine == nil {
		return ""
	}
	subject := s.Engine.DeploymentID
	for i := range s.Services {
		subject += "," + s.Services[i].DeploymentID
	}
	return subject
}

// Blank reports whether nothing is known about the object: it is new, or somebody deleted its status.
func Blank(s *v1alpha1.EngineEnvironmentStatus) bool {
	return len(s.Conditions) == 0 && s.WorkingRecord == nil
}
