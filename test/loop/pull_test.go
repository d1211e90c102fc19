// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const pullPassword = secretMark + "-pull"

// private makes the registry of the engine's image ask for the robot's password.
func (w *world) private(password string) {
	w.t.Helper()
	require.NoError(w.t, w.sim.SetRegistry(railwaysim.RegistryEdit{Host: "ghcr.io", Private: true, Username: "robot", Password: password}))
}

// dockerConfig writes a Secret as kubectl create secret docker-registry makes it.
func (w *world) dockerConfig(name, host, password string) {
	w.t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte("robot:" + password))
	w.secret(name, map[string]string{".dockerconfigjson": fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth)})
}

// pulls is the spec with a reference to the Secret.
func pulls(spec, secret string) string {
	return strings.Replace(spec, "engine:\n", "engine:\n  pullSecretRef: {name: "+secret+"}\n", 1)
}

// settled waits until the object runs with so many commits and deployments in all, and holds that a pass that reads Railway anew,
// where nothing of the credentials shows, adds none.
func (w *world) settled(name, what string, commits, deployments int) {
	w.t.Helper()
	w.until(name, what, func(o *v1alpha1.EngineEnvironment) bool { return isReady(o) && w.count(0)["CommitPatch"] == commits })
	w.poke(name)
	w.ready(name)
	assert.Equal(w.t, commits, w.count(0)["CommitPatch"], "commits: %s", what)
	assert.Equal(w.t, deployments, w.deployments(name, "ai-engine"), "deployments: %s", what)
}

func TestPrivateImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.private(pullPassword)
	w.secret("openai", map[string]string{"api-key": secretMark + "-openai"})
	w.apply("dev", devSpec)
	o := w.reason("dev", v1alpha1.ReasonImagePullDenied)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, "set pullSecretRef")
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict, "that it is denied is known")

	w.apply("dev", pulls(devSpec, "ghcr"))
	w.reason("dev", v1alpha1.ReasonSecretNotFound)
	w.dockerConfig("ghcr", "quay.io", pullPassword)
	o = w.reason("dev", v1alpha1.ReasonInvalidPullSecret)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, `Secret "ghcr" has no credentials for ghcr.io`)
	assert.Equal(t, 1, w.count(0)["CommitPatch"], "nothing is written before the Secret is fit")

	w.dockerConfig("ghcr", "https://ghcr.io", pullPassword)
	w.settled("dev", "pulled", 2, 2)
	assert.Contains(t, fmt.Sprint(w.get("dev").Status.WorkingRecord.Written), "registryCredentials")

	w.private(pullPassword + "-new")
	w.dockerConfig("ghcr", "ghcr.io", pullPassword+"-new")
	w.settled("dev", "rotated", 3, 3)
	w.restart()
	w.settled("dev", "restarted", 3, 3)
	w.secret("ghcr", map[string]string{"username": "robot", "password": pullPassword + "-new\n"})
	w.settled("dev", "the same credentials in a Secret of the other kind", 3, 3)

	w.apply("dev", devSpec)
	o = w.reason("dev", v1alpha1.ReasonImagePullDenied)
	assert.Equal(t, 4, w.count(0)["CommitPatch"], "what the spec drops is cleared")
	assert.NotContains(t, fmt.Sprint(o.Status.WorkingRecord.Written), "registryCredentials")
}

// TestDeniedPullIsNotTheRevisionsFault: credentials that expire roll nothing back, and the revision is tried again with new ones.
func TestDeniedPullIsNotTheRevisionsFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.private(pullPassword)
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.dockerConfig("ghcr", "ghcr.io", pullPassword)
	spec := pulls(previewSpec, "ghcr") + "  onFailure: Rollback\n"
	w.apply("preview", spec)
	w.runs("preview", "1.4.2")

	w.private(pullPassword + "-new")
	w.apply("preview", strings.Replace(spec, "1.4.2", "1.5.0", 1))
	o := w.reason("preview", v1alpha1.ReasonImagePullDenied)
	assert.Nil(t, o.Status.Rollback)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, "check its credentials")
	w.poke("preview")
	assert.Equal(t, []string{"1.4.2", "1.5.0"}, w.images("preview"))

	w.dockerConfig("ghcr", "ghcr.io", pullPassword+"-new")
	o = w.runs("preview", "1.5.0")
	assert.Nil(t, o.Status.Rollback)
	assert.Equal(t, []string{"1.4.2", "1.5.0", "1.5.0"}, w.images("preview"))
}

// TestPromotedTierPullsWithItsOwn: a promotion brings the image and no credentials.
func TestPromotedTierPullsWithItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.private(pullPassword)
	w.secret("openai", map[string]string{"api-key": secretMark})
	for _, name := range []string{"ghcr-dev", "ghcr-preview"} {
		w.dockerConfig(name, "ghcr.io", pullPassword)
	}
	w.apply("dev", pulls(devSpec, "ghcr-dev")+"verification: {interval: 5s}\n")
	preview := strings.Replace(previewSpec, `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}`+"\n", "", 1) +
		"  onFailure: Rollback\npromotion: {from: dev, soak: 0s}\nservices: [{name: worker}]\n"
	w.apply("preview", preview)
	w.runs("dev", "1.4.2")
	o := w.reason("preview", v1alpha1.ReasonImagePullDenied)
	assert.Nil(t, o.Status.Rollback)

	w.apply("preview", pulls(preview, "ghcr-preview"))
	w.runs("preview", "1.4.2")
	for _, service := range []string{"ai-engine", "worker"} {
		assert.Equal(t, 2, w.deployments("preview", service), "%s is denied once, and pulls with the engine's credentials", service)
	}
}
