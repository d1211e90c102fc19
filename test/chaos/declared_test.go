// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What a spec declares, read from the product's documents (the tier table in README.md, and what docs/reference/api.md says beside each
// field that it is on Railway) and not from the product's code.

// sources are the Secrets and ConfigMaps that specs name: values by kind/name/key.
type sources map[string]string

// declaration is what a spec declares for one Railway environment.
type declaration struct {
	services map[string]service
	shared   map[string]string
}

// service is what is declared for one service.
type service struct {
	// fields are settings by their path in Railway's config; nil says that there must be none.
	fields map[string]any
	// variables are by name.
	variables map[string]string
	// domain says that a generated domain is asked for, port where it leads to (0: not said).
	domain bool
	port   int
	// promoted says that the source comes from the tier before.
	promoted bool
}

// column is a column of the tier table.
type column struct {
	middleware, debug bool
	format, level     string
	rate              int // requests a minute; 0: off
}

var tierTable = map[string]column{
	"Local":      {middleware: false, format: "Simple", level: "DEBUG", debug: true, rate: 0},
	"Dev":        {middleware: false, format: "JSON", level: "DEBUG", debug: true, rate: 1000},
	"Preview":    {middleware: true, format: "JSON", level: "INFO", debug: false, rate: 100},
	"Production": {middleware: true, format: "JSON", level: "INFO", debug: false, rate: 60},
}

// declare reads a spec.
func declare(spec tree, from sources) declaration {
	d := declaration{services: map[string]service{}, shared: map[string]string{}}
	addVariables(d.shared, list(spec["sharedVariables"]), from)
	engine := at(spec, "engine")
	d.services[text(engine["name"])] = declareService(spec, engine, true, from)
	for _, raw := range list(spec["services"]) {
		companion, _ := raw.(tree)
		d.services[text(companion["name"])] = declareService(spec, companion, companion["inheritSettings"] == true, from)
	}
	return d
}

func declareService(spec, declared tree, settings bool, from sources) service {
	s := service{fields: map[string]any{}, variables: map[string]string{}, promoted: declared["source"] == nil}
	s.source(at(declared, "source"))
	s.build(at(declared, "build"))
	s.deploy(at(declared, "deploy"))
	pull := text(at(declared, "pullSecretRef")["name"])
	if pull == "" && (s.promoted || equal(declared["source"], at(spec, "engine")["source"])) { // docs/guide.md, "Private images"
		pull = text(at(spec, "engine", "pullSecretRef")["name"])
	}
	if pull != "" {
		s.fields[credentials] = tree{
			"username": from["Secret/"+pull+"/username"], "password": from["Secret/"+pull+"/password"],
		}
	}
	if domains := at(declared, "domains"); domains["railway"] == true {
		s.domain, s.port = true, int(number(domains["port"]))
	}
	if settings {
		s.settings(text(spec["tier"]), at(spec, "settings"), at(declared, "build"))
	}
	for _, raw := range list(declared["variablesFrom"]) {
		entry, _ := raw.(tree)
		kind, name := "Secret", text(at(entry, "secretRef")["name"])
		if entry["configMapRef"] != nil {
			kind, name = "ConfigMap", text(at(entry, "configMapRef")["name"])
		}
		for key, value := range from {
			if key, ok := strings.CutPrefix(key, kind+"/"+name+"/"); ok {
				s.variables[text(entry["prefix"])+key] = value
			}
		}
	}
	addVariables(s.variables, list(declared["variables"]), from)
	return s
}

func addVariables(into map[string]string, declared []any, from sources) {
	for _, raw := range declared {
		variable, _ := raw.(tree)
		value := text(variable["value"])
		if ref := at(variable, "valueFrom", "secretKeyRef"); ref != nil {
			value = from["Secret/"+text(ref["name"])+"/"+text(ref["key"])]
		}
		if ref := at(variable, "valueFrom", "configMapKeyRef"); ref != nil {
			value = from["ConfigMap/"+text(ref["name"])+"/"+text(ref["key"])]
		}
		into[text(variable["name"])] = value
	}
}

func (s *service) source(source tree) {
	switch {
	case source == nil:
	case source["image"] != nil:
		s.fields["source.image"], s.fields["source.repo"] = source["image"], nil
	default:
		s.fields["source.repo"], s.fields["source.image"] = source["repo"], nil
		s.say("source.branch", source["branch"])
		s.say("source.commitSha", source["commit"])
		s.say("source.rootDirectory", source["rootDirectory"])
	}
}

// say notes a field that is declared.
func (s *service) say(path string, value any) {
	if value != nil && value != "" {
		s.fields[path] = value
	}
}

func (s *service) build(build tree) {
	s.say("build.builder", strings.ToUpper(text(build["builder"])))
	s.say("build.buildCommand", build["command"])
	s.say("build.dockerfilePath", build["dockerfilePath"])
	s.say("build.watchPatterns", build["watchPatterns"])
}

func (s *service) deploy(deploy tree) {
	s.say("deploy.startCommand", deploy["startCommand"])
	if command := text(deploy["preDeployCommand"]); command != "" {
		s.fields["deploy.preDeployCommand"] = []any{command}
	}
	if regions := at(deploy, "regions"); len(regions) > 0 {
		all := tree{}
		for region, replicas := range regions {
			all[region] = tree{"numReplicas": number(replicas)}
		}
		s.fields["deploy.multiRegionConfig"] = all
	}
	if health := at(deploy, "healthcheck"); health != nil {
		s.say("deploy.healthcheckPath", health["path"])
		s.seconds("deploy.healthcheckTimeout", health["timeout"])
	}
	policies := map[string]string{"OnFailure": "ON_FAILURE", "Always": "ALWAYS", "Never": "NEVER"}
	s.say("deploy.restartPolicyType", policies[text(at(deploy, "restart")["policy"])])
	if retries := at(deploy, "restart")["maxRetries"]; retries != nil {
		s.fields["deploy.restartPolicyMaxRetries"] = number(retries)
	}
	if cpu := at(deploy, "limits")["cpu"]; cpu != nil {
		s.fields["deploy.limitOverride.containers.cpu"] = quantity(cpu)
	}
	if memory := at(deploy, "limits")["memory"]; memory != nil {
		s.fields["deploy.limitOverride.containers.memoryBytes"] = quantity(memory)
	}
	if serverless, said := deploy["serverless"]; said {
		s.fields["deploy.sleepApplication"] = serverless
	}
	s.say("deploy.cronSchedule", deploy["cronSchedule"])
	s.seconds("deploy.overlapSeconds", deploy["overlap"])
	s.seconds("deploy.drainingSeconds", deploy["draining"])
}

func (s *service) seconds(path string, value any) {
	if d, err := time.ParseDuration(text(value)); err == nil {
		s.fields[path] = d.Seconds()
	}
}

// settings are the tier's, with the spec's overrides, as variables.
func (s *service) settings(tier string, overrides, build tree) {
	c := tierTable[tier]
	rate, python := c.rate, "3.13"
	override(&c.middleware, at(overrides, "securityMiddleware")["enabled"])
	override(&c.debug, overrides["debug"])
	override(&c.format, at(overrides, "logging")["format"])
	override(&c.level, at(overrides, "logging")["level"])
	override(&python, overrides["pythonVersion"])
	on := rate > 0
	if perMinute := at(overrides, "rateLimit")["requestsPerMinute"]; perMinute != nil {
		on, rate = true, int(number(perMinute))
	}
	override(&on, at(overrides, "rateLimit")["enabled"])
	if on && rate == 0 {
		rate = tierTable["Dev"].rate
	}
	maps.Copy(s.variables, map[string]string{
		"ENV": strings.ToLower(tier), "DEBUG": fmt.Sprint(c.debug), "LOG_FORMAT": strings.ToLower(c.format), "LOG_LEVEL": c.level,
		"SECURITY_MIDDLEWARE_ENABLED": fmt.Sprint(c.middleware), "TENANT_ISOLATION_ENABLED": fmt.Sprint(c.middleware),
		"RATE_LIMIT_ENABLED": fmt.Sprint(on),
	})
	if on {
		s.variables["RATE_LIMIT_RPM"] = strconv.Itoa(rate)
	}
	if build["builder"] == "Nixpacks" {
		s.variables["NIXPACKS_PYTHON_VERSION"] = python
	} else {
		s.variables["RAILPACK_PYTHON_VERSION"] = python
	}
}

func override[T any](value *T, by any) {
	if given, ok := by.(T); ok {
		*value = given
	}
}

func number(value any) float64 {
	switch n := value.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	case int64:
		return float64(n)
	default:
		return 0
	}
}

func quantity(value any) float64 {
	q, err := resource.ParseQuantity(fmt.Sprint(value))
	if err != nil {
		return 0
	}
	return q.AsApproximateFloat64()
}

// defaults are what Railway does when its config does not say (railway-api.md, "EnvironmentConfig", "Service settings"), besides those
// that it shows.
var defaults = map[string]any{
	"source.branch": "main", "source.rootDirectory": "", "build.buildCommand": "", "build.dockerfilePath": "Dockerfile",
	"build.builder": "RAILPACK", "deploy.healthcheckTimeout": 300, "deploy.overlapSeconds": 0, "deploy.drainingSeconds": 0,
	"deploy.restartPolicyType": "ON_FAILURE", "deploy.restartPolicyMaxRetries": 10, "deploy.sleepApplication": false,
}

// field is a setting of a service's config, with Railway's default where it says nothing.
func field(config tree, path string) any {
	keys := strings.Split(path, ".")
	value := at(config, keys[:len(keys)-1]...)[keys[len(keys)-1]]
	if value == nil {
		return defaults[path]
	}
	if command, ok := value.(string); ok && path == "deploy.preDeployCommand" {
		return []any{command}
	}
	return value
}

// equal compares JSON values.
func equal(a, b any) bool { return asJSON(a) == asJSON(b) }

func asJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return "no JSON: " + err.Error()
	}
	return string(raw)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
