// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// BenchmarkBuild builds a Dev tier with one engine and 25 variables, of which the tier brings nine.
func BenchmarkBuild(b *testing.B) {
	s := spec(v1alpha1.TierDev)
	s.Engine.Source = &v1alpha1.Source{Image: "ghcr.io/acme/ai-engine:1.4.2"}
	for i := range 16 {
		s.Engine.Variables = append(s.Engine.Variables, value(fmt.Sprintf("VARIABLE_%02d", i), "one"))
	}
	for b.Loop() {
		_, err := desired.Build(s, desired.Sources{})
		require.NoError(b, err)
	}
}
