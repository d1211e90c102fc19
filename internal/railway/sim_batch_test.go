// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// fleet is a local Railway with a project of many environments, and a running watch of all of them.
type fleet struct {
	sim   *railwaysim.Sim
	watch *railway.Watch

	mu   sync.Mutex
	told map[string]int
}

func environmentID(i int) string { return fmt.Sprintf("0bb01547-570d-4109-a5e8-%012d", i) }

func startFleet(t *testing.T, n int, limits railwaysim.SeedLimits) *fleet {
	t.Helper()
	limits.RequestsPerHour = 1_000_000
	return startFleetAt(t, n, limits, 50*time.Millisecond, 400*time.Millisecond)
}

// startFleetAt polls that often.
func startFleetAt(t *testing.T, n int, limits railwaysim.SeedLimits, fast, interval time.Duration) *fleet {
	t.Helper()
	project := railwaysim.SeedProject{ID: projectID, Name: "engine", Workspace: "w1"}
	for i := range n {
		project.Environments = append(project.Environments, railwaysim.SeedEnvironment{ID: environmentID(i), Name: fmt.Sprint("e", i)})
	}
	limits.RequestsPerSecond = 1000
	sim, err := railwaysim.New(railwaysim.Options{Seed: railwaysim.Seed{
		Workspaces: []railwaysim.SeedWorkspace{{ID: "w1", Name: "acme", Plan: "Pro"}},
		Users:      []railwaysim.SeedUser{{ID: "u1", Name: "Ada", Email: "ada@example.com"}},
		Projects:   []railwaysim.SeedProject{project}, Limits: limits,
		Tokens: []railwaysim.SeedToken{{Name: "account", Kind: "account", Value: accountToken, User: "u1", Workspace: "w1"}},
	}})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, RequestsPerSecond: 1000, Burst: 100})
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)
	f := &fleet{sim: sim, told: map[string]int{}}
	f.watch = railway.NewWatch(railway.WatchOptions{Fast: fast, Changed: func(key string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.told[key]++
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.watch.Start(ctx) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-done) })
	for i := range n {
		f.watch.Follow(environmentID(i), railway.Target{
			Client: pool.Client(railway.Credentials{Token: accountToken}), ProjectID: projectID, EnvironmentID: environmentID(i), Interval: interval,
		})
	}
	return f
}

// read reports how many environments have been read well.
func (f *fleet) read(n int) (good int) {
	for i := range n {
		if snapshot, ok := f.watch.Latest(environmentID(i)); ok && snapshot.Err == nil && snapshot.Environment.ID == environmentID(i) {
			good++
		}
	}
	return good
}

// A fleet is read in few requests, whatever Railway allows in one, and one environment that cannot be read blinds no other.
func TestFleetInFewRequests(t *testing.T) {
	const n = 60
	for _, tt := range []struct {
		reason string
		limits railwaysim.SeedLimits
		fault  *railwaysim.Fault
		good   int
	}{
		{"nothing in the way", railwaysim.SeedLimits{}, nil, n},
		{"few environments in a request", railwaysim.SeedLimits{EnvironmentsPerRequest: 7}, nil, n},
		{"one that is not visible", railwaysim.SeedLimits{}, &railwaysim.Fault{Kind: railwaysim.FaultNotAuthorized, EnvironmentID: environmentID(7)}, n - 1},
		{"one that Railway cannot answer for", railwaysim.SeedLimits{}, &railwaysim.Fault{Kind: railwaysim.FaultError, EnvironmentID: environmentID(7)}, n - 1},
		{"one that breaks the whole request", railwaysim.SeedLimits{}, &railwaysim.Fault{Kind: railwaysim.FaultPartial, EnvironmentID: environmentID(7)}, n - 1},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			f := startFleet(t, n, tt.limits)
			if tt.fault != nil {
				require.NoError(t, f.sim.AddFault(*tt.fault))
			}
			require.Eventually(t, func() bool { return f.read(n) == n || tt.fault != nil && f.read(n) >= tt.good }, 10*time.Second, 10*time.Millisecond)
			f.sim.ClearRequests()
			require.Eventually(t, func() bool {
				reads := 0
				for _, r := range f.sim.Requests() {
					reads += len(r.Environments)
				}
				return reads > 3*n
			}, 20*time.Second, 10*time.Millisecond)
			batches, reads := 0, 0
			for _, r := range f.sim.Requests() {
				if len(r.Environments) > 1 {
					batches, reads = batches+1, reads+len(r.Environments)
				}
			}
			if tt.limits.EnvironmentsPerRequest == 0 {
				assert.Greater(t, reads/batches, 8, "environments in a batch")
			} else {
				assert.Greater(t, reads/batches, 2, "environments in a batch")
			}
			assert.Eventually(t, func() bool { return f.read(n) >= tt.good }, 30*time.Second, time.Millisecond, "none is blind for long")
		})
	}
}

// A fleet that was restarted is read in few requests, though its objects are looked at one after the other, and is not said to be polled
// less often than it asks for.
func TestRestartedFleetInFewRequests(t *testing.T) {
	const n = 600
	f := startFleetAt(t, n, railwaysim.SeedLimits{RequestsPerHour: 3000}, 5*time.Second, 30*time.Second)
	require.Eventually(t, func() bool { return f.read(n) == n }, 20*time.Second, 20*time.Millisecond)
	requests := len(f.sim.Requests())
	assert.LessOrEqual(t, requests, n/10, "about 20")
	for i := range n {
		snapshot, _ := f.watch.Latest(environmentID(i))
		require.Zero(t, snapshot.Interval, "requests: %d", requests)
	}
}

// What people change on Railway is told to the reader of that environment alone.
func TestFleetTellsOnlyWhoIsConcerned(t *testing.T) {
	const n = 30
	f := startFleet(t, n, railwaysim.SeedLimits{})
	require.Eventually(t, func() bool { return f.read(n) == n }, 10*time.Second, 10*time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	f.mu.Lock()
	clear(f.told)
	f.mu.Unlock()
	place := railwaysim.Place{Project: "engine", Environment: "e3"}
	require.NoError(t, f.sim.RenameEnvironment(railwaysim.Rename{Place: place, Name: "renamed"}))
	require.Eventually(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.told[environmentID(3)] > 0
	}, 10*time.Second, 10*time.Millisecond)
	time.Sleep(time.Second)
	f.mu.Lock()
	defer f.mu.Unlock()
	assert.Equal(t, map[string]int{environmentID(3): 1}, f.told)
}
