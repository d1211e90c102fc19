// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
)

// tierCheck returns a check that tiers bring. ok is false when the settings in force give it nothing to check. All of them look
// at what the revision itself does, and blame it.
func tierCheck(name TierCheckName, settings EffectiveSettings) (check Check, ok bool) {
	answersOK := int32(200)
	check = Check{Name: string(name), Blames: BlameRevision}
	switch name {
	case CheckHealth:
		check.HTTP, check.Status = &HTTPCheck{Path: "/health"}, &answersOK
	case CheckMetrics:
		check.HTTP, check.Status = &HTTPCheck{Path: "/metrics"}, &answersOK
	case CheckPythonVersion:
		check.Logs = &LogsCheck{}
		check.Expect = fmt.Sprintf(pythonLogged, strings.ReplaceAll(settings.PythonVersion, ".", "[.]"))
	case CheckStructuredLogs:
		check.Logs, check.Expect = &LogsCheck{}, structuredLogs
		return check, settings.LogFormat == LogFormatJSON
	case CheckMiddleware:
		check.Logs, check.Expect = &LogsCheck{}, middlewareLogged
		return check, settings.SecurityMiddleware
	}
	return check, true
}

const (
	// pythonLogged: the engine says with which Python it runs; %s is the version as a regular expression. Regular expressions are
	// dear: only lines that have the word are matched.
	pythonLogged = `logs.exists(l, l.message.lowerAscii().contains("python") && l.message.matches("(?i)python[ /=:]*v?%s([^0-9]|$)"))`
	// structuredLogs: most lines are JSON with a time and a level, either as written or as Railway has taken them apart
	// (railway-api.md, "Logs"). A start script may write a few plain lines first.
	structuredLogs = `logs.size() > 0 && logs.filter(l, l.structured).size() * 2 >= logs.size()`
	// middlewareLogged: the engine says that its security middleware is on, and nothing says that it is off.
	middlewareLogged = `logs.exists(l, ` + namesMiddleware + ` && l.message.matches("(?i)middleware.*(enabled|loaded|active)")) && ` +
		`!logs.exists(l, ` + namesMiddleware + ` && l.message.matches("(?i)middleware.*(disabled|not loaded|inactive)"))`
	namesMiddleware = `l.message.lowerAscii().contains("middleware")`
)

// EffectiveChecks returns the checks that run: the tier's own, without those that are disabled or replaced, then the spec's.
func (s *EngineEnvironmentSpec) EffectiveChecks() []Check {
	var own []Check
	for _, name := range s.Tier.Defaults().Checks {
		if check, ok := tierCheck(name, s.EffectiveSettings()); ok {
			own = append(own, check)
		}
	}
	if s.Verification == nil {
		return own
	}
	own = slices.DeleteFunc(own, func(c Check) bool {
		return slices.Contains(s.Verification.DisabledChecks, TierCheckName(c.Name)) ||
			slices.ContainsFunc(s.Verification.Checks, func(other Check) bool { return other.Name == c.Name })
	})
	return append(own, s.Verification.Checks...)
}
