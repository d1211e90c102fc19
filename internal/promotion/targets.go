// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"slices"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// Targets are the revisions that a person may ask to be put back now, the one verified last first: those that differ from what is
// declared.
func Targets(object *v1alpha1.EngineEnvironment, stored []Stored) []Stored {
	in, d := asked(object, stored)
	return in.others(in.declared(&d))
}

// Target is the revision that a person who asks for a rollback calls by the name: the operator decides the same.
func Target(object *v1alpha1.EngineEnvironment, stored []Stored, name string) (Stored, bool) {
	in, d := asked(object, stored)
	return in.requested(name, in.declared(&d))
}

// Held is the rollback that holds the object now, nil when none does, or when what ends it is there already.
func Held(object *v1alpha1.EngineEnvironment) *v1alpha1.RollbackStatus {
	_, d := asked(object, nil)
	return d.Rollback
}

// asked is the decision that the operator begins with when it sees a request, as far as object and status tell.
func asked(object *v1alpha1.EngineEnvironment, stored []Stored) (Input, Decision) {
	in := Input{
		Spec: &object.Spec, Annotations: object.Annotations, Stored: stored, Previous: object.Status.Promotion, Rollback: object.Status.Rollback,
	}
	d := Decision{Rollback: in.Rollback.DeepCopy()}
	if e := object.Status.Engine; e != nil {
		in.Runs = Running{Image: e.Image, Digest: e.Digest, Commit: e.Commit}
		if source := object.Spec.Engine.Source; source != nil {
			in.Runs.Repo, in.Runs.Branch = source.Repo, source.Branch
		}
	}
	if object.Spec.Promotion != nil {
		d.Promotion = in.previous()
	}
	in.endHold(&d)
	return in, d
}

// Ask is a name that means the revision and by which no rollback of the object was asked for: the operator carries each value of the
// annotation out once. Empty when there is none.
func Ask(object *v1alpha1.EngineEnvironment, stored []Stored, target Stored) string {
	before := []string{redact.Identity(object.Annotations[v1alpha1.AnnotationRollback])}
	if record := object.Status.WorkingRecord; record != nil {
		before = append(before, redact.Identity(record.RollbackRequest))
	}
	for _, name := range target.Names() {
		if slices.Contains(before, redact.Identity(name)) {
			continue
		}
		if meant, ok := Target(object, stored, name); ok && meant.Name == target.Name {
			return name
		}
	}
	return ""
}
