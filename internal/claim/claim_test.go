// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

var epoch = time.Unix(1_700_000_000, 0)

func object(uid string) *v1alpha1.EngineEnvironment {
	o := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), Name: uid, CreationTimestamp: metav1.NewTime(epoch)}}
	o.Spec.Railway = &v1alpha1.Railway{ProjectID: "p"}
	return o
}

// announce is what the status says before an environment is created: whole seconds.
func announce(o *v1alpha1.EngineEnvironment, name string, at time.Time) *v1alpha1.EngineEnvironment {
	o.Status.WorkingRecord = &v1alpha1.WorkingRecord{Pending: &v1alpha1.PendingWrite{
		Kind: v1alpha1.WriteEnvironment, Name: name, StartedAt: metav1.NewTime(at.Truncate(time.Second)),
	}}
	return o
}

func reach(o *v1alpha1.EngineEnvironment, id, name string, at time.Time) *v1alpha1.EngineEnvironment {
	since := metav1.NewMicroTime(at)
	o.Status = v1alpha1.EngineEnvironmentStatus{Railway: &v1alpha1.RailwayStatus{ProjectID: "p", EnvironmentID: id, Environment: name, Since: &since}}
	return o
}

func TestOther(t *testing.T) {
	at := func(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }
	elsewhere := reach(object("a"), "e1", "dev", at(0))
	elsewhere.Status.Railway.ProjectID = "q"
	for _, tt := range []struct {
		reason    string
		own, them *v1alpha1.EngineEnvironment
		found     bool
		first     bool
	}{
		{"it reached nothing, and holds nothing", object("b"), reach(object("a"), "e1", "dev", at(0)), false, false},
		{"they reached nothing, and hold nothing", reach(object("b"), "e1", "dev", at(0)), object("a"), false, false},
		{"it is no other", reach(object("a"), "e1", "dev", at(0)), reach(object("a"), "e1", "dev", at(0)), false, false},
		{"the same environment, earlier", reach(object("b"), "e1", "dev", at(1)), reach(object("a"), "e1", "dev", at(0)), true, true},
		{"the same environment, later", reach(object("b"), "e1", "dev", at(0)), reach(object("a"), "e1", "dev", at(1)), true, false},
		{"the same environment at the same time", reach(object("b"), "e1", "dev", at(0)), reach(object("a"), "e1", "dev", at(0)), true, true},
		{"it was renamed since", reach(object("b"), "e1", "new", at(1)), reach(object("a"), "e1", "dev", at(0)), true, true},
		{"another environment of that name", reach(object("b"), "e2", "dev", at(1)), reach(object("a"), "e1", "dev", at(0)), false, false},
		{"announced by a name in another case", announce(object("b"), "DEV", at(1000)), announce(object("a"), "dev", at(0)), true, true},
		{"announced by another name", announce(object("b"), "dev", at(1000)), announce(object("a"), "preview", at(0)), false, false},
		{"an environment of that name in another project", announce(object("b"), "dev", at(1000)), elsewhere, false, false},
		{"reached before, in the second of the announcement", announce(object("b"), "dev", at(900)), reach(object("a"), "e1", "dev", at(500)), true, true},
		{"announced after, in the second in which it was reached", reach(object("b"), "e1", "dev", at(500)), announce(object("a"), "dev", at(900)), true, false},
		{"announced in an earlier second", reach(object("b"), "e1", "dev", at(1500)), announce(object("a"), "dev", at(900)), true, true},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			all := []v1alpha1.EngineEnvironment{*tt.them, *tt.own}
			other, first := Other(all, tt.own)
			assert.Equal(t, tt.found, other != nil)
			assert.Equal(t, tt.first, first)
			assert.Equal(t, tt.first, Holder(all, tt.own) != nil)
		})
	}
	t.Run("who came first is told before who did not", func(t *testing.T) {
		all := []v1alpha1.EngineEnvironment{*reach(object("a"), "e1", "dev", at(0)), *reach(object("c"), "e1", "dev", at(2))}
		for range 2 {
			other, first := Other(all, reach(object("b"), "e1", "dev", at(1)))
			require.NotNil(t, other)
			assert.True(t, first)
			assert.Equal(t, "a", other.Name)
			slices.Reverse(all)
		}
	})
}

// claimant goes through the protocol step by step.
type claimant struct {
	uid string
	// skew is what its clock is off by, at what it does next.
	skew time.Duration
	at   string
}

// TestAtMostOneGoesOn: however the steps of objects meet that claim one environment, by id or by name, with clocks that differ, at most one
// goes on to write; and once they are left alone, one holds it, and the others know.
func TestAtMostOneGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, stored := epoch, map[string]*v1alpha1.EngineEnvironment{}
		byName := rapid.Bool().Draw(t, "by name")
		var all []*claimant
		for i := range rapid.IntRange(2, 3).Draw(t, "objects") {
			c := &claimant{uid: fmt.Sprint(i), at: "claim", skew: time.Duration(rapid.IntRange(-3000, 3000).Draw(t, "skew")) * time.Millisecond}
			all, stored[c.uid] = append(all, c), object(c.uid)
		}
		live := func() (list []v1alpha1.EngineEnvironment) {
			for _, c := range all {
				list = append(list, *stored[c.uid].DeepCopy())
			}
			return list
		}
		step := func(c *claimant) {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			switch c.at {
			case "claim":
				if byName {
					announce(stored[c.uid], "dev", now.Add(c.skew))
				} else {
					reach(stored[c.uid], "e1", "dev", now.Add(c.skew))
				}
				c.at = "look"
			case "look":
				other, first := Other(live(), stored[c.uid])
				switch {
				case other == nil:
					c.at = "write"
				case first:
					c.at = "yield"
				default:
					c.at = "withdraw"
				}
			case "write":
				reach(stored[c.uid], "e1", "dev", now.Add(c.skew))
				c.at = "holds"
			case "holds":
				if Holder(live(), stored[c.uid]) != nil {
					c.at = "yield"
				}
			case "yield", "withdraw":
				stored[c.uid].Status = v1alpha1.EngineEnvironmentStatus{}
				c.at = map[string]string{"yield": "yielded", "withdraw": "claim"}[c.at]
			}
			going := 0
			for _, c := range all {
				if c.at == "write" || c.at == "holds" {
					going++
				}
			}
			if going > 1 {
				t.Fatalf("%d objects go on", going)
			}
		}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			step(rapid.SampledFrom(all).Draw(t, "object"))
		}
		for range 20 { // one after the other, each to its end
			for _, c := range all {
				for range 4 {
					step(c)
				}
				if c.at == "yielded" && !slices.ContainsFunc(all, func(c *claimant) bool { return c.at == "holds" }) {
					c.at = "claim" // what yielded is passed again
				}
			}
		}
		held := 0
		for _, c := range all {
			if c.at == "holds" {
				held++
			}
		}
		if held != 1 {
			t.Fatalf("%d objects hold the environment", held)
		}
	})
}

// TestRivals: what a declaration names is compared as a claim is, and one that comes last holds nothing that another has.
func TestRivals(t *testing.T) {
	declare := func(uid, environment string) *v1alpha1.EngineEnvironment {
		o := object(uid)
		o.Spec.Tier, o.Spec.Railway.Environment = v1alpha1.TierDev, environment
		return o
	}
	a, b := declare("a", ""), declare("b", "DEV")
	assert.True(t, Rivals(a, b), "the tier's own name, in another case")
	assert.False(t, Rivals(a, declare("b", "blue")))
	other := declare("b", "dev")
	other.Spec.Railway.ProjectID = "q"
	assert.False(t, Rivals(a, other), "of another project")
	assert.False(t, Rivals(a, &v1alpha1.EngineEnvironment{}), "Local declares none")

	b.Namespace = "team"
	held := []v1alpha1.EngineEnvironment{*reach(b, "e1", "Dev", epoch.AddDate(1, 0, 0))}
	holder := Holder(held, Newcomer(a))
	require.NotNil(t, holder)
	assert.Equal(t, `EngineEnvironment team/b holds the Railway environment "dev": delete one of the two`, Refusal(holder, "dev"))
	assert.Nil(t, Holder(held, Newcomer(declare("a", "blue"))))
}
