// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"testing"

	own "github.com/engine-operator/engine-operator/internal/status"
)

// BenchmarkNext makes the status of a pass that found nothing new, which is what most passes find.
func BenchmarkNext(b *testing.B) {
	facts := healthy()
	previous := next(facts)
	for b.Loop() {
		own.Next(previous, facts, at(60))
	}
}
