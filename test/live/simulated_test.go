// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package live_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// TestTheLocalRailwayKeepsTheAssumptions holds that the simulator is what the assumptions say, so that a statement that the
// real Railway refutes is one that the simulator has wrong, too.
func TestTheLocalRailwayKeepsTheAssumptions(t *testing.T) {
	seed, err := railwaysim.LoadSeed("../../hack/railway-sim/seed.yaml")
	require.NoError(t, err)
	sim, err := railwaysim.New(railwaysim.Options{Seed: seed, Step: 5 * time.Millisecond, Lag: 20 * time.Millisecond})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, RequestsPerSecond: 30, Burst: 10})
	require.NoError(t, err)
	tryAll(t, ground{
		client: pool.Client(railway.Credentials{Token: seed.Tokens[0].Value}), project: seed.Projects[0].ID,
		settle: 5 * time.Second, rollout: 5 * time.Second, pause: 30 * time.Millisecond, stillFor: 100 * time.Millisecond,
	})
}
