// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// Start runs the operator until ctx ends.
func (o *Operator) Start(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { close(o.stopped) })()
	return o.Manager.Start(ctx)
}

// stoppable is a cache whose first sync nobody waits for any more once the operator is stopped. controller-runtime's manager goes on
// waiting when it is told to end meanwhile (runnableGroup.Start): while the API server is away that has no end, and takes a whole processor.
type stoppable struct {
	cache.Cache
	stopped <-chan struct{}
}

// newStoppable makes caches that end with stopped.
func newStoppable(stopped <-chan struct{}) cache.NewCacheFunc {
	return func(config *rest.Config, options cache.Options) (cache.Cache, error) {
		inner, err := cache.New(config, options)
		return stoppable{Cache: inner, stopped: stopped}, err
	}
}

// WaitForCacheSync waits until the caches have synced, and reports whether nobody needs to wait any longer.
func (c stoppable) WaitForCacheSync(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	if c.Cache.WaitForCacheSync(ctx) {
		return true
	}
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}
