// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	firstToken  = "11111111-1111-4111-8111-111111111111"
	secondToken = "22222222-2222-4222-8222-222222222222"
	otherToken  = "33333333-3333-4333-8333-333333333333"
	boundToken  = "44444444-4444-4444-8444-444444444444"
	otherID     = "0bb01547-570d-4109-a5e8-000000000099"
)

// workspaceSeed has two workspaces of the same name; both of the first one's tokens, and a project token, reach its project.
func workspaceSeed(shared bool) railwaysim.Seed {
	return railwaysim.Seed{
		Limits: railwaysim.SeedLimits{RequestsPerSecond: 10_000},
		Workspaces: []railwaysim.SeedWorkspace{
			{ID: "w1", Name: "acme", Plan: "Hobby", SharedLimit: shared}, {ID: "w2", Name: "acme", Plan: "Hobby", SharedLimit: shared},
		},
		Projects: []railwaysim.SeedProject{
			{ID: projectID, Name: "engine", Workspace: "w1", Environments: []railwaysim.SeedEnvironment{{ID: environmentID(0), Name: "dev"}}},
			{ID: otherID, Name: "engine", Workspace: "w2", Environments: []railwaysim.SeedEnvironment{{ID: environmentID(1), Name: "dev"}}},
		},
		Tokens: []railwaysim.SeedToken{
			{Name: "first", Kind: "workspace", Workspace: "w1", Value: firstToken}, {Name: "second", Kind: "workspace", Workspace: "w1", Value: secondToken},
			{Name: "other", Kind: "workspace", Workspace: "w2", Value: otherToken},
			{Name: "bound", Kind: "project", Project: projectID, Environment: environmentID(0), Value: boundToken},
		},
	}
}

func startWorkspaces(t *testing.T, shared bool) (*railwaysim.Sim, *railway.Pool) {
	t.Helper()
	sim, err := railwaysim.New(railwaysim.Options{Seed: workspaceSeed(shared)})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, RequestsPerSecond: 1e6, Burst: 1e6})
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)
	return sim, pool
}

// wear uses so much of the limit that it can be told from another one.
func wear(t *testing.T, clients ...*railway.Client) {
	t.Helper()
	for range 45 {
		for _, client := range clients {
			_, err := client.Project(t.Context(), projectID)
			require.NoError(t, err)
		}
	}
}

func TestTokensOfAWorkspaceShareABudget(t *testing.T) {
	for _, shared := range []bool{true, false} {
		t.Run(fmt.Sprint("shared ", shared), func(t *testing.T) {
			sim, pool := startWorkspaces(t, shared)
			first, second := pool.Client(railway.Credentials{Token: firstToken}), pool.Client(railway.Credentials{Token: secondToken})
			other := pool.Client(railway.Credentials{Token: otherToken})
			bound := pool.Client(railway.Credentials{Kind: railway.TokenProject, Token: boundToken})
			for _, read := range []struct {
				client  *railway.Client
				project string
			}{{first, projectID}, {other, otherID}, {bound, projectID}, {first, projectID}} {
				_, err := read.client.Project(t.Context(), read.project)
				require.NoError(t, err)
			}
			wear(t, first)
			assert.Zero(t, asked(sim), "nobody shares anything with a token that is alone")
			_, err := second.Project(t.Context(), projectID)
			require.NoError(t, err)
			wear(t, second)
			require.Eventually(t, func() bool { return asked(sim) == 2 }, 30*time.Second, time.Millisecond, "each is asked about once")
			if shared {
				require.Eventually(t, func() bool { return first.Budget() == second.Budget() }, 30*time.Second, time.Millisecond)
			}
			wear(t, first, second)
			assert.Equal(t, shared, first.Budget() == second.Budget())
			assert.NotSame(t, first.Budget(), other.Budget(), "another workspace of the same name")
			assert.NotSame(t, first.Budget(), bound.Budget(), "a project token may not ask")
			_, err = first.Project(t.Context(), projectID)
			require.NoError(t, err)
			assert.Equal(t, 2, asked(sim))
		})
	}
}

// What is polled with one of them stretches the polls of both.
func TestSharedBudgetStretchesBoth(t *testing.T) {
	_, pool := startWorkspaces(t, true)
	first, second := pool.Client(railway.Credentials{Token: firstToken}), pool.Client(railway.Credentials{Token: secondToken})
	watch := railway.NewWatch(railway.WatchOptions{})
	for i := range 400 {
		watch.Follow(fmt.Sprint(i), railway.Target{Client: first, ProjectID: projectID, EnvironmentID: environmentID(i), Interval: time.Minute})
	}
	alone := first.Budget().Stretch(0)
	wear(t, first, second)
	require.Eventually(t, func() bool { return first.Budget() == second.Budget() }, 30*time.Second, time.Millisecond)
	assert.Greater(t, alone, time.Duration(0))
	assert.Equal(t, alone, second.Budget().Stretch(0), "it came along")
	watch.Follow("more", railway.Target{Client: second, ProjectID: projectID, EnvironmentID: environmentID(0), Interval: time.Minute})
	assert.Greater(t, first.Budget().Stretch(0), alone)
}

func asked(sim *railwaysim.Sim) (n int) {
	for _, request := range sim.Requests() {
		if request.Operation == "ReadWorkspaceLimit" {
			n++
		}
	}
	return n
}

// Two processes that share a token know nothing of each other but what Railway's headers say is left: both stretch, neither is refused
// or held back, and each gets its part.
func TestTwoProcessesOnOneToken(t *testing.T) {
	const hours = 3
	now := time.Date(2026, 9, 10, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	sim, err := railwaysim.New(railwaysim.Options{Seed: workspaceSeed(false), Now: clock})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	type process struct {
		client *railway.Client
		owed   float64
		sent   int
	}
	var processes [2]process
	const followed = 5000
	for i := range processes {
		pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, Now: clock, RequestsPerSecond: 10_000, Burst: 1000})
		require.NoError(t, err)
		t.Cleanup(pool.CloseIdle)
		processes[i].client = pool.Client(railway.Credentials{Token: firstToken})
		watch := railway.NewWatch(railway.WatchOptions{Now: clock})
		for n := range followed {
			watch.Follow(fmt.Sprint(n), railway.Target{
				Client: processes[i].client, ProjectID: projectID, EnvironmentID: environmentID(n), Interval: time.Minute,
			})
		}
	}
	const step = 10 * time.Second
	polled := float64(followed) / 50 // fifty environments in each request
	for ; now.Before(time.Date(2026, 9, 10, 12+hours, 0, 0, 0, time.UTC)); now = now.Add(step) {
		for i := range processes {
			p := &processes[i]
			for p.owed += polled * step.Seconds() / p.client.Budget().Stretch(time.Minute).Seconds(); p.owed >= 1; p.owed-- {
				require.NoError(t, p.client.Valid(railway.WithPriority(t.Context(), railway.Poll)), "after %s", now)
				p.sent++
			}
		}
	}
	for i, p := range processes {
		assert.InDelta(t, 300*hours, p.sent, 60*hours, "half of 60%% of 1,000 an hour: %d", i)
		_, stretched := p.client.Budget().Interval(time.Minute)
		assert.True(t, stretched)
	}
}
