// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// platformDefaults are what Railway does when the config does not say
// (railway-api.md, "EnvironmentConfig", "Service settings").
var platformDefaults = map[string]any{
	"source.branch":                  "main",
	"source.rootDirectory":           "",
	"build.builder":                  "RAILPACK",
	"build.buildCommand":             "",
	"build.dockerfilePath":           "Dockerfile",
	"deploy.healthcheckTimeout":      float64(300),
	"deploy.restartPolicyType":       "ON_FAILURE",
	"deploy.restartPolicyMaxRetries": float64(10),
	"deploy.sleepApplication":        false,
	"deploy.overlapSeconds":          float64(0),
	"deploy.drainingSeconds":         float64(0),
}

// observedField returns a service's setting in the form in which desired declares it. An absent setting has its platform
// default, so that Railway's own defaults never look like drift.
func observedField(config model.Tree, keys []string) (value any, present bool) {
	name := strings.Join(keys, ".")
	value, present = config.Get(keys...)
	switch name {
	case "deploy.multiRegionConfig":
		return observedRegions(config, value)
	case "deploy.preDeployCommand":
		if text, isText := value.(string); isText { // a string or a list of one (railway-api.md, "EnvironmentConfig")
			return []any{text}, present
		}
	}
	if !present {
		value, present = platformDefaults[name]
	}
	return value, present
}

// observedRegions keeps the replicas of each region in use. Older configs name one region instead
// (railway-api.md, "EnvironmentConfig").
func observedRegions(config model.Tree, value any) (any, bool) {
	regions := map[string]any{}
	all, _ := value.(map[string]any)
	for region, entry := range all {
		if entry != nil {
			regions[region] = regionReplicas(entry)
		}
	}
	if region, ok := config.Get("deploy", "region"); ok && len(regions) == 0 {
		if name, isText := region.(string); isText {
			count, _ := config.Get("deploy", "numReplicas")
			regions[name] = replicas(count)
		}
	}
	return regions, len(regions) > 0
}

// regionReplicas keeps the replicas of one region's entry; Railway notes other things there too.
func regionReplicas(entry any) any {
	settings, _ := entry.(map[string]any)
	return replicas(settings["numReplicas"])
}

func replicas(count any) any {
	if count == nil {
		count = float64(1)
	}
	return map[string]any{"numReplicas": count}
}
