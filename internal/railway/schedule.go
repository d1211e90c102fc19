// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"container/heap"
	"time"
)

// schedule is a list of followers by the time of their next poll. A follower stands in one schedule at most.
type schedule struct{ queue dueFirst }

// put adds the follower, which must stand in no schedule.
func (s *schedule) put(f *follower) {
	f.in = s
	heap.Push(&s.queue, f)
}

// remove takes the follower out.
func (s *schedule) remove(f *follower) {
	heap.Remove(&s.queue, f.place)
	f.in = nil
}

// first returns the follower that is due first, nil when there is none.
func (s *schedule) first() *follower {
	if len(s.queue) == 0 {
		return nil
	}
	return s.queue[0]
}

// due returns how long until the first one is due; ok is false when there is none.
func (s *schedule) due(now time.Time) (wait time.Duration, ok bool) {
	f := s.first()
	if f == nil {
		return 0, false
	}
	return f.due.Sub(now), true
}

// take removes those that are due first and appends them to taken, as long as there is room and early allows it: it returns how much
// earlier than due a follower may be read to share a request.
func (s *schedule) take(now time.Time, taken []*follower, room int, early func(*follower) time.Duration) []*follower {
	for len(taken) < room {
		f := s.first()
		if f == nil || f.due.Sub(now) > early(f) {
			break
		}
		s.remove(f)
		taken = append(taken, f)
	}
	return taken
}

func (s *schedule) len() int { return len(s.queue) }

// dueFirst is the heap of a schedule.
type dueFirst []*follower

func (q dueFirst) Len() int           { return len(q) }
func (q dueFirst) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q dueFirst) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is for package heap.
func (q *dueFirst) Push(x any) {
	f, _ := x.(*follower)
	f.place = len(*q)
	*q = append(*q, f)
}

// Pop is for package heap.
func (q *dueFirst) Pop() any {
	last := len(*q) - 1
	f := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return f
}
