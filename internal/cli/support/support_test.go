// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package support_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/support"
)

// TestStripLeavesOutThePlansValues: a plan names what it would write, with both values.
func TestStripLeavesOutThePlansValues(t *testing.T) {
	const value = "postgres://db.internal/dev"
	object := &v1alpha1.EngineEnvironment{Status: v1alpha1.EngineEnvironmentStatus{Plan: &v1alpha1.PlanStatus{
		Changes: []v1alpha1.PlannedChange{
			{Path: "ai-engine.variables.DSN", Action: v1alpha1.PlannedSet, From: "(absent)", To: value},
			{Path: "ai-engine.variables.OLD", Action: v1alpha1.PlannedDelete, From: value},
		},
	}}}
	files, err := support.Files(support.Collected{Tiers: []v1alpha1.EngineEnvironment{*object}}, func(text string) string { return text })
	require.NoError(t, err)
	for name, text := range files {
		assert.NotContains(t, text, value, name)
	}
	assert.Equal(t, v1alpha1.PlannedChange{
		Path: "ai-engine.variables.DSN", Action: v1alpha1.PlannedSet, From: "(absent)", To: support.LeftOut,
	}, support.Strip(object).Status.Plan.Changes[0])
	assert.Equal(t, value, object.Status.Plan.Changes[0].To, "the object itself is not changed")
}
