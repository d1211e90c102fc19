// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"maps"
	"slices"
)

// Tree is a JSON object as encoding/json decodes it: Railway's EnvironmentConfig, or a patch of it
// (railway-api.md, "EnvironmentConfig"). Fields that this version does not know are kept.
type Tree map[string]any

// Get returns the value at the keys. ok is false when a key is missing or its value is null.
func (t Tree) Get(keys ...string) (value any, ok bool) {
	var at any = map[string]any(t)
	for _, key := range keys {
		object, isObject := at.(map[string]any)
		if !isObject {
			return nil, false
		}
		at = object[key]
	}
	return at, at != nil
}

// Sub returns the object at the keys, or nil when there is none.
func (t Tree) Sub(keys ...string) Tree {
	value, _ := t.Get(keys...)
	object, _ := value.(map[string]any)
	return object
}

// Keys returns the object's keys in order.
func (t Tree) Keys() []string {
	return slices.Sorted(maps.Keys(t))
}

// Set puts the value at the keys and makes the objects on the way. A nil value stands for JSON null, which deletes on Railway
// (railway-api.md, "Config patches").
func (t Tree) Set(value any, keys ...string) {
	at := map[string]any(t)
	for _, key := range keys[:len(keys)-1] {
		next, ok := at[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[key] = next
		}
		at = next
	}
	at[keys[len(keys)-1]] = value
}

// Leaves calls visit for every leaf: every value that is not an object, and every empty object.
func (t Tree) Leaves(visit func(keys []string, value any)) {
	t.leaves(nil, visit)
}

func (t Tree) leaves(prefix []string, visit func([]string, any)) {
	for _, key := range t.Keys() {
		keys := append(slices.Clone(prefix), key)
		if object, ok := t[key].(map[string]any); ok && len(object) > 0 {
			Tree(object).leaves(keys, visit)
			continue
		}
		visit(keys, t[key])
	}
}
