// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

func ptr[T any](v T) *T { return &v }

// tierVariables is the tier table as the engine sees it.
var tierVariables = map[v1alpha1.Tier]map[string]string{
	v1alpha1.TierLocal: {
		"ENV": "local", "DEBUG": "true", "LOG_FORMAT": "simple", "LOG_LEVEL": "DEBUG", "SECURITY_MIDDLEWARE_ENABLED": "false",
		"TENANT_ISOLATION_ENABLED": "false", "RATE_LIMIT_ENABLED": "false", "RAILPACK_PYTHON_VERSION": "3.13",
	},
	v1alpha1.TierDev: {
		"ENV": "dev", "DEBUG": "true", "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "SECURITY_MIDDLEWARE_ENABLED": "false",
		"TENANT_ISOLATION_ENABLED": "false", "RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPM": "1000", "RAILPACK_PYTHON_VERSION": "3.13",
	},
	v1alpha1.TierPreview: {
		"ENV": "preview", "DEBUG": "false", "LOG_FORMAT": "json", "LOG_LEVEL": "INFO", "SECURITY_MIDDLEWARE_ENABLED": "true",
		"TENANT_ISOLATION_ENABLED": "true", "RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPM": "100", "RAILPACK_PYTHON_VERSION": "3.13",
	},
	v1alpha1.TierProduction: {
		"ENV": "production", "DEBUG": "false", "LOG_FORMAT": "json", "LOG_LEVEL": "INFO", "SECURITY_MIDDLEWARE_ENABLED": "true",
		"TENANT_ISOLATION_ENABLED": "true", "RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPM": "60", "RAILPACK_PYTHON_VERSION": "3.13",
	},
}

func TestTierTable(t *testing.T) {
	assert.Len(t, v1alpha1.Tiers, len(tierVariables), "every tier has a column")
	for _, tier := range v1alpha1.Tiers {
		for name, empty := range map[string]*v1alpha1.Settings{
			"no settings": nil, "empty settings": {},
			"empty groups": {SecurityMiddleware: &v1alpha1.SecurityMiddleware{}, Logging: &v1alpha1.Logging{}, RateLimit: &v1alpha1.RateLimit{}},
		} {
			spec := v1alpha1.EngineEnvironmentSpec{Tier: tier, Settings: empty}
			assert.Equal(t, tierVariables[tier], spec.EffectiveSettings().Variables(tier, ""), "%s with %s gets the tier's column", tier, name)
		}
		assert.NotEmpty(t, tier.Defaults().Purpose)
	}
	assert.Equal(t, v1alpha1.TierProduction.Defaults(), v1alpha1.Tier("Other").Defaults(), "an unknown tier gets the strictest column")
}

// TestEveryCellCanBeOverridden lays each override over each tier; nothing but its own variables changes.
func TestEveryCellCanBeOverridden(t *testing.T) {
	limit := func(enabled *bool, rpm *int32) *v1alpha1.Settings {
		return &v1alpha1.Settings{RateLimit: &v1alpha1.RateLimit{Enabled: enabled, RequestsPerMinute: rpm}}
	}
	middleware := func(on bool) *v1alpha1.Settings {
		return &v1alpha1.Settings{SecurityMiddleware: &v1alpha1.SecurityMiddleware{Enabled: &on}}
	}
	logging := func(format v1alpha1.LogFormat, level v1alpha1.LogLevel) *v1alpha1.Settings {
		return &v1alpha1.Settings{Logging: &v1alpha1.Logging{Format: format, Level: level}}
	}
	tests := []struct {
		name     string
		settings *v1alpha1.Settings
		want     map[string]string
	}{
		{"middleware on", middleware(true), map[string]string{"SECURITY_MIDDLEWARE_ENABLED": "true", "TENANT_ISOLATION_ENABLED": "true"}},
		{"middleware off", middleware(false), map[string]string{"SECURITY_MIDDLEWARE_ENABLED": "false", "TENANT_ISOLATION_ENABLED": "false"}},
		{"simple logs", logging(v1alpha1.LogFormatSimple, ""), map[string]string{"LOG_FORMAT": "simple"}},
		{"JSON logs", logging(v1alpha1.LogFormatJSON, ""), map[string]string{"LOG_FORMAT": "json"}},
		{"log level", logging("", "WARNING"), map[string]string{"LOG_LEVEL": "WARNING"}},
		{"requests per minute", limit(nil, ptr(int32(7))), map[string]string{"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPM": "7"}},
		{"limit off", limit(ptr(false), nil), map[string]string{"RATE_LIMIT_ENABLED": "false", "RATE_LIMIT_RPM": ""}},
		{"limit off wins over a number", limit(ptr(false), ptr(int32(7))), map[string]string{"RATE_LIMIT_ENABLED": "false", "RATE_LIMIT_RPM": ""}},
		{"debug on", &v1alpha1.Settings{Debug: ptr(true)}, map[string]string{"DEBUG": "true"}},
		{"debug off", &v1alpha1.Settings{Debug: ptr(false)}, map[string]string{"DEBUG": "false"}},
		{"Python", &v1alpha1.Settings{PythonVersion: "3.12.1"}, map[string]string{"RAILPACK_PYTHON_VERSION": "3.12.1"}},
	}
	for _, tier := range v1alpha1.Tiers {
		for _, tt := range tests {
			t.Run(string(tier)+"/"+tt.name, func(t *testing.T) {
				want := map[string]string{}
				for name, value := range tierVariables[tier] {
					want[name] = value
				}
				for name, value := range tt.want {
					want[name] = value
					if value == "" {
						delete(want, name)
					}
				}
				spec := v1alpha1.EngineEnvironmentSpec{Tier: tier, Settings: tt.settings}
				assert.Equal(t, want, spec.EffectiveSettings().Variables(tier, v1alpha1.BuilderRailpack))
			})
		}
	}
}

func TestRateLimitTurnedOnKeepsTheTiersNumber(t *testing.T) {
	for tier, want := range map[v1alpha1.Tier]int32{
		v1alpha1.TierLocal: 1000, // its own column has none, so it is Dev's
		v1alpha1.TierDev:   1000, v1alpha1.TierPreview: 100, v1alpha1.TierProduction: 60,
	} {
		spec := v1alpha1.EngineEnvironmentSpec{Tier: tier, Settings: &v1alpha1.Settings{RateLimit: &v1alpha1.RateLimit{Enabled: ptr(true)}}}
		assert.Equal(t, want, spec.EffectiveSettings().RequestsPerMinute, string(tier))
		assert.True(t, spec.EffectiveSettings().RateLimitEnabled, string(tier))
	}
}

func TestPythonVariableFollowsTheBuilder(t *testing.T) {
	settings := v1alpha1.TierDev.Defaults().Settings
	for builder, want := range map[v1alpha1.Builder]string{
		"": "RAILPACK_PYTHON_VERSION", v1alpha1.BuilderRailpack: "RAILPACK_PYTHON_VERSION",
		v1alpha1.BuilderDockerfile: "RAILPACK_PYTHON_VERSION", v1alpha1.BuilderNixpacks: "NIXPACKS_PYTHON_VERSION",
	} {
		variables := settings.Variables(v1alpha1.TierDev, builder)
		assert.Equal(t, "3.13", variables[want], string(builder))
		assert.Len(t, variables, len(tierVariables[v1alpha1.TierDev]), "one of the two names only: %s", builder)
	}
}

func TestDefaults(t *testing.T) {
	empty := v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierPreview, Railway: &v1alpha1.Railway{}}
	assert.Equal(t, 5*time.Minute, empty.EffectiveInterval())
	assert.Equal(t, v1alpha1.DriftPolicyRepair, empty.EffectiveDriftPolicy())
	assert.Equal(t, v1alpha1.UnmanagedIgnore, empty.EffectiveUnmanagedPolicy())
	assert.Equal(t, "preview", empty.RailwayEnvironment(), "the tier in lower case")
	assert.Equal(t, 30*time.Minute, empty.Engine.EffectiveProgressDeadline())
	assert.Empty(t, (&v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierLocal}).RailwayEnvironment(), "the Local tier is not on Railway")

	for tier, want := range map[v1alpha1.Tier]v1alpha1.DeletionPolicy{
		v1alpha1.TierLocal: v1alpha1.DeletionPolicyDelete, v1alpha1.TierDev: v1alpha1.DeletionPolicyRetain,
		v1alpha1.TierPreview: v1alpha1.DeletionPolicyRetain, v1alpha1.TierProduction: v1alpha1.DeletionPolicyRetain,
	} {
		assert.Equal(t, want, (&v1alpha1.EngineEnvironmentSpec{Tier: tier}).EffectiveDeletionPolicy(), string(tier))
	}

	full := v1alpha1.EngineEnvironmentSpec{
		Tier: v1alpha1.TierLocal, Interval: &metav1.Duration{Duration: time.Minute}, DriftPolicy: v1alpha1.DriftPolicyWarn,
		UnmanagedVariables: v1alpha1.UnmanagedPrune, DeletionPolicy: v1alpha1.DeletionPolicyRetain,
		Railway: &v1alpha1.Railway{Environment: "mine"},
	}
	full.Engine.Deploy = &v1alpha1.Deploy{ProgressDeadline: &metav1.Duration{Duration: time.Hour}}
	assert.Equal(t, time.Minute, full.EffectiveInterval())
	assert.Equal(t, v1alpha1.DriftPolicyWarn, full.EffectiveDriftPolicy())
	assert.Equal(t, v1alpha1.UnmanagedPrune, full.EffectiveUnmanagedPolicy())
	assert.Equal(t, v1alpha1.DeletionPolicyRetain, full.EffectiveDeletionPolicy())
	assert.Equal(t, "mine", full.RailwayEnvironment())
	assert.Equal(t, time.Hour, full.Engine.EffectiveProgressDeadline())
}
