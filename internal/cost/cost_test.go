// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const month = 43200.0

func used(measurement string, value float64) model.Usage {
	return model.Usage{EnvironmentID: "dev", ServiceID: "engine", Measurement: measurement, Value: value}
}

func TestUSD(t *testing.T) {
	for name, test := range map[string]struct {
		usage []model.Usage
		want  float64
	}{
		"a GB of memory for a month":  {[]model.Usage{used("MEMORY_USAGE_GB", month)}, 10},
		"a vCPU for a month":          {[]model.Usage{used("CPU_USAGE", month)}, 20},
		"twenty GB of egress":         {[]model.Usage{used("NETWORK_TX_GB", 20)}, 1},
		"a volume of 100 GB":          {[]model.Usage{used("DISK_USAGE_GB", 100*month)}, 15},
		"its backups":                 {[]model.Usage{used("BACKUP_USAGE_GB", 10*month)}, 1.5},
		"what is not charged":         {[]model.Usage{used("NETWORK_RX_GB", 1000), used("CPU_LIMIT", 1000)}, 0},
		"two services together":       {[]model.Usage{used("CPU_USAGE", month), {EnvironmentID: "dev", ServiceID: "worker", Measurement: "CPU_USAGE", Value: month}}, 40},
		"another environment's usage": {[]model.Usage{{EnvironmentID: "production", Measurement: "CPU_USAGE", Value: month}}, 0},
		"nothing":                     {nil, 0},
	} {
		assert.InDelta(t, test.want, cost.USD(test.usage, "dev"), 1e-9, name)
	}
	assert.Len(t, cost.Prices, len(model.Measurements), "every measurement that is asked for has a price")
}

func TestProject(t *testing.T) {
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	before := at(1, 0).AddDate(0, -3, 0)
	assert.InDelta(t, 30, cost.Project(10, before, at(11, 0)), 1e-9, "ten of thirty days have passed")
	assert.InDelta(t, 50, cost.Project(10, at(6, 0), at(11, 0)), 1e-9, "it has been there for five days, and stays for twenty more")
	assert.InDelta(t, 30, cost.Project(30, before, at(30, 0).AddDate(0, 0, 1).Add(-time.Nanosecond)), 1e-3, "the month is over")
	assert.InDelta(t, 721, cost.Project(1, at(1, 0), at(1, 0)), 1e-9, "the first minutes count as a whole hour")
	assert.Zero(t, cost.Project(0, before, at(20, 0)))
	start, end := cost.Month(time.Date(2026, 12, 31, 23, 0, 0, 0, time.FixedZone("east", -7200)))
	assert.Equal(t, "2027-01-01 2027-02-01", start.Format(time.DateOnly)+" "+end.Format(time.DateOnly), "months are UTC's")
}

func TestProjectIsNeverBelowWhatWasSpent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		soFar := rapid.Float64Range(0, 1e6).Draw(t, "soFar")
		now := time.Unix(rapid.Int64Range(1.7e9, 2e9).Draw(t, "now"), 0)
		since := now.Add(-time.Duration(rapid.Int64Range(0, 1e16).Draw(t, "since")))
		assert.GreaterOrEqual(t, cost.Project(soFar, since, now), soFar)
	})
}
