// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import "sync"

// keyedMutex is one mutex per key. It keeps nothing of keys that nobody holds or waits for. The zero value is ready.
type keyedMutex struct {
	mu   sync.Mutex
	keys map[string]*countedMutex
}

type countedMutex struct {
	sync.Mutex
	users int
}

// lock waits for the key and returns the function that frees it; that function may be called again without effect.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.keys == nil {
		k.keys = map[string]*countedMutex{}
	}
	held := k.keys[key]
	if held == nil {
		held = &countedMutex{}
		k.keys[key] = held
	}
	held.users++
	k.mu.Unlock()

	held.Lock()
	return sync.OnceFunc(func() {
		held.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if held.users--; held.users == 0 {
			delete(k.keys, key)
		}
	})
}
