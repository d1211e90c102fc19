// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"container/heap"
	"time"
)

// queue holds the objects of which a check is due some day, the next one first. Those whose checks run are not in it. It spares going
// through all objects whenever one has changed.
type queue struct{ order dueFirst }

// place puts the object where it belongs after a change.
func (q *queue) place(o *object) {
	due, ok := o.next()
	switch waits := ok && !o.running; {
	case waits && o.queued:
		o.due = due
		heap.Fix(&q.order, o.at)
	case waits:
		o.due = due
		heap.Push(&q.order, o)
	default:
		q.drop(o)
	}
}

// drop takes the object out.
func (q *queue) drop(o *object) {
	if o != nil && o.queued {
		heap.Remove(&q.order, o.at)
	}
}

// take takes out the objects that are due, and returns how long until the next one is; ok is false when there is none.
func (q *queue) take(now time.Time) (due []*object, wait time.Duration, ok bool) {
	for len(q.order) > 0 {
		first := q.order[0]
		if left := first.due.Sub(now); left > 0 {
			return due, left, true
		}
		q.drop(first)
		due = append(due, first)
	}
	return due, 0, false
}

// dueFirst is the heap of a queue.
type dueFirst []*object

func (d dueFirst) Len() int           { return len(d) }
func (d dueFirst) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d dueFirst) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].at, d[j].at = i, j
}

// Push is for package heap.
func (d *dueFirst) Push(x any) {
	o, _ := x.(*object)
	o.at, o.queued = len(*d), true
	*d = append(*d, o)
}

// Pop is for package heap.
func (d *dueFirst) Pop() any {
	last := len(*d) - 1
	o := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	o.queued = false
	return o
}
