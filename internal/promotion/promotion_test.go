// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

func digest(n int) string { return fmt.Sprintf("sha256:%064d", n) }

func source(image string) *v1alpha1.Source { return &v1alpha1.Source{Image: image} }

var (
	old       = "r/app:1@" + digest(1)
	next      = "r/app:2@" + digest(2)
	candidate = "r/app@" + digest(2)
)

// preview is a Preview tier that runs 1, while dev has verified 2 and been GO with it for an hour. The soak is half an hour.
func preview(change ...func(*promotion.Input)) promotion.Input {
	in := promotion.Input{
		Namespace: "team", Name: "preview", Annotations: map[string]string{},
		Spec: &v1alpha1.EngineEnvironmentSpec{
			Tier: v1alpha1.TierPreview, Promotion: &v1alpha1.Promotion{From: "dev", Soak: &metav1.Duration{Duration: 30 * time.Minute}},
		},
		Previous: &v1alpha1.PromotionStatus{Source: source(old)}, Runs: promotion.Running{Image: "r/app:1", Digest: digest(1)},
		Upstream: promotion.Upstream{
			Name: "dev", Found: true, GoSince: epoch.Add(-time.Hour),
			Verified: &v1alpha1.VerifiedStatus{Revision: "2", Source: *source(next), Since: metav1.NewTime(epoch.Add(-2 * time.Hour))},
		},
		Now: epoch,
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

func manual(in *promotion.Input) { in.Spec.Promotion.Approval = v1alpha1.ApprovalManual }
func annotated(key, value string) func(*promotion.Input) {
	return func(in *promotion.Input) { in.Annotations[key] = value }
}
func approve(source string) func(*promotion.Input) {
	return annotated(v1alpha1.AnnotationApprove, source)
}
func verified(image string) func(*promotion.Input) {
	return func(in *promotion.Input) { in.Upstream.Verified.Source = *source(image) }
}
func runs(image string) func(*promotion.Input) {
	return func(in *promotion.Input) { in.Previous.Source = source(image) }
}
func rejected(sources ...string) func(*promotion.Input) {
	return func(in *promotion.Input) { in.Previous.Rejected = sources }
}
func notGo(in *promotion.Input)      { in.Upstream.GoSince = time.Time{} }
func gate(in *promotion.Input)       { in.Gate = "over budget" }
func unread(in *promotion.Input)     { in.Upstream.Unread = true }
func production(in *promotion.Input) { in.Spec.Tier = v1alpha1.TierProduction }
func soaking(in *promotion.Input)    { in.Upstream.GoSince = in.Now.Add(-30*time.Minute + 1) }

func TestDecide(t *testing.T) {
	const (
		upToDate  = v1alpha1.PromotionUpToDate
		waiting   = v1alpha1.PromotionWaiting
		soaks     = v1alpha1.PromotionSoaking
		awaiting  = v1alpha1.PromotionAwaitingApproval
		blocked   = v1alpha1.PromotionBlocked
		promoting = v1alpha1.PromotionPromoting
	)
	tests := []struct {
		name, reason string
		in           promotion.Input
		want         v1alpha1.PromotionState
		says         string
	}{
		{"verified and soaked", "nothing is missing", preview(), promoting, "runs what dev has verified"},
		{"no upstream", "it may come yet", preview(func(in *promotion.Input) { in.Upstream = promotion.Upstream{Name: "dev"} }), waiting,
			`no EngineEnvironment "dev" in namespace team: create it, or name another in spec.promotion.from`},
		{"a Local tier upstream", "nothing ever comes of it", preview(func(in *promotion.Input) {
			in.Upstream = promotion.UpstreamOf(&v1alpha1.EngineEnvironment{
				ObjectMeta: metav1.ObjectMeta{Name: "local"}, Spec: v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierLocal},
			})
		}), waiting, "local is a Local tier, which runs nothing: name another in spec.promotion.from"},
		{"nothing verified", "never a source that has not passed", preview(func(in *promotion.Input) { in.Upstream.Verified = nil }), waiting, "no verified revision yet"},
		{"runs already", "nothing to do", preview(runs(next)), upToDate, "runs what dev has verified"},
		{"same bytes under another tag", "the bytes are what is verified", preview(runs("r/app:2.0.0@" + digest(2))), upToDate, ""},
		{"same tag, other bytes", "a tag is no revision", preview(runs("r/app:2@" + digest(9))), promoting, ""},
		{"same bytes in another registry", "they are another source", preview(runs("other/app:2@" + digest(2))), promoting, ""},
		{"taken before its digest was known", "what runs under that name is it", preview(runs("r/app:2"), func(in *promotion.Input) {
			in.Runs = promotion.Running{Image: "r/app:2", Digest: digest(2)}
		}), upToDate, ""},
		{"taken before its digest was known, other bytes run", "it was pushed again", preview(runs("r/app:2"), func(in *promotion.Input) {
			in.Runs = promotion.Running{Image: "r/app:2", Digest: digest(9)}
		}), promoting, ""},
		{"upstream does not know the digest", "the same reference is all that can be told: else it were promoted for ever",
			preview(verified("r/app:2"), runs("r/app:2"), func(in *promotion.Input) { in.Runs = promotion.Running{Image: "r/app:2", Digest: digest(2)} }), upToDate, ""},
		{"upstream fails now", "what it proved is in doubt", preview(notGo), waiting, "2: dev is not GO at the moment"},
		{"soaks", "one nanosecond is missing", preview(soaking), soaks, "2: dev must be GO for 30m0s without a break"},
		{"soaked to the nanosecond", "the soak is over", preview(func(in *promotion.Input) { in.Upstream.GoSince = epoch.Add(-30 * time.Minute) }), promoting, ""},
		{"verified a moment ago", "upstream has been GO for long, and with this source for a minute", preview(func(in *promotion.Input) {
			in.Upstream.Verified.Since = metav1.NewTime(epoch.Add(-time.Minute))
		}), soaks, ""},
		{"no soak", "zero asks for none", preview(func(in *promotion.Input) { in.Spec.Promotion.Soak, in.Upstream.GoSince = nil, epoch }), promoting, ""},
		{"needs a person", "nobody approved", preview(manual), awaiting, "kubectl annotate eenv -n team preview --overwrite " +
			v1alpha1.AnnotationApprove + "=" + candidate + " " + v1alpha1.AnnotationApprovedBy + `="$(kubectl auth whoami`},
		{"needs a person, of a directory", "no shell carries out what its name says", preview(manual, func(in *promotion.Input) {
			in.Upstream.Verified.Source = v1alpha1.Source{Repo: "acme/app", Commit: "01", RootDirectory: "/it's $(id); x"}
		}), awaiting, "2: a person must approve it: kubectl annotate eenv -n team preview --overwrite " +
			v1alpha1.AnnotationApprove + `='acme/app@01:/it'\''s $(id); x' ` + v1alpha1.AnnotationApprovedBy + `="$(kubectl auth whoami`},
		{"approved", "just this source", preview(manual, approve(candidate)), promoting, ""},
		{"revision approved", "a tag may be anybody's", preview(manual, approve("2")), awaiting, "the approval so far is for another source, 2"},
		{"other registry approved", "the same tag elsewhere", preview(manual, approve("other/app@"+digest(2))), awaiting, "another source"},
		{"old bytes approved", "the tag was pushed again", preview(manual, approve("r/app@"+digest(9))), awaiting, "another source"},
		{"with its tag approved", "the command names the source as it is compared", preview(manual, approve(next)), awaiting, "another source"},
		{"approval of before", "it is no approval any more", preview(manual, func(in *promotion.Input) {
			in.Previous.Approval = &v1alpha1.Approval{Source: candidate, By: "dana"}
		}), awaiting, ""},
		{"approved while soaking", "an approval does not shorten the soak", preview(manual, approve(candidate), soaking), soaks, ""},
		{"approved while upstream fails", "nor does it overrule a failing upstream", preview(manual, approve(candidate), notGo), waiting, ""},
		{"rolled back here", "it would fail again", preview(rejected(candidate)), blocked, "it was rolled back here"},
		{"rolled back here, approved", "no approval is asked for while it is blocked, and none ends that", preview(manual, approve(candidate), rejected(candidate)), blocked, v1alpha1.AnnotationResume},
		{"rolled back here before its digest was known", "it may be the same bytes", preview(rejected("r/app:2")), blocked, ""},
		{"rolled back here, pushed again", "other bytes under that tag", preview(rejected("r/app@" + digest(9))), promoting, ""},
		{"held by a person", "nothing is taken before the hold ends", preview(annotated(v1alpha1.AnnotationHold, "demo")), blocked,
			"2: a person holds what runs: end the hold with kubectl annotate eenv -n team preview " + v1alpha1.AnnotationHold + "- (the reason: demo)"},
		{"held by a person, rolled back here", "the end of the hold would not help", preview(annotated(v1alpha1.AnnotationHold, "demo"), rejected(candidate)), blocked,
			"it was rolled back here"},
		{"gate", "something else comes first", preview(gate), blocked, "over budget"},
		{"gate, needs a person", "nobody is asked to approve what is blocked all the same", preview(gate, manual), blocked, "over budget"},
		{"upstream not read", "its verdict may be old", preview(unread), waiting, "has not been read"},
		{"upstream not read, runs already", "nothing to take", preview(unread, runs(next)), upToDate, ""},
		{"downgrade", "upstream went back, so do we", preview(runs("r/app:3@" + digest(3))), promoting, ""},
		{"production, tag without digest", "it has a tag of its own", preview(production, verified("r/app:2")), promoting, ""},
		{"production, latest", "the next push replaces it", preview(production, verified("r/app:latest")), blocked, "give it a tag of its own"},
		{"production, no tag", "the same", preview(production, verified("r:5000/app")), blocked, "give it a tag of its own"},
		{"production, latest with its digest", "the bytes are named", preview(production, verified("r/app:latest@"+digest(2))), promoting, ""},
		{"preview, latest", "it is for trying", preview(verified("r/app:latest")), promoting, ""},
		{"first one", "an empty tier takes what there is", preview(func(in *promotion.Input) { in.Previous, in.Runs = nil, promotion.Running{} }), promoting, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := asJSON(tt.in)
			d := promotion.Decide(tt.in)
			assert.Equal(t, given, asJSON(tt.in), "it changes nothing that it was given")
			assert.Equal(t, tt.want, d.Promotion.State, tt.reason)
			assert.Contains(t, d.Told(), tt.says)
			assert.NotEmpty(t, d.Reason)
			assert.Equal(t, strings.Contains(d.Message, "a person holds"), d.Reason == v1alpha1.ReasonPromotionHeld, "the reason tells it apart")
			assert.Equal(t, tt.want == soaks, d.Promotion.SoakedAt != nil, "a soak has an end, nothing else has")
			assert.Equal(t, tt.want == promoting, d.Taken != "")
			assert.Equal(t, tt.want == promoting || tt.want == upToDate, d.UpToDate)
			if d.Taken != "" {
				assert.Equal(t, tt.in.Upstream.Verified.Source, *d.Promotion.Source)
				assert.Equal(t, tt.in.Upstream.Verified.Source.Image, d.Spec.Engine.Source.Image)
				again := tt.in
				again.Previous, again.Runs = d.Promotion, promotion.Running{Image: "r/app:2", Digest: digest(2)}
				assert.Equal(t, upToDate, promotion.Decide(again).Promotion.State, "it is taken once")
			}
		})
	}
}

// TestEveryWaitHasAWake goes through all states that wait: something that is watched changes when it ends, or it has a time.
func TestEveryWaitHasAWake(t *testing.T) {
	empty := promotion.Upstream{Name: "dev"}
	tests := []struct {
		name string
		in   promotion.Input
		// ends is what ends the wait: a change of the upstream object, an annotation, or the clock at Decision.Wake.
		ends func(*promotion.Input)
		wake bool
	}{
		{"no upstream", preview(func(in *promotion.Input) { in.Upstream = empty }), func(in *promotion.Input) { in.Upstream = preview().Upstream }, false},
		{"nothing verified", preview(func(in *promotion.Input) { in.Upstream.Verified = nil }), func(in *promotion.Input) { in.Upstream = preview().Upstream }, false},
		{"upstream fails", preview(notGo), func(in *promotion.Input) { in.Upstream = preview().Upstream }, false},
		{"soaking", preview(soaking), func(*promotion.Input) {}, true},
		{"approval", preview(manual), approve(candidate), false},
		{"rejected", preview(rejected(candidate)), annotated(v1alpha1.AnnotationResume, "1"), false},
		{"rejected, newer revision", preview(rejected(candidate)), verified("r/app:3@" + digest(3)), false},
		{"latest in production", preview(production, verified("r/app:latest")), verified(next), false},
		{"gate", preview(gate), func(in *promotion.Input) { in.Gate = "" }, true},
		{"upstream not read", preview(unread), func(in *promotion.Input) { in.Upstream.Unread = false }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := promotion.Decide(tt.in)
			require.Empty(t, d.Taken)
			later := tt.in
			later.Annotations, later.Previous = map[string]string{}, d.Promotion
			verifiedBefore := tt.in.Upstream.Verified.DeepCopy()
			later.Upstream.Verified = verifiedBefore
			if assert.Equal(t, tt.wake, !d.Wake.IsZero(), "what nobody can watch has a time"); tt.wake {
				assert.True(t, d.Wake.After(tt.in.Now))
				later.Now = d.Wake
			}
			tt.ends(&later)
			watched := asJSON(later.Upstream) != asJSON(tt.in.Upstream) || asJSON(later.Annotations) != asJSON(tt.in.Annotations)
			assert.True(t, watched || tt.wake)
			assert.NotEmpty(t, promotion.Decide(later).Taken, "it goes on")
		})
	}
}

func TestUpstreamOf(t *testing.T) {
	o := &v1alpha1.EngineEnvironment{}
	o.Name, o.Generation = "dev", 2
	o.Status = v1alpha1.EngineEnvironmentStatus{
		ObservedGeneration: 2, GoSince: ptr(metav1.NewTime(epoch)), Verified: &v1alpha1.VerifiedStatus{Revision: "2"},
	}
	assert.Equal(t, promotion.Upstream{Name: "dev", Found: true, Verified: o.Status.Verified, GoSince: epoch}, promotion.UpstreamOf(o))
	o.Generation = 3
	assert.Zero(t, promotion.UpstreamOf(o).GoSince, "its verdict is about an older spec")
}

func TestApprovalsBelongToWhatWasApproved(t *testing.T) {
	by := func(name string) func(*promotion.Input) { return annotated(v1alpha1.AnnotationApprovedBy, name) }
	had := func(source, by string) func(*promotion.Input) {
		return func(in *promotion.Input) { in.Previous.Approval = &v1alpha1.Approval{Source: source, By: by} }
	}
	const before = " (as in the approval before)"
	tests := []struct {
		name, reason string
		in           promotion.Input
		want         string
	}{
		{"named", "the first approval", preview(manual, approve(candidate), by("dana")), "dana"},
		{"not named", "nobody may be made up", preview(manual, approve(candidate)), "(not named)"},
		{"on record", "the name is of when it was given", preview(manual, approve(candidate), by("eve"), had(candidate, "dana")), "dana"},
		{"another name", "a new approval by another", preview(manual, approve(candidate), by("eve"), had("r/app:1", "dana")), "eve"},
		{"the name of before", "the annotation may simply have stayed", preview(manual, approve(candidate), by("dana"), had("r/app:1", "dana")), "dana" + before},
		{"the name of before, again", "the third time is no better", preview(manual, approve(candidate), by("dana"), had("r/app:1", "dana"+before)), "dana" + before},
		{"withdrawn and given by another", "the first approver is not named for it", preview(manual, approve(candidate), by("eve"), had("", "dana")), "eve"},
		{"withdrawn and given without a name", "the name of the one that was withdrawn stayed", preview(manual, approve(candidate), by("dana"), had("", "dana")), "dana" + before},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := promotion.Decide(tt.in)
			require.NotEmpty(t, d.Taken)
			assert.Equal(t, tt.want, d.Promotion.History[0].ApprovedBy, tt.reason)
		})
	}
	d := promotion.Decide(preview(manual, had(candidate, "dana")))
	assert.Equal(t, &v1alpha1.Approval{By: "dana"}, d.Promotion.Approval, "an approval that was withdrawn is none, and its name stays for the comparison")
	assert.NotContains(t, d.Message, "the approval that is there")
	d = promotion.Decide(preview(approve(candidate), by("dana")))
	assert.Empty(t, d.Promotion.History[0].ApprovedBy, "nobody had to approve")
}

func TestHistory(t *testing.T) {
	in := preview()
	in.Previous.History = []v1alpha1.PromotionRecord{{Revision: "1", Outcome: v1alpha1.PromotionUnderWay}}
	for range 10 {
		in.Previous.History = append(in.Previous.History, v1alpha1.PromotionRecord{Outcome: v1alpha1.PromotionVerified})
	}
	history := promotion.Decide(in).Promotion.History
	require.Len(t, history, 10)
	assert.Equal(t, v1alpha1.PromotionRecord{Revision: "2", From: "dev", At: metav1.NewTime(epoch), Outcome: v1alpha1.PromotionUnderWay}, history[0])
	assert.Equal(t, v1alpha1.PromotionSuperseded, history[1].Outcome, "another one took its place before it was decided")
	promotion.End(nil, v1alpha1.PromotionVerified)
	promotion.End(&v1alpha1.PromotionStatus{}, v1alpha1.PromotionVerified)
}

func TestLostStatus(t *testing.T) {
	d := promotion.Decide(preview(notGo, annotated(v1alpha1.AnnotationResume, "7"), func(in *promotion.Input) { in.Previous = nil }))
	assert.Equal(t, "r/app:1", d.Promotion.Source.Image, "what runs is what was promoted, under the name that Railway has it")
	assert.Equal(t, "r/app:1", d.Spec.Engine.Source.Image, "so that nothing is deployed again")
	assert.Equal(t, "7", d.Promotion.Resume, "an annotation of before is carried out already")
	d = promotion.Decide(preview(notGo, func(in *promotion.Input) { in.Previous, in.Runs = nil, promotion.Running{} }))
	assert.Contains(t, d.Stuck, "nothing to run yet: 2: dev is not GO")
	assert.False(t, d.Invalid, "nobody must change the spec")
}

func TestCircle(t *testing.T) {
	d := promotion.Decide(preview(func(in *promotion.Input) { in.Upstream.Circle = true }))
	assert.Contains(t, d.Stuck, "goes round in a circle")
	assert.True(t, d.Invalid)
	assert.Empty(t, d.Taken)
	assert.Equal(t, old, d.Promotion.Source.Image)
}

func TestDeclaredSourceNeedsNoPromotion(t *testing.T) {
	spec := &v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev}
	spec.Engine.Source = source("r/app:1")
	d := promotion.Decide(promotion.Input{Spec: spec, Previous: &v1alpha1.PromotionStatus{}, Now: epoch})
	assert.Equal(t, promotion.Decision{Spec: spec}, d)
}

func TestSourceOf(t *testing.T) {
	tests := []struct {
		reason, want, revision string
		source                 *v1alpha1.Source
	}{
		{"nothing", "", "", nil},
		{"a tag, as it was declared", "ghcr.io/acme/app:1.5", "1.5", source("ghcr.io/acme/app:1.5")},
		{"the digest counts, the tag is for people", "ghcr.io/acme/app@" + digest(1), "1.5", source("ghcr.io/acme/app:1.5@" + digest(1))},
		{"without a tag", "ghcr.io/acme/app@" + digest(1), "000000000000", source("ghcr.io/acme/app@" + digest(1))},
		{"a registry's port is no tag", "localhost:5000/app@" + digest(1), "000000000000", source("localhost:5000/app@" + digest(1))},
		{"nor without a digest", "localhost:5000/app", "latest", source("localhost:5000/app")},
		{"both", "localhost:5000/app@" + digest(1), "2", source("localhost:5000/app:2@" + digest(1))},
		{"a commit", "acme/app@0123456789abcdef", "0123456789ab", &v1alpha1.Source{Repo: "acme/app", Commit: "0123456789abcdef", Branch: "main"}},
		{"another directory is another engine", "acme/app@01:/b", "01", &v1alpha1.Source{Repo: "acme/app", Commit: "01", RootDirectory: "/b"}},
		{"a branch", "acme/app@", "broken", &v1alpha1.Source{Repo: "acme/app", Branch: "broken"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			assert.Equal(t, promotion.Source(tt.want), promotion.SourceOf(tt.source))
			assert.Equal(t, tt.revision, promotion.Revision(tt.source))
		})
	}
}

func TestPin(t *testing.T) {
	tests := []struct {
		reason         string
		declared, want *v1alpha1.Source
		runs           promotion.Running
		pinned         bool
	}{
		{"nothing declared", nil, nil, promotion.Running{Image: "r/app:1", Digest: digest(1)}, false},
		{"by its digest", source("r/app:1"), source("r/app:1@" + digest(1)), promotion.Running{Image: "r/app:1", Digest: digest(1)}, true},
		{"something else runs", source("r/app:2"), source("r/app:2"), promotion.Running{Image: "r/app:1", Digest: digest(1)}, false},
		{"Railway does not tell", source("r/app:1"), source("r/app:1"), promotion.Running{Image: "r/app:1"}, false},
		{"is pinned", source(old), source(old), promotion.Running{Image: old, Digest: digest(9)}, true},
		{"by its commit", &v1alpha1.Source{Repo: "a/b"}, &v1alpha1.Source{Repo: "a/b", Commit: "c1"}, promotion.Running{Repo: "a/b", Commit: "c1"}, true},
		{"another repository runs", &v1alpha1.Source{Repo: "a/b"}, &v1alpha1.Source{Repo: "a/b"}, promotion.Running{Repo: "a/c", Commit: "c1"}, false},
		{"a commit was declared", &v1alpha1.Source{Repo: "a/b", Commit: "c0"}, &v1alpha1.Source{Repo: "a/b", Commit: "c0"}, promotion.Running{Repo: "a/b", Commit: "c1"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			got := promotion.Pin(tt.declared, tt.runs)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.pinned, promotion.Pinned(got))
		})
	}
	assert.Nil(t, promotion.Running{}.Source())
	assert.Nil(t, promotion.Running{Repo: "a/b"}.Source(), "a repository without its commit is nothing that could be put back")
	assert.Equal(t, &v1alpha1.Source{Repo: "a/b", Branch: "main", Commit: "c1"}, promotion.Running{Repo: "a/b", Branch: "main", Commit: "c1"}.Source())
}

func TestContent(t *testing.T) {
	spec := preview().Spec
	spec.SharedVariables = []v1alpha1.Variable{{Name: "V", Value: ptr("1")}}
	spec.Services = []v1alpha1.Companion{{Service: v1alpha1.Service{Name: "worker"}}, {Service: v1alpha1.Service{Name: "redis", Source: source("redis:7")}}}
	content := promotion.ContentOf(promotion.WithSource(spec, source(old)))
	assert.Equal(t, "redis:7", content.Services[1].Source.Image, "a service keeps its own source")
	assert.Equal(t, old, content.Services[0].Source.Image, "without one it runs the engine's")
	assert.Nil(t, spec.Services[0].Source, "the spec stays as it was")

	read, err := promotion.ReadContent(content.Raw())
	require.NoError(t, err)
	assert.Equal(t, content, read)
	assert.Equal(t, content.Hash(), read.Hash())
	_, err = promotion.ReadContent([]byte("{"))
	require.Error(t, err)

	other := spec.DeepCopy()
	other.Interval, other.Suspend, other.Verification = &metav1.Duration{Duration: time.Hour}, true, &v1alpha1.Verification{}
	assert.Equal(t, promotion.ContentOf(spec).Hash(), promotion.ContentOf(other).Hash(), "what makes no revision is no content")
	applied := content.ApplyTo(other)
	assert.Equal(t, content, promotion.ContentOf(applied))
	assert.Equal(t, other.Interval, applied.Interval)
	other.SharedVariables[0].Value = ptr("2")
	assert.NotEqual(t, promotion.ContentOf(spec).Hash(), promotion.ContentOf(other).Hash())
	assert.True(t, strings.HasPrefix(string(content.Raw()), `{"engine":`), "what is not declared is not stored")
}
