// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BudgetEnforcement says what an exceeded budget does.
// +kubebuilder:validation:Enum=Report;BlockPromotion
type BudgetEnforcement string

const (
	// BudgetReport makes the verdict NO-GO.
	BudgetReport BudgetEnforcement = "Report"
	// BudgetBlockPromotion also keeps new revisions from being promoted into this tier.
	BudgetBlockPromotion BudgetEnforcement = "BlockPromotion"
)

// Budget is what the environment may cost.
type Budget struct {
	// monthlyUSD is the most that the environment may cost in a calendar month, in US dollars, at Railway's unit prices and
	// without what the workspace's plan includes.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +required
	MonthlyUSD int32 `json:"monthlyUSD,omitempty"`

	// enforcement says what an exceeded budget does. Default: Report.
	// +optional
	Enforcement BudgetEnforcement `json:"enforcement,omitempty"`
}

// CostStatus is what the environment costs.
type CostStatus struct {
	// monthToDateUSD is what it has cost in this calendar month, in US dollars.
	// +required
	MonthToDateUSD string `json:"monthToDateUSD"`
	// projectedUSD is what it will have cost at the end of the month, at the rate so far.
	// +required
	ProjectedUSD string `json:"projectedUSD"`
	// summary is the projection beside the budget, for example $62.10 of $570.
	// +required
	Summary string `json:"summary"`
	// asOf is when Railway was asked; once an hour at most.
	// +required
	AsOf metav1.Time `json:"asOf"`
}
