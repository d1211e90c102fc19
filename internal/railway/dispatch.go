// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"time"
)

// laneOf returns the token's lane, and makes it. The Watch's mutex is held.
func (w *Watch) laneOf(client *Client) *lane {
	l := w.lanes[client.Key()]
	if l == nil {
		l = &lane{client: client, polls: map[Priority]int{}, filling: float64(client.batch.most)}
		w.lanes[client.Key()] = l
	}
	return l
}

// enter adds a follower to its token's lane. The Watch's mutex is held.
func (w *Watch) enter(f *follower) {
	f.lane = w.laneOf(f.target.Client)
	f.lane.followers++
	same := w.environments[f.target.EnvironmentID]
	if same == nil {
		same = map[*follower]bool{}
		w.environments[f.target.EnvironmentID] = same
	}
	same[f] = true
	w.plan(f)
}

// leave takes a follower out for good, and drops a lane that nobody uses. The Watch's mutex is held.
func (w *Watch) leave(f *follower) {
	l := f.lane
	f.gone = true
	if same := w.environments[f.target.EnvironmentID]; len(same) > 1 {
		delete(same, f)
	} else {
		delete(w.environments, f.target.EnvironmentID)
	}
	if f.in != nil {
		f.in.remove(f)
	}
	l.followers--
	l.client.gql.setPolled(l.requests())
	if l.followers > 0 {
		return
	}
	delete(w.lanes, l.client.Key())
	if l.close(); len(l.asked) > 0 { // somebody waits still
		w.dispatch(l)
	}
}

// plan puts a follower where its time and its pace belong, unless it is being polled: the end of that plans it. The Watch's mutex is
// held.
func (w *Watch) plan(f *follower) {
	if f.in != nil {
		f.in.remove(f)
	}
	if f.gone {
		return
	}
	if !f.polling {
		f.lane.schedule(f, w.options.Now()).put(f)
	}
	f.lane.client.gql.setPolled(f.lane.requests())
	w.dispatch(f.lane)
}

// dispatch begins what is due and sets the timer for what will be. The Watch's mutex is held.
func (w *Watch) dispatch(l *lane) {
	l.close()
	for ctx := w.run; ctx != nil && ctx.Err() == nil; {
		next, wait := l.next(w.options.Now(), &w.options)
		switch {
		case next != nil:
			w.reads.Go(func() { w.perform(ctx, l, next) })
			continue
		case wait == never:
		case l.timer == nil:
			l.timer = time.AfterFunc(wait, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.dispatch(l)
			})
		default:
			l.timer.Reset(wait)
		}
		return
	}
}

// perform reads what a job names and tells whoever must know.
func (w *Watch) perform(ctx context.Context, l *lane, j *job) {
	wants := make([]want, len(j.reads))
	w.mu.Lock()
	for i, r := range j.reads {
		wants[i] = r.follower.want()
	}
	w.mu.Unlock()
	w.options.read(l.client, WithPriority(ctx, j.priority), wants, func(i int, o outcome) {
		if ctx.Err() == nil && w.conclude(j, j.reads[i], o) {
			w.options.Changed(j.reads[i].follower.key)
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.poll {
		l.polls[j.priority]--
	}
	w.dispatch(l)
}

// conclude takes over the outcome of one environment, answers those who wait for it, and reports whether its reader must be told.
func (w *Watch) conclude(j *job, r *reading, o outcome) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := r.follower
	if j.poll {
		f.polling = false
	}
	w.finish(f, r.turn, o)
	waited := false
	for _, a := range r.asks {
		waited = waited || !a.left
		a.done <- refreshed{f.snapshot, f.held, o.err}
	}
	changed = !f.gone && !waited && f.current != f.seen
	f.seen = f.current
	return changed
}
