// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNullsInSettings holds what a null means: in a patch it clears, in serviceInstanceUpdate it is no change but for cronSchedule
// (railway-api.md, "Mutations of one field").
func TestNullsInSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason string
		patch  map[string]any // else input
		input  vars
		want   map[string]any
	}{
		"patch":          {"null clears", map[string]any{"cronSchedule": nil, "startCommand": nil}, nil, map[string]any{"cronSchedule": nil, "startCommand": nil}},
		"start command":  {"null is no change", nil, vars{"startCommand": nil}, map[string]any{"cronSchedule": "0 3 * * *", "startCommand": "serve"}},
		"empty command":  {"empty clears", nil, vars{"startCommand": ""}, map[string]any{"cronSchedule": "0 3 * * *", "startCommand": nil}},
		"cron":           {"null clears a schedule", nil, vars{"cronSchedule": nil}, map[string]any{"cronSchedule": nil, "startCommand": "serve"}},
		"other settings": {"what is absent stays", nil, vars{"drainingSeconds": 5}, map[string]any{"cronSchedule": "0 3 * * *", "startCommand": "serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.patch(service(engine, map[string]any{"deploy": map[string]any{"cronSchedule": "0 3 * * *", "startCommand": "serve"}}))
			if test.patch != nil {
				l.patch(service(engine, map[string]any{"deploy": test.patch}))
			} else {
				l.must(updateInstance, vars{"e": staging, "s": engine, "i": test.input})
			}
			for key, want := range test.want {
				assert.Equal(t, want, dig(l.config(true), "services", engine, "deploy", key), test.reason)
			}
		})
	}
}

// TestRefusedSettings holds what Railway has been seen to refuse (railway-api.md, "Mutations of one field").
func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	l := start(t)
	two := []string{"migrate", "seed"}
	patched := l.ask(account, commit, vars{"e": staging, "p": service(engine, map[string]any{"deploy": map[string]any{"preDeployCommand": two}})})
	assert.Contains(t, patched.message(), "pre-deploy command", "two commands by patch")
	assert.Contains(t, l.ask(account, updateInstance, vars{"e": staging, "s": engine, "i": vars{"preDeployCommand": two}}).message(), "pre-deploy command")
	l.patch(service(engine, map[string]any{"deploy": map[string]any{"preDeployCommand": []string{"migrate"}}}))
	l.patch(service(engine, map[string]any{"deploy": map[string]any{"preDeployCommand": "migrate"}}))

	id := l.bare()
	health := func(service, path string) string {
		return l.ask(account, updateInstance, vars{"e": staging, "s": service, "i": vars{"healthcheckPath": path}}).message()
	}
	assert.NotEmpty(t, health(id, "/health"), "no health check before the first deployment")
	assert.NotEmpty(t, health(engine, "/health-check"), "no hyphen in the path")
	assert.Empty(t, health(engine, "/health"))
}
