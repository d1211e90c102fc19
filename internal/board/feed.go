// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
)

// gather is how long changes are gathered before the page hears of them: a rollout changes several tiers at once.
const gather = 100 * time.Millisecond

// The states of the connection to the API server.
const (
	linkConnecting = "connecting"
	linkLive       = "live"
	linkLost       = "lost"
)

// link says whether what the page shows is as the cluster has it, and since when.
type link struct {
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Message string    `json:"message,omitempty"`
}

// update is what a page hears: the tiers that changed since it last heard, and the keys of those that are gone.
type update struct {
	Tiers []json.RawMessage `json:"tiers,omitempty"`
	Gone  []string          `json:"gone,omitempty"`
	Link  link              `json:"link"`
	// Now is the server's clock, by which the page counts.
	Now time.Time `json:"now"`
}

// feed keeps the newest objects and what the page shows of them.
type feed struct {
	mu      sync.Mutex
	objects map[string]*v1alpha1.EngineEnvironment
	tiers   map[string]shown
	version uint64
	link    link
	// listed is true once the objects are all there, built once the tiers are made of them.
	listed, built bool

	dirty   chan struct{} // objects changed: rebuild
	changed chan struct{} // closed and replaced when pages have something to hear
}

// shown is a tier as it was last built, and the version in which it last changed.
type shown struct {
	raw     json.RawMessage
	version uint64
}

func newFeed() *feed {
	return &feed{
		objects: map[string]*v1alpha1.EngineEnvironment{}, tiers: map[string]shown{}, link: link{State: linkConnecting, Since: time.Now().UTC()},
		dirty: make(chan struct{}, 1), changed: make(chan struct{}),
	}
}

// run builds what the page shows whenever objects have changed, until ctx is done.
func (f *feed) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.dirty:
		}
		f.rebuild()
		select {
		case <-ctx.Done():
			return
		case <-time.After(gather):
		}
	}
}

func (f *feed) set(object *v1alpha1.EngineEnvironment) {
	f.edit(func() { f.objects[keyOf(object)] = lean(object) })
}

func (f *feed) remove(object *v1alpha1.EngineEnvironment) {
	f.edit(func() { delete(f.objects, keyOf(object)) })
}

func (f *feed) replace(objects []*v1alpha1.EngineEnvironment) {
	f.edit(func() {
		f.objects = make(map[string]*v1alpha1.EngineEnvironment, len(objects))
		for _, object := range objects {
			f.objects[keyOf(object)] = lean(object)
		}
		f.listed = true
	})
}

func (f *feed) edit(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.soon()
}

func (f *feed) soon() {
	select {
	case f.dirty <- struct{}{}:
	default: // it will be rebuilt anyway
	}
}

// lean is the object without what the board never looks at.
func lean(object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	object = object.DeepCopy()
	object.ManagedFields, object.Status.WorkingRecord = nil, nil
	return object
}

// heard notes whether the API server answered. An answer that was cut off because the board ends says nothing.
func (f *feed) heard(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	next := link{State: linkLive, Since: time.Now().UTC()}
	if err != nil {
		next.State, next.Message = linkLost, err.Error()
	}
	if next.State == f.link.State {
		f.link.Message = next.Message
		return
	}
	f.link = next
	f.tell()
}

// tell wakes the pages. The caller holds the lock.
func (f *feed) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// rebuild builds every tier and marks those that changed.
func (f *feed) rebuild() {
	f.mu.Lock()
	defer f.mu.Unlock()
	built := view.Tiers(slices.Collect(maps.Values(f.objects)))
	next := make(map[string]shown, len(built))
	f.version++
	for _, tier := range built {
		raw, err := json.Marshal(tier)
		if err != nil { // strings, numbers and times of this century always marshal
			continue
		}
		next[tier.Key] = shown{raw: raw, version: f.version}
		if before, ok := f.tiers[tier.Key]; ok && string(before.raw) == string(raw) {
			next[tier.Key] = before
		}
	}
	f.tiers, f.built = next, f.listed
	f.tell()
}

// get returns an object as it was last seen.
func (f *feed) get(key string) (*v1alpha1.EngineEnvironment, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	object, ok := f.objects[key]
	return object, ok
}

// reader is one page's place in the feed: which version of which tier it has.
type reader struct {
	feed *feed
	has  map[string]uint64
}

func (f *feed) read() *reader { return &reader{feed: f, has: map[string]uint64{}} }

// next returns what changed since the last call, and a channel that is closed at the next change.
func (r *reader) next() (u update, changed <-chan struct{}) {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	u = update{Link: f.link, Now: time.Now().UTC()}
	if !f.built && f.link.State == linkLive {
		u.Link.State = linkConnecting
	}
	for _, key := range slices.Sorted(maps.Keys(f.tiers)) {
		if tier := f.tiers[key]; r.has[key] != tier.version {
			r.has[key] = tier.version
			u.Tiers = append(u.Tiers, tier.raw)
		}
	}
	for key := range r.has {
		if _, ok := f.tiers[key]; !ok {
			delete(r.has, key)
			u.Gone = append(u.Gone, key)
		}
	}
	slices.Sort(u.Gone)
	return u, f.changed
}

func keyOf(object *v1alpha1.EngineEnvironment) string { return object.Namespace + "/" + object.Name }
