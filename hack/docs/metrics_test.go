// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConventions holds all of the operator's metrics against Prometheus' own linter, those without a series, too.
func TestConventions(t *testing.T) {
	known, err := registered()
	require.NoError(t, err)
	var page strings.Builder
	for _, m := range known {
		labels := ""
		for _, label := range m.labels {
			labels += label + `="x",`
		}
		fmt.Fprintf(&page, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		if m.kind == "histogram" {
			fmt.Fprintf(&page, "%[1]s_bucket{%[2]sle=\"+Inf\"} 1\n%[1]s_sum{%[2]s} 1\n%[1]s_count{%[2]s} 1\n", m.name, labels)
		} else {
			fmt.Fprintf(&page, "%s{%s} 1\n", m.name, labels)
		}
	}
	require.Contains(t, page.String(), "engine_operator_railway_paused_seconds{")
	require.Contains(t, page.String(), "engine_operator_webhooks_total{")
	problems, err := promlint.New(strings.NewReader(page.String())).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}
