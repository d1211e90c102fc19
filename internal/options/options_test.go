// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
)

func parse(args ...string) (*Options, error) {
	o, flags := &Options{}, pflag.NewFlagSet("engine-operator", pflag.ContinueOnError)
	o.Bind(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return o, o.Complete()
}

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
			o, err := parse("--watch-label-selector", tc.selector)
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
	o, err := parse()
	require.NoError(t, err)
	assert.Equal(t, "engine-operator.railway.engine-operator.dev", o.LeaseName, "the name of earlier versions: an upgrade hands over")
	_, err = parse("--leader-elect", "--leader-elect-resource-name=")
	require.ErrorContains(t, err, "--leader-elect-resource-name")
}

// TestWebhooks holds that a secret is asked for where webhooks are taken, and nowhere else.
func TestWebhooks(t *testing.T) {
	for _, off := range [][]string{nil, {"--webhook-bind-address="}, {"--webhook-bind-address=0"}} {
		o, err := parse(off...)
		require.NoError(t, err, "%v", off)
		secret, err := o.WebhookSecret()
		require.NoError(t, err, "%v", off)
		assert.Equal(t, []string{"0", ""}, []string{o.WebhookAddress, secret}, "%v", off)
	}
	_, err := parse("--webhook-bind-address=:9440")
	require.ErrorContains(t, err, "--webhook-secret-file")
}
