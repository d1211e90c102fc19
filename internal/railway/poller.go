// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"time"
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
			w.look(ctx, key, f)
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

// look polls one environment and wakes its reader if something changed that it does not know.
func (w *Watch) look(ctx context.Context, key string, f *follower) {
	w.mu.Lock()
	turn := f.begin()
	priority := Poll
	if w.options.Now().Before(f.hurryUntil) {
		priority = Rollout
	}
	w.mu.Unlock()

	env, err := f.target.Client.Environment(WithPriority(ctx, priority), f.target.ProjectID, f.target.EnvironmentID)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish(key, f, turn, env, err)
	if now := f.state(); w.followers[key] == f && now != f.seen {
		f.seen = now
		w.events.Notify(key)
	}
}
