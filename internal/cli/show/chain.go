// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/proposal"
)

// branch is a tier in its place in the tree.
type branch struct {
	stem string
	*v1alpha1.EngineEnvironment
}

// Chain is the tiers as a tree: each below the one that it takes its source from.
func Chain(tiers []v1alpha1.EngineEnvironment, now time.Time, namespaces bool, paint Paint, flags Flags) Text {
	rows := [][]string{{"NAME", "TIER", "VERDICT", "RUNS", "CHECKS", "COST", "WAITS FOR"}}
	all := grow(tiers)
	for _, b := range all {
		name := b.stem + b.Name
		if namespaces {
			name = b.stem + b.Namespace + "/" + b.Name
		}
		rows = append(rows, []string{
			name, string(b.Spec.Tier), string(b.Status.Verdict), running(b.EngineEnvironment), b.Status.Readiness, costSummary(b.EngineEnvironment),
			flags.Message(waits(b.EngineEnvironment, now, flags)),
		})
	}
	return table(rows, func(row, column int, text string) Text {
		switch {
		case row == 0:
			return paint.Faint(text)
		case column == 2:
			return paint.Verdict(all[row-1].Status.Verdict, len([]rune(text)))
		default:
			return Visible(text)
		}
	})
}

// grow orders the tiers: each after its upstream tier, and a stem before its name. A circle, and a tier whose upstream is missing,
// stand at the top.
func grow(tiers []v1alpha1.EngineEnvironment) []branch {
	there, children := map[string]bool{}, map[string][]*v1alpha1.EngineEnvironment{}
	key := func(namespace, name string) string { return namespace + "/" + name }
	for i := range tiers {
		there[key(tiers[i].Namespace, tiers[i].Name)] = true
	}
	var all []branch
	var roots []*v1alpha1.EngineEnvironment
	for i := range tiers {
		tier := &tiers[i]
		if p := tier.Spec.Promotion; p != nil && there[key(tier.Namespace, p.From)] {
			children[key(tier.Namespace, p.From)] = append(children[key(tier.Namespace, p.From)], tier)
			continue
		}
		roots = append(roots, tier)
	}
	placed := map[*v1alpha1.EngineEnvironment]bool{}
	var add func(tier *v1alpha1.EngineEnvironment, stem, below string)
	add = func(tier *v1alpha1.EngineEnvironment, stem, below string) {
		if placed[tier] {
			return
		}
		placed[tier] = true
		all = append(all, branch{stem, tier})
		next := children[key(tier.Namespace, tier.Name)]
		for i, child := range next {
			if i == len(next)-1 {
				add(child, below+"└─ ", below+"   ")
			} else {
				add(child, below+"├─ ", below+"│  ")
			}
		}
	}
	for _, root := range roots {
		add(root, "", "")
	}
	for i := range tiers { // those in a circle
		add(&tiers[i], "", "")
	}
	return all
}

func running(tier *v1alpha1.EngineEnvironment) string {
	switch {
	case tier.Status.Engine != nil:
		return tier.Status.Engine.Revision
	case tier.Status.EnvSecret != "":
		return "Secret " + tier.Status.EnvSecret
	default:
		return ""
	}
}

func costSummary(tier *v1alpha1.EngineEnvironment) string {
	if tier.Status.Cost == nil {
		return ""
	}
	return tier.Status.Cost.Summary
}

// waits is the one thing that a person wants to know next.
func waits(tier *v1alpha1.EngineEnvironment, now time.Time, flags Flags) string {
	s := &tier.Status
	rolledBack := s.Rollback != nil && len(s.VerdictReasons) > 0 && strings.HasPrefix(s.VerdictReasons[0], v1alpha1.ReasonRolledBack)
	switch {
	case rolledBack:
		return held(tier, flags)
	case tier.Spec.Suspend:
		return "suspended: " + flags.Command(tier, "resume")
	case proposal.StateOf(tier) == proposal.Waits:
		return decision(tier, now, flags)
	case s.Verdict == v1alpha1.VerdictNoGo && len(s.VerdictReasons) > 0:
		return s.VerdictReasons[0]
	}
	if text := decision(tier, now, flags); text != "" {
		return text
	}
	if len(s.VerdictReasons) > 0 {
		return s.VerdictReasons[0]
	}
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); c != nil && c.Status != metav1.ConditionTrue {
		return c.Reason + ": " + c.Message
	}
	return ""
}

// decision is what waits for a person, or for the end of a soak.
func decision(tier *v1alpha1.EngineEnvironment, now time.Time, flags Flags) string {
	s, plan := &tier.Status, proposal.StateOf(tier)
	switch p := s.Promotion; {
	case plan == proposal.Waits:
		return fmt.Sprintf("%s: %s", s.Plan.Message, flags.Command(tier, "approve"))
	case s.Rollback != nil:
		return held(tier, flags)
	case tier.Annotations[v1alpha1.AnnotationHold] != "" && tier.Spec.Promotion != nil:
		return "held by a person: " + flags.Command(tier, "resume")
	case plan == proposal.Observed:
		return s.Plan.Message + ": set spec.writePolicy to Apply, or to Approve"
	case p != nil && p.State == v1alpha1.PromotionAwaitingApproval:
		return fmt.Sprintf("%s: %s", p.CandidateRevision, flags.Command(tier, "approve"))
	case p != nil && p.State == v1alpha1.PromotionSoaking:
		return p.CandidateRevision + " soaks" + soak(p.SoakedAt, now)
	default:
		return ""
	}
}

// held is what runs after a rollback, and what ends that. What was rolled back may be broken: to wait for a newer one comes first.
func held(tier *v1alpha1.EngineEnvironment, flags Flags) string {
	r, newer := tier.Status.Rollback, ""
	if p := tier.Spec.Promotion; p != nil {
		newer = p.From + " has verified a newer one or "
	}
	return fmt.Sprintf("%s, until %sthe spec changes; to deploy %s again: %s", promotion.Standing(tier), newer, promotion.Replaced(r), flags.Command(tier, "resume"))
}

// table aligns the rows, one line each. The last column is not filled up; cell may colour a text that has its final width.
func table(rows [][]string, cell func(row, column int, text string) Text) Text {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			row[i] = string(Visible(text))
			widths[i] = max(widths[i], len([]rune(orDash(row[i]))))
		}
	}
	var out strings.Builder
	for r, row := range rows {
		var line strings.Builder
		for c, text := range row {
			if c == len(row)-1 {
				line.WriteString(string(cell(r, c, text)))
				continue
			}
			line.WriteString(string(cell(r, c, pad(orDash(text), widths[c]))) + "  ")
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return Text(out.String())
}
