// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
)

// benched is an engine of 25 variables and six settings that Railway does not have yet.
func benched() given {
	g := given{bare: true}
	for i := range 25 {
		g.variables = append(g.variables, plain(fmt.Sprintf("VARIABLE_%02d", i), "one"))
	}
	for _, keys := range []string{"deploy.startCommand", "deploy.healthcheckPath", "deploy.healthcheckTimeout", "deploy.sleepApplication", "build.builder"} {
		g.fields = append(g.fields, field("x", keys))
	}
	g.fields = append(g.fields, desired.Field{Keys: []string{"source", "image"}, Value: "ghcr.io/acme/ai-engine:1.4.2"})
	return g
}

// BenchmarkMakeFirst compares an engine with an environment that has nothing of it.
func BenchmarkMakeFirst(b *testing.B) {
	in := benched().input(b)
	for b.Loop() {
		require.False(b, plan.Make(in).Empty())
	}
}

// BenchmarkMakeSettled compares an engine that is as declared, which is what most passes do.
func BenchmarkMakeSettled(b *testing.B) {
	in := benched().input(b)
	in = commit(in, plan.Make(in))
	for b.Loop() {
		require.True(b, plan.Make(in).Empty())
	}
}
