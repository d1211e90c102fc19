// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"container/heap"
	"slices"
	"time"
)

const (
	// maxPolls is how many requests of routine polls, and how many of rollouts, one token has under way at once. Each kind has its
	// own, so that neither waits for the other.
	maxPolls = 3
	// gather is how long a read that somebody asked for waits for others to share its request.
	gather = 10 * time.Millisecond
	// hintDelay is how long the read after a hint waits for others, firstDelay that of an environment which was never read: after a
	// restart all of a fleet's are, as fast as the objects are looked at, and nobody waits.
	hintDelay  = 100 * time.Millisecond
	firstDelay = 2 * time.Second
	// never is the wait for something that only an event can start.
	never = time.Duration(-1)
)

// lane is what is read with one token, and in what order. The Watch's mutex guards it.
type lane struct {
	client *Client
	// followers counts the followers with this token.
	followers int
	// urgent holds the followers that are polled at the pace of a rollout, routine the others, apart those that failed by themselves:
	// they are read alone, so that they take nobody with them.
	urgent, routine, apart schedule
	// asked are the reads that somebody waits for, in the order of asking.
	asked []*ask
	// polls counts the requests of polls that are under way, by their priority.
	polls map[Priority]int
	// filling is how many environments a request of routine polls has carried lately. Before the first it is what one may carry: a fleet
	// that has just been started plans no slower than it will be read.
	filling float64
	// planned is the shortest interval that the budget allowed when followers were last planned by it.
	planned time.Duration
	// timer calls dispatch when the next poll is due.
	timer *time.Timer
}

// ask is somebody who waits for a read.
type ask struct {
	follower *follower
	priority Priority
	turn     turn
	// done takes the outcome; it has room for one.
	done chan refreshed
	// left is true when nobody waits any more.
	left bool
}

type refreshed struct {
	snapshot Snapshot
	held     *packed
	err      error
}

// job is what one request reads.
type job struct {
	priority Priority
	// poll is true for what the schedule began, false for what somebody asked for.
	poll  bool
	reads []*reading
}

// reading is one environment in a job.
type reading struct {
	follower *follower
	turn     turn
	asks     []*ask
}

// schedule returns where the follower stands while it waits for its next poll.
func (l *lane) schedule(f *follower, now time.Time) *schedule {
	switch {
	case f.apart:
		return &l.apart
	case now.Before(f.hurryUntil):
		return &l.urgent
	default:
		return &l.routine
	}
}

// close ends what the lane waits for.
func (l *lane) close() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// requests is how many requests it takes to poll every follower once.
func (l *lane) requests() int {
	together := l.followers - l.apart.len()
	if together <= 0 {
		return l.followers
	}
	return l.apart.len() + max(1, int(float64(together)/l.filling+0.999))
}

// next returns the job to begin now, or how long until there may be one.
func (l *lane) next(now time.Time, o *WatchOptions) (*job, time.Duration) {
	if len(l.asked) > 0 {
		wait := o.gather - now.Sub(l.asked[0].turn.began)
		if wait <= 0 || slices.ContainsFunc(l.asked, func(a *ask) bool { return a.priority == Write }) {
			return l.answer(), 0
		}
		return nil, wait
	}
	wait := never
	for _, p := range []Priority{Rollout, Poll} {
		if l.polls[p] >= maxPolls { // the end of one of them asks again
			continue
		}
		due, ok := l.due(p, now)
		if !ok {
			continue
		}
		if due = max(due, l.client.Budget().opensIn(p)); due <= 0 {
			return l.poll(p, now, o), 0
		}
		if wait == never || due < wait {
			wait = due
		}
	}
	return nil, wait
}

// due returns how long until a poll of the priority is due.
func (l *lane) due(p Priority, now time.Time) (time.Duration, bool) {
	if p == Rollout {
		return l.urgent.due(now)
	}
	due, ok := l.routine.due(now)
	alone, also := l.apart.due(now)
	if !ok || (also && alone < due) {
		return alone, also
	}
	return due, ok
}

// apartFirst reports whether one that is read alone is due, and has waited longer than the others: each takes a request, and many of them
// must not keep the others from theirs.
func (l *lane) apartFirst(now time.Time) bool {
	alone, ok := l.apart.due(now)
	together, also := l.routine.due(now)
	return ok && alone <= 0 && (!also || alone <= together)
}

// poll makes a job of what is due, and of what may be read a little early to share its request.
func (l *lane) poll(p Priority, now time.Time, o *WatchOptions) *job {
	room := l.client.batch.now()
	var taken []*follower
	if p == Rollout {
		taken = l.urgent.take(now, nil, room, func(*follower) time.Duration { return o.Fast / 2 })
		taken = l.routine.take(now, taken, room, func(*follower) time.Duration { return 0 })
	} else if l.apartFirst(now) {
		taken = l.apart.take(now, nil, 1, func(*follower) time.Duration { return 0 })
	} else {
		taken = l.routine.take(now, nil, room, func(f *follower) time.Duration {
			return l.client.Budget().Stretch(f.target.Interval) / 4
		})
		if len(taken) < room || l.client.batch.found() { // a full one of a size that still grows says nothing
			l.filling += (float64(len(taken)) - l.filling) / 8
		}
		l.client.gql.setPolled(l.requests())
		l.replan(o)
	}
	l.polls[p]++
	made := &job{priority: p, poll: true}
	for _, f := range taken {
		f.polling = true
		made.reads = append(made.reads, &reading{follower: f, turn: f.begin(now)})
	}
	return made
}

// replan brings the polls forward when the budget allows a much shorter interval than the one that they were planned by: batches have
// grown, or others are not followed any more.
func (l *lane) replan(o *WatchOptions) {
	budget := l.client.Budget()
	allowed := budget.Stretch(0)
	before := l.planned
	if l.planned = allowed; allowed >= before*4/5 {
		l.planned = max(allowed, before)
		return
	}
	for _, f := range l.routine.queue {
		if f.retry > 0 || f.snapshot.ReadAt.IsZero() {
			continue
		}
		if due := f.snapshot.ReadAt.Add(o.Jitter(budget.Stretch(f.target.Interval))); due.Before(f.due) {
			f.due = due
		}
	}
	heap.Init(&l.routine.queue)
}

// answer makes a job of what is asked for, the most urgent first.
func (l *lane) answer() *job {
	asked := slices.Clone(l.asked)
	slices.SortStableFunc(asked, func(a, b *ask) int { return int(b.priority) - int(a.priority) })
	made := &job{priority: asked[0].priority}
	room := l.client.batch.now()
	if asked[0].follower.apart {
		room = 1
	}
	reads := map[*follower]*reading{}
	for _, a := range asked {
		r := reads[a.follower]
		if r == nil {
			if len(made.reads) == room || (a.follower.apart && room > 1) {
				continue
			}
			r = &reading{follower: a.follower, turn: a.turn}
			reads[a.follower] = r
			made.reads = append(made.reads, r)
		}
		r.asks = append(r.asks, a)
	}
	l.asked = slices.DeleteFunc(l.asked, func(a *ask) bool { return reads[a.follower] != nil })
	return made
}
