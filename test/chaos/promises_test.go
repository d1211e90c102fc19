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

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// Timed promises (docs/reliability.md). They take minutes, so they are measured on demand.
var measureFlag = flag.Bool("chaos.measure", false, "measure the timed promises")

const (
	// repairWithin is how long after an edit on the dashboard it is undone, with the smallest interval of 30s: the poll, a tenth of jitter,
	// and the commit.
	repairWithin = 40 * time.Second
	// recoverWithin is how long after the end of Railway's outage what was applied in it has arrived.
	recoverWithin = time.Minute
	// outage is how long Railway answers 502.
	outage = 90 * time.Second
)

func measuring(t *testing.T) {
	t.Helper()
	if !*measureFlag {
		t.Skip("-chaos.measure measures")
	}
	controlplane.Need(t, kube)
}

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

// TestRepairTime measures how long an edit on the dashboard lives, five times.
func TestRepairTime(t *testing.T) {
	measuring(t)
	f := newFleet(t, 1)
	var longest time.Duration
	for _, name := range []string{"DEBUG", "LOG_FORMAT", "LOG_LEVEL", "RATE_LIMIT_RPM", "ENV"} {
		declared, wrong := f.variable(name), "edited"
		require.NoError(t, f.sim.EditVariable(railwaysim.VariableEdit{
			Place: railwaysim.Place{Project: f.project(0), Environment: "dev", Service: "engine"}, Name: name, Value: &wrong,
		}))
		longest = max(longest, f.until(2*repairWithin, "repaired", func() bool { return f.variable(name) == declared }))
	}
	t.Logf("an edit on the dashboard lived %s at most, with an interval of 30s", longest.Round(100*time.Millisecond))
	assert.Less(t, longest, repairWithin)
}

// TestRecoveryAfterAnOutage measures how long after Railway's outage the fleet is as declared, with an edit that was applied while it
// lasted.
func TestRecoveryAfterAnOutage(t *testing.T) {
	measuring(t)
	f := newFleet(t, *fleetFlag)
	require.NoError(t, f.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultHTML}))
	time.Sleep(outage / 3)
	for name := range f.statuses() {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"settings":{"logging":{"level":"ERROR"}}}}`))
		require.NoError(t, f.client.Patch(t.Context(), f.object(name), patch))
	}
	time.Sleep(outage * 2 / 3)
	f.sim.ClearFaults()
	took := f.until(2*recoverWithin, "recovered", func() bool {
		for i := range f.size {
			variables, err := f.sim.Variables(railwaysim.Place{Project: f.project(i), Environment: "dev", Service: "engine"})
			if err != nil || variables["LOG_LEVEL"] != "ERROR" {
				return false
			}
		}
		return true
	})
	t.Logf("after an outage of %s, %d objects that were edited in it were as declared %s after its end", outage, f.size, took.Round(100*time.Millisecond))
	assert.Less(t, took, recoverWithin)
}
