// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

const (
	digest      = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	otherDigest = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	commit      = "0123456789abcdef0123456789abcdef01234567"
	otherCommit = "fedcba9876543210fedcba9876543210fedcba98"
)

func TestDeclaredRevisionRuns(t *testing.T) {
	runs := func(what string) verdict { return verdict{rollout.Healthy, v1alpha1.ReasonSucceeded, "runs " + what} }
	mismatch := func(runs, declared string) verdict {
		return verdict{rollout.Failed, v1alpha1.ReasonRevisionMismatch, "runs " + runs + ", declared is " + declared}
	}
	image := func(name, pulled string) model.DeploymentMeta {
		if pulled != "" {
			pulled = "sha256:" + pulled
		}
		return model.DeploymentMeta{Image: name, ImageDigest: pulled}
	}
	const pinned, otherPinned = "app:2@sha256:" + digest, "app:1@sha256:" + otherDigest
	tests := []struct {
		name, reason  string
		image, commit string
		meta          model.DeploymentMeta
		want          verdict
	}{
		{"image", "what was declared runs", "app:2", "", image("app:2", ""), runs("2")},
		{"other image", "an older image that answers 200 is not what was declared", "app:2", "", image("app:1", ""), mismatch("app:1", "app:2")},
		{"image unsaid", "Railway does not say what runs (railway-api.md#deployment-meta)", "app:2", "", model.DeploymentMeta{}, runs("its deployment")},
		{"tag with a digest", "the tag is as declared", "app:2", "", image("app:2", digest), runs("2")},
		{"Docker Hub in full", "registries fill in what is left out", "redis", "", image("docker.io/library/redis:latest", ""), runs("latest")},
		{"other registry", "the same name elsewhere is another image", "app:2", "", image("ghcr.io/library/app:2", ""), mismatch("ghcr.io/library/app:2", "app:2")},
		{"pinned", "the declared bytes run", pinned, "", image(pinned, digest), runs("2")},
		{"pinned, digest in the name alone", "some deployments say it there alone (railway-api.md#images-and-digests)", pinned, "", image("app@sha256:"+digest, ""), runs(digest[:12])},
		{"pinned, by another tag", "equal digests are equal bytes", pinned, "", image("app:1", digest), runs("1")},
		{"pinned, of several platforms", "the index is named, one of its platforms was pulled", pinned, "", image(pinned, otherDigest), runs("2")},
		{"pinned, other bytes", "the tag was pushed again", pinned, "", image("app:2", otherDigest), mismatch("app:2", pinned)},
		{"pinned, other image", "neither digest is the declared one", pinned, "", image(otherPinned, ""), mismatch(otherPinned, pinned)},
		{"pinned, digest unsaid", "nothing speaks against it", pinned, "", image("app:2", ""), runs("2")},
		{"pinned, other tag, digest unsaid", "it was not started for what is declared", pinned, "", image("app:1", ""), mismatch("app:1", pinned)},
		{"pinned, digest alone", "Railway may say the digest alone", pinned, "", image("", otherDigest), mismatch("sha256:"+otherDigest, pinned)},
		{"declared tag, pinned runs", "it was started for another tag", "app:2", "", image(otherPinned, ""), mismatch(otherPinned, "app:2")},
		{"declared tag, digest runs", "it was started for no tag", "app:2", "", image("app@sha256:"+digest, ""), mismatch("app@sha256:"+digest, "app:2")},
		{"commit", "what was declared runs", "", commit, model.DeploymentMeta{CommitHash: commit}, runs("0123456789ab")},
		{"other commit", "hashes are named in short", "", commit, model.DeploymentMeta{CommitHash: otherCommit},
			mismatch("commit fedcba987654", "0123456789ab")},
		{"commit unsaid", "Railway does not say what runs (railway-api.md#deployment-meta)", "", commit, model.DeploymentMeta{Repo: "a/b"}, runs("its deployment")},
		{"branch only", "any commit of the branch is as declared", "", "", model.DeploymentMeta{CommitHash: otherCommit}, runs("fedcba987654")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			latest := deployment(model.DeploymentSuccess, time.Minute)
			latest.Meta = tt.meta
			in := input(latest)
			in.Desired.Image, in.Desired.Commit = tt.image, tt.commit
			_, got := assess(t, in)
			assert.Equal(t, tt.want, got, tt.reason)
		})
	}
}

func TestRevision(t *testing.T) {
	tests := []struct {
		image, pulled          string
		wantRevision, wantHash string
	}{
		{"redis:7", "", "7", ""},
		{"ghcr.io/acme/app:1.4.2", "", "1.4.2", ""},
		{"registry.local:5000/acme/app:1.4.2", "", "1.4.2", ""},
		{"registry.local:5000/acme/app", "", "latest", ""},
		{"redis", "", "latest", ""},
		{"", "", "", ""},
		{"ghcr.io/acme/app@sha256:" + digest, "", "0123456789ab", digest},
		{"registry.local:5000/app:1@sha256:" + digest, "", "1", digest},
		{"redis:7", "sha256:" + digest, "7", digest},
		{"redis", "sha256:" + digest, "0123456789ab", digest},
		{"redis:7@sha256:" + otherDigest, "docker.io/library/redis@sha256:" + digest, "7", digest},
		{"app@sha256:short", "", "short", "short"}, // no reference
		{"Acme/App:2", "", "2", ""},                // no reference: registries have no capitals
	}
	for _, tt := range tests {
		meta := model.DeploymentMeta{Image: tt.image, ImageDigest: tt.pulled}
		assert.Equal(t, tt.wantRevision, rollout.Revision(meta), tt.image)
		if tt.wantHash != "" {
			tt.wantHash = "sha256:" + tt.wantHash
		}
		assert.Equal(t, tt.wantHash, rollout.Digest(meta), tt.image)
	}
	assert.Equal(t, "0123456789ab", rollout.Revision(model.DeploymentMeta{CommitHash: commit, Image: "built:here"}), "a commit says more than the image built from it")
}

func TestUndeployed(t *testing.T) {
	ready := input(nil)
	ready.HasSource, ready.Synced = true, true
	assert.True(t, rollout.Undeployed(ready), "a commit that changes nothing would deploy nothing (railway-api.md#config-patches)")
	tests := map[string]func(in *rollout.Input){
		"nothing could be deployed":              func(in *rollout.Input) { in.HasSource = false },
		"the commit that is due deploys it":      func(in *rollout.Input) { in.Synced = false },
		"the commit was made: it is awaited":     func(in *rollout.Input) { in.Commit = &rollout.Commit{At: now.Add(-time.Minute)} },
		"the service is not there":               func(in *rollout.Input) { in.Instance = model.ServiceInstance{} },
		"it was deployed":                        func(in *rollout.Input) { in.Instance.Latest = deployment(model.DeploymentFailed, time.Hour) },
		"somebody removed its deployment":        func(in *rollout.Input) { in.Instance.Latest = deployment(model.DeploymentRemoved, time.Hour) },
		"one serves, whatever the newest may be": func(in *rollout.Input) { in.Instance.Active = []model.Deployment{older()} },
	}
	for reason, change := range tests {
		in := ready
		change(&in)
		assert.False(t, rollout.Undeployed(in), reason)
	}
	ready.Commit = &rollout.Commit{At: now.Add(-2 * time.Minute)}
	assert.True(t, rollout.Undeployed(ready), "the commit deployed nothing in its grace")
}

func TestStale(t *testing.T) {
	of := func(status model.DeploymentStatus, meta model.DeploymentMeta) *model.Deployment {
		d := deployment(status, time.Hour)
		d.Meta = meta
		return d
	}
	serves := func(meta model.DeploymentMeta) []model.Deployment {
		return []model.Deployment{*of(model.DeploymentSuccess, meta)}
	}
	declared, other := model.DeploymentMeta{CommitHash: commit}, model.DeploymentMeta{CommitHash: otherCommit}
	tests := []struct {
		name, reason string
		latest       *model.Deployment
		active       []model.Deployment
		change       func(in *rollout.Input)
		want         bool
	}{
		{"other commit", "a push deployed it past the gate", of(model.DeploymentSuccess, other), serves(other), nil, true},
		{"declared commit", "as declared", of(model.DeploymentSuccess, declared), serves(declared), nil, false},
		{"unsaid", "unknown is no proof", of(model.DeploymentSuccess, model.DeploymentMeta{}), nil, nil, false},
		{"on its way", "it may become the declared one, and two builds help nobody", of(model.DeploymentBuilding, other), serves(other), nil, false},
		{"failed push", "what is declared serves", of(model.DeploymentFailed, other), serves(declared), nil, false},
		{"failed push over another", "neither is declared", of(model.DeploymentFailed, other), serves(other), nil, true},
		{"failed push over a crash", "the declared commit serves no more", of(model.DeploymentFailed, other),
			[]model.Deployment{*of(model.DeploymentCrashed, declared)}, nil, true},
		{"declared commit failed", "it would fail again", of(model.DeploymentFailed, declared), serves(other), nil, false},
		{"declared commit crashed", "it would crash again", of(model.DeploymentCrashed, declared), nil, nil, false},
		{"none", "that is undeployed", nil, nil, nil, false},
		{"config differs", "the commit that is due deploys it", of(model.DeploymentSuccess, other), nil, func(in *rollout.Input) { in.Synced = false }, false},
		{"awaited", "the deployment was asked for", of(model.DeploymentSuccess, other), nil,
			func(in *rollout.Input) { in.Commit = &rollout.Commit{At: now.Add(-time.Minute)} }, false},
		{"branch", "any commit of the branch is as declared", of(model.DeploymentSuccess, other), nil, func(in *rollout.Input) { in.Desired.Commit = "" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(tt.latest, tt.active...)
			in.Desired.Image, in.Desired.Repo, in.Desired.Commit, in.HasSource, in.Synced = "", "acme/app", commit, true, true
			if tt.change != nil {
				tt.change(&in)
			}
			assert.Equal(t, tt.want, rollout.Stale(in), tt.reason)
		})
	}
	for _, tt := range []struct {
		image  string
		meta   model.DeploymentMeta
		want   bool
		reason string
	}{
		{"app:2@sha256:" + digest, model.DeploymentMeta{Image: "app:2", ImageDigest: "sha256:" + otherDigest}, true, "other bytes"},
		{"app:2@sha256:" + digest, model.DeploymentMeta{Image: "app:1", ImageDigest: "sha256:" + digest}, false, "the same bytes by another tag"},
		{"app:2@sha256:" + digest, model.DeploymentMeta{Image: "app:1"}, false, "a tag proves nothing"},
		{"app:2", model.DeploymentMeta{Image: "app:1", ImageDigest: "sha256:" + digest}, false, "a tag pins nothing"},
	} {
		in := input(of(model.DeploymentSuccess, tt.meta))
		in.Desired.Image, in.HasSource, in.Synced = tt.image, true, true
		assert.Equal(t, tt.want, rollout.Stale(in), tt.reason)
	}
}

// TestStaleIsNeverHealthy holds that what is deployed again by request is never judged to be as declared, and that one request
// which Railway follows is enough.
func TestStaleIsNeverHealthy(t *testing.T) {
	statuses := append(append(append(append([]model.DeploymentStatus{unknown}, inProgress...), serving...), replaced...), broken...)
	meta := func(t *rapid.T) model.DeploymentMeta {
		return model.DeploymentMeta{
			Image:       rapid.SampledFrom([]string{"", "app:1", "app:2", "app@sha256:" + digest, "app:2@sha256:" + otherDigest}).Draw(t, "image"),
			ImageDigest: rapid.SampledFrom([]string{"", "sha256:" + digest, "sha256:" + otherDigest}).Draw(t, "pulled"),
			CommitHash:  rapid.SampledFrom([]string{"", commit, otherCommit}).Draw(t, "commit"),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		latest := deployment(rapid.SampledFrom(statuses).Draw(t, "status"), time.Hour)
		latest.Meta = meta(t)
		in := input(latest)
		for range rapid.IntRange(0, 2).Draw(t, "active") {
			d := *deployment(rapid.SampledFrom(statuses).Draw(t, "active status"), time.Hour)
			d.Meta = meta(t)
			in.Instance.Active = append(in.Instance.Active, d)
		}
		if in.Desired.Image = ""; rapid.Bool().Draw(t, "repo") {
			in.Desired.Repo, in.Desired.Commit = "acme/app", rapid.SampledFrom([]string{"", commit}).Draw(t, "declared")
		} else {
			in.Desired.Image = rapid.SampledFrom([]string{"app:2", "app:2@sha256:" + digest}).Draw(t, "declared")
		}
		in.HasSource, in.Synced = true, true
		if !rollout.Stale(in) {
			return
		}
		require.NotEqual(t, rollout.Healthy, rollout.Assess(in).State)
		in.Instance.Latest = deployment(rapid.SampledFrom(statuses).Draw(t, "then"), 0)
		in.Instance.Latest.Meta = model.DeploymentMeta{Image: in.Desired.Image, CommitHash: in.Desired.Commit}
		require.False(t, rollout.Stale(in), "once the declared revision was deployed, nothing is deployed again")
	})
}
