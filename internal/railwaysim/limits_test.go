// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const makeVolume = `mutation($p: String!) { volumeCreate(input: {projectId: $p, mountPath: "/data"}) { volumeInstances { edges { node { sizeMB } } } } }`

// TestVolumeThrottle holds that volumes have a throttle of their own (railway-api.md, "Errors").
func TestVolumeThrottle(t *testing.T) {
	t.Parallel()
	l := start(t)
	require.Empty(t, l.ask(account, makeVolume, vars{"p": project}).Errors)
	assert.Contains(t, l.ask(account, makeVolume, vars{"p": project}).message(), "You are creating volumes too quickly")
	l.advance(time.Minute)
	require.Empty(t, l.ask(account, makeVolume, vars{"p": project}).Errors)
	off := "0s"
	free := start(t, func(o *railwaysim.Options) { o.Seed.Limits.VolumeCreateInterval = &off })
	for range 3 {
		require.Empty(t, free.ask(account, makeVolume, vars{"p": project}).Errors)
	}
}

func TestServicesPerDay(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) { o.Seed.Limits.ServicesPerDay = 2 })
	create := func(n int) answer {
		return l.ask(account, `mutation($p: String!, $n: String!) { serviceCreate(input: {projectId: $p, name: $n}) { id } }`, vars{"p": project, "n": fmt.Sprint("s", n)})
	}
	assert.Empty(t, create(1).Errors)
	assert.Empty(t, create(2).Errors)
	assert.Contains(t, create(3).message(), "2 services per day")
	l.advance(24 * time.Hour)
	assert.Empty(t, create(3).Errors)
}

// TestPlanLimits walks what plans allow, and that the seed's numbers come first.
func TestPlanLimits(t *testing.T) {
	t.Parallel()
	off := "0s"
	for name, test := range map[string]struct {
		plan    string
		limits  railwaysim.SeedLimits
		volumes int
		size    float64
		rate    int // requests in one second
	}{
		"Free":  {"Free", railwaysim.SeedLimits{}, 1, 500, 10},
		"Hobby": {"Hobby", railwaysim.SeedLimits{}, 10, 5000, 10},
		"Pro":   {"Pro", railwaysim.SeedLimits{}, 20, 50000, 50},
		"seed":  {"Hobby", railwaysim.SeedLimits{Volumes: 2, VolumeSizeMB: 7, RequestsPerSecond: 3}, 2, 7, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, func(o *railwaysim.Options) {
				o.Seed.Workspaces[0].Plan, o.Seed.Limits = test.plan, test.limits
				o.Seed.Limits.VolumeCreateInterval = &off
				o.Seed.Tokens[0].Workspace, o.Seed.Tokens[0].RequestsPerHour = "w1", 10000
			})
			for range test.volumes {
				a := l.ask(account, makeVolume, vars{"p": project})
				require.Empty(t, a.Errors)
				assert.Contains(t, a.Raw, fmt.Sprintf(`"sizeMB":%v`, test.size))
				l.advance(time.Second)
			}
			assert.Equal(t, "PLAN_LIMIT", l.ask(account, makeVolume, vars{"p": project}).code())
			l.advance(time.Second)
			for n := 1; n <= test.rate+1; n++ {
				a := l.ask(account, `{ __typename }`, nil)
				l.advance(-100 * time.Millisecond) // all within one second
				assert.Equal(t, n > test.rate, a.Status == http.StatusTooManyRequests, "request %d", n)
			}
		})
	}
}

// TestAnySecond holds that a limit per second counts in any second, not only in those that begin with a request.
func TestAnySecond(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) {
		o.Seed.Workspaces[0].Plan, o.Seed.Limits = "Hobby", railwaysim.SeedLimits{RequestsPerSecond: 3}
		o.Seed.Tokens[0].Workspace = "w1"
	})
	refused := func(after time.Duration) bool {
		l.advance(after - 100*time.Millisecond) // asking takes as long
		return l.ask(account, `{ __typename }`, nil).Status == http.StatusTooManyRequests
	}
	assert.False(t, refused(2*time.Second))
	assert.False(t, refused(800*time.Millisecond))
	assert.False(t, refused(100*time.Millisecond))
	assert.False(t, refused(100*time.Millisecond), "the first is a second ago")
	assert.True(t, refused(100*time.Millisecond), "three in 200 ms before it")
	assert.False(t, refused(time.Second))
}

func TestSeedRegion(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) { o.Seed.Limits.Region = "europe-west4-drams3a" })
	regions := dig(l.config(true), "services", engine, "deploy", "multiRegionConfig")
	assert.Equal(t, map[string]any{"europe-west4-drams3a": map[string]any{"numReplicas": 1.0}}, regions)
}

// TestNameOfADeletedEnvironment holds that it can stay taken for a while (railway-api.md, "Environments").
func TestNameOfADeletedEnvironment(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) { o.Seed.Limits.NameReserved = "30s" })
	l.must(`mutation($e: String!) { environmentDelete(id: $e) }`, vars{"e": staging})
	create := `mutation($p: String!) { environmentCreate(input: {projectId: $p, name: "staging"}) { id } }`
	assert.Contains(t, l.ask(account, create, vars{"p": project}).message(), "already exists")
	l.advance(30 * time.Second)
	assert.Empty(t, l.ask(account, create, vars{"p": project}).Errors)
}

// TestTooWide holds that a request that asks for too much at once fails as a whole (railway-api.md, "Rate limits").
func TestTooWide(t *testing.T) {
	t.Parallel()
	l := start(t)
	ask := func(field string, n int) answer {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d: %s ", i, field)
		}
		return l.ask(account, "{ "+b.String()+"}", nil)
	}
	narrow := `environmentStagedChanges(environmentId: "` + staging + `") { id }`
	heavy := `environmentLogs(environmentId: "` + staging + `") { message }`
	assert.Empty(t, ask(narrow, 500).Errors)
	assert.Equal(t, "Problem processing request", ask(narrow, 501).message())
	assert.Empty(t, ask(heavy, 38).Errors)
	wide := ask(heavy, 39)
	assert.Equal(t, "Problem processing request", wide.message())
	assert.Nil(t, wide.Data)
}
