// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// rescheduled tells the token's poller to look at its schedule again, and starts it when there is none. The Watch's mutex is
// held.
func (w *Watch) rescheduled(client *Client) {
	polled := 0
	for _, f := range w.followers {
		if f.target.Client == client {
			polled++
		}
	}
	client.Budget().setPolled(polled)
	if polled > 0 {
		w.ensurePoller(client)
	}
	if wake, ok := w.wake[client.Key()]; ok {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// ensurePoller starts the token's poller once the Watch runs. The Watch's mutex is held.
func (w *Watch) ensurePoller(client *Client) {
	if w.run == nil || w.wake[client.Key()] != nil {
		return
	}
	wake := make(chan struct{}, 1)
	w.wake[client.Key()] = wake
	ctx := w.run
	w.pollers.Go(func() { w.poll(ctx, client, wake) })
}

// poll reads whatever is due with the client, one after the other, until nothing is followed with it or ctx ends.
func (w *Watch) poll(ctx context.Context, client *Client, wake <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		key, f, wait := w.pick(client)
		switch {
		case f == nil:
			return
		case wait > 0:
			timer.Reset(wait)
			select {
			case <-ctx.Done():
			case <-wake:
			case <-timer.C:
			}
		default:
			w.read(ctx, key, f)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// pick returns the client's follower that is due first and how long until then. Without any the poller is signed off.
func (w *Watch) pick(client *Client) (key string, first *follower, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, f := range w.followers {
		if f.target.Client == client && (first == nil || f.due.Before(first.due)) {
			key, first = k, f
		}
	}
	if first == nil {
		delete(w.wake, client.Key())
		return "", nil, 0
	}
	return key, first, first.due.Sub(w.options.Now())
}

// read polls one environment and tells its reader if something changed that it does not know.
func (w *Watch) read(ctx context.Context, key string, f *follower) {
	w.mu.Lock()
	turn := f.begin(w.options.Now())
	priority := Poll
	if w.options.Now().Before(f.hurryUntil) {
		priority = Rollout
	}
	w.mu.Unlock()

	env, err := f.target.Client.Environment(WithPriority(ctx, priority), f.target.ProjectID, f.target.EnvironmentID)
	if ctx.Err() != nil {
		return
	}
	if w.finishPoll(key, f, turn, env, err) {
		w.options.Changed(key)
	}
}

// finishPoll takes over the result of a poll and reports whether the reader must be told.
func (w *Watch) finishPoll(key string, f *follower, t turn, env *model.Environment, err error) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish(key, f, t, env, err)
	changed = w.followers[key] == f && f.current != f.seen
	f.seen = f.current
	return changed
}
