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
		{"a settled fleet", "what it holds is what it costs", 20 * mib, 35 * mib, idlePercent},
		{"a first convergence", "a collection each second would be much of the processor time", 90 * mib, 35 * mib, busyPercent},
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
