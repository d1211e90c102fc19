// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// collectEvery is how often the pace of the garbage collector is chosen.
	collectEvery = 10 * time.Second
	// busyPercent and idlePercent are by how much the heap may grow until it is collected (GOGC). GOMEMLIMIT, if set, bounds both.
	busyPercent, idlePercent = 200, 25
	// A process is busy that allocates busyFrom bytes in collectEvery, and a quarter of what it holds: 10,000 objects hold some 200 MiB,
	// and allocate half as much as busyFrom when settled and twice as much in their first convergence.
	busyFrom, busyShare = 50 << 20, 4
)

// PaceCollector chooses how often garbage is collected, by what is allocated, until ctx ends. A fleet is idle most of the time, and what it
// holds then is what it costs: the heap is kept small, and a collection now and then costs little. While much is allocated, as in a first
// convergence, each collection costs processor time, and the memory is needed for a moment only.
func PaceCollector(ctx context.Context) {
	chosen := busyPercent
	debug.SetGCPercent(chosen)
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	before, _ := heap()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now, live := heap()
			if next := percent(now-before, live); next != chosen { // to set it stops all goroutines for a moment
				chosen = next
				debug.SetGCPercent(chosen)
			}
			before = now
		}
	}
}

// percent is for a process that allocated so many bytes since the last choice, and holds so many.
func percent(allocated, live uint64) int {
	if allocated >= max(busyFrom, live/busyShare) {
		return busyPercent
	}
	return idlePercent
}

// heap returns how many bytes were allocated since the process began, and how many were live after the last collection.
func heap() (allocated, live uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}
