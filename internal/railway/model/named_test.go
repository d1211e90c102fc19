// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// instances are service instances with these ids and names, given in pairs.
func instances(pairs ...string) []model.ServiceInstance {
	var list []model.ServiceInstance
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, model.ServiceInstance{ID: "i-" + pairs[i], ServiceID: pairs[i], Name: pairs[i+1]})
	}
	return list
}

func TestNamed(t *testing.T) {
	const engine, other = "7d1f0c3a-570d-4109-a5e8-138691f6a2d1", "99aa0000-570d-4109-a5e8-138691f6a2d1"
	tests := []struct {
		reason   string
		services []model.ServiceInstance
		ids      map[string]string
		want     []model.ServiceInstance
	}{
		{"nothing is bound yet", instances(engine, "engine"), nil, instances(engine, "engine")},
		{"the name is as it was", instances(engine, "engine"), map[string]string{"engine": engine}, instances(engine, "engine")},
		{"somebody renamed it", instances(engine, "my-engine"), map[string]string{"engine": engine}, instances(engine, "engine")},
		{"somebody renamed it and made another one of its name", instances(other, "engine", engine, "old"),
			map[string]string{"engine": engine}, instances(engine, "engine", other, "engine (99aa0000)")},
		{"two have swapped their names", instances(engine, "redis", other, "engine"),
			map[string]string{"engine": engine, "redis": other}, instances(engine, "engine", other, "redis")},
		{"the bound one is gone, so its name is free", instances(other, "engine"), map[string]string{"engine": engine},
			instances(other, "engine")},
		{"two names for one id: one of them counts", instances(engine, "x"), map[string]string{"b": engine, "a": engine},
			instances(engine, "a")},
		{"sorted by the new names", instances("2", "a", "1", "b"), map[string]string{"z": "2"}, instances("1", "b", "2", "z")},
		{"the name with the short id is declared, too", instances(engine, "x", other, "engine", "3", "y"),
			map[string]string{"engine": engine, "engine (99aa0000)": "3"},
			instances(engine, "engine", other, "engine ("+other+")", "3", "engine (99aa0000)")},
		{"no service", nil, map[string]string{"engine": engine}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			e := &model.Environment{ID: "e1", Services: tt.services}
			before := slices.Clone(tt.services)
			got := e.Named(tt.ids)
			assert.Equal(t, "e1", got.ID)
			assert.ElementsMatch(t, tt.want, got.Services)
			assert.True(t, slices.IsSortedFunc(got.Services, func(a, b model.ServiceInstance) int {
				if a.Name < b.Name {
					return -1
				}
				return 1
			}))
			assert.Equal(t, before, e.Services, "the original stays")
		})
	}
}

// Whatever people rename: every bound service is found by its declared name, nothing is lost, names stay unique.
func TestNamedKeepsIdentity(t *testing.T) {
	names := rapid.StringMatching(`[a-c]{1,2}`)
	rapid.Check(t, func(t *rapid.T) {
		shown := rapid.SliceOfNDistinct(names, 0, 5, rapid.ID[string]).Draw(t, "names on Railway")
		var list []model.ServiceInstance
		ids := map[string]string{}
		for i, name := range shown {
			id := string(rune('0'+i)) + "0000000-rest"
			list = append(list, instances(id, name)...)
			if declared := names.Draw(t, "declared"); rapid.Bool().Draw(t, "bound") && ids[declared] == "" {
				ids[declared] = id
			}
		}
		got := (&model.Environment{Services: list}).Named(ids)
		assert.Len(t, got.Services, len(list))
		seen := map[string]bool{}
		for _, s := range got.Services {
			assert.False(t, seen[s.Name], "%q twice", s.Name)
			seen[s.Name] = true
		}
		for name, id := range ids {
			instance, ok := got.Instance(name)
			assert.True(t, ok, name)
			assert.Equal(t, id, instance.ServiceID, name)
		}
	})
}

func TestDigest(t *testing.T) {
	tests := []struct {
		reason, image, digest, want string
	}{
		{"what Railway runs", "ghcr.io/acme/api:1", "sha256:aa", "sha256:aa"},
		{"what runs counts, not what was asked for", "ghcr.io/acme/api:1@sha256:bb", "sha256:aa", "sha256:aa"},
		{"Railway leaves it out of a pinned deployment", "ghcr.io/acme/api:1@sha256:bb", "", "sha256:bb"},
		{"pinned without a tag", "ghcr.io/acme/api@sha256:bb", "", "sha256:bb"},
		{"a tag alone says nothing about the bytes", "ghcr.io/acme/api:1", "", ""},
		{"a repository", "", "", ""},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, model.DeploymentMeta{Image: tt.image, ImageDigest: tt.digest}.Digest(), tt.reason)
	}
}
