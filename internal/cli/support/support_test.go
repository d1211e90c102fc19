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

// TestStripLeavesOutThePlansValues: a plan names what it would write, with both values; those of variables and commands are left out, as
// in the spec.
func TestStripLeavesOutThePlansValues(t *testing.T) {
	const value = "postgres://db.internal/dev"
	object := &v1alpha1.EngineEnvironment{Status: v1alpha1.EngineEnvironmentStatus{Plan: &v1alpha1.PlanStatus{
		Changes: []v1alpha1.PlannedChange{
			{Path: "ai-engine.variables.DSN", Action: v1alpha1.PlannedSet, From: "(absent)", To: value},
			{Path: "ai-engine.variables.OLD", Action: v1alpha1.PlannedDelete, From: value},
			{Path: "shared.DSN", Action: v1alpha1.PlannedSet, From: value, To: value},
			{Path: "ai-engine.deploy.startCommand", Action: v1alpha1.PlannedSet, From: value, To: value},
			{Path: "ai-engine.deploy.preDeployCommand", Action: v1alpha1.PlannedSet, From: value, To: value},
			{Path: "ai-engine.build.command", Action: v1alpha1.PlannedSet, From: value, To: value},
			{Path: "ai-engine.deploy.healthcheck.path", Action: v1alpha1.PlannedSet, From: "/", To: "/health"},
		},
	}}}
	files, err := support.Files(support.Collected{Tiers: []v1alpha1.EngineEnvironment{*object}}, func(text string) string { return text })
	require.NoError(t, err)
	for name, text := range files {
		assert.NotContains(t, text, value, name)
	}
	changes := support.Strip(object).Status.Plan.Changes
	assert.Equal(t, "/health", changes[len(changes)-1].To)
	assert.Equal(t, v1alpha1.PlannedChange{
		Path: "ai-engine.variables.DSN", Action: v1alpha1.PlannedSet, From: "(absent)", To: support.LeftOut,
	}, changes[0])
	assert.Equal(t, value, object.Status.Plan.Changes[0].To, "the object itself is not changed")
}
