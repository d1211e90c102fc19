// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// readMany asks for the environment that many times in one request.
func (l *local) readMany(n int) answer {
	var fields strings.Builder
	for i := range n {
		fmt.Fprintf(&fields, "e%d: environment(id: $e) { id } ", i)
	}
	return l.ask(account, "query Many($e: String!) { "+fields.String()+"}", vars{"e": staging})
}

// TestBreadth holds that a request that asks for too much fails as a whole, and costs one request.
func TestBreadth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason       string
		limits       railwaysim.SeedLimits
		environments int
		refused      bool
	}{
		{"62 environments cost 496", railwaysim.SeedLimits{}, 62, false},
		{"63 cost 504", railwaysim.SeedLimits{}, 63, true},
		{"the seed may allow less", railwaysim.SeedLimits{Breadth: 40}, 6, true},
		{"five cost 40", railwaysim.SeedLimits{Breadth: 40}, 5, false},
		{"the seed may count environments", railwaysim.SeedLimits{EnvironmentsPerRequest: 3}, 4, true},
		{"three are allowed", railwaysim.SeedLimits{EnvironmentsPerRequest: 3}, 3, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			l := start(t, func(o *railwaysim.Options) { o.Seed.Limits = tt.limits })
			a := l.readMany(tt.environments)
			assert.Equal(t, http.StatusOK, a.Status)
			requests := l.sim.Requests()
			require.Len(t, requests, 1)
			assert.Len(t, requests[0].Environments, tt.environments)
			assert.Equal(t, "9999", a.Header.Get("X-RateLimit-Remaining"), "a request is one request, however wide")
			if tt.refused {
				assert.Equal(t, "Problem processing request", a.message())
				assert.Empty(t, a.Errors[0].Path)
				return
			}
			assert.Len(t, a.Data, tt.environments)
		})
	}
}

// TestFaultOfOneEnvironment holds that the error of a field that cannot be null takes the data of the others with it, and names itself.
func TestFaultOfOneEnvironment(t *testing.T) {
	t.Parallel()
	l := start(t)
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultNotAuthorized, EnvironmentID: staging}))
	a := l.ask(account, `query Two($p: String!, $s: String!) { first: environment(id: $p) { id } second: environment(id: $s) { id } }`,
		vars{"p": production, "s": staging})
	assert.Nil(t, a.Data)
	require.Len(t, a.Errors, 1)
	assert.Equal(t, "Not Authorized", a.message())
	assert.Equal(t, []any{"second"}, a.Errors[0].Path)
	assert.Empty(t, l.ask(account, `query One($p: String!) { environment(id: $p) { id } }`, vars{"p": production}).Errors, "the other one is well")
}
