// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
)

const (
	// usageEvery is how often Railway is asked what a project used, at most (railway-api.md, "Usage and prices"),
	// usageRetry how soon after it did not tell.
	usageEvery = time.Hour
	usageRetry = 5 * time.Minute
)

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

// due is when Railway is asked again. A new month starts anew.
func (u usageRead) due() time.Time {
	every := usageEvery
	if u.err != nil {
		every = usageRetry
	}
	return u.at.Add(every)
}

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
	due := cost.Due(known, usageEvery)
	var problem error
	if !p.now.Before(due) {
		read := l.read(ctx, p.client, at.ProjectID, p.now)
		due, problem = read.due(), read.err
		if read.err == nil {
			known = price(p, at, read)
		}
	}
	p.wakeAt(due)
	if known == nil {
		p.find(v1alpha1.ConditionWithinBudget, status.Unknown(v1alpha1.ReasonUsageNotReadable, usageProblem(problem)))
		return
	}
	p.facts.Cost = cost.Against(known, budget)
	p.find(v1alpha1.ConditionWithinBudget, withinBudget(budget, p.facts.Cost))
}

// price turns usage into what the environment costs.
func price(p *pass, at *v1alpha1.RailwayStatus, read usageRead) *v1alpha1.CostStatus {
	since := time.Time{}
	if at.Created {
		since = p.object.CreationTimestamp.Time
	}
	soFar := cost.USD(read.usage, at.EnvironmentID)
	return cost.Status(soFar, cost.Project(soFar, since, read.at), p.object.Spec.Budget, metav1.NewTime(read.at.Truncate(time.Second)))
}

func withinBudget(budget *v1alpha1.Budget, known *v1alpha1.CostStatus) status.Finding {
	message := "the month is projected to cost " + known.Summary
	if cost.Over(budget, known) {
		return status.Failed(v1alpha1.ReasonOverBudget, message)
	}
	return status.Passed(message)
}

func usageProblem(err error) string {
	if railway.ClassOf(err) == railway.Unauthorized {
		return "Railway does not tell this token what the project used: an account or workspace token may ask"
	}
	return "Railway did not tell what the project used; it is asked again soon"
}

// read returns the answer of this hour and month, and asks when there is none. Tokens that see different things ask apart.
func (l *ledger) read(ctx context.Context, client *railway.Client, projectID string, now time.Time) usageRead {
	entry := l.entry(client.Key() + "/" + projectID)
	entry.mu.Lock()
	defer entry.mu.Unlock()
	start, _ := cost.Month(now)
	if !entry.read.at.IsZero() && now.Before(entry.read.due()) && !entry.read.at.Before(start) {
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
