// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strconv"
	"strings"
)

// The variables by which the settings reach the engine.
const (
	VariableEnv                = "ENV"
	VariableDebug              = "DEBUG"
	VariableLogFormat          = "LOG_FORMAT"
	VariableLogLevel           = "LOG_LEVEL"
	VariableSecurityMiddleware = "SECURITY_MIDDLEWARE_ENABLED"
	VariableTenantIsolation    = "TENANT_ISOLATION_ENABLED"
	VariableRateLimitEnabled   = "RATE_LIMIT_ENABLED"
	VariableRateLimitRPM       = "RATE_LIMIT_RPM"
	VariableRailpackPython     = "RAILPACK_PYTHON_VERSION"
	VariableNixpacksPython     = "NIXPACKS_PYTHON_VERSION"
)

// Settings overrides cells of the tier table. What is left out keeps the tier's value.
type Settings struct {
	// securityMiddleware is the engine's tenant isolation and enhanced rate limit.
	// +optional
	SecurityMiddleware *SecurityMiddleware `json:"securityMiddleware,omitempty"`

	// logging of the engine.
	// +optional
	Logging *Logging `json:"logging,omitempty"`

	// rateLimit of the engine.
	// +optional
	RateLimit *RateLimit `json:"rateLimit,omitempty"`

	// debug mode of the engine. Variable: DEBUG.
	// +optional
	Debug *bool `json:"debug,omitempty"`

	// pythonVersion the engine is built with, 3.10 or later. A change needs a rebuild, which Railway does with the deployment.
	// Variable: RAILPACK_PYTHON_VERSION, or NIXPACKS_PYTHON_VERSION with the Nixpacks builder.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^3[.](1[0-9]|[2-9][0-9])([.][0-9]+)?$')",message="pythonVersion must be 3.10 or later, in quotes, for example \"3.13\" or \"3.13.1\""
	// +optional
	PythonVersion string `json:"pythonVersion,omitempty"`
}

// SecurityMiddleware is the engine's tenant isolation and enhanced rate limit.
type SecurityMiddleware struct {
	// enabled turns it on. Variables: SECURITY_MIDDLEWARE_ENABLED and TENANT_ISOLATION_ENABLED.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// Logging of the engine.
type Logging struct {
	// format of a log line. Variable: LOG_FORMAT.
	// +optional
	Format LogFormat `json:"format,omitempty"`

	// level from which on the engine logs. Variable: LOG_LEVEL. Default: DEBUG for Local and Dev, INFO for the others.
	// +optional
	Level LogLevel `json:"level,omitempty"`
}

// RateLimit of the engine.
type RateLimit struct {
	// enabled turns it on. Variable: RATE_LIMIT_ENABLED. Default: on, except for Local.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`

	// requestsPerMinute one client may make. Setting it turns the limit on unless enabled is false. Variable: RATE_LIMIT_RPM.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	RequestsPerMinute *int32 `json:"requestsPerMinute,omitempty"`
}

// EffectiveSettings are the tier's settings after the overrides of the spec.
type EffectiveSettings struct {
	// securityMiddleware is on or off.
	// +required
	SecurityMiddleware bool `json:"securityMiddleware"`
	// logFormat of the engine.
	// +required
	LogFormat LogFormat `json:"logFormat"`
	// logLevel of the engine.
	// +required
	LogLevel LogLevel `json:"logLevel"`
	// rateLimitEnabled says whether the engine limits requests.
	// +required
	RateLimitEnabled bool `json:"rateLimitEnabled"`
	// requestsPerMinute one client may make; 0 when the limit is off.
	// +required
	RequestsPerMinute int32 `json:"requestsPerMinute"`
	// debug mode is on or off.
	// +required
	Debug bool `json:"debug"`
	// pythonVersion the engine is built with.
	// +required
	PythonVersion string `json:"pythonVersion"`
}

// EffectiveSettings returns the tier's settings after the overrides of the spec.
func (s *EngineEnvironmentSpec) EffectiveSettings() EffectiveSettings {
	effective := s.Tier.Defaults().Settings
	if s.Settings == nil {
		return effective
	}
	if m := s.Settings.SecurityMiddleware; m != nil && m.Enabled != nil {
		effective.SecurityMiddleware = *m.Enabled
	}
	if l := s.Settings.Logging; l != nil {
		effective.LogFormat = orDefault(l.Format, effective.LogFormat)
		effective.LogLevel = orDefault(l.Level, effective.LogLevel)
	}
	if r := s.Settings.RateLimit; r != nil {
		r.applyTo(&effective)
	}
	if s.Settings.Debug != nil {
		effective.Debug = *s.Settings.Debug
	}
	effective.PythonVersion = orDefault(s.Settings.PythonVersion, effective.PythonVersion)
	return effective
}

func (r *RateLimit) applyTo(effective *EffectiveSettings) {
	if r.RequestsPerMinute != nil {
		effective.RateLimitEnabled = true
		effective.RequestsPerMinute = *r.RequestsPerMinute
	}
	if r.Enabled != nil {
		effective.RateLimitEnabled = *r.Enabled
	}
	switch {
	case !effective.RateLimitEnabled:
		effective.RequestsPerMinute = 0
	case effective.RequestsPerMinute == 0: // turned on in a tier whose table has it off
		effective.RequestsPerMinute = TierDev.Defaults().Settings.RequestsPerMinute
	}
}

// Variables returns the settings as the engine reads them. RATE_LIMIT_RPM is left out while the limit is off.
func (e EffectiveSettings) Variables(tier Tier, builder Builder) map[string]string {
	variables := map[string]string{
		VariableEnv:                tier.Lower(),
		VariableDebug:              strconv.FormatBool(e.Debug),
		VariableLogFormat:          strings.ToLower(string(e.LogFormat)),
		VariableLogLevel:           string(e.LogLevel),
		VariableSecurityMiddleware: strconv.FormatBool(e.SecurityMiddleware),
		VariableTenantIsolation:    strconv.FormatBool(e.SecurityMiddleware),
		VariableRateLimitEnabled:   strconv.FormatBool(e.RateLimitEnabled),
	}
	if e.RateLimitEnabled {
		variables[VariableRateLimitRPM] = strconv.Itoa(int(e.RequestsPerMinute))
	}
	if builder == BuilderNixpacks {
		variables[VariableNixpacksPython] = e.PythonVersion
	} else {
		variables[VariableRailpackPython] = e.PythonVersion
	}
	return variables
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
