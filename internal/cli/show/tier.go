// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/status"
)

const (
	// labelWidth is the width of the column of labels.
	labelWidth = 11
	// driftAtMost is how many drifting, unmanaged or staged fields a screen names.
	driftAtMost = 8
)

// screen collects the lines of one tier.
type screen struct {
	strings.Builder
	paint Paint
	flags Flags
}

// line writes a label and what it is about. An empty label continues the one above; an empty text writes nothing.
func (s *screen) line(label string, text Text) {
	if text != "" {
		fmt.Fprintf(s, "  %s %s\n", s.paint.Faint(pad(label, labelWidth)), s.flags.Message(string(text)))
	}
}

// Tier is one tier on one screen: what runs, the verdict and why, checks, drift, promotion with what it waits for, and cost.
func Tier(object *v1alpha1.EngineEnvironment, now time.Time, paint Paint, flags Flags) Text {
	s := &screen{paint: paint, flags: flags}
	fmt.Fprintf(s, "%s  %s  %s%s\n", paint.Strong(object.Name), Visible(string(object.Spec.Tier)), paint.Verdict(object.Status.Verdict, 0), since(object, now))
	for _, reason := range object.Status.VerdictReasons {
		s.line("why", Visible(whole(object, reason)))
	}
	if object.Spec.Suspend {
		s.line("suspended", Visible(flags.Command(object, "resume"))+"  # ends that")
	}
	s.runs(object)
	s.ready(object, now)
	s.checks(object.Status.Checks)
	s.drift(object.Status.Drift)
	s.names("unmanaged", "on Railway that nobody declared", object.Status.UnmanagedVariables)
	s.names("staged", "on Railway's dashboard that nobody deployed", object.Status.StagedChanges)
	s.plan(object)
	s.rollback(object)
	s.hold(object)
	s.promotion(object, now)
	s.line("cost", Visible(cost(object.Status.Cost, now)))
	s.line("secret", Visible(s.envFrom(object)))
	if at := object.Status.Railway; at != nil {
		s.line("railway", Visible(at.Environment)+"  "+paint.Faint(at.URL))
	}
	return Text(s.String())
}

// whole is a reason of the verdict that was cut, in full where a condition has it: a command in it is there to be pasted.
func whole(object *v1alpha1.EngineEnvironment, reason string) string {
	begins, cut := strings.CutSuffix(reason, "…")
	for i := range object.Status.Conditions {
		c := &object.Status.Conditions[i]
		if full := c.Reason + ": " + c.Message; cut && strings.HasPrefix(full, begins) {
			return full
		}
	}
	return reason
}

// since is how long the tier has been GO, or has not been.
func since(object *v1alpha1.EngineEnvironment, now time.Time) string {
	if object.Status.Verdict == v1alpha1.VerdictGo && object.Status.GoSince != nil {
		return " for " + age(*object.Status.GoSince, now)
	}
	return ""
}

func age(since metav1.Time, now time.Time) string {
	return duration.HumanDuration(now.Sub(since.Time))
}

// runs are the services, the engine first.
func (s *screen) runs(object *v1alpha1.EngineEnvironment) {
	if engine := object.Status.Engine; engine != nil {
		s.line("runs", Visible(service(engine)))
	} else if object.Spec.Tier != v1alpha1.TierLocal {
		s.line("runs", "nothing yet")
	}
	for i := range object.Status.Services {
		s.line("", Visible(service(&object.Status.Services[i])))
	}
}

func service(of *v1alpha1.ServiceStatus) string {
	parts := []string{fmt.Sprintf("%s %s", of.Name, orDash(of.Revision))}
	switch {
	case of.Digest != "":
		parts = append(parts, short(of.Digest))
	case of.Commit != "":
		parts = append(parts, of.Commit[:min(12, len(of.Commit))])
	}
	if of.Replicas > 0 {
		parts = append(parts, fmt.Sprintf("%d/%s ready", of.ReadyReplicas, status.Count(int(of.Replicas), "replica", "replicas")))
	}
	if of.DeploymentStatus != "" && of.DeploymentStatus != "SUCCESS" {
		parts = append(parts, of.DeploymentStatus)
	}
	if of.URL != "" {
		parts = append(parts, of.URL)
	}
	return strings.Join(parts, "  ")
}

// short is enough of a digest to tell it from others.
func short(digest string) string {
	kind, sum, ok := strings.Cut(digest, ":")
	if !ok {
		return digest
	}
	return kind + ":" + sum[:min(12, len(sum))]
}

// ready is the condition Ready, unless the verdict's reasons say the same.
func (s *screen) ready(object *v1alpha1.EngineEnvironment, now time.Time) {
	c := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case c == nil:
		s.line("ready", s.paint.Doubt("not known: no operator has worked on it yet"))
		return
	case object.Status.ObservedGeneration != object.Generation:
		s.line("ready", s.paint.Doubt("the status is about an older spec: the operator has not read the newest one yet"))
		return
	case c.Status == metav1.ConditionTrue:
		s.line("ready", s.paint.Good("yes")+Visible(" for "+age(c.LastTransitionTime, now)))
		return
	}
	said := false
	for _, reason := range object.Status.VerdictReasons {
		said = said || strings.HasPrefix(reason, c.Reason+": ")
	}
	// the time is the condition's: it has been like this that long, perhaps for another reason at first
	text := " for " + age(c.LastTransitionTime, now) + "; now " + c.Reason
	if !said {
		text += ": " + c.Message
	}
	answer := "no"
	if c.Status == metav1.ConditionUnknown {
		answer = "not decided"
	}
	s.line("ready", s.paint.Doubt(answer)+Visible(text))
}

// checks sums them up and shows each that does not pass.
func (s *screen) checks(all []v1alpha1.CheckStatus) {
	if len(all) == 0 {
		return
	}
	var names, parts []string
	for i := range all {
		if all[i].Result == v1alpha1.CheckPassed {
			names = append(names, all[i].Name)
		}
	}
	passed, counted := status.Tally(all)
	if counted > 0 {
		text := fmt.Sprintf("%d of %s: %s", passed, status.Count(counted, "check passes", "checks pass"), strings.Join(names, ", "))
		parts = append(parts, strings.TrimSuffix(text, ": "))
	}
	if skipped := len(all) - counted; skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", skipped))
	}
	s.line("checks", Visible(strings.Join(parts, "; ")))
	for i := range all {
		check, mark := &all[i], Text("")
		switch check.Result {
		case v1alpha1.CheckPassed:
			continue
		case v1alpha1.CheckFailed:
			mark = s.paint.Bad("✗ " + check.Name)
		case v1alpha1.CheckPending:
			mark = s.paint.Doubt("… " + check.Name)
		case v1alpha1.CheckSkipped:
			mark = s.paint.Faint("- " + check.Name)
		}
		if check.Blames != "" {
			mark += Visible(" (blames the " + strings.ToLower(check.Blames) + ")")
		}
		s.line("", mark+Visible("  "+check.Message))
	}
}

func (s *screen) drift(all []v1alpha1.Drift) {
	if len(all) == 0 {
		return
	}
	s.line("drift", s.paint.Bad(status.Count(len(all), "field differs", "fields differ")+" from what was applied"))
	for i := range all[:min(len(all), driftAtMost)] {
		d := &all[i]
		text := fmt.Sprintf("%s: %s, declared %s", d.Path, quoted(d.Actual), quoted(d.Declared))
		if d.ChangedBy != "" {
			text += ", by " + d.ChangedBy
		}
		s.line("", Visible(text))
	}
	if more := len(all) - driftAtMost; more > 0 {
		s.line("", Visible(fmt.Sprintf("and %d more: see status.drift", more)))
	}
}

// names lists what the status names, the first of many.
func (s *screen) names(label, what string, all []string) {
	if len(all) == 0 {
		return
	}
	text := fmt.Sprintf("%d %s: %s", len(all), what, strings.Join(all[:min(len(all), driftAtMost)], ", "))
	if more := len(all) - driftAtMost; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	s.line(label, Visible(text))
}

// quoted is a value between quotes, and a note such as (absent) as it is.
func quoted(value string) string {
	if strings.HasPrefix(value, "(") && strings.HasSuffix(value, ")") {
		return value
	}
	return fmt.Sprintf("%q", value)
}

func (s *screen) rollback(object *v1alpha1.EngineEnvironment) {
	if r := object.Status.Rollback; r != nil {
		s.line("held", s.paint.Bad(fmt.Sprintf("%s, which was rolled back: %s", promotion.Standing(object), r.Reason)))
		s.line("", Visible(s.flags.Command(object, "resume")+"  # deploys "+promotion.Replaced(r)+" again"))
	}
}

// promotion is the state and what it waits for.
func (s *screen) promotion(object *v1alpha1.EngineEnvironment, now time.Time) {
	p := object.Status.Promotion
	if p == nil || object.Spec.Promotion == nil {
		return
	}
	from, message := object.Spec.Promotion.From, conditionMessage(object, v1alpha1.ConditionPromoted)
	switch p.State {
	case v1alpha1.PromotionUpToDate:
		s.line("promotion", Visible(fmt.Sprintf("up to date with %s", from)))
	case v1alpha1.PromotionSoaking:
		s.line("promotion", s.paint.Doubt(fmt.Sprintf("%s soaks in %s", p.CandidateRevision, from))+Visible(soak(p.SoakedAt, now)))
	case v1alpha1.PromotionAwaitingApproval:
		s.line("promotion", s.paint.Doubt(fmt.Sprintf("%s from %s waits for an approval", p.CandidateRevision, from)))
		s.line("", Visible(s.flags.Command(object, "approve")))
	default:
		if object.Status.Rollback != nil && slices.Contains(p.Rejected, p.Candidate) {
			return // what is held says it, and how it ends
		}
		if status.ReasonOf(&object.Status, v1alpha1.ConditionPromoted) == v1alpha1.ReasonPromotionHeld { // as above
			message = fmt.Sprintf("%s from %s waits for the end of the hold", p.CandidateRevision, from)
		}
		s.line("promotion", s.paint.Doubt(string(p.State)+":")+Visible(" "+message))
	}
}

func soak(until *metav1.Time, now time.Time) string {
	switch {
	case until == nil:
		return ""
	case !until.After(now):
		return ", and is about to be taken"
	default:
		return fmt.Sprintf(", %s left", duration.HumanDuration(until.Sub(now)))
	}
}

func conditionMessage(object *v1alpha1.EngineEnvironment, name string) string {
	if c := meta.FindStatusCondition(object.Status.Conditions, name); c != nil {
		return c.Message
	}
	return ""
}

func cost(c *v1alpha1.CostStatus, now time.Time) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("%s projected for the month, $%s so far (%s ago)", c.Summary, strings.TrimPrefix(c.MonthToDateUSD, "$"), age(c.AsOf, now))
}

func (s *screen) envFrom(object *v1alpha1.EngineEnvironment) string {
	if object.Status.EnvSecret == "" {
		return ""
	}
	return object.Status.EnvSecret + "  # for envFrom, or: " + s.flags.Command(object, "render") + " --reveal"
}

// Source is what a tier is declared or promoted to run, in short.
func Source(object *v1alpha1.EngineEnvironment) string {
	if p := object.Status.Promotion; object.Spec.Promotion != nil {
		if p == nil {
			return ""
		}
		return promotion.Revision(p.Source)
	}
	return promotion.Revision(object.Spec.Engine.Source)
}
