// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, seed, reason, says string
		created                  int
	}{
		{"missing", "", v1alpha1.ReasonSucceeded, "", 1},
		{"there in another case", `{id: d1, name: DEV}, `, v1alpha1.ReasonSucceeded, "", 0},
		{"there twice", `{id: d1, name: Dev}, {id: d2, name: DEV}, `, v1alpha1.ReasonNameTaken, "2 environments called", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t, "environments: [", "environments: ["+tt.seed)
			l.apply("dev", loopDev)
			o := l.until("dev", tt.reason, func(o *v1alpha1.EngineEnvironment) bool { return ready(o).Reason == tt.reason })
			assert.Contains(t, ready(o).Message, tt.says)
			assert.Equal(t, tt.created, l.mutations()["CreateEnvironment"])
			if o.Status.Railway != nil {
				assert.Equal(t, tt.created == 1, o.Status.Railway.Created)
			}
		})
	}
	t.Run("project not visible", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		l.apply("dev", loopDev, loopProject, loopOther)
		_, err := l.tryPass("dev")
		require.ErrorContains(t, err, "Not Authorized", "one answer proves nothing: it is tried again")
		assert.Equal(t, v1alpha1.ReasonRailwayUnavailable, ready(l.get("dev")).Reason)
		for range 2 {
			l.pass("dev")
			assert.Equal(t, v1alpha1.ReasonProjectNotFound, ready(l.get("dev")).Reason)
		}
	})
	t.Run("one odd answer after an outage", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		for ordinal, kind := range []string{railwaysim.Fault500, railwaysim.FaultNotAuthorized} {
			require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "ReadProject", Ordinal: ordinal + 1, Kind: kind}))
		}
		l.apply("dev", loopDev)
		for range 2 {
			_, err := l.tryPass("dev")
			require.Error(t, err)
			assert.Equal(t, v1alpha1.ReasonRailwayUnavailable, ready(l.get("dev")).Reason, "an outage is no answer about the project")
		}
		l.settled("dev")
	})
}

// TestOneObjectHoldsAnEnvironment: the first that reached it, whoever is older.
func TestOneObjectHoldsAnEnvironment(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("older", loopDev, "name: railway}", "name: nope}", "tier: Dev", "tier: Dev\ndeletionPolicy: Delete")
	l.pass("older") // no token: it reached nothing, and holds nothing
	l.advance(time.Minute)
	l.apply("younger", loopDev, "interval: 30s", "interval: 30s\ndeletionPolicy: Delete")
	l.settled("younger")
	l.secret("nope", map[string]string{"RAILWAY_API_TOKEN": loopToken})
	l.until("older", "refused", func(o *v1alpha1.EngineEnvironment) bool {
		return ready(o).Reason == v1alpha1.ReasonEnvironmentClaimed
	})
	assert.Nil(t, l.get("older").Status.Railway, "it holds nothing")
	before := l.mark()
	require.NoError(t, l.client.Delete(t.Context(), l.get("older")))
	l.pass("older")
	assert.Empty(t, l.requests(before), "it is the other object's environment")
	assert.Equal(t, v1alpha1.VerdictGo, l.settled("younger").Status.Verdict)
}

// TestBlips: one bad answer changes no verdict; answers that stay bad do, once they have been for three intervals.
func TestBlips(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{
		railwaysim.FaultNotAuthorized, railwaysim.FaultNotFound, railwaysim.Fault500, railwaysim.FaultHTML, railwaysim.Fault429, railwaysim.FaultTruncated,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", loopDev)
			since := l.settled("dev").Status.GoSince
			require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Kind: kind, RetryAfter: 1}))
			for range 3 {
				l.advance(20 * time.Second)
				l.poll("dev")
				_, _ = l.tryPass("dev")
				assert.Equal(t, v1alpha1.VerdictGo, l.get("dev").Status.Verdict)
			}
			l.sim.ClearFaults()
			l.advance(20 * time.Second)
			l.poll("dev")
			l.pass("dev")
			assert.Equal(t, since, l.get("dev").Status.GoSince, "the soak goes on")
		})
	}
	t.Run("it lasts", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		l.apply("dev", loopDev)
		l.settled("dev")
		require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Kind: railwaysim.Fault500}))
		for range 8 {
			l.advance(20 * time.Second)
			l.poll("dev")
			_, _ = l.tryPass("dev")
		}
		assert.Equal(t, v1alpha1.ReasonRailwayUnavailable, ready(l.get("dev")).Reason)
	})
}

func TestAnEnvironmentThatIsGone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy, reason string
		again          int
	}{
		{"Repair", v1alpha1.ReasonSucceeded, 2},
		{"Warn", v1alpha1.ReasonEnvironmentGone, 1},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", "driftPolicy: "+tt.policy+"\n"+loopDev)
			l.settled("dev")
			require.NoError(t, l.sim.DeleteEnvironment(railwaysim.Place{Environment: "dev"}))
			l.advance(time.Minute)
			l.poll("dev")
			l.until("dev", tt.reason, func(o *v1alpha1.EngineEnvironment) bool {
				return ready(o).Reason == tt.reason && l.mutations()["CreateEnvironment"] == tt.again
			})
			assert.Equal(t, tt.again, l.mutations()["CreateEnvironment"])
		})
	}
}

// TestIntervalThatTheBudgetDoesNotAllow: the status says how old the view may get.
func TestIntervalThatTheBudgetDoesNotAllow(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "plan: Pro", "plan: Hobby")
	l.apply("dev", loopDev)
	assert.Nil(t, l.settled("dev").Status.Railway.Interval)
	// 60% of 1,000 requests an hour are for polls: one every 6s.
	l.apply("dev", loopDev, "interval: 30s", "interval: 2s")
	l.settled("dev")
	l.poll("dev")
	l.pass("dev")
	require.NotNil(t, l.get("dev").Status.Railway.Interval)
	assert.Equal(t, 8*time.Second, l.get("dev").Status.Railway.Interval.Duration, "a doubling of what was asked for")
}
