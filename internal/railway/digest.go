// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// digest is equal for equal environments, in whatever order their parts came. It is a hash, so it shows no value.
func digest(env *model.Environment) string {
	if env == nil {
		return ""
	}
	view := content{*env, sealedList(env)}
	slices.SortFunc(view.Sealed, func(a, b model.VariableRef) int {
		return cmp.Or(cmp.Compare(a.ServiceID, b.ServiceID), cmp.Compare(a.Name, b.Name))
	})
	view.Services = sorted(env.Services, func(s model.ServiceInstance) string { return s.ID })
	for i := range view.Services {
		s := &view.Services[i]
		s.RailwayDomains = sorted(s.RailwayDomains, func(d model.Domain) string { return d.ID })
		s.CustomDomains = sorted(s.CustomDomains, func(d model.Domain) string { return d.ID })
		s.Active = sorted(s.Active, func(d model.Deployment) string { return d.ID })
		s.Triggers = sorted(s.Triggers, func(t model.Trigger) string { return t.ID })
	}
	view.Patches = sorted(env.Patches, func(p model.Patch) string { return p.ID })
	for i := range view.Patches {
		view.Patches[i].Paths = sorted(view.Patches[i].Paths, func(path string) string { return path })
	}
	view.Staged = sorted(env.Staged, func(path string) string { return path })
	body, err := json.Marshal(view)
	if err != nil {
		// A config is JSON by definition; one that is not cannot be compared.
		return ""
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// sorted returns a copy in the order of the keys.
func sorted[T any](list []T, key func(T) string) []T {
	return slices.SortedStableFunc(slices.Values(list), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
