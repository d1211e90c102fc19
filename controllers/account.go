// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// account compares what the environment costs with its budget. Not knowing it is said and stops nothing.
func (r *Reconciler) account(ctx context.Context, p *pass) *Outcome {
	budget := p.object.Spec.Budget
	if budget == nil {
		p.object.Status.Cost = nil
		meta.RemoveStatusCondition(&p.object.Status.Conditions, v1alpha1.ConditionWithinBudget)
		return nil
	}
	at := p.object.Status.Railway
	read := r.ledger.read(ctx, p.client, at.ProjectID, p.now)
	p.wakeAt(read.at.Add(usageEvery))
	if read.err != nil {
		p.budget = &verdict{unknown: true, reason: v1alpha1.ReasonUsageNotReadable, message: usageProblem(read.err)}
		return nil
	}
	since := time.Time{}
	if at.Created {
		since = p.object.CreationTimestamp.Time
	}
	soFar := cost.USD(read.usage, at.EnvironmentID)
	projected := cost.Project(soFar, since, read.at)
	limit := float64(budget.MonthlyUSD)
	summary := fmt.Sprintf("$%.2f of $%d", projected, budget.MonthlyUSD)
	p.object.Status.Cost = &v1alpha1.CostStatus{
		MonthToDateUSD: fmt.Sprintf("%.2f", soFar), ProjectedUSD: fmt.Sprintf("%.2f", projected), Summary: summary, AsOf: metav1.NewTime(read.at),
	}
	setCostMetrics(p.key, soFar, projected, limit)
	p.budget = passed("the month is projected to cost " + summary)
	if projected > limit {
		p.budget = &verdict{reason: v1alpha1.ReasonOverBudget, message: p.budget.message}
	}
	return nil
}

func usageProblem(err error) string {
	if railway.ClassOf(err) == railway.Unauthorized {
		return "Railway does not tell this token what the project used: an account or workspace token may ask"
	}
	return "Railway did not tell what the project used; it is asked again within the hour"
}

// usageEvery is how often Railway is asked what a project used, at most (FACTS §9).
const usageEvery = time.Hour

// ledger remembers what projects used, so that Railway is asked once an hour for all tiers of a project.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*ledgerEntry
}

type ledgerEntry struct {
	mu   sync.Mutex
	read usageRead
}

// usageRead is one answer, or why there was none.
type usageRead struct {
	at    time.Time
	usage []model.Usage
	err   error
}

// read returns the answer of this hour and month, and asks when there is none. Tokens that see different things ask apart.
func (l *ledger) read(ctx context.Context, client *railway.Client, projectID string, now time.Time) usageRead {
	entry := l.entry(client.Key() + "/" + projectID)
	entry.mu.Lock()
	defer entry.mu.Unlock()
	start, _ := cost.Month(now)
	if !entry.read.at.IsZero() && now.Sub(entry.read.at) < usageEvery && !entry.read.at.Before(start) {
		return entry.read
	}
	usage, err := client.Usage(railway.WithPriority(ctx, railway.Poll), projectID, start, now)
	if err != nil && ctx.Err() != nil { // cut off, not answered: ask again next time
		return usageRead{at: now, err: err}
	}
	entry.read = usageRead{at: now, usage: usage, err: err}
	return entry.read
}

func (l *ledger) entry(key string) *ledgerEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = map[string]*ledgerEntry{}
	}
	if l.entries[key] == nil {
		l.entries[key] = &ledgerEntry{}
	}
	return l.entries[key]
}
