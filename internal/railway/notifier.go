// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"slices"
	"sync"
)

// notifier hands keys to a reader without ever making the writer wait; a key that waits already is not added again.
type notifier struct {
	out  chan string
	some chan struct{}

	mu      sync.Mutex
	waiting []string
}

func newNotifier() *notifier {
	return &notifier{out: make(chan string), some: make(chan struct{}, 1)}
}

// notify adds the key.
func (n *notifier) notify(key string) {
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

// forget takes the key out, if it waits.
func (n *notifier) forget(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = slices.DeleteFunc(n.waiting, func(k string) bool { return k == key })
}

// deliver sends the keys, first come, first served, until ctx ends.
func (n *notifier) deliver(ctx context.Context) {
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

func (n *notifier) take() (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		return "", false
	}
	key := n.waiting[0]
	n.waiting = n.waiting[1:]
	return key, true
}
