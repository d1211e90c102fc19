// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/view"
)

// TestHistoryTellsOnce: what the status and an event tell of is one entry, the one that knows who approved it.
func TestHistoryTellsOnce(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 400_000_000, time.UTC)
	object := &v1alpha1.EngineEnvironment{}
	object.Status.Promotion = &v1alpha1.PromotionStatus{History: []v1alpha1.PromotionRecord{
		{Revision: "1.6.0", From: "preview", ApprovedBy: "dana", At: metav1.NewTime(at), Outcome: v1alpha1.PromotionVerified},
	}}
	event := func(reason string, after time.Duration) corev1.Event {
		return corev1.Event{Reason: reason, Message: "an event", LastTimestamp: metav1.NewTime(at.Add(after).Truncate(time.Second))}
	}
	var got []string
	for _, e := range show.History(show.Past{Object: object, Events: []corev1.Event{
		event("Promoted", time.Second), event("Promoted", -time.Hour), event("Committed", 0),
	}}) {
		got = append(got, e.Kind+" "+e.From+" "+e.Who)
	}
	assert.Equal(t, []string{"Committed events ", "Promoted status dana", "Promoted events "}, got)
}

// TestHistoryTellsACommitOnce: the status has when it was sent, the event comes when Railway has answered.
func TestHistoryTellsACommitOnce(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	object := &v1alpha1.EngineEnvironment{}
	object.Status.LastCommit = &v1alpha1.Commit{ID: "eo-2", Message: "set Y", Services: []string{"engine"}, Time: at}
	committed := func(what string, after time.Duration) corev1.Event {
		return corev1.Event{Reason: "Committed", Message: "Committed to Railway: " + what, LastTimestamp: metav1.NewTime(at.Add(after))}
	}
	var got []string
	for _, e := range show.History(show.Past{Object: object, Events: []corev1.Event{
		committed("set Y", 20*time.Second), committed("set Y", -time.Hour), committed("set Z", 5*time.Second),
	}}) {
		got = append(got, e.From+" "+e.What)
	}
	assert.Equal(t, []string{"events Committed to Railway: set Z", "status set Y; deploys engine", "events Committed to Railway: set Y"}, got)
}

// TestHistoryOfOneSecond: what leads to something stands below it, whatever part of the second is known.
func TestHistoryOfOneSecond(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	object := &v1alpha1.EngineEnvironment{}
	object.Status.LastCommit = &v1alpha1.Commit{ID: "eo-2", Message: "set Y", Time: metav1.NewTime(at.Add(100 * time.Millisecond))}
	object.Status.Rollback = &v1alpha1.RollbackStatus{From: "2", To: "1", At: metav1.NewTime(at.Add(900 * time.Millisecond))}
	event := func(reason string) corev1.Event { return corev1.Event{Reason: reason, LastTimestamp: at} }
	ready := corev1.Event{Reason: "RolledBack", Action: "Reconcile", LastTimestamp: metav1.NewTime(at.Add(time.Minute)), Message: "2 failed, 1 runs instead"}
	var got []string
	for _, e := range show.History(show.Past{Object: object, Events: []corev1.Event{ready, event("Succeeded"), event("Created"), event("Deployed")}}) {
		got = append(got, e.Kind)
	}
	assert.Equal(t, []string{"Succeeded", "Deployed", "Committed", "Created", "RolledBack"}, got, "one rollback is one entry")
}

// TestHistoryKeepsTheOrderOfItsSources: within a second each place knows the order of its own entries, however it lists them.
func TestHistoryKeepsTheOrderOfItsSources(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	event := func(reason string, part time.Duration) corev1.Event {
		return corev1.Event{Reason: reason, EventTime: metav1.NewMicroTime(at.Add(part * time.Millisecond))}
	}
	revision := func(order int64, tag string) promotion.Stored {
		return promotion.Stored{Order: order, Since: at, Content: promotion.Content{Engine: v1alpha1.Engine{Service: v1alpha1.Service{Source: &v1alpha1.Source{Image: "acme/app:" + tag}}}}}
	}
	again := event("RollbackRefused", -60_000)
	again.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at.Add(2 * time.Second))}
	object := &v1alpha1.EngineEnvironment{}
	object.Status.LastCommit = &v1alpha1.Commit{ID: "eo-1", Message: "set X", Time: metav1.NewTime(at)}
	past := show.Past{
		Object: object, Revisions: []promotion.Stored{revision(2, "2"), revision(3, "3"), revision(1, "1")},
		Events: []corev1.Event{event("EnvironmentGone", 100), event("Created", 300), again, event("Deleted", 200)},
	}
	for range 2 {
		var got []string
		for _, e := range show.History(past) {
			text, _, _ := strings.Cut(e.What, ",")
			got = append(got, strings.TrimSpace(e.Kind+" "+text))
		}
		assert.Equal(t, []string{
			"RollbackRefused", "Verified 3", "Verified 2", "Verified 1", "Committed set X", "Created", "Deleted", "EnvironmentGone",
		}, got)
		slices.Reverse(past.Events)
		slices.Reverse(past.Revisions)
	}
}

// Railway's history names what the operator committed as people know it, once: the last commit stands in the status, and the event of
// an earlier one says the same.
func TestHistoryOfRailway(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	w := view.NewWriter("team/dev", "0f3c2a1b-5d3e")
	object := &v1alpha1.EngineEnvironment{}
	object.Status.LastCommit = &v1alpha1.Commit{ID: "eo-2", Message: "set Y", Time: metav1.NewTime(at.Add(time.Hour))}
	var told []string
	for _, e := range show.History(show.Past{Object: object, Events: []corev1.Event{
		{Reason: "Committed", Message: "Committed to Railway: set X", LastTimestamp: metav1.NewTime(at.Add(9 * time.Second))},
	}, Patches: []model.Patch{
		{Message: view.CommitMessage("set Y", "eo-2", w), AppliedBy: "the token's owner", CreatedAt: at.Add(time.Hour)},
		{Message: view.CommitMessage("set X", "eo-1", w), AppliedBy: "the token's owner", CreatedAt: at},
		{Message: "by hand", AppliedBy: "dana", CreatedAt: at.Add(-time.Hour)},
		{CreatedAt: at.Add(-2 * time.Hour)},
	}}) {
		told = append(told, e.What+" by "+e.Who)
	}
	assert.Equal(t, []string{"set Y by engine-operator", "set X by engine-operator", "by hand by dana", "(no message) by "}, told)
}

// TestHistoryOfRequests: what people asked for by annotations is part of the history, with the person where one is named.
func TestHistoryOfRequests(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	earlier, much := metav1.NewTime(at.Add(-time.Hour)), metav1.NewTime(at.Add(-24*time.Hour))
	fields := func(annotation string) *metav1.FieldsV1 {
		return metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + annotation + `":{}}}}`)
	}
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{
		Annotations: map[string]string{
			v1alpha1.AnnotationHold: "demo on Friday", v1alpha1.AnnotationResume: "1795867200",
			v1alpha1.AnnotationApprove: "ghcr.io/a/b@sha256:1", v1alpha1.AnnotationApprovedBy: "dana",
		},
		ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: "kubectl-engine", Time: &at, FieldsV1: fields(v1alpha1.AnnotationHold)},
			{Manager: "kubectl-engine-resume", Time: &much, FieldsV1: fields(v1alpha1.AnnotationResume)},
			{Manager: "kubectl-annotate", Time: &earlier, FieldsV1: fields(v1alpha1.AnnotationApprove)},
			{Manager: "engine-operator", Time: &at, FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`)},
			{Manager: "old", FieldsV1: fields(v1alpha1.AnnotationHold)},
		},
	}}
	assert.Equal(t, []show.Entry{
		{Time: at.Time, Kind: "Held", What: "demo on Friday", Who: "kubectl-engine", From: "annotations"},
		{Time: earlier.Time, Kind: "Approved", What: "ghcr.io/a/b@sha256:1", Who: "dana", From: "annotations"},
		{Time: much.Time, Kind: "ResumeRequested", What: "1795867200", Who: "kubectl-engine-resume", From: "annotations"},
	}, show.History(show.Past{Object: object}))

	event := func(reason, message string, after time.Duration) corev1.Event {
		return corev1.Event{Reason: reason, Message: message, LastTimestamp: metav1.NewTime(at.Add(after))}
	}
	object.Annotations[v1alpha1.AnnotationHold] = "demo on Friday, and more than the status keeps"
	object.Status.Promotion = &v1alpha1.PromotionStatus{Hold: "demo on Friday…"}
	var got []string
	for _, e := range show.History(show.Past{Object: object, Events: []corev1.Event{
		event("Held", "A person holds what runs: demo on Friday…", 5*time.Second),
		event("Resumed", "A person has ended the hold: demo on Friday", -2*time.Hour),
		event("Held", "A person holds what runs: demo on Friday", -3*time.Hour),
	}}) {
		got = append(got, e.Kind+" "+e.From)
	}
	assert.Equal(t, []string{"Held annotations", "Approved annotations", "Resumed events", "Held events", "ResumeRequested annotations"}, got,
		"the hold in force is told once, the one before too")
}
