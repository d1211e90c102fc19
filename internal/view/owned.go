// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// HoldsOnly reports whether the environment holds nothing but services of these names. What the creation of a service for another tier
// left there is nothing.
func HoldsOnly(environment *model.Environment, names []string) bool {
	return environment.Volumes == 0 && !slices.ContainsFunc(environment.Services, func(s model.ServiceInstance) bool {
		return !slices.Contains(names, s.Name) && !environment.Bare(s)
	})
}
