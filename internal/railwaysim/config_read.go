// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

// What a config shows: no value that is sealed, no credentials (railway-api.md, "EnvironmentConfig", "Variables").

// shown is the environment's config as a read returns it. Sealed values never come back; without decrypt no value does.
func (w *world) shown(e *environment, decrypt bool) map[string]any {
	config := map[string]any{"services": map[string]any{}, "sharedVariables": map[string]any{}}
	services := sub(config, "services")
	for id, raw := range sub(e.Config, "services") {
		declared, _ := raw.(map[string]any)
		if !e.live(id) {
			continue
		}
		shownService := w.effective(deepCopy(declared))
		delete(shownService, "isCreated")
		maskCredentials(shownService, decrypt)
		w.showDomains(e, id, shownService)
		if variables := sub(shownService, "variables"); variables != nil {
			hideValues(variables, decrypt)
		}
		services[id] = shownService
	}
	for id := range e.Instances {
		if !e.live(id) { // it stays there, marked (railway-api.md, "Object model")
			services[id] = map[string]any{"isDeleted": true}
		}
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

// showDomains lists generated domains in the config. Custom domains are missing there, as on Railway
// (railway-api.md, "EnvironmentConfig").
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
			maskCredentials(s, true)
		}
	}
	return copied
}

// dropSealedValues hides the values that a patch seals: they never come back (railway-api.md, "Variables").
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
	maskCredentials(tree, true)
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

// open is the environment as reads see it: what is sealed has no value, not even through a reference to it
// (railway-api.md, "Variables").
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
