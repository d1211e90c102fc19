// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

var (
	otherDigest   = "sha256:" + strings.Repeat("ab", 32)
	unknownDigest = "sha256:" + strings.Repeat("00", 32)
)

func digestOf(a answer) any { return a.at("deployment", "meta", "imageDigest") }

// TestTagPushedAgain holds that a tag is a name: who pulls it later may get other bytes
// (railway-api.md, "Images and digests").
func TestTagPushedAgain(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.patch(image("acme/engine:2.0"))
	first := l.newest(1)[0].ID
	before := digestOf(l.run())
	require.NotEmpty(t, before)

	status, text := l.console("POST", "/_sim/image/push", `{"image":"acme/engine:2.0","digest":"`+otherDigest+`"}`)
	require.Equal(t, 200, status, text)
	assert.Equal(t, before, digestOf(l.deployment(first)), "a deployment keeps its own bytes")
	assert.Empty(t, l.deployments(func() { l.patch(image("acme/engine:2.0")) }), "the config is equal, nothing deploys")

	l.must(deployNow, vars{"e": staging, "s": engine})
	assert.Equal(t, otherDigest, digestOf(l.run()), "what starts afterwards has the new bytes")
	l.must(`mutation($id: String!) { deploymentRollback(id: $id) }`, vars{"id": first})
	assert.Equal(t, before, digestOf(l.run()), "a rollback takes the image that Railway kept")

	require.NoError(t, l.sim.PushImage(railwaysim.ImagePush{Image: "acme/engine:2.0"}))
	l.must(`mutation($id: String!) { deploymentRedeploy(id: $id) { id } }`, vars{"id": first})
	made := digestOf(l.run())
	assert.NotContains(t, []any{before, otherDigest}, made, "a push without a digest makes one up, and a redeploy pulls the tag again")
	l.must(`mutation($id: String!) { deploymentRedeploy(id: $id, usePreviousImageTag: true) { id } }`, vars{"id": first})
	assert.Equal(t, before, digestOf(l.run()))
}

// TestPinnedImage walks references with a digest.
func TestPinnedImage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason string
		pushed bool
		hide   bool
		image  string
		status string
		digest any
	}{
		"pinned":           {"a digest pins, whatever the tag stands for", true, false, "acme/engine:1.0@" + otherDigest, "SUCCESS", otherDigest},
		"no tag":           {"a tag is not needed", true, false, "acme/engine@" + otherDigest, "SUCCESS", otherDigest},
		"never pushed":     {"a repository of known pushes has no other bytes", true, false, "acme/engine:1.0@" + unknownDigest, "FAILED", nil},
		"nothing known":    {"of a repository without known pushes everything resolves", false, false, "acme/engine:1.0@" + unknownDigest, "SUCCESS", unknownDigest},
		"another's":        {"pushes elsewhere say nothing", true, false, "acme/worker:1.0@" + unknownDigest, "SUCCESS", unknownDigest},
		"hidden":           {"Railway does not always tell the digest of a pinned image", true, true, "acme/engine:1.0@" + otherDigest, "SUCCESS", nil},
		"hidden, by tag":   {"that of a tag it tells", true, true, "acme/engine:3.0", "SUCCESS", otherDigest},
		"behaviour":        {"the tag says how the engine behaves, not what follows the last colon", false, false, "acme/engine:1-crash@" + otherDigest, "CRASHED", otherDigest},
		"port":             {"a registry's port is no tag", false, false, "localhost:5000/crash/engine", "SUCCESS", nil},
		"port and failure": {"and does not hide one", false, false, "localhost:5000/acme/engine:fail-build", "FAILED", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, func(o *railwaysim.Options) { o.Seed.HideDigests = test.hide })
			if test.pushed {
				require.NoError(t, l.sim.PushImage(railwaysim.ImagePush{Image: "acme/engine:3.0", Digest: otherDigest}))
			}
			l.patch(image(test.image))
			a := l.run()
			assert.Equal(t, test.status, a.at("deployment", "status"), test.reason)
			assert.Equal(t, test.image, a.at("deployment", "meta", "image"), "the reference is kept")
			if !strings.HasPrefix(name, "port") {
				assert.Equal(t, test.digest, digestOf(a), test.reason)
			}
		})
	}
}

// TestBytesBehave holds that bytes can be bad under an innocent tag.
func TestBytesBehave(t *testing.T) {
	t.Parallel()
	l := start(t)
	require.NoError(t, l.sim.PushImage(railwaysim.ImagePush{Image: "acme/engine:1.0", Behaviour: "crash"}))
	l.must(deployNow, vars{"e": staging, "s": engine})
	assert.Equal(t, "CRASHED", l.run().at("deployment", "status"))
	for _, bad := range []railwaysim.ImagePush{
		{}, {Image: "acme/engine:1.0@" + otherDigest}, {Image: "acme/engine:1.0", Digest: "sha256:short"}, {Image: "acme/engine:1.0", Behaviour: "flood"},
	} {
		assert.Error(t, l.sim.PushImage(bad))
	}
}
