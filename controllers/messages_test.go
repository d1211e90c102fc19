// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/claim"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// commandsOf are messages with the command that each must tell, when all that others wrote is the text.
func commandsOf(t *testing.T, text string) map[string]struct{ message, command string } {
	t.Helper()
	const at, group = "kubectl annotate eenv -n team preview ", "railway.engine-operator.dev/"
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	source := func(n string) v1alpha1.Source {
		return v1alpha1.Source{Image: "ghcr.io/acme/ai-engine:" + n + "@sha256:" + strings.Repeat(n, 64)}
	}
	input := func(approval v1alpha1.ApprovalPolicy, annotations map[string]string) promotion.Input {
		runs := source("1")
		return promotion.Input{
			Namespace: "team", Name: "preview", Now: now, Annotations: annotations,
			Spec:     &v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierPreview, Promotion: &v1alpha1.Promotion{From: "dev", Approval: approval}},
			Previous: &v1alpha1.PromotionStatus{Source: &runs},
			Upstream: promotion.Upstream{
				Name: "dev", Found: true, GoSince: now.Add(-time.Hour),
				Verified: &v1alpha1.VerifiedStatus{Revision: "2", Source: source("2"), Since: metav1.NewTime(now.Add(-time.Hour))},
			},
		}
	}
	hold := map[string]string{v1alpha1.AnnotationHold: text}
	approved := map[string]string{v1alpha1.AnnotationApprove: text}
	told := func(in promotion.Input) string { return findings.Promoted(promotion.Decide(in)).Message }
	rolledBack := func(approval v1alpha1.ApprovalPolicy, annotations map[string]string, change func(*promotion.Input)) string {
		in := input(approval, annotations)
		in.Rollback = &v1alpha1.RollbackStatus{From: "3", To: "1", RevisionName: "preview-1", Reason: text}
		in.Held = &promotion.Content{}
		change(&in)
		d := promotion.Decide(in)
		require.Empty(t, d.Stuck)
		require.NotNil(t, d.Rollback)
		return promotion.HeldMessage(in, d)
	}
	rejected := func(in *promotion.Input) {
		in.Previous.Rejected = []string{string(promotion.SourceOf(&in.Upstream.Verified.Source))}
	}
	requested := func(in *promotion.Input) { in.Spec.Promotion, in.Rollback.Requested = nil, true }
	asDeclared := func(in *promotion.Input) { in.Spec.Promotion, in.Rollback.From = nil, "1" }

	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "preview", UID: "0f3c2a1b"}}
	object.Spec.Railway = &v1alpha1.Railway{}
	p := &pass{object: object, journal: journal.Open(&object.Status, time.Minute, now), tell: teller{events: events.NewFakeRecorder(9), log: logr.Discard()}}
	p.facts.Findings = map[string]status.Finding{}
	theirs := view.Writer{Object: "team/preview", UID: "9aaaaaaa"}
	long := strings.Repeat("a", 10_000) // as an id or a name in a mark
	claim.SeeForeign(p.journal, view.Of(&model.Environment{Patches: []model.Patch{
		{Message: view.CommitMessage(text, "eo-0123456789", theirs), CreatedAt: now},
		{Message: view.CommitMessage("x", "eo-0123456789"+long, theirs), CreatedAt: now.Add(time.Minute)},
		{Message: view.CommitMessage("x", "eo-1", view.Writer{Object: "team/" + long + long, UID: "9aaaaaaa"}), CreatedAt: now.Add(time.Hour)},
	}}, now, nil), writerOf(p), now.Add(-time.Hour))
	gate := proposal.Gate{Policy: v1alpha1.WritePolicyApprove, Namespace: "team", Name: "preview", Annotation: text, Refused: text}
	planned := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{{Path: "x", Hash: "1"}}}})

	resume := at + "--overwrite " + group + "resume=$(date +%s)"
	approve := at + "--overwrite " + group + "approve=ghcr.io/acme/ai-engine@sha256:" + strings.Repeat("2", 64) + " " + group +
		`approved-by="$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`
	return map[string]struct{ message, command string }{
		"a person's hold":                     {told(input("", hold)), at + group + "hold-"},
		"an approval for something else":      {told(input(v1alpha1.ApprovalManual, approved)), approve},
		"rolled back":                         {rolledBack("", nil, rejected), resume},
		"rolled back, the next one is held":   {rolledBack("", hold, func(*promotion.Input) {}), at + group + "hold-"},
		"rolled back, the next one waits":     {rolledBack(v1alpha1.ApprovalManual, approved, func(*promotion.Input) {}), approve},
		"rolled back by a person":             {rolledBack("", nil, requested), resume},
		"rolled back to the same revision":    {rolledBack("", nil, asDeclared), resume},
		"a plan, and an approval of another":  {gate.Decide(planned).Message, at + "--overwrite " + group + "approve-plan=" + planned.Hash()},
		"an operator in another cluster":      {yieldToForeign(p).Message, at + "--overwrite " + group + "take-over=eo-0123456789"},
		"a deletion that Railway does not do": {wayOut(p, outcome.Stalled("", "x", text)).Message, `kubectl patch eenv -n team preview --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`},
	}
}

// TestCommandsStayWhole: whatever length the texts have that others wrote, the command is in the condition's message.
func TestCommandsStayWhole(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", strings.Repeat("x", 10_000), strings.Repeat("see kubectl get pods; ", 500), strings.Repeat("é (", 3000)} {
		for name, told := range commandsOf(t, text) {
			next := status.Next(v1alpha1.EngineEnvironmentStatus{}, status.Facts{
				Spec: &v1alpha1.EngineEnvironmentSpec{}, Outcome: outcome.Stalled("", v1alpha1.ReasonRolledBack, told.message).Outcome,
			}, metav1.Now())
			message := meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionReady).Message
			assert.LessOrEqual(t, len(message), 1024)
			assert.Contains(t, message, told.command, "%s, %d bytes", name, len(text))
		}
	}
}
