// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
)

func TestOffers(t *testing.T) {
	const always = "reconcile suspend"
	const promoted = "reconcile hold suspend"
	tests := []struct {
		name, reason string
		tier         v1alpha1.Tier
		edits        []edit
		want         string
	}{
		{"at rest", "nothing to approve or resume", v1alpha1.TierPreview, nil, always},
		{"local", "runs nowhere", v1alpha1.TierLocal, nil, "reconcile suspend"},
		{"awaiting approval", "approve comes first", v1alpha1.TierPreview, []edit{promoting(v1alpha1.PromotionAwaitingApproval)}, "approve " + promoted},
		{"soaking", "an approval could have no effect yet", v1alpha1.TierPreview, []edit{promoting(v1alpha1.PromotionSoaking)}, promoted},
		{"approved", "once is enough", v1alpha1.TierPreview, []edit{promoting(v1alpha1.PromotionAwaitingApproval), annotated(v1alpha1.AnnotationApprove, candidate)}, promoted},
		{"rolled back", "it can be tried again", v1alpha1.TierPreview, []edit{rolledBack}, "resume " + always},
		{"held", "the hold can end, and no second begins", v1alpha1.TierPreview, []edit{from("dev"), annotated(v1alpha1.AnnotationHold, "x")}, "release reconcile suspend"},
		{"held, and nothing is promoted to it", "the annotation means nothing", v1alpha1.TierPreview, []edit{annotated(v1alpha1.AnnotationHold, "x")}, always},
		{"plan", "it waits for a person", v1alpha1.TierPreview, []edit{planned}, "approve-plan " + always},
		{"plan is approved", "once is enough", v1alpha1.TierPreview, []edit{planned, annotated(v1alpha1.AnnotationApprovePlan, "3f1c")}, always},
		{"plan of an older spec", "another one comes", v1alpha1.TierPreview, []edit{planned, func(o *v1alpha1.EngineEnvironment) { o.Generation++ }}, always},
		{"observed", "nothing is written", v1alpha1.TierPreview, []edit{planned, observed, verified}, always},
		{"suspended", "nothing can be forced", v1alpha1.TierPreview, []edit{from("dev"), suspended, verified}, "unsuspend hold"},
		{"verified", "there is something to go back to", v1alpha1.TierPreview, []edit{verified}, "reconcile rollback suspend"},
		{"being deleted", "nothing can be asked for any more", v1alpha1.TierPreview,
			[]edit{func(o *v1alpha1.EngineEnvironment) { now := metav1.NewTime(epoch); o.DeletionTimestamp = &now }}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, offer := range view.Offers(object("preview", tt.tier, tt.edits...)) {
				got = append(got, offer.Action)
			}
			assert.Equal(t, tt.want, strings.Join(got, " "), tt.reason)
		})
	}
}

func TestPrepare(t *testing.T) {
	stamp := epoch.Format("2006-01-02T15:04:05Z07:00")
	tests := []struct {
		action, input string
		edits         []edit
		patch         string
		command       string
	}{
		{view.ActionApprove, "", []edit{promoting(v1alpha1.PromotionAwaitingApproval)},
			`{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/approve":"` + candidate + `","railway.engine-operator.dev/approved-by":"alice"}}}`,
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/approve=" + candidate + " railway.engine-operator.dev/approved-by=alice"},
		{view.ActionResume, "", []edit{rolledBack}, `{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/resume":"` + stamp + `"}}}`,
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/resume=" + stamp},
		{view.ActionReconcile, "", nil, `{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/requested-at":"` + stamp + `"}}}`,
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/requested-at=" + stamp},
		{view.ActionSuspend, "", nil, `{"metadata":{"uid":"uid-preview"},"spec":{"suspend":true}}`, `kubectl patch eenv -n team preview --type merge -p '{"spec":{"suspend":true}}'`},
		{view.ActionUnsuspend, "", []edit{suspended}, `{"metadata":{"uid":"uid-preview"},"spec":{"suspend":false}}`, `kubectl patch eenv -n team preview --type merge -p '{"spec":{"suspend":false}}'`},
		{view.ActionApprovePlan, "", []edit{planned}, `{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/approve-plan":"3f1c"}}}`,
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/approve-plan=3f1c"},
		{view.ActionHold, "it's black friday", []edit{from("dev")}, `{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/hold":"it's black friday"}}}`,
			`kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/hold='it'\''s black friday'`},
		{view.ActionRelease, "", []edit{from("dev"), annotated(v1alpha1.AnnotationHold, "x")}, `{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/hold":null}}}`,
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/hold-"},
		{view.ActionRollback, "3", []edit{verified}, `{"metadata":{"uid":"uid-preview","annotations":{"railway.engine-operator.dev/rollback":"3"}}}`,
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/rollback=3"},
	}
	for _, tt := range tests {
		t.Run(tt.action, func(t *testing.T) {
			change, err := view.Prepare(object("preview", v1alpha1.TierPreview, tt.edits...),
				view.Request{Action: tt.action, Input: tt.input, User: "alice", Now: epoch})
			require.NoError(t, err)
			assert.JSONEq(t, tt.patch, string(change.Patch))
			assert.Equal(t, tt.command, change.Command)
			assert.Len(t, change.Writes, strings.Count(tt.patch, "engine-operator.dev/")+strings.Count(tt.patch, "suspend"), "every field that is written is shown")
			assert.NotEmpty(t, change.Title)
			assert.NotEmpty(t, change.Effect)
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	tests := []struct {
		name    string
		request view.Request
		edits   []edit
		says    string
	}{
		{"unknown action", view.Request{Action: "delete"}, nil, `there is no action "delete"`},
		{"nothing to approve", view.Request{Action: view.ActionApprove, User: "alice"}, nil, "nothing to approve"},
		{"nobody approves", view.Request{Action: view.ActionApprove}, []edit{promoting(v1alpha1.PromotionAwaitingApproval)}, "user name"},
		{"no reason", view.Request{Action: view.ActionHold, Input: "  "}, []edit{from("dev")}, "enter a reason"},
		{"long reason", view.Request{Action: view.ActionHold, Input: strings.Repeat("x", 257)}, []edit{from("dev")}, "more than 256 bytes"},
		{"two lines", view.Request{Action: view.ActionHold, Input: "a\nb"}, []edit{from("dev")}, "one line"},
		{"input that nobody asked for", view.Request{Action: view.ActionSuspend, Input: "x"}, nil, "takes no"},
		{"suspended twice", view.Request{Action: view.ActionSuspend}, []edit{suspended}, "suspended already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := view.Prepare(object("preview", v1alpha1.TierPreview, tt.edits...), tt.request)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

func TestPrepareWarnsOfGit(t *testing.T) {
	argo := annotated("argocd.argoproj.io/tracking-id", "app:x")
	change, err := view.Prepare(object("preview", v1alpha1.TierPreview, argo), view.Request{Action: view.ActionSuspend, Now: epoch})
	require.NoError(t, err)
	assert.Contains(t, change.Warning, "Argo CD applies this object from Git", "it will put spec.suspend back")
	change, err = view.Prepare(object("preview", v1alpha1.TierPreview, argo), view.Request{Action: view.ActionReconcile, Now: epoch})
	require.NoError(t, err)
	assert.Empty(t, change.Warning, "an annotation of ours is not in Git")
}

// TestCommandsCarryOutNothing gives hostile values to a shell, as a person does who pastes a command.
func TestCommandsCarryOutNothing(t *testing.T) {
	for _, hostile := range []string{`$(touch pwned)`, "`touch pwned`", `'; touch pwned; '`, `"; touch pwned #`, `a b\`, `*`, `-x`, `a'b"c$d`} {
		change, err := view.Prepare(object("preview", v1alpha1.TierPreview, from("dev")), view.Request{Action: view.ActionHold, Input: hostile, Now: epoch})
		require.NoError(t, err)
		script := "kubectl() { printf '%s\\n' \"$@\"; }\n" + change.Command
		run := exec.CommandContext(t.Context(), "sh", "-c", script)
		run.Dir = t.TempDir()
		out, err := run.Output()
		require.NoError(t, err, change.Command)
		words := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		assert.Equal(t, "railway.engine-operator.dev/hold="+hostile, words[len(words)-1], "the value is one word, as it is")
		var patch struct {
			Metadata struct{ Annotations map[string]string }
		}
		require.NoError(t, json.Unmarshal(change.Patch, &patch))
		assert.Equal(t, hostile, patch.Metadata.Annotations[v1alpha1.AnnotationHold])
	}
}
