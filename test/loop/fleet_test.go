// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// fleetSize is how many objects the restart of a settled fleet is measured with.
const fleetSize = 100

// TestRestartOfASettledFleet: a restart, a change of the leader or an upgrade of the binary changes no verdict, writes no status, and
// reads from Railway in batches.
func TestRestartOfASettledFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute")
	}
	names := make([]string, 0, fleetSize)
	var environments []string
	for i := range fleetSize {
		names = append(names, fmt.Sprintf("tier-%03d", i))
		environments = append(environments, fmt.Sprintf("{id: 3f1c8a74-5d3e-4f0a-9c47-%012d, name: tier-%03d}", i, i))
	}
	w := newWorld(t, settings{seed: strings.Replace(plainSeed, "environments: [", "environments: ["+strings.Join(environments, ", ")+", ", 1)})
	w.secret("openai", map[string]string{"api-key": secretMark})
	for _, name := range names {
		// Each has a service of its own: services belong to the project.
		w.apply(name, strings.NewReplacer("railway:\n", "railway:\n  environment: "+name+"\n", "name: ai-engine", "name: "+name, plainDomain, "").Replace(devSpec)+
			"verification: {disabledChecks: [health, metrics]}\n")
	}
	before := map[string]*v1alpha1.EngineEnvironment{}
	for _, name := range names {
		before[name] = w.untilWithin(3*time.Minute, name, "GO", isGo)
	}
	time.Sleep(35 * time.Second) // every environment is polled once more: the services of the others show
	for _, name := range names {
		before[name] = w.get(name)
		require.True(t, isGo(before[name]), name)
	}
	w.stop()
	requests, writes := w.mark(), w.writes.n.Load()
	w.stop = w.start(w.settings)
	require.Eventually(t, func() bool { return w.read(requests) >= fleetSize }, time.Minute, 50*time.Millisecond)
	time.Sleep(time.Second)
	total := 0
	for _, n := range w.count(requests) {
		total += n
	}
	changed := 0
	for _, name := range names {
		after := w.get(name)
		if after.ResourceVersion != before[name].ResourceVersion {
			changed++
			t.Logf("%s: %s", name, diffOf(t, before[name], after))
		}
		assert.Equal(t, before[name].Status.GoSince, after.Status.GoSince, "the soak of %s goes on", name)
	}
	t.Logf("restart of %d settled objects: %d status writes, %d Kubernetes writes, %d requests to Railway %v",
		fleetSize, changed, w.writes.n.Load()-writes, total, w.count(requests))
	assert.Zero(t, changed, "no status is written")
	assert.EqualValues(t, writes, w.writes.n.Load(), "nothing is written to Kubernetes")
	assert.LessOrEqual(t, total, fleetSize/5, "first reads share requests")
}
