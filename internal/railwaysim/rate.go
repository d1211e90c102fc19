// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// bucket counts the requests of a token, or of a workspace whose tokens share one limit, in the current hour and in the last second
// (railway-api.md, "Rate limits").
type bucket struct {
	hour     time.Time
	usedHour int
	// recent are the times of the requests in the last second, refused ones too.
	recent []time.Time
}

// inSecond counts a request in the second that ends now. It returns how long until another one keeps within the limit, 0 when this one
// does. How Railway counts a second is not documented: any second is the strictest reading.
func (b *bucket) inSecond(now time.Time, limit int) time.Duration {
	b.recent = slices.DeleteFunc(b.recent, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	b.recent = append(b.recent, now)
	if over := len(b.recent) - limit; over > 0 {
		return b.recent[over].Add(time.Second).Sub(now)
	}
	return 0
}

// spend takes one request, which arrived at that time, from the token's budget and sets Railway's headers. It returns false when there
// is none left.
func (s *Sim) spend(t *token, now time.Time, header http.Header) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	perHour, perSecond := s.rates(t)
	key := s.bucketOf(t)
	b := s.buckets[key]
	if b == nil {
		b = &bucket{}
		s.buckets[key] = b
	}
	if now.Sub(b.hour) >= time.Hour {
		b.hour, b.usedHour = now, 0
	}
	b.usedHour++
	wait := b.inSecond(now, perSecond)
	header.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=3600`, perHour)) // railway-api.md, "Rate limits"
	reset := b.hour.Add(time.Hour)
	header.Set("X-RateLimit-Limit", strconv.Itoa(perHour))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(perHour-b.usedHour, 0)))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	if b.usedHour > perHour {
		wait = reset.Sub(now)
	}
	if wait == 0 {
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
			delete(s.buckets, s.bucketOf(t))
			return nil
		}
	}
	return fmt.Errorf("there is no token %q", name)
}

// bucketOf is whose requests are counted together with the token's. The lock is held.
func (s *Sim) bucketOf(t *token) string {
	if ws := s.world.Workspaces[s.workspaceOf(t)]; ws != nil && ws.SharedLimit {
		return "workspace/" + ws.ID
	}
	return t.ID
}

// workspaceOf is the id of the workspace that the token belongs to, empty for an account's.
func (s *Sim) workspaceOf(t *token) string {
	if p := s.world.Projects[t.ProjectID]; p != nil {
		return p.WorkspaceID
	}
	return t.WorkspaceID
}

// sharedLimit is what a workspace's tokens have left together in the current hour, null when each has a limit of its own. The lock is
// held.
func (s *Sim) sharedLimit(ws *workspace) any {
	if !ws.SharedLimit {
		return nil
	}
	perHour := s.allows(ws.Plan).requestsPerHour
	left := node{"remainingPoints": perHour, "resetsAt": stamp(s.now().Add(time.Hour))}
	if b := s.buckets["workspace/"+ws.ID]; b != nil {
		left["remainingPoints"], left["resetsAt"] = max(perHour-b.usedHour, 0), stamp(b.hour.Add(time.Hour))
	}
	return left
}

func (s *Sim) rates(t *token) (perHour, perSecond int) {
	plan := "Pro"
	if w := s.world.Workspaces[s.workspaceOf(t)]; w != nil {
		plan = w.Plan
	}
	allowed := s.allows(plan)
	if t.RequestsPerHour > 0 {
		return t.RequestsPerHour, allowed.requestsPerSecond
	}
	return allowed.requestsPerHour, allowed.requestsPerSecond
}
