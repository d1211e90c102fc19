// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

// held is preview after 2 was rolled back to 1.
func held(change ...func(*promotion.Input)) promotion.Input {
	in := preview()
	in.Previous.Source, in.Previous.Rejected, in.Previous.Resume = source(next), []string{candidate}, "0"
	in.Annotations[v1alpha1.AnnotationResume] = "0"
	in.Rollback = &v1alpha1.RollbackStatus{
		From: "2", To: "1", RevisionName: "h1", Reason: "check health failed", Resume: "0",
		Content: promotion.ContentOf(promotion.WithSource(in.Spec, source(next))).Hash(),
	}
	in.Held = ptr(promotion.ContentOf(promotion.WithSource(in.Spec, source(old))))
	for _, f := range change {
		f(&in)
	}
	return in
}

func TestHold(t *testing.T) {
	tests := []struct {
		name, reason string
		in           promotion.Input
		held         bool
		runs         string
		says         string
	}{
		{"held", "nothing has changed", held(), true, old,
			"2 failed, 1 runs instead: verify another revision in dev, or try 2 again with kubectl annotate eenv -n team preview --overwrite " +
				"railway.engine-operator.dev/resume=$(date +%s) (what failed: check health failed)"},
		{"interval edited", "that is no content", held(func(in *promotion.Input) { in.Spec.Interval = &metav1.Duration{Duration: time.Hour} }), true, old, "verify another"},
		{"suspended and resumed", "nor is that", held(func(in *promotion.Input) { in.Spec.Suspend = true }), true, old, "verify another"},
		{"approved", "an approval does not end a hold", held(manual, approve(candidate)), true, old, "verify another"},
		{"content edited", "the hold belongs to the content", held(func(in *promotion.Input) { in.Spec.Engine.Name = "other" }), false, next, ""},
		{"resume", "a person wants another try", held(annotated(v1alpha1.AnnotationResume, "1")), false, next, ""},
		{"newer candidate", "upstream has verified another one", held(verified("r/app:3@" + digest(3))), false, "r/app:3@" + digest(3), ""},
		{"newer candidate soaks", "the hold stays until it may be promoted, and names it", held(verified("r/app:3@"+digest(3)), soaking), true, old,
			"1 runs instead, until 2 is promoted: dev must be GO for 30m0s"},
		{"newer candidate needs a person", "and has its command", held(verified("r/app:3@"+digest(3)), manual), true, old,
			v1alpha1.AnnotationApprove + "=r/app@" + digest(3)},
		{"upstream went back", "to what is held", held(verified(old)), false, old, ""},
		{"upstream not there", "the hold stays", held(func(in *promotion.Input) { in.Upstream = promotion.Upstream{Name: "dev"} }), true, old, "verify another revision in dev"},
		{"written by an older version", "which did not note the content", held(func(in *promotion.Input) { in.Rollback.Content = "" }), true, old, "verify another"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := promotion.Decide(tt.in)
			require.Empty(t, d.Stuck)
			require.Equal(t, tt.held, d.Rollback != nil, tt.reason)
			assert.Equal(t, tt.held, d.Resumed == "", "the end of a hold is told")
			assert.Equal(t, tt.runs, d.Spec.Engine.Source.Image, tt.reason)
			if tt.held {
				assert.Contains(t, promotion.HeldMessage(tt.in, d), tt.says)
				assert.False(t, d.UpToDate)
			} else {
				assert.NotContains(t, d.Promotion.Rejected, string(promotion.SourceOf(d.Promotion.Source)), "what is tried is not rejected")
			}
		})
	}
}

func TestHoldOfADeclaredSource(t *testing.T) {
	spec := &v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev}
	spec.Engine.Source = source("r/app:2")
	rollback := &v1alpha1.RollbackStatus{From: "2", To: "1", RevisionName: "h1", Content: promotion.ContentOf(spec).Hash()}
	content := promotion.ContentOf(promotion.WithSource(spec, source(old)))
	in := promotion.Input{Spec: spec, Rollback: rollback, Held: &content, Now: epoch, Namespace: "team", Name: "dev"}
	d := promotion.Decide(in)
	assert.Equal(t, old, d.Spec.Engine.Source.Image)
	assert.Contains(t, promotion.HeldMessage(in, d), "change settings, engine, services or sharedVariables, or try 2 again with kubectl annotate eenv -n team dev")

	in.Held = nil
	d = promotion.Decide(in)
	assert.True(t, d.Invalid, "what was rejected is not put back because the revision to hold is lost")
	assert.Contains(t, d.Stuck, "the ControllerRevision h1 that holds 1 is gone")
	assert.NotNil(t, d.Rollback)

	in.Spec = promotion.WithSource(spec, source("r/app:3"))
	d = promotion.Decide(in)
	assert.Empty(t, d.Stuck, "a change of the content is a way out of that, too")
	assert.Equal(t, "r/app:3", d.Spec.Engine.Source.Image)
}

// kept is a verified revision of dev.
func kept(image string, order int64) promotion.Stored {
	content := promotion.ContentOf(promotion.WithSource(devSpec(), source(image)))
	return promotion.Stored{Name: content.Hash(), Order: order, Content: content}
}

func devSpec() *v1alpha1.EngineEnvironmentSpec {
	return &v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev}
}

// tried is dev with 2 in place and passed, by a snapshot of now, after 1.
func tried(change ...func(*promotion.Tried)) promotion.Tried {
	t := promotion.Tried{
		Decision: promotion.Decision{Spec: promotion.WithSource(devSpec(), source("r/app:2"))}, Runs: promotion.Running{Image: "r/app:2", Digest: digest(2)},
		InPlace: true, Passed: true, ReadAt: epoch, CheckedAt: epoch.Add(-time.Minute), Stored: []promotion.Stored{kept(old, 4)}, RollsBack: true,
		Previous: &v1alpha1.VerifiedStatus{Revision: "1", Source: *source(old), Since: metav1.NewTime(epoch.Add(-time.Hour))}, Resume: "5", Now: epoch,
	}
	for _, f := range change {
		f(&t)
	}
	return t
}

func fails(t *promotion.Tried)    { t.Passed, t.Failed = false, "check health failed" }
func promoted(t *promotion.Tried) { t.Decision.Promotion = underWay() }
func stored(all ...promotion.Stored) func(*promotion.Tried) {
	return func(t *promotion.Tried) { t.Stored = all }
}
func runsNow(runs promotion.Running) func(*promotion.Tried) {
	return func(t *promotion.Tried) { t.Runs = runs }
}

func underWay() *v1alpha1.PromotionStatus {
	return &v1alpha1.PromotionStatus{Source: source("r/app:2"), History: []v1alpha1.PromotionRecord{{Outcome: v1alpha1.PromotionUnderWay}}}
}

func TestVerified(t *testing.T) {
	pinned := "r/app:2@" + digest(2)
	hour := metav1.NewTime(epoch.Add(-time.Hour))
	same := func(t *promotion.Tried) {
		t.Previous, t.Stored = &v1alpha1.VerifiedStatus{Revision: "2", Source: *source(pinned), Since: hour}, []promotion.Stored{kept(pinned, 9)}
	}
	tests := []struct {
		name, reason string
		t            promotion.Tried
		verified     string
		since        time.Time
		keep, read   bool
	}{
		{"passed", "pinned by what runs", tried(), pinned, epoch, true, false},
		{"for the first time", "nothing was verified before", tried(stored(), func(t *promotion.Tried) { t.Previous = nil }), pinned, epoch, true, false},
		{"the same again", "nothing to store, and the time stays", tried(same), pinned, hour.Time, false, false},
		{"the same again, by an old snapshot", "nothing new is said", tried(same, func(t *promotion.Tried) { t.ReadAt = epoch.Add(-time.Hour) }), pinned, hour.Time, false, false},
		{"same source, other settings", "it is another revision of the same source", tried(same, stored(kept("r/app:7", 9))), pinned, hour.Time, true, false},
		{"pushed again", "other bytes under the tag start anew", tried(same, runsNow(promotion.Running{Image: "r/app:2", Digest: digest(3)})), "r/app:2@" + digest(3), epoch, true, false},
		{"its stored revision is lost", "it is stored again", tried(same, stored()), pinned, hour.Time, true, false},
		{"back to an older one", "it becomes the newest again", tried(stored(kept(pinned, 3), kept(old, 4))), pinned, epoch, true, false},
		{"checked after the snapshot", "what was checked may be something newer", tried(func(t *promotion.Tried) { t.ReadAt = t.CheckedAt.Add(-1) }), "", time.Time{}, false, true},
		{"checked when it was read", "it is the same", tried(func(t *promotion.Tried) { t.ReadAt = t.CheckedAt }), pinned, epoch, true, false},
		{"not in place", "something else serves", tried(func(t *promotion.Tried) { t.InPlace = false }), "", time.Time{}, false, false},
		{"not passed", "checks have not run", tried(func(t *promotion.Tried) { t.Passed = false }), "", time.Time{}, false, false},
		{"failed", "it is to blame", tried(stored(), fails), "", time.Time{}, false, false},
		{"passed and failed", "one of both is old", tried(stored(), func(t *promotion.Tried) { t.Failed = "crashed" }), "", time.Time{}, false, false},
		{"held", "what is held was verified before", tried(func(t *promotion.Tried) { t.Decision.Rollback = &v1alpha1.RollbackStatus{} }), "", time.Time{}, false, false},
		{"a branch whose commit is not known", "nothing that could be pinned", tried(func(t *promotion.Tried) {
			t.Decision.Spec.Engine.Source = &v1alpha1.Source{Repo: "a/b"}
		}), "", time.Time{}, false, false},
		{"nothing declared", "a Local tier", tried(func(t *promotion.Tried) { t.Decision.Spec = devSpec() }), "", time.Time{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := asJSON(tt.t)
			c := promotion.Conclude(tt.t)
			assert.Equal(t, given, asJSON(tt.t), "it changes nothing that it was given")
			assert.Equal(t, tt.read, c.Read, tt.reason)
			assert.Equal(t, tt.keep, c.Keep != nil, tt.reason)
			if tt.verified == "" {
				assert.Nil(t, c.Verified, tt.reason)
				return
			}
			require.NotNil(t, c.Verified, tt.reason)
			assert.Equal(t, tt.verified, c.Verified.Source.Image)
			assert.Equal(t, tt.since, c.Verified.Since.Time)
			if c.Keep == nil {
				return
			}
			assert.Equal(t, tt.verified, c.Keep.Content.Engine.Source.Image)
			assert.Equal(t, c.Keep.Content.Hash(), c.Keep.Name)
			for _, s := range tt.t.Stored {
				assert.Greater(t, c.Keep.Order, s.Order, "it is the newest")
			}
		})
	}
	assert.Equal(t, v1alpha1.PromotionVerified, promotion.Conclude(tried(promoted)).Promotion.History[0].Outcome)
}

func TestRollBack(t *testing.T) {
	pinned := "r/app:2@" + digest(2)
	tests := []struct {
		name, reason   string
		t              promotion.Tried
		to             string
		read, noTarget bool
	}{
		{"failed", "to the last verified one", tried(fails), kept(old, 0).Name, false, false},
		{"failed by an old snapshot", "it may have recovered since", tried(fails, func(t *promotion.Tried) { t.ReadAt = epoch.Add(-1) }), "", true, false},
		{"does not roll back", "the spec does not ask for it", tried(fails, func(t *promotion.Tried) { t.RollsBack = false }), "", false, false},
		{"nothing to go back to", "none was verified yet", tried(fails, stored()), "", false, true},
		{"was verified before", "it is not to blame", tried(fails, stored(kept(old, 1), kept(pinned, 2))), "", false, false},
		{"was verified before, Railway does not tell what was deployed", "its image cannot be pulled any more, say",
			tried(fails, stored(kept(old, 1), kept(pinned, 2)), runsNow(promotion.Running{})), "", false, false},
		{"was verified before with other bytes", "the tag was pushed again", tried(fails, stored(kept(old, 1), kept("r/app:2@"+digest(9), 2))),
			kept("r/app:2@"+digest(9), 0).Name, false, false},
		{"other settings were verified with it", "the settings are new", tried(fails, stored(kept(old, 1), kept(pinned, 2)), runsNow(promotion.Running{}),
			func(t *promotion.Tried) { t.Decision.Spec.Engine.Name = "new" }), kept(pinned, 0).Name, false, false},
		{"a revision of a branch", "another commit of it was verified", tried(fails, func(t *promotion.Tried) {
			t.Decision.Spec.Engine.Source, t.Runs = &v1alpha1.Source{Repo: "a/b"}, promotion.Running{Repo: "a/b", Commit: "c2"}
		}), kept(old, 0).Name, false, false},
		{"held", "it is rolled back already", tried(fails, func(t *promotion.Tried) { t.Decision.Rollback = &v1alpha1.RollbackStatus{} }), "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := promotion.Conclude(tt.t)
			assert.Equal(t, tt.read, c.Read, tt.reason)
			assert.Equal(t, tt.noTarget, c.NoTarget, tt.reason)
			assert.Nil(t, c.Verified)
			if tt.to == "" {
				assert.Equal(t, tt.t.Decision.Rollback, c.Rollback, tt.reason)
				return
			}
			require.NotNil(t, c.Rollback, tt.reason)
			assert.Equal(t, tt.to, c.Rollback.RevisionName, tt.reason)
			assert.Equal(t, promotion.ContentOf(tt.t.Decision.Spec).Hash(), c.Rollback.Content, "what was declared is rejected")
			assert.Equal(t, "check health failed 5", c.Rollback.Reason+" "+c.Rollback.Resume)
		})
	}
	c := promotion.Conclude(tried(fails, promoted))
	assert.Equal(t, []string{"r/app:2"}, c.Promotion.Rejected)
	assert.Equal(t, v1alpha1.PromotionRolledBack, c.Promotion.History[0].Outcome)
	assert.Equal(t, "2 1", c.Rollback.From+" "+c.Rollback.To)

	many := underWay()
	for range 10 {
		many.Rejected = append(many.Rejected, "x")
	}
	c = promotion.Conclude(tried(fails, func(t *promotion.Tried) { t.Decision.Promotion = many }))
	require.Len(t, c.Promotion.Rejected, 10)
	assert.Equal(t, "r/app:2", c.Promotion.Rejected[9], "the oldest goes")
}

// TestRollbackGoesToWhatWasVerifiedLast goes from 1.5 to 1.6, back to 1.5, and to a bad 1.7.
func TestRollbackGoesToWhatWasVerifiedLast(t *testing.T) {
	var all []promotion.Stored
	var last *v1alpha1.VerifiedStatus
	for i, image := range []string{"r/app:1.5", "r/app:1.6", "r/app:1.5"} {
		c := promotion.Conclude(tried(stored(all...), func(t *promotion.Tried) {
			t.Decision.Spec.Engine.Source, t.Runs, t.Previous = source(image), promotion.Running{Image: image, Digest: digest(len(image))}, last
			t.Now, t.ReadAt = epoch.Add(time.Duration(i)*time.Hour), epoch.Add(time.Duration(i)*time.Hour)
		}))
		require.NotNil(t, c.Keep, image)
		var rest []promotion.Stored
		for _, s := range all {
			if s.Name != c.Keep.Name {
				rest = append(rest, s)
			}
		}
		all, last = append(rest, *c.Keep), c.Verified
	}
	require.Len(t, all, 2)
	c := promotion.Conclude(tried(fails, stored(all...), func(t *promotion.Tried) {
		t.Decision.Spec.Engine.Source, t.Runs = source("r/app:1.7"), promotion.Running{Image: "r/app:1.7", Digest: digest(7)}
	}))
	assert.Equal(t, "1.7 1.5", c.Rollback.From+" "+c.Rollback.To)
	assert.Equal(t, []string{all[0].Name}, promotion.Surplus(all, 1), "and 1.6 goes first when too many are kept")
}

func TestSurplus(t *testing.T) {
	all := []promotion.Stored{{Name: "b", Order: 2}, {Name: "d", Order: 4}, {Name: "a", Order: 1}, {Name: "c", Order: 3}}
	tests := []struct {
		reason string
		limit  int
		keep   []string
		want   []string
	}{
		{"all fit", 4, nil, nil},
		{"the oldest go", 2, nil, []string{"b", "a"}},
		{"what is held stays, however old", 2, []string{"a"}, []string{"c", "b"}},
		{"what is held and what is new", 2, []string{"a", "d"}, []string{"c", "b"}},
		{"more is kept than the limit allows", 1, []string{"a", "b"}, []string{"d", "c"}},
		{"names that are not there take no room", 2, []string{"x"}, []string{"b", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			assert.Equal(t, tt.want, promotion.Surplus(all, tt.limit, tt.keep...))
			assert.Equal(t, "b", all[0].Name, "the list stays as it was")
		})
	}
}
