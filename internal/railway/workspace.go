// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"sync"

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
	// asked are the clients that reach it, true once Railway was asked about the limit of their token.
	asked map[*Client]bool
	// budget is that of the clients in sharing; nil while there is none.
	budget  *Budget
	sharing map[*Client]bool
}

// note notes that the client reaches the workspace. From the second one on Railway is asked, once for each, whether the workspace's
// limit is the one that the token has; again when the question had to be held back or got lost. A project token may not ask.
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
		known = &workspace{asked: map[*Client]bool{}, sharing: map[*Client]bool{}}
		w.byID[id] = known
	}
	if _, is := known.asked[c]; !is {
		known.asked[c] = false
	}
	if len(known.asked) < 2 {
		return nil
	}
	var ask []*Client
	for other, asked := range known.asked {
		if !asked && other.Budget().isUsed() {
			ask = append(ask, other)
			known.asked[other] = true // nobody else need ask meanwhile
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
	known.asked[c] = answered
	if !limit.known || w.shares(c) || !c.Budget().agrees(limit) {
		return
	}
	if known.budget == nil {
		known.budget = c.Budget()
	}
	known.sharing[c] = true
	c.gql.use(known.budget)
}

// shares reports whether the client shares some workspace's budget: an account's token may reach several, and has one limit.
func (w *workspaces) shares(c *Client) bool {
	for _, known := range w.byID {
		if known.sharing[c] {
			return true
		}
	}
	return false
}

// forget drops a client that is not used any more, and the workspaces that nobody reaches.
func (w *workspaces) forget(c *Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, known := range w.byID {
		delete(known.asked, c)
		delete(known.sharing, c)
		if len(known.sharing) == 0 {
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

// use makes the sender's requests count in that budget from now on.
func (s *sender) use(b *Budget) {
	key := s.credentials.key()
	if old := s.shared.Swap(b); old != nil && old != b {
		b.setPolled(key, old.takePolled(key))
	}
}
