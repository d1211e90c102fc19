// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"strings"
)

// merge lays a patch over a config as Railway does: objects merge by key, null deletes, everything else replaces (FACTS §4.2).
// A sealed variable stays sealed (FACTS §5). Neither argument is modified.
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

// platformDefaults is what Railway shows for a service that declares nothing (FACTS §3.2, §6.2).
func platformDefaults() map[string]any {
	return map[string]any{
		"build": map[string]any{"builder": "RAILPACK", "buildEnvironment": "V3"},
		"deploy": map[string]any{
			"runtime": "V2", "useLegacyStacker": false, "ipv6EgressEnabled": false,
			"restartPolicyType": "ON_FAILURE", "restartPolicyMaxRetries": float64(10), "sleepApplication": false,
			"multiRegionConfig": map[string]any{"us-west2": map[string]any{"numReplicas": float64(1)}},
		},
	}
}

// effective is a service's config with the platform's defaults under it. Declared regions replace the default region.
func effective(declared map[string]any) map[string]any {
	defaults := platformDefaults()
	if len(sub(declared, "deploy", "multiRegionConfig")) > 0 {
		delete(sub(defaults, "deploy"), "multiRegionConfig")
	}
	return merge(defaults, declared)
}

// shown is the environment's config as a read returns it. Sealed values never come back; without decrypt no value does.
func (w *world) shown(e *environment, decrypt bool) map[string]any {
	config := map[string]any{"services": map[string]any{}, "sharedVariables": map[string]any{}}
	services := sub(config, "services")
	for id, raw := range sub(e.Config, "services") {
		declared, _ := raw.(map[string]any)
		if !e.live(id) {
			continue
		}
		shownService := effective(deepCopy(declared))
		delete(shownService, "isCreated")
		maskCredentials(shownService)
		w.showDomains(e, id, shownService)
		if variables := sub(shownService, "variables"); variables != nil {
			hideValues(variables, decrypt)
		}
		services[id] = shownService
	}
	shared := deepCopy(sub(e.Config, "sharedVariables"))
	if shared == nil {
		shared = map[string]any{}
	}
	hideValues(shared, decrypt)
	config["sharedVariables"] = shared
	for key, value := range e.Config {
		if key != "services" && key != "sharedVariables" {
			config[key] = deepCopy(value)
		}
	}
	return config
}

// showDomains lists generated domains in the config. Custom domains are missing there, as on Railway (FACTS §3.2).
func (w *world) showDomains(e *environment, serviceID string, config map[string]any) {
	domains := map[string]any{}
	for _, d := range w.domainsOf(e.ID, serviceID, false) {
		entry := map[string]any{}
		if d.Port != nil {
			entry["port"] = float64(*d.Port)
		}
		domains[d.Host] = entry
	}
	networking, _ := config["networking"].(map[string]any)
	networking = merge(networking, map[string]any{"serviceDomains": nil})
	if len(domains) > 0 {
		networking["serviceDomains"] = domains
	}
	if len(networking) > 0 {
		config["networking"] = networking
	} else {
		delete(config, "networking")
	}
}

func hideValues(variables map[string]any, decrypt bool) {
	for name, raw := range variables {
		variable, ok := raw.(map[string]any)
		if !ok {
			delete(variables, name)
			continue
		}
		if variable["isSealed"] == true || !decrypt {
			variable["value"] = nil
		}
	}
}

// masked is a patch with every variable's value hidden.
func masked(patch map[string]any) map[string]any {
	copied := deepCopy(patch)
	if shared := sub(copied, "sharedVariables"); shared != nil {
		maskPatch(shared)
	}
	for _, raw := range sub(copied, "services") {
		if s, ok := raw.(map[string]any); ok {
			if variables := sub(s, "variables"); variables != nil {
				maskPatch(variables)
			}
			maskCredentials(s)
		}
	}
	return copied
}

// dropSealedValues hides the values that a patch seals: they never come back (FACTS §5).
func dropSealedValues(tree map[string]any) {
	for _, raw := range tree {
		child, ok := raw.(map[string]any)
		if !ok {
			continue
		}
		if child["isSealed"] == true {
			child["value"] = nil
		}
		dropSealedValues(child)
	}
	maskCredentials(tree)
}

// maskCredentials hides a registry password, which never comes back (FACTS §3.2).
func maskCredentials(config map[string]any) {
	if credentials := sub(config, "deploy", "registryCredentials"); credentials != nil {
		credentials["password"] = "*****"
	}
}

func maskPatch(variables map[string]any) {
	for _, raw := range variables {
		if variable, ok := raw.(map[string]any); ok {
			if _, has := variable["value"]; has {
				variable["value"] = nil
			}
		}
	}
}

// values are a scope's unrendered variables.
func values(variables map[string]any) map[string]string {
	result := map[string]string{}
	for name, raw := range variables {
		if variable, ok := raw.(map[string]any); ok {
			value, _ := variable["value"].(string)
			result[name] = value
		}
	}
	return result
}

var reference = regexp.MustCompile(`\$\{\{\s*([^}]+?)\s*\}\}`)

// open is the environment as reads see it: what is sealed has no value, not even through a reference to it (FACTS §5).
func (e *environment) open() *environment {
	copied := *e
	copied.Config = deepCopy(e.Config)
	dropSealedValues(copied.Config)
	return &copied
}

// hideSealed takes the values of variables that are sealed out of a patch that goes into the history.
func (e *environment) hideSealed(patch map[string]any) {
	hide := func(changed, stored map[string]any) {
		for name, raw := range changed {
			if change, ok := raw.(map[string]any); ok && sub(stored, name)["isSealed"] == true {
				change["value"] = nil
			}
		}
	}
	hide(sub(patch, "sharedVariables"), sub(e.Config, "sharedVariables"))
	for id := range sub(patch, "services") {
		hide(sub(patch, "services", id, "variables"), sub(e.Config, "services", id, "variables"))
	}
}

// rendered are a service's variables with references resolved (FACTS §5).
func (w *world) rendered(e *environment, serviceID string) map[string]string {
	return w.renderedTo(e, serviceID, 0)
}

// maxDepth ends references that go round in a circle.
const maxDepth = 8

func (w *world) renderedTo(e *environment, serviceID string, depth int) map[string]string {
	own := values(sub(e.Config, "services", serviceID, "variables"))
	system := w.system(e, serviceID)
	var render func(value string, depth int) string
	render = func(value string, depth int) string {
		if depth > maxDepth {
			return ""
		}
		return reference.ReplaceAllStringFunc(value, func(match string) string {
			name := reference.FindStringSubmatch(match)[1]
			if scope, variable, ok := strings.Cut(name, "."); ok {
				return w.lookup(e, scope, variable, depth+1)
			}
			if raw, ok := own[name]; ok {
				return render(raw, depth+1)
			}
			return system[name]
		})
	}
	result := map[string]string{}
	for name, value := range own {
		result[name] = render(value, depth)
	}
	return result
}

func (w *world) lookup(e *environment, scope, name string, depth int) string {
	if scope == "shared" {
		return values(sub(e.Config, "sharedVariables"))[name]
	}
	if depth > maxDepth {
		return ""
	}
	for _, s := range w.servicesOf(e.ProjectID) {
		if s.Name == scope && e.live(s.ID) {
			if value, ok := w.renderedTo(e, s.ID, depth+1)[name]; ok {
				return value
			}
			return w.system(e, s.ID)[name]
		}
	}
	return ""
}

// system are the variables that Railway provides (FACTS §5).
func (w *world) system(e *environment, serviceID string) map[string]string {
	provided := map[string]string{
		"RAILWAY_ENVIRONMENT_NAME": e.Name, "RAILWAY_ENVIRONMENT_ID": e.ID, "RAILWAY_ENVIRONMENT": e.Name,
		"RAILWAY_PROJECT_ID": e.ProjectID, "RAILWAY_SERVICE_ID": serviceID,
	}
	if p := w.Projects[e.ProjectID]; p != nil {
		provided["RAILWAY_PROJECT_NAME"] = p.Name
	}
	if s := w.Services[serviceID]; s != nil {
		provided["RAILWAY_SERVICE_NAME"] = s.Name
		provided["RAILWAY_PRIVATE_DOMAIN"] = strings.ToLower(s.Name) + ".railway.internal"
	}
	if domains := w.domainsOf(e.ID, serviceID, false); len(domains) > 0 {
		provided["RAILWAY_PUBLIC_DOMAIN"] = domains[0].Host
	}
	return provided
}

// deployable is the part of a service's config whose change starts a deployment: source, build, deploy settings but for the
// number of replicas, and variables with what they refer to [assumption: FACTS §12.2].
func (w *world) deployable(e *environment, serviceID string) any {
	declared := effective(deepCopy(sub(e.Config, "services", serviceID)))
	deploy := maps.Clone(sub(declared, "deploy"))
	for _, scaling := range []string{"multiRegionConfig", "numReplicas", "region"} {
		delete(deploy, scaling)
	}
	return []any{declared["source"], declared["build"], deploy, w.rendered(e, serviceID)}
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
