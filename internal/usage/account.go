// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Account is what an environment costs beside its budget.
type Account struct {
	// Cost is nil while nothing is known of this month.
	Cost    *v1alpha1.CostStatus
	Finding status.Finding
	// Due is when it is asked for next.
	Due time.Time
}

// Account compares what the environment costs with its budget. Not knowing it is told and stops nothing but promotions; what was known
// this month stays known.
func (l *Ledger) Account(
	ctx context.Context, client *railway.Client, object *v1alpha1.EngineEnvironment, at *v1alpha1.RailwayStatus, now time.Time,
) Account {
	budget, known := object.Spec.Budget, object.Status.Cost
	if !cost.SameMonth(known, now) {
		known = nil
	}
	due, forbidden := cost.Due(known, Every), false
	if !now.Before(due) {
		read := l.Read(ctx, client, at.ProjectID, now)
		due, forbidden = read.Due(), railway.ClassOf(read.Err) == railway.Unauthorized
		if read.Err == nil {
			known = price(object, at, read)
		}
	}
	a := Account{Due: due, Finding: findings.WithinBudget(budget, cost.Against(known, budget), forbidden)}
	if known != nil {
		a.Cost = cost.Against(known, budget)
	}
	return a
}

// price turns usage into what the environment costs.
func price(object *v1alpha1.EngineEnvironment, at *v1alpha1.RailwayStatus, read Read) *v1alpha1.CostStatus {
	since := time.Time{}
	if at.Created {
		since = object.CreationTimestamp.Time
	}
	soFar := cost.USD(read.Usage, at.EnvironmentID)
	return cost.Status(soFar, cost.Project(soFar, since, read.At), object.Spec.Budget, metav1.NewTime(read.At.Truncate(time.Second)))
}
