// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"sync"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Failures remembers why deployments failed, so that Railway is asked once for each. The zero value is ready for use.
type Failures struct {
	mu    sync.Mutex
	known map[string]model.Failure
}

// failuresAtMost bounds what is remembered; it starts anew when full.
const failuresAtMost = 512

// Of returns why the deployment failed. What is remembered went through redact: as long as the values that it masks are known, for
// they may be rotated.
func (f *Failures) Of(ctx context.Context, client *Client, deploymentID string, redact func(string) string) (model.Failure, error) {
	if failure, ok := f.get(deploymentID); ok {
		return failure, nil
	}
	failure, err := client.Failure(ctx, deploymentID)
	if err != nil {
		return model.Failure{}, err
	}
	failure = failure.Map(redact)
	f.put(deploymentID, failure)
	return failure, nil
}

func (f *Failures) get(id string) (model.Failure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	failure, ok := f.known[id]
	return failure, ok
}

func (f *Failures) put(id string, failure model.Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= failuresAtMost {
		f.known = map[string]model.Failure{}
	}
	f.known[id] = failure
}
