// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"runtime"
	"syscall"
	"time"
)

// rusageThread asks for the calling thread only (getrusage(2)).
const rusageThread = 1

// processorTime is how much of a processor's time the call takes: other processes and other goroutines do not count.
func processorTime(call func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	call()
	return threadTime() - before
}

func threadTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
