// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package verify

import "time"

// processorTime is how long the call takes: only Linux tells the processor's time of one thread.
func processorTime(call func()) time.Duration {
	start := time.Now()
	call()
	return time.Since(start)
}
