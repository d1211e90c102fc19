// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import "sync"

const (
	// firstBatch is how many environments are read in one request at first: what has been seen to work
	// (railway-api.md, "Reading an environment").
	firstBatch = 10
	// quickGrowth is how many more are tried after a full batch was answered, until Railway has refused one; slowGrowth after that.
	quickGrowth, slowGrowth = 10, 1
)

// batchSize is how many environments are read in one request. What Railway allows is not known (railway-api.md, "Rate limits"), so it
// is found: halved when a batch is refused or takes too long, grown step by step while batches are answered. It is safe for concurrent
// use.
type batchSize struct {
	most int

	mu      sync.Mutex
	size    int
	refused bool
}

func newBatchSize(most int) *batchSize { return &batchSize{most: most, size: min(firstBatch, most)} }

func (b *batchSize) now() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// found reports whether more is not tried: Railway has refused some, or they are as many as may be.
func (b *batchSize) found() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused || b.size == b.most
}

// answered learns that a batch of n was answered. One that was not full says nothing.
func (b *batchSize) answered(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n < b.size {
		return
	}
	growth := quickGrowth
	if b.refused {
		growth = slowGrowth
	}
	b.size = min(b.size+growth, b.most)
}

// tooLarge learns that a batch of n was refused.
func (b *batchSize) tooLarge(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = true
	b.size = max(1, min(b.size, n/2))
}
