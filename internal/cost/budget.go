// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Status is what the environment costs, in US dollars, beside its budget.
func Status(soFar, projected float64, budget *v1alpha1.Budget, asOf metav1.Time) *v1alpha1.CostStatus {
	known := &v1alpha1.CostStatus{
		MonthToDateUSD: fmt.Sprintf("%.2f", soFar), ProjectedUSD: fmt.Sprintf("%.2f", projected), AsOf: asOf,
	}
	return Against(known, budget)
}

// Against is the same cost beside a budget that may be another one; nil when no cost is known.
func Against(known *v1alpha1.CostStatus, budget *v1alpha1.Budget) *v1alpha1.CostStatus {
	if known == nil {
		return nil
	}
	next := known.DeepCopy()
	next.Summary = fmt.Sprintf("$%s of $%d", known.ProjectedUSD, budget.MonthlyUSD)
	return next
}

// Due is when a known cost is asked for again; the zero time when none is known.
func Due(known *v1alpha1.CostStatus, every time.Duration) time.Time {
	if known == nil {
		return time.Time{}
	}
	return known.AsOf.Add(every)
}

// SameMonth reports whether the cost is known for the month that the time is in.
func SameMonth(known *v1alpha1.CostStatus, now time.Time) bool {
	start, _ := Month(now)
	return known != nil && !known.AsOf.Time.Before(start)
}

// Over reports whether the month is projected to cost more than the budget.
func Over(budget *v1alpha1.Budget, known *v1alpha1.CostStatus) bool {
	projected, err := strconv.ParseFloat(known.ProjectedUSD, 64)
	return err == nil && projected > float64(budget.MonthlyUSD)
}

// Gate says why nothing may be promoted into the tier because of what it costs; empty when it may. A cost that is not known keeps
// the gate shut: a failed request must not open it.
func Gate(budget *v1alpha1.Budget, known *v1alpha1.CostStatus, now time.Time) string {
	switch {
	case budget == nil || budget.Enforcement != v1alpha1.BudgetBlockPromotion:
		return ""
	case !SameMonth(known, now):
		return "what this tier costs is not known, and budget.enforcement is BlockPromotion: only account and workspace tokens can read it"
	case Over(budget, known):
		return "this tier is over its budget: the month is projected to cost " + Against(known, budget).Summary
	default:
		return ""
	}
}
