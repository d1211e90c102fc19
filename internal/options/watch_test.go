// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
)

// TestWatchLabelSelector holds which objects an instance takes, and that a selector which cannot be read ends the start.
func TestWatchLabelSelector(t *testing.T) {
	cases := []struct {
		selector, wrong, reason string
		takes, leaves           labels.Set
	}{
		{"", "", "none takes all", labels.Set{"shard": "a"}, nil},
		{"shard=a", "", "a shard", labels.Set{"shard": "a"}, labels.Set{"shard": "b"}},
		{"shard notin (a,b)", "", "the rest, also without a label", labels.Set{"team": "x"}, labels.Set{"shard": "b"}},
		{"shard=a=b", "--watch-label-selector", "no selector", nil, nil},
	}
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			o, err := Parse([]string{"--watch-label-selector", tc.selector}, io.Discard)
			if tc.wrong != "" {
				require.ErrorContains(t, err, tc.wrong, tc.reason)
				return
			}
			require.NoError(t, err)
			assert.True(t, o.WatchSelector.Matches(tc.takes), tc.reason)
			if tc.leaves != nil {
				assert.False(t, o.WatchSelector.Matches(tc.leaves), tc.reason)
			}
		})
	}
}

// TestLeaseName holds that instances in one namespace can be told apart by their lease.
func TestLeaseName(t *testing.T) {
	o, err := Parse(nil, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "engine-operator.railway.engine-operator.dev", o.LeaseName, "the name of earlier versions: an upgrade hands over")
	_, err = Parse([]string{"--leader-elect", "--leader-elect-resource-name="}, io.Discard)
	require.ErrorContains(t, err, "--leader-elect-resource-name")
}
