// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// bucket counts a token's requests in the current hour and second (railway-api.md, "Rate limits").
type bucket struct {
	hour, second         time.Time
	usedHour, usedSecond int
}

// spend takes one request from the token's budget and sets Railway's headers. It returns false when there is none left.
func (s *Sim) spend(t *token, header http.Header) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	perHour, perSecond := s.rates(t)
	b := s.buckets[t.ID]
	if b == nil {
		b = &bucket{}
		s.buckets[t.ID] = b
	}
	now := s.now()
	if now.Sub(b.hour) >= time.Hour {
		b.hour, b.usedHour = now, 0
	}
	if now.Sub(b.second) >= time.Second {
		b.second, b.usedSecond = now, 0
	}
	b.usedHour++
	b.usedSecond++
	header.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=3600`, perHour)) // railway-api.md, "Rate limits"
	reset := b.hour.Add(time.Hour)
	header.Set("X-RateLimit-Limit", strconv.Itoa(perHour))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(perHour-b.usedHour, 0)))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	wait := time.Duration(0)
	switch {
	case b.usedHour > perHour:
		wait = reset.Sub(now)
	case b.usedSecond > perSecond:
		wait = b.second.Add(time.Second).Sub(now)
	default:
		return true
	}
	header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return false
}

// SetRequestsPerHour gives the token of that name another limit and a new hour.
func (s *Sim) SetRequestsPerHour(name string, limit int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.world.Tokens {
		if t.Name == name {
			t.RequestsPerHour = limit
			delete(s.buckets, t.ID)
			return nil
		}
	}
	return fmt.Errorf("there is no token %q", name)
}

// budgetOf is what a token has left in the current hour (railway-api.md, "Rate limits"). The lock is held.
func (s *Sim) budgetOf(t *token) node {
	perHour, _ := s.rates(t)
	left := node{"remainingPoints": perHour, "resetsAt": stamp(s.now().Add(time.Hour))}
	if b := s.buckets[t.ID]; b != nil {
		left["remainingPoints"], left["resetsAt"] = max(perHour-b.usedHour, 0), stamp(b.hour.Add(time.Hour))
	}
	return left
}

func (s *Sim) rates(t *token) (perHour, perSecond int) {
	workspaceID := t.WorkspaceID
	if p := s.world.Projects[t.ProjectID]; p != nil {
		workspaceID = p.WorkspaceID
	}
	plan := "Pro"
	if w := s.world.Workspaces[workspaceID]; w != nil {
		plan = w.Plan
	}
	allowed := s.allows(plan)
	if t.RequestsPerHour > 0 {
		return t.RequestsPerHour, allowed.requestsPerSecond
	}
	return allowed.requestsPerHour, allowed.requestsPerSecond
}
