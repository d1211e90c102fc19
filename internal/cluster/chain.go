// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// chainAtMost bounds the walk along a chain of tiers.
const chainAtMost = 16

// LeadsBack reports whether the upstream tiers lead back to the object: they would swap their sources for ever.
func (o *Objects) LeadsBack(ctx context.Context, object, upstream *v1alpha1.EngineEnvironment) (bool, error) {
	for range chainAtMost {
		if upstream.Name == object.Name {
			return true, nil
		}
		from := UpstreamOf(upstream)
		if from == "" {
			return false, nil
		}
		next := &v1alpha1.EngineEnvironment{}
		err := o.client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: from}, next)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read EngineEnvironment %s: %w", from, err)
		}
		upstream = next
	}
	return true, nil
}
