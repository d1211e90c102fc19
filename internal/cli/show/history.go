// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/view"
)

// Entry is one thing that happened to a tier.
type Entry struct {
	Time time.Time `json:"time,omitzero"`
	// Kind is Promoted, Verified, RolledBack, Committed, Held, Approved, PlanApproved, RollbackRequested, ResumeRequested, or the reason of
	// an event.
	Kind string `json:"kind"`
	What string `json:"what"`
	// Who did it or approved it, where that is known: a person, or the program by which a person did it.
	Who string `json:"who,omitempty"`
	// From says where it is known from: status, annotations, revisions, events or railway.
	From string `json:"from"`
}

// Past is what is known of a tier's past. Each part may be missing.
type Past struct {
	Object    *v1alpha1.EngineEnvironment
	Revisions []promotion.Stored
	Events    []corev1.Event
	// Patches are Railway's own history of the environment.
	Patches []model.Patch
}

// sameWithin is how far the time of an event, in whole seconds, may be from that of the same thing in the status, which knows more.
const sameWithin = 2 * time.Second

// operatorName is who did what the operator did.
const operatorName = "engine-operator"

// History is a tier's past, the newest first.
func History(past Past) []Entry {
	known, hold := fromStatus(past.Object), ""
	if p := past.Object.Status.Promotion; p != nil {
		hold = p.Hold // the event has it in the same words: they may be cut
	}
	patches, requests := fromPatches(past.Object, past.Patches), fromAnnotations(past.Object)
	events := slices.DeleteFunc(fromEvents(past.Events), func(event Entry) bool {
		return slices.ContainsFunc(known, func(e Entry) bool {
			return e.Kind == event.Kind && event.Time.Sub(e.Time).Abs() <= sameWithin || isCommit(event, e)
		}) ||
			slices.ContainsFunc(patches, func(e Entry) bool { return e.Who == operatorName && event.What == committedEvent+e.What }) ||
			slices.ContainsFunc(requests, func(e Entry) bool {
				return e.Kind == event.Kind && event.What == promotion.HeldEvent+hold && !event.Time.Before(e.Time.Add(-sameWithin))
			})
	})
	slices.SortStableFunc(known, newestFirst)
	slices.SortStableFunc(requests, newestFirst)
	slices.SortStableFunc(events, exactly)
	slices.SortStableFunc(patches, exactly)
	return merge(known, requests, fromRevisions(past.Revisions), events, patches)
}

// answeredWithin is how much later than a commit was sent its event may come: once Railway has answered.
const answeredWithin = 3 * time.Minute

// isCommit reports whether the event is that of the last commit, which the status knows by when it was sent.
func isCommit(event, last Entry) bool {
	wrote, ok := strings.CutPrefix(event.What, committedEvent)
	after := event.Time.Sub(last.Time)
	return ok && last.Kind == event.Kind && strings.HasPrefix(last.What, wrote) && -sameWithin <= after && after <= answeredWithin
}

// merge makes one list of several. Each keeps its order: within a second, what comes from one place is told apart by what that place
// knows, and what comes from two by which leads to which.
func merge(lists ...[]Entry) []Entry {
	all := []Entry{} // for scripts
	for {
		var next *[]Entry
		for i := range lists {
			if len(lists[i]) > 0 && (next == nil || newestFirst(lists[i][0], (*next)[0]) < 0) {
				next = &lists[i]
			}
		}
		if next == nil {
			return all
		}
		all, *next = append(all, (*next)[0]), (*next)[1:]
	}
}

// exactly orders entries whose times have parts of a second.
func exactly(a, b Entry) int { return cmp.Or(b.Time.Compare(a.Time), newestFirst(a, b)) }

// steps are the kinds in the order in which one leads to the next. Any other kind tells what came of them.
var steps = []string{
	"Held", "Approved", "PlanApproved", "RollbackRequested", "ResumeRequested", "Resumed", "Promoted", "RolledBack", "Created", "Committed",
	"Deployed", "Verified",
}

// newestFirst orders entries. Most times are whole seconds: within one, what leads to something is older than that.
func newestFirst(a, b Entry) int {
	step := func(e Entry) int {
		if at := slices.Index(steps, e.Kind); at >= 0 {
			return at
		}
		return len(steps)
	}
	return cmp.Or(
		b.Time.Truncate(time.Second).Compare(a.Time.Truncate(time.Second)), cmp.Compare(step(b), step(a)),
		b.Time.Compare(a.Time), strings.Compare(a.Kind, b.Kind),
	)
}

func fromStatus(object *v1alpha1.EngineEnvironment) []Entry {
	var all []Entry
	s := &object.Status
	if s.Promotion != nil {
		for _, record := range s.Promotion.History {
			all = append(all, Entry{
				Time: record.At.Time, Kind: "Promoted", What: fmt.Sprintf("%s from %s: %s", record.Revision, record.From, record.Outcome),
				Who: record.ApprovedBy, From: "status",
			})
		}
	}
	if r := s.Rollback; r != nil {
		all = append(all, Entry{Time: r.At.Time, Kind: "RolledBack", What: promotion.FromTo(r) + ": " + r.Reason, Who: operatorName, From: "status"})
	}
	if c := s.LastCommit; c != nil {
		what := c.Message
		if len(c.Services) > 0 {
			what += "; deploys " + strings.Join(c.Services, ", ")
		}
		all = append(all, Entry{Time: c.Time.Time, Kind: "Committed", What: what, Who: operatorName, From: "status"})
	}
	return all
}

// fromAnnotations is what people ask for by annotations now: Kubernetes keeps who set one last and when, and nothing of those before.
func fromAnnotations(object *v1alpha1.EngineEnvironment) []Entry {
	var all []Entry
	for _, request := range []struct{ annotation, kind, who string }{
		{v1alpha1.AnnotationHold, "Held", ""},
		{v1alpha1.AnnotationApprove, "Approved", object.Annotations[v1alpha1.AnnotationApprovedBy]},
		{v1alpha1.AnnotationApprovePlan, "PlanApproved", ""},
		{v1alpha1.AnnotationRollback, "RollbackRequested", ""},
		{v1alpha1.AnnotationResume, "ResumeRequested", ""},
	} {
		if what := object.Annotations[request.annotation]; what != "" {
			at, program := setBy(object, request.annotation)
			all = append(all, Entry{Time: at, Kind: request.kind, What: what, Who: cmp.Or(request.who, program), From: "annotations"})
		}
	}
	return all
}

// setBy is when an annotation was set, and by which program. The time is that of the program's last change to the object; each command of
// ours is a program of its own there.
func setBy(object *v1alpha1.EngineEnvironment, annotation string) (at time.Time, program string) {
	for _, entry := range object.ManagedFields {
		var fields struct {
			Metadata struct {
				Annotations map[string]any `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if entry.FieldsV1 == nil || entry.Time == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, sets := fields.Metadata.Annotations["f:"+annotation]; sets && entry.Time.After(at) {
			at, program = entry.Time.Time, entry.Manager
		}
	}
	return at, program
}

// fromRevisions are the revisions that were verified here. One that was verified again keeps the time of the first.
func fromRevisions(revisions []promotion.Stored) []Entry {
	var all []Entry
	revisions = slices.SortedFunc(slices.Values(revisions), func(a, b promotion.Stored) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(b.Order, a.Order))
	})
	for _, r := range revisions {
		source := r.Content.Engine.Source
		all = append(all, Entry{
			Time: r.Since, Kind: "Verified", From: "revisions",
			What: fmt.Sprintf("%s, as revision %d (%s)", promotion.Revision(source), r.Order, promotion.SourceOf(source)),
		})
	}
	return all
}

func fromEvents(events []corev1.Event) []Entry {
	var all []Entry
	for i := range events {
		e := &events[i]
		if e.Reason == v1alpha1.ReasonRolledBack && e.Action == "Reconcile" {
			continue // that Ready says so, after the event of the rollback itself
		}
		at := e.LastTimestamp.Time
		if at.IsZero() {
			at = e.EventTime.Time
		}
		if e.Series != nil && e.Series.LastObservedTime.After(at) { // it happened again
			at = e.Series.LastObservedTime.Time
		}
		all = append(all, Entry{Time: at, Kind: e.Reason, What: e.Message, Who: cmp.Or(e.ReportingController, e.Source.Component), From: "events"})
	}
	return all
}

// committedEvent is how the event of a commit begins.
const committedEvent = "Committed to Railway: "

// fromPatches are the commits in Railway's history. The last one of the operator stands in the status, which knows more of it.
func fromPatches(object *v1alpha1.EngineEnvironment, patches []model.Patch) []Entry {
	var all []Entry
	for _, p := range patches {
		text, id, ours := view.ReadMessage(p.Message)
		if last := object.Status.LastCommit; ours && p.Error == "" && last != nil && last.ID == id {
			continue
		}
		at := p.AppliedAt
		if at.IsZero() {
			at = p.CreatedAt
		}
		what, who := cmp.Or(text, "(no message)"), p.AppliedBy
		if ours {
			who = operatorName
		}
		if p.Error != "" {
			what += ": Railway could not apply it: " + p.Error
		}
		all = append(all, Entry{Time: at, Kind: "Committed", What: what, Who: who, From: "railway"})
	}
	return all
}

// HistoryTable is the entries for people.
func HistoryTable(entries []Entry, paint Paint) Text {
	if len(entries) == 0 {
		return "Nothing is known yet.\n"
	}
	rows := [][]string{{"WHEN (UTC)", "WHAT", "WHO", "DETAILS"}}
	for _, e := range entries {
		rows = append(rows, []string{when(e.Time), e.Kind, e.Who, e.What})
	}
	return table(rows, func(row, column int, text string) Text {
		switch {
		case row == 0:
			return paint.Faint(text)
		case column == 1 && entries[row-1].Kind == "RolledBack":
			return paint.Bad(text)
		case column == 1 && (entries[row-1].Kind == "Verified" || entries[row-1].Kind == "Promoted"):
			return paint.Good(text)
		default:
			return Visible(text)
		}
	})
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateTime)
}
