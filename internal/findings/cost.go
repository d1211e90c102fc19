// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package findings

import (
	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/status"
)

// WithinBudget compares what is known of the month's cost with the budget. known is nil when nothing is; forbidden is true when Railway
// does not tell this token.
func WithinBudget(budget *v1alpha1.Budget, known *v1alpha1.CostStatus, forbidden bool) status.Finding {
	switch {
	case known == nil && forbidden:
		return status.Unknown(v1alpha1.ReasonUsageNotReadable,
			"this token cannot read the project's usage: use an account or workspace token")
	case known == nil:
		return status.Unknown(v1alpha1.ReasonUsageNotReadable, "the project's usage could not be read; the operator tries again soon")
	}
	message := "the month is projected to cost " + known.Summary
	if cost.Over(budget, known) {
		return status.Failed(v1alpha1.ReasonOverBudget, message)
	}
	return status.Passed(message)
}
