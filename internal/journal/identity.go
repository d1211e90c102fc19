// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"maps"
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// ServiceIDs returns Railway's ids of the declared services, by declared name.
func (j *Journal) ServiceIDs() map[string]string { return maps.Clone(j.record.ServiceIDs) }

// Bind remembers which service on Railway a declared name means, and forgets names that are declared no more.
func (j *Journal) Bind(ids map[string]string, declared []string) {
	bound := map[string]string{}
	for _, name := range declared {
		if id := ids[name]; id != "" {
			bound[name] = id
		} else if id := j.record.ServiceIDs[name]; id != "" {
			bound[name] = id
		}
	}
	j.record.ServiceIDs = nil
	if len(bound) > 0 {
		j.record.ServiceIDs = bound
	}
}

// Unbind forgets the services that are gone.
func (j *Journal) Unbind(names []string) {
	maps.DeleteFunc(j.record.ServiceIDs, func(name, _ string) bool { return slices.Contains(names, name) })
}

// KeyLost reports whether the hashes of the record were made with another key than the named one.
func (j *Journal) KeyLost(key string) bool { return j.record.HashKey != "" && j.record.HashKey != key }

// UseKey notes which key the hashes of the record are made with, once all of them are.
func (j *Journal) UseKey(key string) { j.record.HashKey = key }

// Verified notes what the results of the checks are about, and with which annotation they were last forced.
func (j *Journal) Verified(subject, forced string) {
	j.record.Subject, j.record.Forced = subject, forced
}

// Subject returns what the results of the checks are about, and with which annotation they were last forced.
func (j *Journal) Subject() (subject, forced string) { return j.record.Subject, j.record.Forced }

// Deleting notes that Railway has accepted to delete what belongs to the object.
func (j *Journal) Deleting(at metav1.Time) { j.record.Deletion = &at }

// DeletionAccepted reports whether Railway has accepted that.
func (j *Journal) DeletionAccepted() bool { return j.record.Deletion != nil }

// DeletionSince is how long ago Railway accepted that; very long when it has not.
func (j *Journal) DeletionSince(now time.Time) time.Duration {
	if j.record.Deletion == nil {
		return math.MaxInt64
	}
	return max(now.Sub(j.record.Deletion.Time), 0)
}

// ApprovedPlan returns the plan that is being carried out, or without changes the one that was carried out last; nil when there was none.
func (j *Journal) ApprovedPlan() *v1alpha1.ApprovedPlan { return j.record.ApprovedPlan.DeepCopy() }

// Approve notes which plan is being carried out, or was last.
func (j *Journal) Approve(approved *v1alpha1.ApprovedPlan) {
	j.record.ApprovedPlan = approved.DeepCopy()
}

// RollbackRequest returns the annotation's value by which a person last asked for a rollback.
func (j *Journal) RollbackRequest() string { return j.record.RollbackRequest }

// RollbackRequested notes it: each value is carried out once.
func (j *Journal) RollbackRequested(value string) { j.record.RollbackRequest = redact.Identity(value) }

// AsksForRollback reports whether the annotation's value asks for a rollback that was not carried out yet.
func (j *Journal) AsksForRollback(value string) bool {
	return value != "" && redact.Identity(value) != j.record.RollbackRequest
}
