// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

var pythonVersion = regexp.MustCompile(`^3[.](1[0-9]|[2-9][0-9])([.][0-9]+)?$`)

// settings says by spec.settings what the variables of the engine say, takes those variables out of the list that the tier sets
// itself, and tells what the tier would set although it is not there.
func (w *work) settings(tier *v1alpha1.EngineEnvironment, instance model.ServiceInstance) {
	spec := &tier.Spec
	there := map[string]string{}
	for _, v := range spec.Engine.Variables {
		if v.Value != nil {
			there[v.Name] = *v.Value
		}
	}
	spec.Settings = overrides(there, spec.Tier)
	for _, name := range slices.Sorted(maps.Keys(w.unsettle(spec))) {
		w.Changes[instance.Name+".variables."+name] = fmt.Sprintf("the %s tier sets it", spec.Tier)
	}
}

// unsettle drops the variables that the tier sets to the same value, and returns those that it would write.
func (w *work) unsettle(spec *v1alpha1.EngineEnvironmentSpec) map[string]bool {
	builder := v1alpha1.BuilderRailpack
	if spec.Engine.Build != nil {
		builder = spec.Engine.Build.Builder
	}
	set, writes := spec.EffectiveSettings().Variables(spec.Tier, builder), map[string]bool{}
	for name := range set {
		writes[name] = true
	}
	fixed := spec.Tier.Defaults().Fixed
	spec.Engine.Variables = slices.DeleteFunc(spec.Engine.Variables, func(v v1alpha1.Variable) bool {
		value, isSet := set[v.Name]
		switch {
		case isSet && v.Value != nil && *v.Value == value:
			delete(writes, v.Name)
			return true
		case slices.Contains(fixed, v.Name): // Production does not let a variable change it
			if !isSet {
				w.leave("%s.variables.%s stays as it is: the %s tier fixes it", spec.Engine.Name, v.Name, spec.Tier)
			}
			return true
		default:
			delete(writes, v.Name)
			return false
		}
	})
	return writes
}

// inherit says by inheritSettings what the variables of a service say, when all of the engine's settings are among them.
func inherit(spec *v1alpha1.EngineEnvironmentSpec, companion *v1alpha1.Companion) {
	builder := v1alpha1.BuilderRailpack
	if companion.Build != nil {
		builder = companion.Build.Builder
	}
	set, found := spec.EffectiveSettings().Variables(spec.Tier, builder), 0
	var rest []v1alpha1.Variable
	for _, v := range companion.Variables {
		value, isSet := set[v.Name]
		switch {
		case isSet && v.Value != nil && *v.Value == value:
			found++
		case isSet, slices.Contains(spec.Tier.Defaults().Fixed, v.Name): // it differs, or the tier would not let it
			return
		default:
			rest = append(rest, v)
		}
	}
	if found == len(set) {
		companion.InheritSettings, companion.Variables = true, rest
	}
}

// overrides are the settings that the variables ask for and the tier does not have. A variable that says something else than a
// setting can stays a variable.
func overrides(there map[string]string, tier v1alpha1.Tier) *v1alpha1.Settings {
	defaults, fixed, s := tier.Defaults().Settings, tier.Defaults().Fixed, &v1alpha1.Settings{}
	free := func(name string) bool { return !slices.Contains(fixed, name) }
	if debug, err := strconv.ParseBool(there[v1alpha1.VariableDebug]); err == nil && debug != defaults.Debug && free(v1alpha1.VariableDebug) {
		s.Debug = &debug
	}
	middleware, err := strconv.ParseBool(there[v1alpha1.VariableSecurityMiddleware])
	same := there[v1alpha1.VariableSecurityMiddleware] == there[v1alpha1.VariableTenantIsolation]
	if err == nil && same && middleware != defaults.SecurityMiddleware && free(v1alpha1.VariableSecurityMiddleware) {
		s.SecurityMiddleware = &v1alpha1.SecurityMiddleware{Enabled: &middleware}
	}
	s.Logging = logging(there, defaults, free(v1alpha1.VariableLogFormat))
	s.RateLimit = rateLimit(there, defaults, free(v1alpha1.VariableRateLimitEnabled))
	for _, name := range []string{v1alpha1.VariableRailpackPython, v1alpha1.VariableNixpacksPython} {
		if version := there[name]; pythonVersion.MatchString(version) && version != defaults.PythonVersion && len(version) <= 16 {
			s.PythonVersion = version
		}
	}
	if *s == (v1alpha1.Settings{}) {
		return nil
	}
	return s
}

var logFormats = map[string]v1alpha1.LogFormat{"json": v1alpha1.LogFormatJSON, "simple": v1alpha1.LogFormatSimple}

func logging(there map[string]string, defaults v1alpha1.EffectiveSettings, free bool) *v1alpha1.Logging {
	l := &v1alpha1.Logging{}
	if format := logFormats[there[v1alpha1.VariableLogFormat]]; format != defaults.LogFormat && free {
		l.Format = format
	}
	level := there[v1alpha1.VariableLogLevel]
	if known := strings.Contains(" DEBUG INFO WARNING ERROR CRITICAL ", " "+level+" "); known && level != "" && level != string(defaults.LogLevel) {
		l.Level = v1alpha1.LogLevel(level)
	}
	if *l == (v1alpha1.Logging{}) {
		return nil
	}
	return l
}

func rateLimit(there map[string]string, defaults v1alpha1.EffectiveSettings, free bool) *v1alpha1.RateLimit {
	r := &v1alpha1.RateLimit{}
	enabled, err := strconv.ParseBool(there[v1alpha1.VariableRateLimitEnabled])
	if err == nil && enabled != defaults.RateLimitEnabled && free {
		r.Enabled = &enabled
	}
	on := enabled || err != nil && defaults.RateLimitEnabled || !free
	rpm, err := strconv.ParseInt(there[v1alpha1.VariableRateLimitRPM], 10, 32)
	if err == nil && on && rpm >= 1 && rpm <= 1_000_000 && int32(rpm) != defaults.RequestsPerMinute {
		number := int32(rpm)
		r.RequestsPerMinute = &number
	}
	if *r == (v1alpha1.RateLimit{}) {
		return nil
	}
	return r
}
