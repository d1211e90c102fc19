// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"slices"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Targets are the revisions that a person may ask to be put back now, the one verified last first: those that differ from what is
// declared.
func Targets(object *v1alpha1.EngineEnvironment, stored []Stored) []Stored {
	in, d := Input{Spec: &object.Spec, Stored: stored}, Decision{}
	if e := object.Status.Engine; e != nil {
		in.Runs = Running{Image: e.Image, Digest: e.Digest, Commit: e.Commit}
		if source := object.Spec.Engine.Source; source != nil {
			in.Runs.Repo, in.Runs.Branch = source.Repo, source.Branch
		}
	}
	if object.Spec.Promotion != nil {
		d.Promotion = object.Status.Promotion
	}
	targets := in.others(in.declared(&d))
	slices.SortFunc(targets, func(a, b Stored) int { return int(b.Order - a.Order) })
	return targets
}

// Unasked is the first of the names that no rollback of the object was asked for with; empty when it was with each. The operator
// carries each value of the annotation out once.
func Unasked(object *v1alpha1.EngineEnvironment, names ...string) string {
	asked := []string{object.Annotations[v1alpha1.AnnotationRollback]}
	if record := object.Status.WorkingRecord; record != nil {
		asked = append(asked, record.RollbackRequest)
	}
	at := slices.IndexFunc(names, func(name string) bool { return !slices.Contains(asked, name) })
	if at < 0 {
		return ""
	}
	return names[at]
}
