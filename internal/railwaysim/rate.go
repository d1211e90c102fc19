// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// bucket counts a token's requests in the current hour and second (FACTS §1.4).
type bucket struct {
	hour, second         time.Time
	usedHour, usedSecond int
}

// planRates are requests per hour and per second (FACTS §1.4). Free has no documented rate per second.
var planRates = map[string][2]int{"Free": {100, 10}, "Hobby": {1000, 10}, "Pro": {10000, 50}}

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

func (s *Sim) rates(t *token) (perHour, perSecond int) {
	workspaceID := t.WorkspaceID
	if p := s.world.Projects[t.ProjectID]; p != nil {
		workspaceID = p.WorkspaceID
	}
	plan := "Pro"
	if w := s.world.Workspaces[workspaceID]; w != nil {
		plan = w.Plan
	}
	rates := planRates[plan]
	if t.RequestsPerHour > 0 {
		return t.RequestsPerHour, rates[1]
	}
	return rates[0], rates[1]
}
