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
		name, reason    string
		allocated, live uint64
		want            int
	}{
		{"a settled fleet of 1,000", "what it holds is what it costs", 20 * mib, 35 * mib, idlePercent},
		{"a settled fleet of 10,000", "it does, too", 25 * mib, 200 * mib, idlePercent},
		{"a settled fleet of 40,000", "it allocates more because it is larger", 100 * mib, 800 * mib, idlePercent},
		{"a first convergence", "to collect often would be much of the processor time", 100 * mib, 35 * mib, busyPercent},
		{"its end at 10,000", "and that does not depend on what is held", 120 * mib, 200 * mib, busyPercent},
		{"the bound", "from there on it is busy", 50 * mib, 35 * mib, busyPercent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, percent(tt.allocated, tt.live), tt.reason) })
	}
}

// TestHeapIsRead: a metric that the runtime does not know has no value, and reading it panics.
func TestHeapIsRead(t *testing.T) {
	before, _ := heap()
	held := make([]byte, 1<<20)
	after, live := heap()
	assert.GreaterOrEqual(t, after-before, uint64(len(held)))
	assert.NotZero(t, live)
	runtime.KeepAlive(held)
}
