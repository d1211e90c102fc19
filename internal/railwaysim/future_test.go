// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// TestStaleReads: one read shows the world as it was, the next one the world as it is.
func TestStaleReads(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) { o.History = time.Minute })
	l.patch(image("acme/engine:2.0"))
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "Config", Ordinal: 1, Kind: railwaysim.FaultStale, DelayMS: 30_000}))
	for _, want := range []string{"acme/engine:1.0", "acme/engine:2.0"} {
		assert.Equal(t, want, dig(l.config(true), "services", engine, "source", "image"))
	}
}

// TestAnswersFromTheFuture: values and fields that today's schema does not have.
func TestAnswersFromTheFuture(t *testing.T) {
	t.Parallel()
	l := start(t)
	const read = `query Read($e: String!) { environment(id: $e) { id config deployments(first: 1) { edges { node { id status } } } } }`
	for kind, want := range map[string]string{
		railwaysim.FaultUnknownEnum:  `"status":"FUTURE_STATUS"`,
		railwaysim.FaultUnknownField: `"futureField":{"of":["a newer Railway"]}`,
	} {
		require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "Read", Ordinal: 1, Kind: kind}))
		assert.Contains(t, l.must(read, vars{"e": staging}).Raw, want)
		assert.NotContains(t, l.must(read, vars{"e": staging}).Raw, want, "once")
	}
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "Read", Ordinal: 1, Kind: railwaysim.FaultUnknownField}))
	a := l.must(read, vars{"e": staging})
	assert.NotNil(t, a.at("environment", "config", "services", engine, "deploy", "healthcheckPath"), "what is known is there as ever")
	assert.Nil(t, a.at("environment", "config", "services", "futureField"), "a map of names gets no name more")
	assert.Nil(t, a.at("environment", "config", "services", engine, "variables", "futureField"))
}

// TestRecord: what happened, by whom, and what runs.
func TestRecord(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(image("acme/engine:2.0"))
	l.advance(30 * step)
	record := l.sim.Record()
	require.Len(t, record.Environments, 2)
	require.Len(t, record.Patches, 1)
	assert.Equal(t, "u1", record.Patches[0].By)
	assert.Equal(t, "acme/engine:2.0", dig(record.Patches[0].Patch, "services", engine, "source", "image"))
	last := record.Deployments[len(record.Deployments)-1]
	assert.Equal(t, record.Patches[0].ID, last.PatchID)
	for _, e := range record.Environments {
		if e.ID != staging {
			continue
		}
		assert.Equal(t, "west", e.Shared["REGION_NAME"])
		for _, s := range e.Services {
			if s.ID == engine {
				require.NotNil(t, s.Running)
				assert.Equal(t, last.ID, s.Running.ID)
				assert.Equal(t, "west", s.Running.Variables["WHERE"], "as it was started")
				assert.Equal(t, "${{shared.REGION_NAME}}", s.Variables["WHERE"], "as it is declared")
			}
		}
	}
}
