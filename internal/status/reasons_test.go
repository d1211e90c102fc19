// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/status"
)

// TestEveryReasonHasItsRow holds the table against the API's constants: each has one place, and nothing else has.
func TestEveryReasonHasItsRow(t *testing.T) {
	source, err := os.ReadFile("../../api/v1alpha1/conditions.go")
	require.NoError(t, err)
	var constants, rows []string
	for _, found := range regexp.MustCompile(`(?m)^\tReason\w+ += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		constants = append(constants, found[1])
	}
	require.NotEmpty(t, constants)
	for _, row := range status.Reasons {
		rows = append(rows, row.Reasons...)
		for _, text := range []string{row.Means, row.Do} {
			assert.NotEmpty(t, text, row.Reasons)
			assert.NotContains(t, text, "|", "it would end the cell of a Markdown table")
			assert.False(t, strings.HasSuffix(text, "."), "%v: a cell has no full stop: %s", row.Reasons, text)
		}
	}
	assert.ElementsMatch(t, constants, rows)
}

// TestWrong holds which reasons are worth a warning.
func TestWrong(t *testing.T) {
	cases := []struct {
		reason string
		want   bool
	}{
		{v1alpha1.ReasonCrashed, true},
		{v1alpha1.ReasonTokenRejected, true},
		{v1alpha1.ReasonRolledBack, true},
		{"FromANewerVersion", true},
		{v1alpha1.ReasonSucceeded, false},
		{v1alpha1.ReasonDeploying, false},
		{v1alpha1.ReasonSoaking, false},
		{"", false},
	}
	for _, tc := range cases {
		assert.Equal(t, tc.want, status.Wrong(tc.reason), tc.reason)
	}
}
