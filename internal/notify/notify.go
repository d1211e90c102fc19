// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package notify hands keys from those who find out to the one who acts.
package notify

import (
	"context"
	"slices"
	"sync"
)

// Keys hands keys to a reader without ever making the writer wait; a key that waits already is not added again. All methods
// are safe for concurrent use.
type Keys struct {
	out  chan string
	some chan struct{}

	mu      sync.Mutex
	waiting []string
}

// New returns an empty Keys.
func New() *Keys {
	return &Keys{out: make(chan string), some: make(chan struct{}, 1)}
}

// Out is where the keys come out. It is never closed.
func (n *Keys) Out() <-chan string { return n.out }

// Notify adds the key.
func (n *Keys) Notify(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.waiting, key) {
		n.waiting = append(n.waiting, key)
	}
	select {
	case n.some <- struct{}{}:
	default:
	}
}

// Forget takes the key out, if it waits.
func (n *Keys) Forget(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = slices.DeleteFunc(n.waiting, func(k string) bool { return k == key })
}

// Deliver sends the keys, first come, first served, until ctx ends.
func (n *Keys) Deliver(ctx context.Context) {
	for {
		key, ok := n.take()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-n.some:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case n.out <- key:
		}
	}
}

func (n *Keys) take() (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		return "", false
	}
	key := n.waiting[0]
	n.waiting = n.waiting[1:]
	return key, true
}
