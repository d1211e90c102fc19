// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTerraformFigures holds the figures that the documents and the table of `make bench-calls` name.
func TestTerraformFigures(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		got, want    calls
	}{
		{"tier, railway_variable", "environment 1, service 7, domain 4, variables 25 * 4; deployments 1 + 25 * 2",
			createTier(variables), calls{requests: 112, deployments: 51}},
		{"tier, railway_variable_collection", "all variables in one resource",
			createTier(1), calls{requests: 16, deployments: 3}},
		{"ten variables, railway_variable", "each is written, read and redeployed",
			change(10), calls{requests: 30, deployments: 20}},
		{"ten variables, railway_variable_collection", "one resource",
			change(1), calls{requests: 3, deployments: 2}},
	} {
		assert.Equal(t, tt.want, tt.got, "%s: %s", tt.name, tt.reason)
	}
	assert.Equal(t, 86, benched.refresh(variables), "three tiers by railway_variable")
	assert.Equal(t, 14, benched.refresh(1), "three tiers by railway_variable_collection")
}
