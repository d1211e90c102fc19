// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
)

// row is a line of the table and a panel of the plot.
type row struct {
	name string
	of   func(result) float64
	// target is what the figure must be, as text and as a condition; empty and nil where there is none.
	target string
	holds  func(result) bool
	// phase is the one that measures it.
	phase string
	// grows is true where a figure is a total, which may grow in proportion to the objects.
	grows bool
}

// The phases of a size, in their order.
const (
	phaseFirst    = "first convergence"
	phaseSteady   = "steady state"
	phaseEdits    = "edits while all poll"
	phaseRepairs  = "edits on the dashboard"
	phaseRollouts = "rollouts while all poll, 1 s per read"
	phaseRestart  = "restart"
	phaseBare     = "bare client"
)

// bareShare is the part of the bare client's rate that the operator must reach.
const bareShare = 0.6

var rows = []row{
	{name: "readySeconds", of: func(r result) float64 { return r.ReadySeconds }, phase: phaseFirst, grows: true},
	{
		name: "objectsPerSecond", of: func(r result) float64 { return r.ObjectsPerSecond }, phase: phaseBare,
		target: "≥ 60% of bare", holds: func(r result) bool { return r.ObjectsPerSecond >= bareShare*r.BareClientObjectsPerSecond },
	},
	{name: "bareClientObjectsPerSecond", of: func(r result) float64 { return r.BareClientObjectsPerSecond }, phase: phaseBare},
	{
		name: "operatorCPUSecondsPerObject", of: func(r result) float64 { return r.OperatorCPUSecondsPerObject }, phase: phaseFirst,
		target: "≤ 0.03, flat", holds: func(r result) bool { return r.OperatorCPUSecondsPerObject <= 0.03 },
	},
	{
		name: "requestsPerObjectFirst", of: func(r result) float64 { return r.RequestsPerObjectFirst }, phase: phaseFirst,
		target: "≤ 5 + batches", holds: func(r result) bool { return r.RequestsPerObjectFirst-r.BatchesPerObjectFirst <= 5 },
	},
	{name: "batchesPerObjectFirst", of: func(r result) float64 { return r.BatchesPerObjectFirst }, phase: phaseFirst},
	{
		name: "kubernetesWritesPerObjectFirst", of: func(r result) float64 { return r.KubernetesWritesPerObjectFirst }, phase: phaseFirst,
		target: "≤ 4", holds: func(r result) bool { return r.KubernetesWritesPerObjectFirst <= 4 },
	},
	{name: "eventsPerObjectFirst", of: func(r result) float64 { return r.EventsPerObjectFirst }, phase: phaseFirst},
	{name: "passesPerObjectFirst", of: func(r result) float64 { return r.PassesPerObjectFirst }, phase: phaseFirst},
	{
		name: "requestsPerObjectPoll", of: func(r result) float64 { return r.RequestsPerObjectPoll }, phase: phaseSteady,
		target: "≤ 0.05", holds: func(r result) bool { return r.RequestsPerObjectPoll <= 0.05 },
	},
	{
		name: "viewAgeP99Seconds", of: func(r result) float64 { return r.ViewAgeP99Seconds }, phase: phaseSteady, grows: true,
		target: "≤ 300", holds: func(r result) bool { return r.ViewAgeP99Seconds <= 300 },
	},
	{
		name: "rolloutPollGapP99Seconds", of: func(r result) float64 { return r.RolloutPollGapP99Seconds }, phase: phaseRollouts,
		target: "≤ 10", holds: func(r result) bool { return r.RolloutPollGapP99Seconds <= 10 },
	},
	{
		name: "statusWritesSteady", of: func(r result) float64 { return float64(r.StatusWritesSteady) }, phase: phaseSteady, grows: true,
		target: "0", holds: func(r result) bool { return r.StatusWritesSteady == 0 },
	},
	{name: "steadyCPUSecondsPerObjectHour", of: func(r result) float64 { return r.SteadyCPUSecondsPerObjectHour }, phase: phaseSteady},
	{name: "editToCommitP50Seconds", of: func(r result) float64 { return r.EditToCommitP50Seconds }, phase: phaseEdits},
	{
		name: "editToCommitP99Seconds", of: func(r result) float64 { return r.EditToCommitP99Seconds }, phase: phaseEdits,
		target: "< 2", holds: func(r result) bool { return r.EditToCommitP99Seconds < 2 },
	},
	{name: "repairSeconds", of: func(r result) float64 { return r.RepairSeconds }, phase: phaseRepairs, grows: true},
	{
		name: "rssBytesPerObject", of: func(r result) float64 { return float64(r.RSSBytesPerObject) }, phase: phaseSteady,
		target: "≤ 61440", holds: func(r result) bool { return r.RSSBytesPerObject <= 60<<10 },
	},
	{name: "peakRSSBytes", of: func(r result) float64 { return float64(r.PeakRSSBytes) }, phase: phaseSteady, grows: true},
	{name: "goroutines", of: func(r result) float64 { return float64(r.Goroutines) }, phase: phaseSteady, grows: true},
	{
		name: "restartRequestsPerObject", of: func(r result) float64 { return r.RestartRequestsPerObject }, phase: phaseRestart,
		target: "≤ 0.05", holds: func(r result) bool { return r.RestartRequestsPerObject <= 0.05 },
	},
	{
		name: "restartWritesPerObject", of: func(r result) float64 { return r.RestartWritesPerObject }, phase: phaseRestart,
		target: "0", holds: func(r result) bool { return r.RestartWritesPerObject == 0 },
	},
	{name: "restartSeconds", of: func(r result) float64 { return r.RestartSeconds }, phase: phaseRestart, grows: true},
}

// ofPhase are the names of the figures that the phase measures.
func ofPhase(phase string) []string {
	var names []string
	for _, figure := range rows {
		if figure.phase == phase {
			names = append(names, figure.name)
		}
	}
	return names
}

// table prints a line per figure: its target, and per size its value and whether that holds the target.
func table(to io.Writer, results []result) error {
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', tabwriter.AlignRight)
	line := "figure\ttarget\t"
	for _, r := range results {
		line += strconv.Itoa(r.Objects) + " objects\tverdict\t"
	}
	_, _ = fmt.Fprintln(w, line)
	for _, figure := range rows {
		line := figure.name + "\t" + figure.target + "\t"
		for _, r := range results {
			line += figure.text(r) + "\t" + figure.verdict(r) + "\t"
		}
		_, _ = fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// text is the figure's value at a size.
func (f row) text(r result) string {
	switch {
	case !r.measured(f.name):
		return "not measured"
	case slices.Contains(r.Incomplete, f.name):
		return "≥ " + short(f.of(r))
	default:
		return short(f.of(r))
	}
}

// verdict is whether the figure holds its target: empty when it has none or was not measured.
func (f row) verdict(r result) string {
	switch {
	case f.holds == nil || !r.measured(f.name):
		return ""
	case f.holds(r) && !slices.Contains(r.Incomplete, f.name):
		return "holds"
	default:
		return "misses"
	}
}
