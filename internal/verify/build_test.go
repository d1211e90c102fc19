// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// input is a Dev tier whose only check is the given one.
func input(t *testing.T, check string) BuildInput {
	t.Helper()
	spec := &v1alpha1.EngineEnvironmentSpec{}
	require.NoError(t, yaml.Unmarshal([]byte(`
tier: Dev
engine: {name: engine}
verification:
  disabledChecks: [health, metrics, python-version, structured-logs, middleware]
  checks:
  - `+check), spec))
	return BuildInput{
		Spec: spec,
		Sources: desired.Sources{Secrets: map[string]map[string]string{"s": {
			"file": "Bearer s3cr3t\r\n", "broken": "s3cr3t\nX-Other: 1", "tab": "a\tb", "bell": "s3cr3t\a",
		}}},
		Targets: map[string]Target{
			"engine": {Host: "engine.up.railway.app", CustomHosts: map[string]bool{"api.acme.example": true, "new.acme.example": false},
				DeploymentID: "d1", StartedAt: time.Unix(0, 0)},
			"asleep":  {Host: "asleep.up.railway.app", CustomHosts: map[string]bool{"nap.acme.example": true}, DeploymentID: "d2", Sleeping: true},
			"custom":  {CustomHosts: map[string]bool{"only.acme.example": true}},
			"private": {},
		},
		AllowedHosts: []string{"status.acme.example"}, Key: []byte("key"),
	}
}

func TestBuildHosts(t *testing.T) {
	tests := []struct {
		name, http, reason           string
		host, unavailable, forbidden string
		change                       func(*BuildInput)
	}{
		{name: "the engine", http: `{path: /}`, host: "engine.up.railway.app", reason: "a custom domain that somebody adds takes nothing over"},
		{name: "asleep", http: `{path: /, service: asleep}`, unavailable: sleeps, reason: "a request would wake it"},
		{name: "only custom domains", http: `{path: /, service: custom}`, unavailable: onlyCustom, reason: "which of them is the author's to say"},
		{name: "no domain", http: `{path: /, service: private}`, unavailable: noDomain, reason: "nothing can be asked"},
		{name: "a custom domain", http: `{path: /, host: api.acme.example}`, host: "api.acme.example", reason: "it is the environment's own"},
		{name: "another service's", http: `{path: /, host: only.acme.example}`, host: "only.acme.example", reason: "any declared service's will do"},
		{name: "a generated domain", http: `{path: /, host: engine.up.railway.app}`, host: "engine.up.railway.app", reason: "it is the environment's own"},
		{name: "not verified", http: `{path: /, host: new.acme.example}`, reason: "pending DNS is no fault of the engine",
			unavailable: "Railway has not verified the custom domain new.acme.example yet: set its DNS records"},
		{name: "of one that sleeps", http: `{path: /, host: nap.acme.example}`, unavailable: sleeps, reason: "it would wake too"},
		{name: "allowed", http: `{path: /, host: status.acme.example}`, host: "status.acme.example", reason: "the administrator said so"},
		{name: "not allowed", http: `{path: /, host: kubernetes.default.svc}`, reason: "nobody said so",
			forbidden: "spec.verification.checks[x].http.host: kubernetes.default.svc is not allowed"},
		{name: "before Railway is read", http: `{path: /, host: api.acme.example}`, unavailable: unread, reason: "its domains are not known yet",
			change: func(in *BuildInput) { in.Unobserved, in.Targets = true, map[string]Target{"engine": {}} }},
		{name: "never public", http: `{path: /, host: kubernetes.default.svc}`, reason: "it is refused before anything is written",
			forbidden: "is not allowed", change: func(in *BuildInput) { in.Unobserved = true }},
		{name: "an address", http: `{path: /, host: 169.254.169.254}`, reason: "it is refused before anything is written",
			forbidden: "is not allowed", change: func(in *BuildInput) { in.Unobserved = true }},
		{name: "no such service", http: `{path: /, service: nope}`, forbidden: `the spec declares no service "nope"`, reason: "a mistake"},
		{name: "held", http: `{path: /, service: nope}`, unavailable: `the revision that is held has no service "nope"`,
			reason: "the check came with the revision that was rejected", change: func(in *BuildInput) { in.Held = true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, `{name: x, status: 200, http: `+tt.http+`}`)
			if tt.change != nil {
				tt.change(&in)
			}
			checks, err := Build(in)
			if tt.forbidden != "" {
				var refusal *desired.Error
				require.True(t, errors.As(err, &refusal), tt.reason)
				assert.Equal(t, v1alpha1.ReasonInvalidCheck, refusal.Reason)
				assert.Contains(t, refusal.Message, tt.forbidden, tt.reason)
				return
			}
			require.NoError(t, err, tt.reason)
			assert.Equal(t, tt.unavailable, checks[0].Unavailable, tt.reason)
			if tt.host != "" {
				assert.Equal(t, tt.host, checks[0].HTTP.Host, tt.reason)
			}
		})
	}
}

// TestPlaceInTheExpression: status and contains are added to what a person wrote, and the place is that in what they wrote.
func TestPlaceInTheExpression(t *testing.T) {
	for _, more := range []string{"", ", status: 200", ", contains: ok"} {
		_, err := Build(input(t, `{name: mode-1, expect: "status = 200", http: {path: /}`+more+`}`))
		var refusal *desired.Error
		require.ErrorAs(t, err, &refusal, more)
		assert.Equal(t, "spec.verification.checks[mode-1].expect: column 8: = compares nothing: use ==", refusal.Message, more)
		assert.Equal(t, "mode-1", refusal.Check, more)
	}
}

func TestHeldLogCheckIsSkipped(t *testing.T) {
	in := input(t, `{name: x, contains: a, logs: {service: gone}}`)
	_, err := Build(in)
	require.Error(t, err)
	in.Held = true
	checks, err := Build(in)
	require.NoError(t, err)
	assert.Equal(t, `the revision that is held has no service "gone"`, checks[0].Unavailable)
}

func TestHeaderValues(t *testing.T) {
	for key, want := range map[string]string{"file": "Bearer s3cr3t", "tab": "a\tb", "broken": "", "bell": ""} {
		checks, err := Build(input(t, `{name: x, status: 200, http: {path: /, headers: [{name: authorization, valueFrom: {secretKeyRef: {name: s, key: `+key+`}}}]}}`))
		if want != "" {
			require.NoError(t, err, key)
			assert.Equal(t, want, checks[0].HTTP.Headers["authorization"], key)
			continue
		}
		require.Error(t, err, key)
		assert.Contains(t, err.Error(), "spec.verification.checks[x].http.headers[authorization]: the value has a line end")
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
}

func TestBlameAndInconclusive(t *testing.T) {
	checks, err := Build(input(t, `{name: x, status: 200, http: {path: /}}`))
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.BlameRevision, checks[0].Blames, "by default")
	assert.Nil(t, checks[0].Inconclusive)
	first := checks[0].Fingerprint

	checks, err = Build(input(t, `{name: x, blames: Environment, status: 200, http: {path: /}}`))
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.BlameEnvironment, checks[0].Blames)
	assert.Equal(t, first, checks[0].Fingerprint, "whom it blames does not change what it does")

	checks, err = Build(input(t, `{name: x, inconclusive: status == 429, status: 200, http: {path: /}}`))
	require.NoError(t, err)
	assert.NotNil(t, checks[0].Inconclusive)
	assert.NotEqual(t, first, checks[0].Fingerprint)

	_, err = Build(input(t, `{name: x, inconclusive: stauts == 429, status: 200, http: {path: /}}`))
	require.ErrorContains(t, err, "spec.verification.checks[x].inconclusive: column 1: there is no stauts")
}

func TestFingerprintIsKeyed(t *testing.T) {
	in := input(t, `{name: x, status: 200, http: {path: /, headers: [{name: a, valueFrom: {secretKeyRef: {name: s, key: file}}}]}}`)
	first, err := Build(in)
	require.NoError(t, err)
	again, err := Build(in)
	require.NoError(t, err)
	assert.Equal(t, first[0].Fingerprint, again[0].Fingerprint, "building is pure")
	in.Key = []byte("another")
	other, err := Build(in)
	require.NoError(t, err)
	assert.NotEqual(t, first[0].Fingerprint, other[0].Fingerprint, "it is stored: nobody may guess the value by it")
}

// TestTierChecksSayWhatTheyBlame holds that every check that a tier brings carries its blame as data.
func TestTierChecksSayWhatTheyBlame(t *testing.T) {
	for _, tier := range []v1alpha1.Tier{v1alpha1.TierDev, v1alpha1.TierPreview, v1alpha1.TierProduction} {
		spec := &v1alpha1.EngineEnvironmentSpec{Tier: tier, Engine: v1alpha1.Engine{}}
		for _, check := range spec.EffectiveChecks() {
			assert.Equal(t, v1alpha1.BlameRevision, check.Blames, "%s %s", tier, check.Name)
		}
	}
}

func TestBlamesRevision(t *testing.T) {
	report := Report{Results: []Result{
		{Name: "passes", Outcome: Passed, Blames: v1alpha1.BlameRevision},
		{Name: "fails", Outcome: Failed, Blames: v1alpha1.BlameRevision},
		{Name: "the provider is down", Outcome: Failed, Blames: v1alpha1.BlameEnvironment},
		{Name: "undecided", Outcome: Pending, Blames: v1alpha1.BlameRevision},
		{Name: "says nothing", Outcome: Failed},
	}}
	var names []string
	for _, result := range report.BlamesRevision() {
		names = append(names, result.Name)
	}
	assert.Equal(t, []string{"fails", "says nothing"}, names)
}
