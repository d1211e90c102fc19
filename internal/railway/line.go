// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"slices"
	"sync"
	"time"
)

// absence is how long somebody who waits in a line may stay away before the next one takes his place.
const absence = 10 * time.Second

// lines are one line per key: who is first has the key, the others are told to come back, in the order in which they came. Nobody is
// blocked while somebody else talks to Railway. Nothing is kept of keys that nobody wants. The zero value is ready.
type lines struct {
	mu   sync.Mutex
	keys map[string]*line
}

type line struct {
	// holder has the key; empty when nobody has.
	holder  string
	waiting []place
}

// place is somebody who waits, and when he last asked.
type place struct {
	who  string
	seen time.Time
}

// take gives the key to who when it is free and nobody has waited longer.
func (l *lines) take(key, who string, now time.Time) (release func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		l.keys = map[string]*line{}
	}
	at := l.keys[key]
	if at == nil {
		at = &line{}
		l.keys[key] = at
	}
	at.waiting = slices.DeleteFunc(at.waiting, func(p place) bool { return p.who != who && now.Sub(p.seen) > absence })
	mine := slices.IndexFunc(at.waiting, func(p place) bool { return p.who == who })
	switch {
	case at.holder == "" && (mine == 0 || len(at.waiting) == 0):
		at.holder = who
		at.waiting = slices.DeleteFunc(at.waiting, func(p place) bool { return p.who == who })
		return sync.OnceFunc(func() { l.free(key) }), true
	case mine >= 0:
		at.waiting[mine].seen = now
	default:
		at.waiting = append(at.waiting, place{who, now})
	}
	return nil, false
}

func (l *lines) free(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.keys[key]
	at.holder = ""
	if len(at.waiting) == 0 {
		delete(l.keys, key)
	}
}

// leave takes who out of every line in which he waits.
func (l *lines) leave(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, at := range l.keys {
		at.waiting = slices.DeleteFunc(at.waiting, func(p place) bool { return p.who == who })
		if at.holder == "" && len(at.waiting) == 0 {
			delete(l.keys, key)
		}
	}
}

// forget drops the keys that nobody has and whose line was left.
func (l *lines) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, at := range l.keys {
		gone := !slices.ContainsFunc(at.waiting, func(p place) bool { return now.Sub(p.seen) <= absence })
		if at.holder == "" && gone {
			delete(l.keys, key)
		}
	}
}
