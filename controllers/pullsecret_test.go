// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

func TestPullSecret(t *testing.T) {
	w := running(t, settings{}, nil)
	before := w.mark()
	w.secret("pull", map[string]string{"username": "robot", "password": secretMark + "-pull"})
	spec := strings.Replace(devSpec, "engine:\n", "engine:\n  pullSecretRef: {name: pull}\n", 1)
	w.apply("dev", spec)
	written := func(what string, commits int) {
		t.Helper()
		w.until("dev", what, func(o *v1alpha1.EngineEnvironment) bool {
			return w.count(before)["CommitPatch"] == commits && isReady(o) && o.Status.ObservedGeneration == o.Generation
		})
		w.poke("dev")
		w.ready("dev")
		assert.Equal(t, commits, w.count(before)["CommitPatch"], "what cannot be compared is not written again: %s", what)
	}
	written("declared", 1)
	w.secret("pull", map[string]string{"username": "robot", "password": secretMark + "-rotated"})
	written("rotated", 2)
	w.apply("dev", devSpec)
	written("dropped", 3)
	for _, line := range w.get("dev").Status.WrittenFields {
		assert.NotContains(t, line, "registryCredentials")
	}
}
