// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Underway reports whether a change of the status only tells how far work has come that is under way before and after it: the verdict is
// PENDING. It may be written a little later, together with what follows; so Ready may turn True a little later, too. What must not wait
// is never under way: a verdict, what waits for a person, what was promoted, verified or rolled back, and the answer to a request.
func Underway(before, after *v1alpha1.EngineEnvironmentStatus) bool {
	return pending(before) && pending(after) &&
		before.ObservedGeneration == after.ObservedGeneration &&
		before.LastHandledReconcileAt == after.LastHandledReconcileAt &&
		equality.Semantic.DeepEqual(before.Promotion, after.Promotion) &&
		equality.Semantic.DeepEqual(before.Verified, after.Verified) &&
		equality.Semantic.DeepEqual(before.Rollback, after.Rollback) &&
		equality.Semantic.DeepEqual(before.Plan, after.Plan)
}

// pending reports whether the operator or Railway acts next and nothing is decided. Ready is unknown while a person must act.
func pending(s *v1alpha1.EngineEnvironmentStatus) bool {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	return s.Verdict == v1alpha1.VerdictPending && ready != nil && ready.Status != metav1.ConditionUnknown &&
		!Holds(s, v1alpha1.ConditionStalled)
}
