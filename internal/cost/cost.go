// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cost turns what Railway says was used into dollars. It is pure: values in, values out.
package cost

import (
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// minutesPerMonth is how Railway turns a price per month into one per minute, whatever the month
// (railway-api.md, "Usage and prices").
const minutesPerMonth = 43200

// Price is what Railway charges for a measurement.
type Price struct {
	Measurement string
	// USD per unit of the measurement: vCPU-minute, GB-minute or GB.
	USD float64
	// Published is the price as Railway publishes it.
	Published string
}

// Prices are Railway's unit prices, the same on all plans, as of 2026-09-21: docs.railway.com, pricing/plans
// (railway-api.md, "Usage and prices").
var Prices = []Price{
	{model.MeasurementMemory, 10.0 / minutesPerMonth, "$10 per GB and month of memory"},
	{model.MeasurementCPU, 20.0 / minutesPerMonth, "$20 per vCPU and month"},
	{model.MeasurementNetwork, 0.05, "$0.05 per GB of egress"},
	{model.MeasurementDisk, 0.15 / minutesPerMonth, "$0.15 per GB and month of volume"},
	{model.MeasurementBackup, 0.15 / minutesPerMonth, "$0.15 per GB and month of backup"},
}

// USD is what the environment's usage costs, gross: what a plan includes is shared by the whole workspace.
func USD(usage []model.Usage, environmentID string) float64 {
	total := 0.0
	for _, u := range usage {
		if u.EnvironmentID != environmentID {
			continue
		}
		for _, price := range Prices {
			if price.Measurement == u.Measurement {
				total += u.Value * price.USD
			}
		}
	}
	return total
}

// Month returns the calendar month, in UTC, that the time is in.
func Month(now time.Time) (start, end time.Time) {
	now = now.UTC()
	start = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return start, start.AddDate(0, 1, 0)
}

// leastElapsed keeps the projection of the first minutes from shooting up: usage arrives in lumps.
const leastElapsed = time.Hour

// Project extends the cost so far to the end of the month, at the rate since the environment has been there in this month.
// since may be before the month.
func Project(soFar float64, since, now time.Time) float64 {
	start, end := Month(now)
	if since.After(start) {
		start = since
	}
	elapsed := max(now.Sub(start), leastElapsed)
	rate := soFar / elapsed.Hours()
	return soFar + rate*max(end.Sub(now), 0).Hours()
}
