// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// beside is the loop of another process over the same cluster and the same Railway, such as another shard's.
func (l *loop) beside() *loop {
	other := &loop{t: l.t, uid: l.uid, here: l, sim: l.sim, events: l.events, client: l.client, endpoint: l.endpoint}
	o := l.options
	var err error
	o.Railway, err = railway.NewPool(railway.Options{
		Endpoint: l.endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 1e6, Burst: 1e6, Now: other.clock,
	})
	require.NoError(l.t, err)
	other.watch = railway.NewWatch(railway.WatchOptions{Now: other.clock})
	o.Watch, o.Now = other.watch, other.clock
	other.Reconciler = New(o)
	return other
}

// TestClaimsAtTheSameTime: of two objects that claim one environment in the same moment at most one writes to Railway. The second one
// claims after the first has looked for others and before it writes; the clock, and so the order of the claims, is the same for both.
func TestClaimsAtTheSameTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, seed, first, second string }{
		{"to create it, the second is first by order", "", "b", "a"},
		{"to create it, the second is last by order", "", "a", "b"},
		{"to adopt it, the second is first by order", "{id: d1, name: dev}, ", "b", "a"},
		{"to adopt it, the second is last by order", "{id: d1, name: dev}, ", "a", "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t, "environments: [", "environments: ["+tt.seed)
			start, of := l.clock(), map[string]*loop{tt.first: l, tt.second: l.beside()}
			l.apply(tt.first, loopDev, "value: dev", "value: "+tt.first)
			l.apply(tt.second, loopDev, "value: dev", "value: "+tt.second)
			between := 0
			l.onList = func(cached bool, list *v1alpha1.EngineEnvironmentList) {
				if cached && l.clock().Equal(start) { // the cache lags
					list.Items = nil
				}
				if !cached && between == 0 {
					between++
					of[tt.second].pass(tt.second)
				}
			}
			l.pass(tt.first)
			require.Equal(t, 1, between, "the other object passed in the middle")
			holds, other := "", ""
			for range 60 {
				l.advance(time.Second)
				for _, name := range []string{tt.first, tt.second} {
					_, _ = of[name].tryPass(name)
					of[name].poll(name)
					if l.get(name).Status.Verdict == v1alpha1.VerdictGo {
						holds = name
					}
				}
				time.Sleep(2 * time.Millisecond) // the checks run beside the loop
			}
			require.NotEmpty(t, holds)
			if other = tt.first; holds == tt.first {
				other = tt.second
			}
			assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get(other)).Reason)
			assert.Nil(t, l.get(other).Status.Railway)
			want := map[string]int{"CreateEnvironment": 1, "CreateService": 1, "CreateRailwayDomain": 1, "CommitPatch": 1}
			if tt.seed != "" {
				delete(want, "CreateEnvironment")
			}
			assert.Equal(t, want, l.mutations())
			assert.Equal(t, want["CreateEnvironment"], l.requests(0)["CreateEnvironment"], "none is refused")
		})
	}
}
