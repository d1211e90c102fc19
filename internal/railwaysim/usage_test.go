// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const readUsage = `query($p: String!, $s: DateTime, $e: DateTime) { usage(projectId: $p, startDate: $s, endDate: $e,
	groupBy: [ENVIRONMENT_ID, SERVICE_ID], measurements: [CPU_USAGE, NETWORK_TX_GB, NETWORK_RX_GB]) {
	measurement value tags { environmentId serviceId } } }`

func TestUsage(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) {
		o.Seed.Projects[0].Environments[1].Age = "100h"
		o.Seed.Usage = []railwaysim.SeedUsage{{Environment: "staging", Service: "engine", VCPU: 2, EgressGBPerDay: 24}}
	})
	since := l.clock().Add(-10 * time.Hour)
	ask := func(start time.Time) map[string]float64 {
		list, _ := l.must(readUsage, vars{"p": project, "s": start, "e": since.Add(10 * time.Hour)}).at("usage").([]any)
		values := map[string]float64{}
		for _, entry := range list {
			object, _ := entry.(map[string]any)
			tags, _ := object["tags"].(map[string]any)
			assert.Equal(t, staging, tags["environmentId"])
			assert.Equal(t, engine, tags["serviceId"])
			name, _ := object["measurement"].(string)
			values[name], _ = object["value"].(float64)
		}
		return values
	}
	assert.Equal(t, map[string]float64{"CPU_USAGE": 1200, "NETWORK_TX_GB": 10}, rounded(ask(since)), "ten hours; what is zero is left out")
	assert.Equal(t, map[string]float64{"CPU_USAGE": 12000, "NETWORK_TX_GB": 100}, rounded(ask(since.Add(-1000*time.Hour))), "since the environment is there")
	assert.Equal(t, "Not Authorized", l.ask(scoped, readUsage, vars{"p": project}).message(), "a project token may not ask")
	assert.Equal(t, "Not Authorized", l.ask(stranger, readUsage, vars{"p": project}).message())
}

func rounded(values map[string]float64) map[string]float64 {
	for name, value := range values {
		values[name] = float64(int(value + 0.5))
	}
	return values
}
