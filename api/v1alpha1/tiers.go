// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "strings"

// Tier is the kind of environment an engine runs in.
// +kubebuilder:validation:Enum=Local;Dev;Preview;Production
// +kubebuilder:validation:MaxLength=10
type Tier string

const (
	// TierLocal is for fast iteration on a laptop; its settings go to a Secret in the cluster.
	TierLocal Tier = "Local"
	// TierDev is for integration testing.
	TierDev Tier = "Dev"
	// TierPreview is for staging validation.
	TierPreview Tier = "Preview"
	// TierProduction is the live service.
	TierProduction Tier = "Production"
)

// LogFormat is the engine's log format.
// +kubebuilder:validation:Enum=Simple;JSON
type LogFormat string

const (
	// LogFormatSimple is one readable line per event.
	LogFormatSimple LogFormat = "Simple"
	// LogFormatJSON is one JSON object per event.
	LogFormatJSON LogFormat = "JSON"
)

// LogLevel is the engine's log level.
// +kubebuilder:validation:Enum=DEBUG;INFO;WARNING;ERROR;CRITICAL
type LogLevel string

// The log levels, in Python's words.
const (
	LogLevelDebug LogLevel = "DEBUG"
	LogLevelInfo  LogLevel = "INFO"
)

// TierDefaults is one column of the tier table.
type TierDefaults struct {
	// Purpose in a few words.
	Purpose string
	// Settings of an empty spec.
	Settings EffectiveSettings
	// Checks names the checks that the tier brings. Those of a setting run where the setting is in force.
	Checks []TierCheckName
	// Fixed names the setting variables that neither spec.settings nor a variable may change.
	Fixed []string
	// DeletionPolicy of an empty spec.
	DeletionPolicy DeletionPolicy
}

// Tiers lists the tiers in the order of promotion.
var Tiers = []Tier{TierLocal, TierDev, TierPreview, TierProduction}

// railwayChecks are the checks of every tier that runs on Railway.
var railwayChecks = []TierCheckName{CheckHealth, CheckMetrics, CheckPythonVersion, CheckStructuredLogs, CheckMiddleware}

// tierTable is the product's heart: what each tier is when the spec says nothing.
var tierTable = map[Tier]TierDefaults{
	TierLocal: {
		Purpose: "fast iteration",
		Settings: EffectiveSettings{
			SecurityMiddleware: false, LogFormat: LogFormatSimple, LogLevel: LogLevelDebug, Debug: true, PythonVersion: "3.13",
		},
		DeletionPolicy: DeletionPolicyDelete,
	},
	TierDev: {
		Purpose: "integration testing",
		Settings: EffectiveSettings{
			SecurityMiddleware: false, LogFormat: LogFormatJSON, LogLevel: LogLevelDebug, Debug: true, PythonVersion: "3.13",
			RateLimitEnabled: true, RequestsPerMinute: 1000,
		},
		Checks:         railwayChecks,
		DeletionPolicy: DeletionPolicyRetain,
	},
	TierPreview: {
		Purpose: "staging validation",
		Settings: EffectiveSettings{
			SecurityMiddleware: true, LogFormat: LogFormatJSON, LogLevel: LogLevelInfo, Debug: false, PythonVersion: "3.13",
			RateLimitEnabled: true, RequestsPerMinute: 100,
		},
		Checks:         railwayChecks,
		DeletionPolicy: DeletionPolicyRetain,
	},
	TierProduction: {
		Purpose: "live service",
		Settings: EffectiveSettings{
			SecurityMiddleware: true, LogFormat: LogFormatJSON, LogLevel: LogLevelInfo, Debug: false, PythonVersion: "3.13",
			RateLimitEnabled: true, RequestsPerMinute: 60,
		},
		Fixed: []string{
			VariableEnv, VariableDebug, VariableLogFormat, VariableSecurityMiddleware, VariableTenantIsolation,
			VariableRateLimitEnabled, VariableRateLimitRPM,
		},
		Checks:         railwayChecks,
		DeletionPolicy: DeletionPolicyRetain,
	},
}

// Defaults returns the tier's column of the tier table. An unknown tier, which admission refuses, gets Production's.
func (t Tier) Defaults() TierDefaults {
	if column, ok := tierTable[t]; ok {
		return column
	}
	return tierTable[TierProduction]
}

// Lower returns the tier in lower case, which is the default name of its Railway environment and the value of ENV.
func (t Tier) Lower() string {
	return strings.ToLower(string(t))
}
