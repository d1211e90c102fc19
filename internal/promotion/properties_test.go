// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/promotion"
)

// tier is a tier as the loop keeps it: what stands in its status, and its stored revisions.
type tier struct {
	name     string
	upstream *tier
	manual   bool
	soak     time.Duration

	current, verified promotion.Source
	goSince           time.Time
	rejected          []promotion.Source
	approval          promotion.Source
	held              bool
	heldTo            promotion.Source
	kept              []promotion.Revision
	// everVerified is what passed here, for the invariants; it is never lost.
	everVerified map[promotion.Source]bool
}

// runs is what the tier runs: what it took, or what a rollback holds in its place.
func (t *tier) runs() promotion.Source {
	if t.held {
		return t.heldTo
	}
	return t.current
}

// chainOf is dev, preview and production, and what fails where.
type chainOf struct {
	tiers []*tier
	now   time.Time
	bad   map[promotion.Source]map[string]bool
	next  int
}

func newChain(t *rapid.T) *chainOf {
	c := &chainOf{now: now, bad: map[promotion.Source]map[string]bool{}}
	for i, name := range []string{"dev", "preview", "production"} {
		next := &tier{name: name, manual: name == "production", soak: time.Duration(rapid.IntRange(0, 3).Draw(t, "soak")) * time.Hour, everVerified: map[promotion.Source]bool{}}
		if i > 0 {
			next.upstream = c.tiers[i-1]
		}
		c.tiers = append(c.tiers, next)
	}
	return c
}

// pass is one pass of the loop over a tier: promote, verify, keep or roll back. It returns how many sources it took.
func (c *chainOf) pass(t *tier, worldBroken bool) int {
	taken := 0
	if t.upstream != nil && !t.held {
		up := t.upstream
		d := promotion.Decide(promotion.Input{
			Upstream: promotion.Upstream{Name: up.name, Found: true, Verified: up.verified, GoSince: up.goSince},
			Current:  t.current, Rejected: t.rejected, Soak: t.soak, Manual: t.manual, Now: c.now,
			Approval: string(t.approval), Approved: func(s promotion.Source) bool { return t.approval == s },
		})
		if d.State == promotion.Due {
			t.current = d.Candidate
			taken++
		}
	}
	runs := t.runs()
	if runs == "" {
		return taken
	}
	failed := worldBroken || c.bad[runs][t.name]
	switch {
	case failed:
		t.goSince = time.Time{}
		if !t.held && promotion.ShouldRollBack(t.kept, string(t.current), true) {
			if target, ok := promotion.Target(t.kept, string(t.current)); ok {
				t.rejected = append(t.rejected, t.current)
				t.held, t.heldTo = true, promotion.Source(target.Name)
			}
		}
	case t.held:
		t.goSince = time.Time{} // NO-GO, because a person must look
	default:
		if t.goSince.IsZero() || t.verified != runs {
			t.goSince = c.now
		}
		t.verified, t.everVerified[runs] = runs, true
		if !slices.ContainsFunc(t.kept, func(r promotion.Revision) bool { return r.Name == string(runs) }) {
			t.kept = append(t.kept, promotion.Revision{Name: string(runs), Number: int64(len(t.kept) + 1)})
		}
	}
	return taken
}

// lose loses the tier's status. What was taken is rebuilt from what runs.
func (t *tier) lose() {
	t.current, t.verified, t.goSince, t.rejected = t.runs(), "", time.Time{}, nil
	t.held, t.heldTo = false, ""
}

func (c *chainOf) deploy(bad map[string]bool) promotion.Source {
	c.next++
	source := promotion.Source(fmt.Sprintf("app:%d", c.next))
	c.bad[source] = bad
	dev := c.tiers[0]
	dev.current, dev.held = source, false
	return source
}

// TestChainsKeepTheirPromises walks random sequences of deployments, passes, failures, approvals, time, crashes of the operator, lost
// status and resumptions.
func TestChainsKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChain(t)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at := rapid.SampledFrom(c.tiers).Draw(t, "tier")
			switch rapid.SampledFrom([]string{"deploy", "pass", "pass", "pass", "crash", "break", "approve", "tick", "lose", "resume"}).Draw(t, "action") {
			case "deploy":
				bad := map[string]bool{}
				for _, tier := range c.tiers {
					bad[tier.name] = rapid.IntRange(0, 3).Draw(t, "bad in "+tier.name) == 0
				}
				c.deploy(bad)
			case "pass":
				before := at.runs()
				require.LessOrEqual(t, c.pass(at, false), 1, "one promotion at a time")
				c.check(t, at, before)
			case "crash": // the pass is cut off before its status is written
				kept := *at
				kept.kept, kept.rejected = slices.Clone(at.kept), slices.Clone(at.rejected)
				c.pass(at, false)
				*at = kept
			case "break":
				before := at.runs()
				c.pass(at, true)
				c.check(t, at, before)
			case "approve":
				at.approval = promotion.Source(fmt.Sprintf("app:%d", rapid.IntRange(1, c.next+1).Draw(t, "approved")))
			case "tick":
				c.now = c.now.Add(time.Duration(rapid.IntRange(1, 180).Draw(t, "minutes")) * time.Minute)
			case "lose":
				at.lose()
			case "resume":
				at.held = false
			}
		}
		c.settles(t)
	})
}

// check holds what must be true after every pass.
func (c *chainOf) check(t *rapid.T, at *tier, before promotion.Source) {
	runs := at.runs()
	if at.upstream != nil && runs != before && runs != "" && !at.held {
		require.True(t, at.upstream.everVerified[runs], "%s took %s, which %s never verified", at.name, runs, at.upstream.name)
	}
	if at.held {
		require.True(t, at.everVerified[at.heldTo], "%s holds %s, which never passed there", at.name, at.heldTo)
		require.False(t, at.everVerified[at.current] && at.current == at.heldTo, "it went back to what failed")
	}
	if at.manual && runs != before && !at.held {
		require.Equal(t, at.approval, runs, "a person approved it")
	}
}

// settles holds that no promotion is lost for ever: once a good revision is there and people do their part, production runs it.
func (c *chainOf) settles(t *rapid.T) {
	good := c.deploy(nil)
	c.tiers[2].approval = good
	for range 12 {
		for _, at := range c.tiers {
			at.held = false // people resume
			c.pass(at, false)
		}
		c.now = c.now.Add(time.Hour)
	}
	for _, at := range c.tiers {
		require.Equal(t, good, at.runs(), "%s never got it", at.name)
		require.Equal(t, good, at.verified)
	}
}
