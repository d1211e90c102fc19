// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// fairness is how often a turn goes to the least urgent request that waits, so that none waits for ever: every fifth.
const fairness = 5

// pace lets requests through at a steady rate, the most urgent first and those of one priority in the order in which they came. It is
// safe for concurrent use.
type pace struct {
	limiter *rate.Limiter

	mu      sync.Mutex
	waiting [Write + 1]list.List
	// granted counts the turns that were given.
	granted int
	// timer calls grant when the next turn may be given.
	timer *time.Timer
}

func newPace(requestsPerSecond float64, burst int) *pace {
	return &pace{limiter: rate.NewLimiter(rate.Limit(requestsPerSecond), burst)}
}

// wait returns when it is the request's turn, or with an error when ctx ends before. It does not wait for a turn that would come too
// late for ctx.
func (p *pace) wait(ctx context.Context, priority Priority) error {
	p.mu.Lock()
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < p.expect(priority) {
		p.mu.Unlock()
		return context.DeadlineExceeded
	}
	turn := make(chan struct{})
	queue := &p.waiting[priority]
	place := queue.PushBack(turn)
	p.grant()
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		queue.Remove(place)
		return ctx.Err()
	}
}

// expect is how long one more request of the priority would wait. The mutex is held.
func (p *pace) expect(priority Priority) time.Duration {
	ahead := 1 - p.limiter.Tokens()
	for other := priority; other <= Write; other++ {
		ahead += float64(p.waiting[other].Len())
	}
	return time.Duration(max(0, ahead) / float64(p.limiter.Limit()) * float64(time.Second))
}

// grant gives the turns that may be given now and sets the timer for the next. The mutex is held.
func (p *pace) grant() {
	for queue := p.next(); queue != nil; queue = p.next() {
		if !p.limiter.Allow() {
			p.later()
			return
		}
		p.granted++
		if turn, ok := queue.Remove(queue.Front()).(chan struct{}); ok {
			close(turn)
		}
	}
}

// later calls grant again when there is another turn. The mutex is held.
func (p *pace) later() {
	missing := max(0, 1-p.limiter.Tokens())
	wait := time.Duration(missing/float64(p.limiter.Limit())*float64(time.Second)) + time.Microsecond
	if p.timer != nil {
		p.timer.Reset(wait)
		return
	}
	p.timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.grant()
	})
}

// next is the queue whose first has the next turn, nil when nobody waits. The mutex is held.
func (p *pace) next() *list.List {
	order := []Priority{Write, Rollout, Poll}
	if p.granted%fairness == fairness-1 {
		slices.Reverse(order)
	}
	for _, priority := range order {
		if p.waiting[priority].Len() > 0 {
			return &p.waiting[priority]
		}
	}
	return nil
}
