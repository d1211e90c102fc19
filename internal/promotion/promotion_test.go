// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/promotion"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// good is upstream with revision 2 verified and GO for an hour, while 1 runs here.
func good(change ...func(*promotion.Input)) promotion.Input {
	in := promotion.Input{
		Upstream: promotion.Upstream{Name: "dev", Found: true, Verified: "app:2", GoSince: now.Add(-time.Hour)},
		Current:  "app:1", Soak: 30 * time.Minute, Now: now,
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

func approve(source promotion.Source) func(*promotion.Input) {
	return func(in *promotion.Input) {
		in.Approval, in.Approved = string(source), func(s promotion.Source) bool { return s == source }
	}
}

func manual(in *promotion.Input)  { in.Manual = true }
func reject(in *promotion.Input)  { in.Rejected = []promotion.Source{"app:2"} }
func notGo(in *promotion.Input)   { in.Upstream.GoSince = time.Time{} }
func blocked(in *promotion.Input) { in.Block = "over budget" }

func TestDecide(t *testing.T) {
	tests := []struct {
		name, reason string
		in           promotion.Input
		want         promotion.State
		says         string
	}{
		{"verified and soaked", "nothing is missing", good(), promotion.Due, "dev has verified it"},
		{"no upstream", "it may come yet", good(func(in *promotion.Input) { in.Upstream = promotion.Upstream{Name: "dev"} }), promotion.Waiting, `no EngineEnvironment "dev"`},
		{"nothing verified", "never a source that has not passed", good(func(in *promotion.Input) { in.Upstream.Verified = "" }), promotion.Waiting, "no verified revision yet"},
		{"runs already", "nothing to do", good(func(in *promotion.Input) { in.Current = "app:2" }), promotion.UpToDate, "runs what dev has verified"},
		{"upstream fails now", "what it proved is in doubt", good(notGo), promotion.Waiting, "NO-GO at the moment"},
		{"soaks", "one nanosecond is missing", good(func(in *promotion.Input) { in.Upstream.GoSince = now.Add(-30*time.Minute + 1) }), promotion.Soaking, "GO for 30m0s"},
		{"soaked to the nanosecond", "the soak is over", good(func(in *promotion.Input) { in.Upstream.GoSince = now.Add(-30 * time.Minute) }), promotion.Due, ""},
		{"no soak", "zero asks for none", good(func(in *promotion.Input) { in.Soak, in.Upstream.GoSince = 0, now }), promotion.Due, ""},
		{"needs a person", "nobody approved", good(manual), promotion.AwaitingApproval, "a person must approve it"},
		{"approved", "this very revision", good(manual, approve("app:2")), promotion.Due, ""},
		{"other approved", "an approval is for one revision", good(manual, approve("app:1.9")), promotion.AwaitingApproval, `names "app:1.9", which is another revision`},
		{"approved while soaking", "an approval does not shorten the soak", good(manual, approve("app:2"), func(in *promotion.Input) { in.Upstream.GoSince = now }), promotion.Soaking, ""},
		{"approved while upstream fails", "nor does it overrule a failing upstream", good(manual, approve("app:2"), notGo), promotion.Waiting, ""},
		{"rolled back here", "it would fail again", good(reject), promotion.Blocked, "rolled back here before"},
		{"rolled back here, approved by name", "a person knows better", good(reject, approve("app:2")), promotion.Due, ""},
		{"blocked", "something else comes first", good(blocked), promotion.Blocked, "over budget"},
		{"blocked, needs a person", "the person is asked first", good(blocked, manual), promotion.AwaitingApproval, ""},
		{"first one", "an empty tier takes what there is", good(func(in *promotion.Input) { in.Current = "" }), promotion.Due, ""},
		{"downgrade", "upstream went back, so do we", good(func(in *promotion.Input) { in.Current = "app:3" }), promotion.Due, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := promotion.Decide(tt.in)
			assert.Equal(t, tt.want, got.State, tt.reason)
			assert.Contains(t, got.Message, tt.says)
			assert.NotEmpty(t, got.Message)
			assert.Equal(t, got.State == promotion.Soaking, !got.At.IsZero(), "a soak has an end, nothing else has")
			if got.State == promotion.Due {
				assert.Equal(t, tt.in.Upstream.Verified, got.Candidate)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	revisions := []promotion.Revision{{Name: "b", Number: 2}, {Name: "c", Number: 3}, {Name: "a", Number: 1}}
	got, ok := promotion.Target(revisions, "d")
	assert.True(t, ok)
	assert.Equal(t, "c", got.Name, "the last verified")
	got, ok = promotion.Target(revisions, "c")
	assert.True(t, ok)
	assert.Equal(t, "b", got.Name, "never itself")
	_, ok = promotion.Target(revisions[:1], "b")
	assert.False(t, ok)
	_, ok = promotion.Target(nil, "a")
	assert.False(t, ok)
}

func TestShouldRollBack(t *testing.T) {
	verified := []promotion.Revision{{Name: "a", Number: 1}}
	assert.True(t, promotion.ShouldRollBack(verified, "b", true), "a new revision failed")
	assert.False(t, promotion.ShouldRollBack(verified, "b", false))
	assert.False(t, promotion.ShouldRollBack(verified, "a", true), "it was verified: it is not to blame")
}
