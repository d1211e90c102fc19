// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// appendService appends the declared fields of one service.
func (p *Plan) appendService(all []leaf, in Input, service desired.Service, instance model.ServiceInstance) []leaf {
	before := len(all)
	all = p.appendFields(all, in.Observed, service, instance)
	all = appendVariables(all, in.Observed, service.Name, instance.ServiceID, service.Variables)
	isFresh := fresh(in.Observed, instance)
	if l, ok := p.domainLeaf(in, service, instance, isFresh); ok {
		all = append(all, l)
	}
	for i := range all[before:] {
		all[before+i].fresh = isFresh
	}
	return all
}

func (p *Plan) appendFields(list []leaf, observed *model.Environment, service desired.Service, instance model.ServiceInstance) []leaf {
	config := observed.Config.Sub("services", instance.ServiceID)
	for _, field := range service.Fields {
		path := pathOf(service.Name, field.Keys)
		if fileOwns(instance, field.Keys) {
			p.Blocked = append(p.Blocked, path)
			continue
		}
		have, present := observedField(config, field.Keys)
		l := leaf{
			path: path, service: service.Name, keys: serviceKeys(instance.ServiceID, field.Keys),
			want: field.Value, have: have, present: present, occupied: occupied(config, field.Keys),
			deploys: deploys(field.Keys), write: fieldPatch(field, config),
		}
		// a mask or nothing is read, whatever is there; a service made anew lacks it (railway-api.md, "Private images")
		if field.WriteOnly {
			l.unreadable, l.secret, l.about, l.write = true, true, []any{instance.ServiceID, field.Value}, field.Value
		}
		list = append(list, l)
	}
	return list
}

// fileOwns reports whether a railway.json or railway.toml overrides the setting (railway-api.md, "Service settings").
// Such a file holds no source and no credentials.
func fileOwns(instance model.ServiceInstance, keys []string) bool {
	return instance.ConfigFile != "" && keys[0] != "source" && !slices.Equal(keys, desired.RegistryCredentials)
}

// occupied reports whether writing the setting overwrites what somebody chose. A service has one source: to write part of one
// overwrites the other.
func occupied(config model.Tree, keys []string) bool {
	if keys[0] == "source" {
		_, image := config.Get("source", "image")
		_, repo := config.Get("source", "repo")
		return image || repo
	}
	if keys[len(keys)-1] == "multiRegionConfig" {
		_, inUse := observedField(config, keys)
		return inUse
	}
	_, set := config.Get(keys...)
	return set
}

// deploys tells settings that need a new deployment from those that Railway applies to the running one: replicas scale
// without one (railway-api.md, "Config patches").
func deploys(keys []string) bool {
	return keys[len(keys)-1] != "multiRegionConfig"
}

// fieldPatch is what the patch carries for a setting. An object, which is a map of regions, is replaced as a whole: regions it
// should not have are set to null, because patches are merged, and those that are as they should be are left out
// (railway-api.md, "Config patches", "EnvironmentConfig").
func fieldPatch(field desired.Field, config model.Tree) any {
	want, isObject := field.Value.(map[string]any)
	if !isObject {
		return field.Value
	}
	patch := maps.Clone(want)
	for region, have := range config.Sub(field.Keys...) {
		declared, keep := want[region]
		switch {
		case have == nil: // given up before
		case !keep:
			patch[region] = nil
		case canonical(regionReplicas(have)) == canonical(declared):
			delete(patch, region)
		}
	}
	return patch
}
