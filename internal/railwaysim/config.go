// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"maps"
	"reflect"
)

// The config of an environment as a value: patches are merged into it, and defaults lie under it
// (railway-api.md, "EnvironmentConfig", "Config patches").

// merge lays a patch over a config as Railway does: objects merge by key, null deletes, everything else replaces
// (railway-api.md, "Config patches"). A sealed variable stays sealed (railway-api.md, "Variables"). Neither argument is
// modified.
func merge(config, patch map[string]any) map[string]any {
	result := maps.Clone(config)
	if result == nil {
		result = map[string]any{}
	}
	for key, value := range patch {
		if value == nil {
			delete(result, key)
			continue
		}
		change, isObject := value.(map[string]any)
		if !isObject {
			result[key] = value
			continue
		}
		before, _ := result[key].(map[string]any)
		after := merge(before, change)
		if before["isSealed"] == true {
			after["isSealed"] = true
		}
		result[key] = after
	}
	return result
}

// sub returns the object at the keys, or nil.
func sub(tree map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		tree, _ = tree[key].(map[string]any)
	}
	return tree
}

func text(tree map[string]any, keys ...string) string {
	last := len(keys) - 1
	value, _ := sub(tree, keys[:last]...)[keys[last]].(string)
	return value
}

// deepCopy copies a JSON value.
func deepCopy[T any](value T) T {
	var copied T
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, &copied)
	}
	if err != nil {
		panic("railwaysim: not JSON: " + err.Error())
	}
	return copied
}

// platformDefaults is what Railway shows for a service that declares nothing
// (railway-api.md, "EnvironmentConfig", "Service settings").
func platformDefaults(region string) map[string]any {
	return map[string]any{
		"build": map[string]any{"builder": "RAILPACK", "buildEnvironment": "V3"},
		"deploy": map[string]any{
			"runtime": "V2", "useLegacyStacker": false, "ipv6EgressEnabled": false,
			"restartPolicyType": "ON_FAILURE", "restartPolicyMaxRetries": float64(10), "sleepApplication": false,
			"multiRegionConfig": map[string]any{region: map[string]any{"numReplicas": float64(1)}},
		},
	}
}

// effective is a service's config with the platform's defaults under it. Declared regions replace the default region.
func (w *world) effective(declared map[string]any) map[string]any {
	defaults := platformDefaults(w.region())
	if len(sub(declared, "deploy", "multiRegionConfig")) > 0 {
		delete(sub(defaults, "deploy"), "multiRegionConfig")
	}
	return merge(defaults, declared)
}

// deployable is the part of a service's config whose change starts a deployment: source, build, deploy settings but for the
// number of replicas, and variables with what they refer to [assumption: railway-api.md, "Not established"].
func (w *world) deployable(e *environment, serviceID string) any {
	declared := w.effective(deepCopy(sub(e.Config, "services", serviceID)))
	deploy := maps.Clone(sub(declared, "deploy"))
	for _, scaling := range []string{"multiRegionConfig", "numReplicas", "region"} {
		delete(deploy, scaling)
	}
	return []any{declared["source"], declared["build"], deploy, w.rendered(e, serviceID)}
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
