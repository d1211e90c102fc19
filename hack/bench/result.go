// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// result is what was measured at one size, an entry of "sizes" in dist/bench.json. Seconds are seconds of the wall clock unless they
// are called CPU.
type result struct {
	Objects int `json:"objects"`
	// ReadySeconds is from the first object applied until the last is GO.
	ReadySeconds     float64 `json:"readySeconds"`
	ObjectsPerSecond float64 `json:"objectsPerSecond"`
	// BareClientObjectsPerSecond is what a client reaches that sends as many requests and writes as the operator did, in the same run and
	// with the same concurrency, and decides nothing.
	BareClientObjectsPerSecond  float64 `json:"bareClientObjectsPerSecond"`
	OperatorCPUSecondsPerObject float64 `json:"operatorCPUSecondsPerObject"`
	// RequestsPerObjectFirst are requests to Railway until all are GO, without routine polls of those that are.
	RequestsPerObjectFirst float64 `json:"requestsPerObjectFirst"`
	// BatchesPerObjectFirst is the part of RequestsPerObjectFirst that reads environments and logs, alone or many at once.
	BatchesPerObjectFirst float64 `json:"batchesPerObjectFirst"`
	// KubernetesWritesPerObjectFirst are answered writes of objects and their status, EventsPerObjectFirst those of events for people.
	KubernetesWritesPerObjectFirst float64 `json:"kubernetesWritesPerObjectFirst"`
	EventsPerObjectFirst           float64 `json:"eventsPerObjectFirst"`
	// PassesPerObjectFirst is how often the operator looked at an object until all were GO.
	PassesPerObjectFirst float64 `json:"passesPerObjectFirst"`
	// RequestsPerObjectPoll are requests to Railway per environment read, in steady state.
	RequestsPerObjectPoll float64 `json:"requestsPerObjectPoll"`
	// ViewAgeP99Seconds is how old the view of an environment gets in steady state on a Pro token: the 99th percentile over the
	// environments of the longest time between two reads.
	ViewAgeP99Seconds float64 `json:"viewAgeP99Seconds"`
	// RolloutPollGapP99Seconds is the time between two reads of an environment in rollout, with 1 s per read and all others polled.
	RolloutPollGapP99Seconds float64 `json:"rolloutPollGapP99Seconds"`
	// StatusWritesSteady are writes to Kubernetes in steady state, by all objects together.
	StatusWritesSteady int `json:"statusWritesSteady"`
	// SteadyCPUSecondsPerObjectHour is the processor time that the operator needs for a settled object in an hour: polls and checks.
	SteadyCPUSecondsPerObjectHour float64 `json:"steadyCPUSecondsPerObjectHour"`
	// EditToCommit is from an edit of a spec until its commit arrives at Railway, while all poll.
	EditToCommitP50Seconds float64 `json:"editToCommitP50Seconds"`
	EditToCommitP99Seconds float64 `json:"editToCommitP99Seconds"`
	// RepairSeconds is from an edit on the dashboard until the repair arrives at Railway: the 99th percentile.
	RepairSeconds float64 `json:"repairSeconds"`
	// RSSBytesPerObject is the settled resident memory less that with no objects, after a first one has come and gone: what it makes the
	// process load is no cost of the fleet.
	RSSBytesPerObject int64 `json:"rssBytesPerObject"`
	PeakRSSBytes      int64 `json:"peakRSSBytes"`
	Goroutines        int   `json:"goroutines"`
	// The restart of a settled fleet: until each environment was read once.
	RestartRequestsPerObject float64 `json:"restartRequestsPerObject"`
	RestartWritesPerObject   float64 `json:"restartWritesPerObject"`
	RestartSeconds           float64 `json:"restartSeconds"`
	// PeakRSSBytesOfOthers is what the other processes held of the main memory at most, by name; "bench" runs the local Railway.
	PeakRSSBytesOfOthers map[string]int64 `json:"peakRSSBytesOfOthers"`
	// Incomplete names what ended at its bound instead of its goal: its figure is a lower bound.
	Incomplete []string `json:"incomplete,omitempty"`
	// Missing names what was not measured: its figure says nothing.
	Missing []string `json:"missing,omitempty"`
	// TookSeconds is how long all phases took together.
	TookSeconds float64 `json:"tookSeconds"`
}

// measured reports whether the size yielded a figure at all: a phase that did not begin, or that was left out, yields none.
func (r result) measured(figure string) bool { return !slices.Contains(r.Missing, figure) }

// short prints three significant digits, and whole numbers whole.
func short(value float64) string {
	if value == math.Trunc(value) || math.Abs(value) >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}

// report is dist/bench.json.
type report struct {
	Setup setup    `json:"setup"`
	Sizes []result `json:"sizes"`
}

func (r report) write(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// percentile is the value that a part p of all values, 0 to 1, does not exceed; 0 of none.
func percentile(values []time.Duration, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p*float64(len(sorted)))) - 1
	return rounded(sorted[min(max(rank, 0), len(sorted)-1)])
}

// rounded is the duration in seconds, to milliseconds.
func rounded(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// per is total/n to four digits behind the point.
func per(total float64, n int) float64 { return math.Round(total/float64(n)*1e4) / 1e4 }

// rate is how many there were a second, to three digits behind the point.
func rate(n int, took time.Duration) float64 { return math.Round(float64(n)/took.Seconds()*1e3) / 1e3 }

// sum is the sum of all counts.
func sum(counts map[string]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
