// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
)

// workspaces let the tokens of a workspace share one Budget where Railway says that they share one limit
// (railway-api.md, "Rate limits"). A workspace is known by its id. The zero value is ready.
type workspaces struct {
	mu   sync.Mutex
	byID map[string]*workspace
}

// workspace is what is known of one.
type workspace struct {
	// asked are the clients that reach it, with when Railway was asked about the limit of their token; zero when it was not.
	asked map[*Client]time.Time
	// budget is that of the clients whose limit is the workspace's; nil while there is none.
	budget *Budget
}

// note notes that the client reaches the workspace. From the second one on Railway is asked, once an hour for each that shares no limit,
// whether the workspace's limit is the one that the token has; again when the question had to be held back or got lost. A project token
// may not ask.
func (w *workspaces) note(ctx context.Context, c *Client, id string) {
	if c.kind == TokenProject || id == "" {
		return
	}
	for _, other := range w.unasked(c, id) {
		limit, err := other.workspaceLimit(ctx, id)
		class := ClassOf(err)
		w.judge(other, id, limit, class != RateLimited && class != Transient)
	}
}

// unasked notes the client and returns the clients that Railway must be asked about: none while there is one alone.
func (w *workspaces) unasked(c *Client, id string) []*Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = map[string]*workspace{}
	}
	known := w.byID[id]
	if known == nil {
		known = &workspace{asked: map[*Client]time.Time{}}
		w.byID[id] = known
	}
	if _, is := known.asked[c]; !is {
		known.asked[c] = time.Time{}
	}
	if len(known.asked) < 2 {
		return nil
	}
	var ask []*Client
	for other, at := range known.asked {
		if now := other.now(); now.Sub(at) >= window && !w.shares(other) && other.Budget().isUsed() {
			ask = append(ask, other)
			known.asked[other] = now // nobody else need ask meanwhile
		}
	}
	return ask
}

// judge lets the client share the workspace's budget when its own limit is the workspace's. Unless it is answered, Railway is asked
// again.
func (w *workspaces) judge(c *Client, id string, limit quota, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.byID[id]
	if known == nil { // forgotten meanwhile
		return
	}
	if !answered {
		known.asked[c] = time.Time{}
	}
	if !limit.known || w.shares(c) || !c.Budget().agrees(limit) {
		return
	}
	if known.budget == nil || known.budget.isOfAnother(limit) { // whoever shared it has another limit by now
		known.budget = c.Budget()
	}
	c.gql.use(known.budget)
}

// shares reports whether the client shares some workspace's budget: an account's token may reach several, and has one limit.
func (w *workspaces) shares(c *Client) bool {
	for _, known := range w.byID {
		if _, reaches := known.asked[c]; reaches && known.budget == c.Budget() {
			return true
		}
	}
	return false
}

// keep drops all clients but those that are used, and the workspaces that none of them reaches.
func (w *workspaces) keep(used func(*Client) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, known := range w.byID {
		shared := false
		for c := range known.asked {
			if !used(c) {
				delete(known.asked, c)
			} else if known.budget == c.Budget() {
				shared = true
			}
		}
		if !shared {
			known.budget = nil
		}
		if len(known.asked) == 0 {
			delete(w.byID, id)
		}
	}
}

// workspaceLimit is what Railway says is left of the limit that all of a workspace's tokens share; not known when it says nothing.
func (c *Client) workspaceLimit(ctx context.Context, id string) (quota, error) {
	response, err := gql.ReadWorkspaceLimit(WithPriority(ctx, Poll), c.gql, id)
	if err != nil {
		return quota{}, err
	}
	limit := response.Workspace.ApiTokenRateLimit
	if response.Workspace.Id != id || limit == nil {
		return quota{}, nil
	}
	now := c.now()
	reset, ok := parseInstant(limit.ResetsAt, now)
	return quota{remaining: limit.RemainingPoints, known: ok, reset: bound(reset, now)}, nil
}

// underWay is how many requests may lie between two answers about the same limit.
const underWay = 20

// isUsed reports whether enough of the limit is used to tell it from another one: at the beginning of an hour all are alike.
func (b *Budget) isUsed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.quota.known && b.quota.limit-b.quota.remaining > 2*underWay
}

// agrees reports whether the workspace's limit is this one: as much is left of both, until the same time.
func (b *Budget) agrees(limit quota) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	between := b.quota.remaining - limit.remaining
	return b.quota.known && -underWay <= between && between <= underWay && b.quota.reset.Sub(limit.reset).Abs() <= sameInstant
}

// otherHour is from how far on the ends of two hours show that these are not the same: answers may be late, and clocks differ.
const otherHour = time.Minute

// apart reports whether hours that end at these times cannot be of one limit. An hour and the next one can: our clock may be behind.
func apart(a, b time.Time) bool {
	between := a.Sub(b).Abs() % window
	return min(between, window-between) > otherHour
}

// isOfAnother reports whether what Railway says is about another limit than this one: the hours of both end at different times, and
// neither has ended. An answer that is late is about an hour that has.
func (b *Budget) isOfAnother(limit quota) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	soon := b.now().Add(sameInstant)
	runs := func(q quota) bool { return q.known && q.reset.After(soon) }
	return runs(b.quota) && runs(limit) && apart(b.quota.reset, limit.reset)
}

// use makes the sender's requests count in that budget from now on.
func (s *sender) use(b *Budget) {
	s.polling.Lock()
	defer s.polling.Unlock()
	s.move(b)
}

// move is use, with the mutex held.
func (s *sender) move(b *Budget) {
	key, polled := s.credentials.key(), 0
	if old := s.shared.Swap(b); old != nil {
		polled = old.takePolled(key)
	}
	b.setPolled(key, polled)
}

// setPolled says how many requests it takes to poll every environment of the token once.
func (s *sender) setPolled(n int) {
	s.polling.Lock()
	defer s.polling.Unlock()
	s.budget().setPolled(s.credentials.key(), n)
}

// learn takes over what an answer's headers say. A token that shares a budget and has another limit by now gets a budget of its own: it
// was moved to another workspace, say.
func (s *sender) learn(q quota) {
	s.polling.Lock()
	if b := s.budget(); b.isShared() && b.isOfAnother(q) { // of two answers at a time one moves it
		s.move(s.wire.newBudget())
	}
	s.polling.Unlock()
	s.budget().learn(q)
}
