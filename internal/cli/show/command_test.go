// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// TestMessagesNameOneWay: a command of kubectl in a message of the status is shown as the one of this command line.
func TestMessagesNameOneWay(t *testing.T) {
	flags := show.FlagsOf("/home/a b/config", "acme")
	const given = " --kubeconfig '/home/a b/config' --context acme -n team dev"
	assert.Equal(t, show.Flags(` --context 'it'\''s!'`), show.FlagsOf("", "it's!"), "an interactive shell expands ! between double quotes")
	for text, want := range map[string]string{
		"end it with kubectl annotate eenv -n team dev " + v1alpha1.AnnotationHold + "-":                                            "end it with kubectl engine resume" + given,
		"try 2 again with kubectl annotate eenv -n team dev --overwrite " + v1alpha1.AnnotationResume + "=$(date +%s) (RolledBack)": "try 2 again with kubectl engine resume" + given + " (RolledBack)",
		"kubectl annotate eenv -n team dev --overwrite " + v1alpha1.AnnotationApprove + "=r/app@sha256:1 " + v1alpha1.AnnotationApprovedBy +
			`="$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`: "kubectl engine approve" + given,
		"kubectl annotate eenv -n team dev --overwrite " + v1alpha1.AnnotationApprove + `='a/b@c:/it'\''s $(x) ; y' ` + v1alpha1.AnnotationApprovedBy + "=dana": "kubectl engine approve" + given,
		"approve it: kubectl engine approve -n team dev, or kubectl annotate eenv -n team dev --overwrite " + v1alpha1.AnnotationApprovePlan + "=3f1c":          "approve it: kubectl engine approve" + given,
		"kubectl annotate eenv -n team dev --overwrite " + v1alpha1.GroupVersion.Group + "/take-over=x":                                                         "kubectl annotate eenv -n team dev --overwrite " + v1alpha1.GroupVersion.Group + "/take-over=x",
		"kubectl get pods": "kubectl get pods",
	} {
		assert.Equal(t, want, flags.Message(text))
	}
	dev := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "dev"}}
	assert.Equal(t, "kubectl engine resume -n team dev", show.FlagsOf("", "").Command(dev, "resume"))
}

// TestHoldOnTheScreen: the screen names what ends a hold once, and what waits for that.
func TestHoldOnTheScreen(t *testing.T) {
	tier := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{
		Name: "preview", Namespace: "team", Annotations: map[string]string{v1alpha1.AnnotationHold: "demo"},
	}}
	tier.Spec.Promotion = &v1alpha1.Promotion{From: "dev"}
	tier.Status.Promotion = &v1alpha1.PromotionStatus{State: v1alpha1.PromotionBlocked, Candidate: "x", CandidateRevision: "1.7.0"}
	tier.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionPromoted, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPromotionHeld,
		Message: "1.7.0: a person holds what runs: end the hold with kubectl annotate eenv -n team preview " + v1alpha1.AnnotationHold + "- (the reason: demo)",
	}}
	screen := show.Tier(tier, time.Time{}, show.NewPaint(false), "")
	assert.Contains(t, screen, "  held        by a person: demo\n              kubectl engine resume -n team preview  # ends the hold\n"+
		"  promotion   Blocked: 1.7.0 from dev waits for the end of the hold\n")
	assert.NotContains(t, screen, "annotate")
	tier.Spec.Suspend = true
	assert.Contains(t, show.Tier(tier, time.Time{}, show.NewPaint(false), ""), "  suspended   kubectl engine resume -n team preview  # ends that\n",
		"also before the operator has reported it")
}
