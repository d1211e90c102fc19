// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// The local Railway tells its schema without a token, as Railway does, and it is the slice.
func TestLocalRailway(t *testing.T) {
	sim, err := railwaysim.New(railwaysim.Options{})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	defer stop()
	var stdout, stderr bytes.Buffer
	args := []string{
		"--schema", endpoint, "--slice", "../../internal/railway/schema/schema.graphql",
		"--operations", "../../internal/railway/gql/operations",
	}
	assert.Equal(t, 0, run(t.Context(), args, &stdout, &stderr), stdout.String()+stderr.String())
	assert.Contains(t, stdout.String(), "agree with the full schema")
}
