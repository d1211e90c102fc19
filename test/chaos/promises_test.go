// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// Timed promises (docs/reliability.md). By default each is held once, in short and with a bound that a busy machine keeps, too.
var measureFlag = flag.Bool("chaos.measure", false, "measure the timed promises: takes minutes")

const (
	// repairWithin is how long after an edit on the dashboard it is undone, with the smallest interval of 30s: the poll, a tenth of jitter,
	// and the commit.
	repairWithin = 40 * time.Second
	// recoverWithin is how long after the end of Railway's outage what was applied in it has arrived.
	recoverWithin = time.Minute
	// outage is how long Railway answers 502.
	outage = 90 * time.Second

	// In short: the repair may take some more of a pass, and the recovery may not wait for the next poll.
	shortRepairWithin  = 50 * time.Second
	shortRecoverWithin = 25 * time.Second
	shortOutage        = 9 * time.Second
	shortFleet         = 5
)

// variable is a variable of the fleet's first engine on Railway.
func (f *fleet) variable(name string) string {
	variables, err := f.sim.Variables(railwaysim.Place{Project: f.project(0), Environment: "dev", Service: "engine"})
	require.NoError(f.t, err)
	return variables[name]
}

// until measures how long it takes until the condition holds.
func (f *fleet) until(limit time.Duration, what string, holds func() bool) time.Duration {
	f.t.Helper()
	start := time.Now()
	require.Eventually(f.t, holds, limit, 20*time.Millisecond, what)
	return time.Since(start)
}

// TestRepairTime measures how long an edit on the dashboard lives.
func TestRepairTime(t *testing.T) {
	edited, within := []string{"DEBUG", "LOG_FORMAT", "LOG_LEVEL", "RATE_LIMIT_RPM", "ENV"}, repairWithin
	if !*measureFlag {
		t.Parallel()
		edited, within = edited[:1], shortRepairWithin
	}
	f := newFleet(t, 1)
	var longest time.Duration
	for _, name := range edited {
		declared, wrong := f.variable(name), "edited"
		require.NoError(t, f.sim.EditVariable(railwaysim.VariableEdit{
			Place: railwaysim.Place{Project: f.project(0), Environment: "dev", Service: "engine"}, Name: name, Value: &wrong,
		}))
		require.Equal(t, wrong, f.variable(name))
		longest = max(longest, f.until(2*within, "repaired", func() bool { return f.variable(name) == declared }))
	}
	t.Logf("an edit on the dashboard lived %s at most, with an interval of 30s", longest.Round(100*time.Millisecond))
	assert.Less(t, longest, within)
}

// TestRecoveryAfterAnOutage measures how long after Railway's outage the fleet is as declared, with an edit that was applied while it
// lasted.
func TestRecoveryAfterAnOutage(t *testing.T) {
	size, lasts, within := *fleetFlag, outage, recoverWithin
	if !*measureFlag {
		t.Parallel()
		size, lasts, within = shortFleet, shortOutage, shortRecoverWithin
	}
	f := newFleet(t, size)
	recovered := func() bool {
		for i := range f.size {
			variables, err := f.sim.Variables(railwaysim.Place{Project: f.project(i), Environment: "dev", Service: "engine"})
			if err != nil || variables["LOG_LEVEL"] != "ERROR" {
				return false
			}
		}
		return true
	}
	require.NoError(t, f.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultHTML}))
	time.Sleep(lasts / 3)
	for name := range f.statuses() {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"settings":{"logging":{"level":"ERROR"}}}}`))
		require.NoError(t, f.client.Patch(t.Context(), f.object(name), patch))
	}
	time.Sleep(lasts * 2 / 3)
	require.False(t, recovered(), "nothing gets through")
	f.sim.ClearFaults()
	took := f.until(2*within, "recovered", recovered)
	t.Logf("after an outage of %s, %d objects that were edited in it were as declared %s after its end", lasts, f.size, took.Round(100*time.Millisecond))
	assert.Less(t, took, within)
}
