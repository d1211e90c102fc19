// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// leaf is one declared field beside what Railway has.
type leaf struct {
	path, service string
	keys          []string
	// want is the declared value, nil when the field must be absent.
	want any
	// have is Railway's value in normal form.
	have    any
	present bool
	// occupied marks a field that Railway's config itself sets, or whose place something else takes: writing it overwrites.
	// A platform default is present and occupies nothing.
	occupied bool
	// unreadable marks a value that Railway does not show: sealed, or not decrypted for this token (FACTS §5).
	unreadable bool
	// unsealed marks a variable that should be sealed and is not.
	unsealed bool
	secret   bool
	deploys  bool
	// write is what the patch carries.
	write any
}

// inSync reports whether the field is as declared. A value that cannot be read is taken to be what was last applied.
func (l leaf) inSync(applied bool) bool {
	switch {
	case l.unsealed:
		return false
	case l.unreadable:
		return applied
	case l.want == nil:
		return !l.present || l.have == ""
	default:
		return l.present && canonical(l.want) == canonical(l.have)
	}
}

// writeOnly reports whether the value cannot be read, or could not be once the declared seal is on.
func (l leaf) writeOnly() bool {
	return l.unreadable || l.unsealed
}

// onlyUnsealed reports whether nothing but the seal is missing. Nobody can unseal a variable (FACTS §5), so the spec asks for
// the seal anew.
func (l leaf) onlyUnsealed() bool {
	return l.unsealed && canonical(l.want) == canonical(l.have)
}

// change makes a Change of the leaf. A secret that somebody pasted into a field which is not secret is masked too.
func (l leaf) change(hash string, redact func(string) string) Change {
	return Change{
		Path: l.path, Service: l.service, Deploys: l.deploys, Hash: hash,
		Declared: truncate(l.show(l.want, l.want != nil)), Actual: truncate(redact(l.show(l.have, l.present))),
		keys: l.keys, value: l.write,
	}
}

// showAtMost bounds what is shown of a value, in bytes.
const showAtMost = 256

func (l leaf) show(value any, present bool) string {
	switch {
	case !present:
		return "(absent)"
	case l.secret:
		return "(secret)"
	case value == nil:
		return "(sealed)"
	}
	if text, isText := value.(string); isText {
		return text
	}
	return canonical(value)
}

// truncate cuts a text between two runes.
func truncate(text string) string {
	if len(text) <= showAtMost {
		return text
	}
	end := showAtMost
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// canonical is a value as JSON with sorted keys, so that equal values give equal texts.
func canonical(value any) string {
	text, err := json.Marshal(value)
	if err != nil { // values come from encoding/json or from fieldList, both of which marshal
		return "(not JSON)"
	}
	return string(text)
}

// leaves lists every declared field of every service that has an id, and notes which services and domains are missing.
func (p *Plan) leaves(in Input) []leaf {
	var all []leaf
	for _, service := range in.Desired.Services {
		if deletedElsewhere(in, service.Name) {
			continue
		}
		instance, found := in.Observed.Instance(service.Name)
		if !found {
			added, ok := in.Added[service.Name]
			if !ok {
				p.Missing = append(p.Missing, service.Name)
				continue
			}
			if added.Join {
				p.joins = append(p.joins, added.ID)
			}
			instance = model.ServiceInstance{ServiceID: added.ID, Name: service.Name}
		}
		all = append(all, p.fieldLeaves(in.Observed, service, instance)...)
		all = append(all, variableLeaves(in.Observed, service.Name, instance.ServiceID, service.Variables)...)
		if l, ok := p.domainLeaf(in, service, instance, found); ok {
			all = append(all, l)
		}
	}
	return append(all, variableLeaves(in.Observed, "", "", in.Desired.Shared)...)
}

func (p *Plan) fieldLeaves(observed *model.Environment, service desired.Service, instance model.ServiceInstance) []leaf {
	config := observed.Config.Sub("services", instance.ServiceID)
	var list []leaf
	for _, field := range service.Fields {
		path := pathOf(service.Name, field.Keys)
		if instance.ConfigFile != "" && field.Keys[0] != "source" {
			p.Blocked = append(p.Blocked, path)
			continue
		}
		have, present := observedField(config, field.Keys)
		list = append(list, leaf{
			path: path, service: service.Name, keys: slices.Concat([]string{"services", instance.ServiceID}, field.Keys),
			want: field.Value, have: have, present: present, occupied: occupied(config, field.Keys),
			deploys: deploys(field.Keys), write: fieldPatch(field, config),
		})
	}
	return list
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
// without one (FACTS §4.2).
func deploys(keys []string) bool {
	return keys[len(keys)-1] != "multiRegionConfig"
}

// fieldPatch is what the patch carries for a setting. An object, which is a map of regions, is replaced as a whole: regions it
// should not have are set to null, because patches are merged, and those that are as they should be are left out (FACTS §4.2,
// §11.16).
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

func variableLeaves(observed *model.Environment, service, serviceID string, variables []desired.Variable) []leaf {
	list := make([]leaf, 0, len(variables))
	for _, v := range variables {
		l := leaf{
			path: variablePath(service, v.Name), service: service, keys: variableKeys(serviceID, v.Name),
			want: v.Value, secret: v.Secret, deploys: true,
		}
		write := map[string]any{"value": v.Value}
		if v.Sealed {
			write["isSealed"] = true
		}
		l.write = write
		var sealed bool
		l.have, l.present, sealed = observedVariable(observed, serviceID, v.Name)
		l.unreadable = l.present && l.have == nil
		l.unsealed = v.Sealed && l.present && !sealed
		l.occupied = l.present
		list = append(list, l)
	}
	return list
}

// observedVariable returns a variable's unrendered value, nil when Railway does not show it (FACTS §3.2, §5).
func observedVariable(observed *model.Environment, serviceID, name string) (value any, present, sealed bool) {
	variable, isObject := any(nil), false
	if raw, ok := observed.Config.Get(variableKeys(serviceID, name)...); ok {
		variable, isObject = raw.(map[string]any)
	}
	sealed = observed.Sealed[model.VariableRef{ServiceID: serviceID, Name: name}]
	if !isObject {
		return nil, sealed, sealed // some reads leave sealed variables out of the config
	}
	fields := variable.(map[string]any)
	if mark, _ := fields["isSealed"].(bool); mark {
		sealed = true
	}
	if sealed {
		return nil, true, true
	}
	return fields["value"], true, false
}

func (p *Plan) domainLeaf(in Input, service desired.Service, instance model.ServiceInstance, found bool) (leaf, bool) {
	if service.Domain == nil {
		return leaf{}, false
	}
	path := service.Name + ".domains.railway"
	if applied, known := in.Applied[path]; known && in.ReportDrift && len(instance.RailwayDomains) == 0 {
		p.Record[path] = applied
		p.Drift = append(p.Drift, Change{Path: path, Service: service.Name, Cause: CauseDrift, Declared: "(present)", Actual: "(absent)"})
		return leaf{}, false
	}
	if len(instance.RailwayDomains) == 0 {
		if found || !slices.Contains(p.joins, instance.ServiceID) {
			p.Domains = append(p.Domains, service.Name) // a service that joins with this commit gets its domain after it
		}
		return leaf{}, false
	}
	p.Record[path] = Applied{Hash: in.Hash(path, true), Adopted: true} // so that its deletion shows as drift
	if service.Domain.Port == 0 {
		return leaf{}, false
	}
	domain := instance.RailwayDomains[0]
	for _, other := range instance.RailwayDomains {
		if other.Port == service.Domain.Port {
			domain = other // further domains are somebody else's
		}
	}
	keys := []string{"services", instance.ServiceID, "networking", "serviceDomains", domain.Host, "port"}
	return leaf{
		path: service.Name + ".domains.port", service: service.Name, keys: keys,
		want: float64(service.Domain.Port), have: float64(domain.Port), present: domain.Port != 0, occupied: domain.Port != 0,
		write: float64(service.Domain.Port),
	}, true
}

func pathOf(service string, keys []string) string {
	path := service
	for _, key := range keys {
		path += "." + key
	}
	return path
}

func variablePath(service, name string) string {
	if service == "" {
		return "shared." + name
	}
	return service + ".variables." + name
}

func variableKeys(serviceID, name string) []string {
	if serviceID == "" {
		return []string{"sharedVariables", name}
	}
	return []string{"services", serviceID, "variables", name}
}
