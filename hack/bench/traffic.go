// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// traffic counts what arrives at the local Railway.
type traffic struct {
	mu sync.Mutex
	// requests are all by operation.
	requests map[string]int
	// polls are those of requests that read only environments whose objects are settled.
	polls map[string]int
	// settled are the environments whose objects are GO.
	settled map[string]bool
	// reads counts the reads of each environment, however many at once; last is when it was read last, whenever that was, and longest
	// the longest time between two reads.
	reads   map[string]int
	last    map[string]time.Time
	longest map[string]time.Duration
	// gaps are all times between two reads of the environments in followed, from the time there on.
	followed map[string]time.Time
	gaps     []time.Duration
	// commits are when the last commit of an environment arrived.
	commits map[string]time.Time
}

func newTraffic() *traffic {
	t := &traffic{settled: map[string]bool{}, commits: map[string]time.Time{}, last: map[string]time.Time{}}
	t.reset()
	return t
}

// reset starts to count anew.
func (t *traffic) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests, t.polls, t.reads = map[string]int{}, map[string]int{}, map[string]int{}
	t.longest, t.followed, t.gaps = map[string]time.Duration{}, map[string]time.Time{}, nil
}

// settle notes that the environment's object is GO.
func (t *traffic) settle(environment string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settled[environment] = true
}

// follow keeps all times between two reads of these environments from now on.
func (t *traffic) follow(environments []string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range environments {
		t.followed[id] = now
	}
}

// observe is the simulator's Intercept.
func (t *traffic) observe(r railwaysim.Request, phase railwaysim.Phase) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if phase == railwaysim.PhaseBefore {
		t.requests[r.Operation]++
		if id, ok := r.Variables["environmentId"].(string); ok && r.Operation == "CommitPatch" {
			t.commits[id] = r.Time
		}
		return
	}
	poll := len(r.Environments) > 0
	for _, id := range r.Environments {
		poll = poll && t.settled[id]
		t.read(id, r.Time)
	}
	if poll {
		t.polls[r.Operation]++
	}
}

// read notes a read of an environment whose request arrived at that time. The mutex is held.
func (t *traffic) read(id string, at time.Time) {
	t.reads[id]++
	if before, ok := t.last[id]; ok {
		gap := at.Sub(before)
		t.longest[id] = max(t.longest[id], gap)
		if since, ok := t.followed[id]; ok && before.After(since) {
			t.gaps = append(t.gaps, gap)
		}
	}
	t.last[id] = at
}

// atLeast is how many environments were read so often, once or twice.
func (c counted) atLeast(times int) int {
	if times == 1 {
		return c.once
	}
	return c.twice
}

// counted is what was counted since the last reset.
type counted struct {
	// needed are requests without routine polls; both by operation.
	requests, needed map[string]int
	// total are all requests, reads all environments read.
	total, reads int
	// once and twice are how many environments were read at least so often.
	once, twice int
	gaps        []time.Duration
}

func (t *traffic) counted() counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := counted{requests: maps.Clone(t.requests), needed: map[string]int{}, gaps: slices.Clone(t.gaps), once: len(t.reads)}
	for operation, n := range t.requests {
		c.total += n
		c.needed[operation] = n - t.polls[operation]
	}
	for _, n := range t.reads {
		c.reads += n
		if n > 1 {
			c.twice++
		}
	}
	return c
}

// ages are how old the view of each environment got until now.
func (t *traffic) ages(environments []string, now time.Time) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	ages := make([]time.Duration, 0, len(environments))
	for _, id := range environments {
		ages = append(ages, max(t.longest[id], now.Sub(t.last[id])))
	}
	return ages
}

// unread are how long each environment has not been read now.
func (t *traffic) unread(environments []string, now time.Time) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	waits := make([]time.Duration, 0, len(environments))
	for _, id := range environments {
		waits = append(waits, now.Sub(t.last[id]))
	}
	return waits
}

// readAll reports whether each of the environments was read since the last reset.
func (t *traffic) readAll(environments []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !slices.ContainsFunc(environments, func(id string) bool { return t.reads[id] == 0 })
}

// committed is when the environment's last commit arrived, false when none did since then.
func (t *traffic) committed(environment string, since time.Time) (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.commits[environment]
	return at, at.After(since)
}
