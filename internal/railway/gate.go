// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// busy is how soon a caller may come back whose slot has come while another one is still sending.
const busy = time.Second

// gate keeps the callers of one throttled mutation in order. It is open until Railway refuses a request as too frequent; then each
// caller has a slot, one spacing after the one before it, and only the caller whose slot has come sends. So N callers cost N requests
// and those that were under way when Railway first refused one, where everybody trying by himself costs N². What Railway's rule is does
// not change, so the spacing is kept.
type gate struct {
	now func() time.Time
	// otherwise is the spacing when Railway does not tell its rule.
	otherwise time.Duration

	mu sync.Mutex
	// sending is how many callers send. With slots it is one at most, whose outcome decides for all the others.
	sending int
	// spacing is how far apart requests must be; 0 while the gate is open.
	spacing time.Duration
	// next is when the next request may be sent.
	next  time.Time
	queue []waiter
}

// waiter is a caller that was told to come back.
type waiter struct {
	caller string
	// due is when its slot is.
	due time.Time
}

func newGate(now func() time.Time, otherwise time.Duration) *gate {
	return &gate{now: now, otherwise: otherwise}
}

// pass sends when the caller's slot has come, else it returns RateLimited with the time until it may come back. It does not wait for the
// slot: the caller has its project's turn meanwhile.
func (g *gate) pass(operation, caller string, send func() error) error {
	slotted, refusal := g.enter(operation, caller)
	if refusal != nil {
		return refusal
	}
	defer g.leave()
	return g.learn(caller, slotted, send())
}

// ask returns what pass would refuse the caller with now, nil when it may send. A caller that asks has its slot from then on.
func (g *gate) ask(operation, caller string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refusal(operation, caller)
}

// enter is ask, and takes the caller in when it may send. slotted is false while the gate is open.
func (g *gate) enter(operation, caller string) (slotted bool, refusal error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if refusal = g.refusal(operation, caller); refusal == nil {
		g.sending++
	}
	return g.spacing > 0, refusal
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sending--
}

// refusal notes the caller's slot. The mutex is held.
func (g *gate) refusal(operation, caller string) error {
	if wait := g.slot(caller); wait > 0 {
		return &Error{
			Class: RateLimited, Operation: operation, RetryAfter: wait, AwaitsSlot: true,
			Message: fmt.Sprintf("waits for its turn to create: Railway allows one every %s", g.spacing),
		}
	}
	if g.spacing > 0 && g.sending > 0 {
		return &Error{Class: RateLimited, Operation: operation, RetryAfter: busy, AwaitsSlot: true, Message: "waits for its turn to create: another one is under way"}
	}
	return nil
}

// slot returns how long until the caller's slot, and notes that it will come then. 0 means that it has come. The mutex is held.
func (g *gate) slot(caller string) time.Duration {
	if g.spacing == 0 {
		return 0
	}
	now := g.now()
	g.dropAbsent(caller, now)
	place := slices.IndexFunc(g.queue, func(w waiter) bool { return w.caller == caller })
	if place < 0 {
		place = len(g.queue)
		g.queue = append(g.queue, waiter{caller: caller})
	}
	g.queue[place].due = g.due(place, now)
	return max(0, g.queue[place].due.Sub(now))
}

// due is when the slot of a place comes. The first one is free from next on; who is there already keeps it, and those behind come after.
func (g *gate) due(place int, now time.Time) time.Time {
	head := g.queue[0].due
	if place > 0 {
		return latest(g.next, now, head).Add(time.Duration(place) * g.spacing)
	}
	if head.IsZero() || head.After(now) {
		head = now
	}
	return latest(g.next, head)
}

// dropAbsent takes out who did not come back within half a spacing of its slot, so that the next one finds its own slot free. The
// caller itself is there, however late. The mutex is held.
func (g *gate) dropAbsent(caller string, now time.Time) {
	g.queue = slices.DeleteFunc(g.queue, func(w waiter) bool {
		return w.caller != caller && w.due.Add(g.spacing/2).Before(now)
	})
}

// learn draws the consequences of the outcome and returns it.
func (g *gate) learn(caller string, slotted bool, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.queue = slices.DeleteFunc(g.queue, func(w waiter) bool { return w.caller == caller })
	var e *Error
	switch class := ClassOf(err); {
	case class == RateLimited && errors.As(err, &e):
		if e.throttle != nil {
			// A Retry-After is what is left of the rule's time, or a pause for another reason: it is not the rule.
			g.spacing = cmp.Or(e.throttle.every, g.otherwise)
			e.RetryAfter = max(e.throttle.wait, g.spacing)
			g.next = latest(g.next, now.Add(e.RetryAfter))
		}
		g.keep(caller, slotted, e, now)
	case class == None, class == Ambiguous: // what may have been created counts
		g.next = latest(g.next, now.Add(g.spacing))
	}
	return err
}

// keep gives who was refused a place: the first one, which it had, or, of those that were sent while the gate was open, one in the order
// of the answers. The mutex is held.
func (g *gate) keep(caller string, slotted bool, refused *Error, now time.Time) {
	switch {
	case g.spacing == 0:
	case slotted:
		g.queue = slices.Insert(g.queue, 0, waiter{caller: caller, due: now.Add(refused.RetryAfter)})
	default:
		refused.RetryAfter = max(refused.RetryAfter, g.slot(caller))
	}
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
