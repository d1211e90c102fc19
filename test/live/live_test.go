// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build live

package live_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
)

// TestLiveAssumptions tries the statements on the real Railway. It makes an environment and a service in the project
// RAILWAY_PROJECT_ID and deletes both; a failed run may leave the environment behind, and says so. It needs an account or
// workspace token, because a project token cannot create environments (railway-api.md, "Tokens").
func TestLiveAssumptions(t *testing.T) {
	token, project := os.Getenv("RAILWAY_API_TOKEN"), os.Getenv("RAILWAY_PROJECT_ID")
	require.NotEmpty(t, token, "RAILWAY_API_TOKEN is needed: an account or workspace token")
	require.NotEmpty(t, project, "RAILWAY_PROJECT_ID is needed: a project to make an environment in, which is deleted again")
	pool, err := railway.NewPool(railway.Options{Endpoint: os.Getenv("RAILWAY_ENDPOINT"), RequestsPerSecond: 2, Burst: 4})
	require.NoError(t, err)
	tryAll(t, ground{
		client: pool.Client(railway.Credentials{Token: token}), project: project,
		settle: 45 * time.Second, rollout: 10 * time.Minute, pause: 2 * time.Second, stillFor: 30 * time.Second,
	})
}
