// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	tokenA  = "11111111-1111-4111-8111-111111111111"
	tokenB  = "22222222-2222-4222-8222-222222222222"
	project = "0bb01547-570d-4109-a5e8-138691f6a2d1"
)

// clientsOf are clients of two accounts that see the same project.
func clientsOf(t *testing.T) (sim *railwaysim.Sim, a, b *railway.Client) {
	t.Helper()
	sim, err := railwaysim.New(railwaysim.Options{Seed: railwaysim.Seed{
		Workspaces: []railwaysim.SeedWorkspace{{ID: "w1", Name: "acme", Plan: "Pro"}},
		Projects:   []railwaysim.SeedProject{{ID: project, Name: "engine", Workspace: "w1"}},
		Tokens: []railwaysim.SeedToken{
			{Name: "a", Kind: "workspace", Workspace: "w1", Value: tokenA}, {Name: "b", Kind: "workspace", Workspace: "w1", Value: tokenB},
		},
	}})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint})
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)
	return sim, pool.Client(railway.Credentials{Token: tokenA}), pool.Client(railway.Credentials{Token: tokenB})
}

// Nothing is kept of tokens and projects that nobody asks about any more; what is asked for each hour stays.
func TestLedgerForgets(t *testing.T) {
	sim, a, b := clientsOf(t)
	var l Ledger
	start := time.Date(2026, 9, 10, 12, 0, 0, 0, time.UTC)
	at := func(hours float64) time.Time { return start.Add(time.Duration(hours * float64(time.Hour))) }
	for _, step := range []struct {
		reason  string
		client  *railway.Client
		hours   float64
		entries int
		asked   int
	}{
		{"the first", a, 0, 1, 1},
		{"another token asks apart", b, 0, 2, 2},
		{"within the hour nobody asks", a, 0.5, 2, 2},
		{"after it Railway is asked again", a, 1, 2, 3},
		{"the other one's may come back", a, 2, 2, 4},
		{"it did not", a, 3, 1, 5},
		{"who comes back later asks anew", b, 3.5, 2, 6},
	} {
		read := l.Read(t.Context(), step.client, project, at(step.hours))
		require.NoError(t, read.Err, step.reason)
		assert.Len(t, l.entries, step.entries, step.reason)
		assert.Len(t, sim.Requests(), step.asked, step.reason)
	}
}
