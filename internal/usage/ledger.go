// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package usage asks Railway what projects used, once an hour for all tiers of a project.
package usage

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const (
	// Every is how often Railway is asked what a project used, at most (railway-api.md, "Usage and prices"),
	// retry how soon after it did not tell.
	Every = time.Hour
	retry = 5 * time.Minute
)

// unused is how long nobody must have asked for an entry until it is dropped: its project or its token is gone. Who still needs one asks
// at least once an hour.
const unused = 2 * Every

// Ledger remembers what projects used, so that Railway is asked once an hour for all tiers of a project. The zero value is ready.
type Ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	// swept is when the unused entries were last dropped.
	swept time.Time
}

type entry struct {
	mu   sync.Mutex
	read Read
	// asked is when somebody last wanted it. The Ledger's mutex guards it.
	asked time.Time
}

// Read is one answer, or why there was none.
type Read struct {
	At    time.Time
	Usage []model.Usage
	Err   error
}

// Due is when Railway is asked again. A new month starts anew.
func (u Read) Due() time.Time {
	every := Every
	if u.Err != nil {
		every = retry
	}
	return u.At.Add(every)
}

// Read returns the answer of this hour and month, and asks when there is none. Tokens that see different things ask apart.
func (l *Ledger) Read(ctx context.Context, client *railway.Client, projectID string, now time.Time) Read {
	entry := l.of(client.Key()+"/"+projectID, now)
	entry.mu.Lock()
	defer entry.mu.Unlock()
	start, _ := cost.Month(now)
	if !entry.read.At.IsZero() && now.Before(entry.read.Due()) && !entry.read.At.Before(start) {
		return entry.read
	}
	usage, err := client.Usage(railway.WithPriority(ctx, railway.Poll), projectID, start, now)
	if err != nil && ctx.Err() != nil { // cut off, not answered: ask again next time
		return Read{At: now, Err: err}
	}
	entry.read = Read{At: now, Usage: usage, Err: err}
	return entry.read
}

func (l *Ledger) of(key string, now time.Time) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries, l.swept = map[string]*entry{}, now
	}
	if now.Sub(l.swept) >= Every {
		maps.DeleteFunc(l.entries, func(_ string, e *entry) bool { return now.Sub(e.asked) > unused })
		l.swept = now
	}
	if l.entries[key] == nil {
		l.entries[key] = &entry{}
	}
	l.entries[key].asked = now
	return l.entries[key]
}
