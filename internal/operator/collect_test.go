// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPercent(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		name, reason string
		allocated    uint64
		want         int
	}{
		{"a settled fleet of 10,000", "what it holds is what it costs", 25 * mib, idlePercent},
		{"a first convergence", "to collect often would be much of the processor time, however much is held", 100 * mib, busyPercent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, percent(tt.allocated), tt.reason) })
	}
}

// TestAllocatedIsRead: a metric that the runtime does not know has no value, and reading it panics.
func TestAllocatedIsRead(t *testing.T) {
	before := allocated()
	held := make([]byte, 1<<20)
	assert.GreaterOrEqual(t, allocated()-before, uint64(len(held)))
	runtime.KeepAlive(held)
}
