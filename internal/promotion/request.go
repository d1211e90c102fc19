// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// PreviousRevision asks for what was verified last before what is declared now.
const PreviousRevision = "previous"

// kindsOfNames is how many kinds of names a revision has.
const kindsOfNames = 4

// Names are what a person may call the revision by: its ControllerRevision, its source, its name in status, and its number.
func (s Stored) Names() []string {
	source := s.Content.Engine.Source
	return []string{s.Name, string(SourceOf(source)), Revision(source), strconv.FormatInt(s.Order, 10)}
}

// rollBackOnRequest puts a verified revision in place of what is declared because a person asked for it. Each value of the annotation is
// carried out once; the hold that it begins ends like any other.
func (in *Input) rollBackOnRequest(d *Decision) {
	asked := in.Annotations[v1alpha1.AnnotationRollback]
	d.RollbackRequest = redact.Identity(asked)
	if asked == "" || d.RollbackRequest == redact.Identity(in.RollbackRequest) {
		return
	}
	target, ok := in.requested(asked, in.declared(d))
	if !ok {
		d.Refused = in.refusal(asked, in.declared(d))
		return
	}
	in.Held = &target.Content
	replaced := in.declared(d).Engine.Source // what runs may still be what is returned to: nothing newer was deployed yet
	if replaced == nil {
		replaced = in.Runs.asConfigured()
	}
	d.Rollback = &v1alpha1.RollbackStatus{
		From: Revision(replaced), To: Revision(target.Content.Engine.Source), RevisionName: target.Name,
		Reason: "a person asked for it", Requested: true, At: metav1.NewTime(in.Now), Content: in.declared(d).Hash(),
		Resume: ResumeOf(in.Annotations),
	}
	c := Conclusion{Promotion: d.Promotion}
	c.reject()
}

// refusal says why there is no such revision, and which there are. What a person wrote ends it: that may be long.
func (in *Input) refusal(asked string, declared Content) string {
	others := in.others(declared)
	if len(others) == 0 {
		return fmt.Sprintf("nothing but what is declared was verified here (asked for: %q)", asked)
	}
	return fmt.Sprintf("there is no such verified revision that differs from what is declared; there is %s (asked for: %q)", Called(others), asked)
}

// Called lists revisions by their numbers and what they run.
func Called(revisions []Stored) string {
	var all []string
	for _, s := range revisions {
		all = append(all, s.Called())
	}
	return strings.Join(all, ", ")
}

// Called is the revision by its number and what it runs.
func (s Stored) Called() string {
	return fmt.Sprintf("%d (%s)", s.Order, Revision(s.Content.Engine.Source))
}

// requested finds the revision that a person asks for among those that differ from what is declared.
func (in *Input) requested(asked string, declared Content) (Stored, bool) {
	others := in.others(declared)
	if asked == PreviousRevision {
		return newest(in.withoutReplaced(others, declared))
	}
	// A tag may be a number, too: the first kind of name that fits counts, and of several revisions the one verified last.
	for kind := range kindsOfNames {
		called := slices.DeleteFunc(slices.Clone(others), func(s Stored) bool { return s.Names()[kind] != asked })
		if found, ok := newest(called); ok {
			return found, true
		}
	}
	return Stored{}, false
}

// others are the revisions that differ from what is declared, the one verified last first.
func (in *Input) others(declared Content) []Stored {
	others := slices.DeleteFunc(slices.Clone(in.Stored), func(s Stored) bool {
		return s.Content.Hash() == declared.Hash() || s.Content.with(declared.Engine.Source, in.Runs) == declared.Hash()
	})
	slices.SortFunc(others, func(a, b Stored) int { return int(b.Order - a.Order) })
	return others
}

// withoutReplaced leaves out what a hold replaces: while it lasts, Railway does not tell which bytes the declared tag is, and what was
// verified last under it is meant.
func (in *Input) withoutReplaced(all []Stored, declared Content) []Stored {
	if in.Rollback == nil || Pinned(declared.Engine.Source) {
		return all
	}
	same := slices.DeleteFunc(slices.Clone(all), func(s Stored) bool {
		content := s.Content
		content.Engine.Source = unpinned(s.Content.Engine.Source)
		return s.Name == in.Rollback.RevisionName || content.Hash() != declared.Hash()
	})
	replaced, ok := newest(same)
	if !ok {
		return all
	}
	return slices.DeleteFunc(all, func(s Stored) bool { return s.Name == replaced.Name })
}

// with is the hash of the content as it would be declared, when its source is what runs under the declared one.
func (c Content) with(declared *v1alpha1.Source, runs Running) string {
	if declared == nil || SourceOf(Pin(declared, runs)) != SourceOf(c.Engine.Source) {
		return ""
	}
	c.Engine.Source = declared
	return c.Hash()
}
