// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// PreviousRevision asks for what was verified last before what is declared now.
const PreviousRevision = "previous"

// Names are what a person may call the revision by: its ControllerRevision, its number, its name in status, and its source.
func (s Stored) Names() []string {
	source := s.Content.Engine.Source
	return []string{s.Name, strconv.FormatInt(s.Order, 10), Revision(source), string(SourceOf(source))}
}

// rollBackOnRequest puts a verified revision in place of what is declared because a person asked for it. Each value of the annotation is
// carried out once; the hold that it begins ends like any other.
func (in *Input) rollBackOnRequest(d *Decision) {
	asked := in.Annotations[v1alpha1.AnnotationRollback]
	d.RollbackRequest = asked
	if asked == "" || asked == in.RollbackRequest {
		return
	}
	target, ok := in.requested(asked, in.declared(d))
	if !ok {
		d.Refused = fmt.Sprintf("nothing that was verified here and differs from what is declared is called %q", asked)
		return
	}
	in.Held = &target.Content
	d.Rollback = &v1alpha1.RollbackStatus{
		From: Revision(in.Runs.asConfigured()), To: Revision(target.Content.Engine.Source), RevisionName: target.Name,
		Reason: "a person asked for it", Requested: true, At: metav1.NewTime(in.Now), Content: in.declared(d).Hash(),
		Resume: in.Annotations[v1alpha1.AnnotationResume],
	}
	c := Conclusion{Promotion: d.Promotion}
	c.reject()
}

// requested finds the revision that a person asks for among those that differ from what is declared.
func (in *Input) requested(asked string, declared Content) (Stored, bool) {
	others := slices.DeleteFunc(slices.Clone(in.Stored), func(s Stored) bool {
		return s.Content.Hash() == declared.Hash() || s.Content.with(declared.Engine.Source, in.Runs) == declared.Hash()
	})
	if asked == PreviousRevision {
		return newest(others)
	}
	for _, s := range others {
		if slices.Contains(s.Names(), asked) {
			return s, true
		}
	}
	return Stored{}, false
}

// with is the hash of the content as it would be declared, when its source is what runs under the declared one.
func (c Content) with(declared *v1alpha1.Source, runs Running) string {
	if declared == nil || SourceOf(Pin(declared, runs)) != SourceOf(c.Engine.Source) {
		return ""
	}
	c.Engine.Source = declared
	return c.Hash()
}
