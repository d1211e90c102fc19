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
	// busyFrom is from how many bytes on, allocated in collectEvery, a process is busy. What collecting costs depends on what is
	// allocated and not on what is held. Measured: 10,000 settled objects allocate half of it, a first convergence twice as much.
	busyFrom = 50 << 20
)

// PaceCollector chooses how often garbage is collected, by what is allocated, until ctx ends. A fleet is idle most of the time, and what it
// holds then is what it costs: the heap is kept small, and a collection now and then costs little. While much is allocated, as in a first
// convergence, each collection costs processor time, and the memory is needed for a moment only.
func PaceCollector(ctx context.Context) {
	chosen := busyPercent
	debug.SetGCPercent(chosen)
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	before := allocated()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := allocated()
			if next := percent(now - before); next != chosen { // to set it stops all goroutines for a moment
				chosen = next
				debug.SetGCPercent(chosen)
			}
			before = now
		}
	}
}

// percent is for a process that allocated so many bytes since the last choice.
func percent(bytes uint64) int {
	if bytes >= busyFrom {
		return busyPercent
	}
	return idlePercent
}

// allocated is how many bytes were allocated since the process began.
func allocated() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64()
}
