// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/usage"
)

// ledger compares what environments cost with their budgets.
type ledger struct{ usage usage.Ledger }

// account compares what the environment costs with its budget. Not knowing it is told and stops nothing but promotions; what was
// known this month stays known.
func (l *ledger) account(ctx context.Context, p *pass) {
	budget, at := p.object.Spec.Budget, p.at()
	if budget == nil || at == nil {
		return
	}
	known := p.object.Status.Cost
	if !cost.SameMonth(known, p.now) {
		known = nil
	}
	due, forbidden := cost.Due(known, usage.Every), false
	if !p.now.Before(due) {
		read := l.usage.Read(ctx, p.client, at.ProjectID, p.now)
		due, forbidden = read.Due(), railway.ClassOf(read.Err) == railway.Unauthorized
		if read.Err == nil {
			known = price(p, at, read)
		}
	}
	p.wakeAt(due)
	p.find(v1alpha1.ConditionWithinBudget, findings.WithinBudget(budget, cost.Against(known, budget), forbidden))
	if known != nil {
		p.facts.Cost = cost.Against(known, budget)
	}
}

// price turns usage into what the environment costs.
func price(p *pass, at *v1alpha1.RailwayStatus, read usage.Read) *v1alpha1.CostStatus {
	since := time.Time{}
	if at.Created {
		since = p.object.CreationTimestamp.Time
	}
	soFar := cost.USD(read.Usage, at.EnvironmentID)
	return cost.Status(soFar, cost.Project(soFar, since, read.At), p.object.Spec.Budget, metav1.NewTime(read.At.Truncate(time.Second)))
}
