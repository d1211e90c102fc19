// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"slices"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// leaf is one declared field beside what Railway has.
type leaf struct {
	path, service string
	keys          []string
	// want is the declared value, nil when the field must be absent.
	want any
	// about is what the hash is made of when want alone does not tell the field.
	about any
	// have is Railway's value in normal form.
	have    any
	present bool
	// occupied marks a field that Railway's config itself sets, or whose place something else takes: writing it overwrites.
	// A platform default is present and occupies nothing.
	occupied bool
	// fresh marks a field of a service that nobody has set up yet in this environment.
	fresh bool
	// unreadable marks a value that Railway does not show: sealed, or not decrypted for this token
	// (railway-api.md, "Variables"), or a credential.
	unreadable bool
	// sealed marks a variable that Railway reports as sealed, seal one that the spec declares so.
	sealed, seal bool
	secret       bool
	deploys      bool
	// write is what the patch carries; of a variable it is variablePatch, made only when it is written.
	write    any
	variable bool
	// triggers are deleted instead of a write.
	triggers []model.Trigger
}

// inSync reports whether the field is as declared. A value that cannot be read is taken to be what was last applied, unless the
// variable was sealed since.
func (l leaf) inSync(applied Applied, known bool, hash string) bool {
	switch {
	case l.unsealed():
		return false
	case l.unreadable:
		return known && applied.Hash == hash && !l.fresh && !applied.Hidden && !l.hidden(applied, known)
	case l.want == nil:
		return !l.present || l.have == ""
	default:
		return l.present && canonical(l.want) == canonical(l.have)
	}
}

// identity is the value that the record remembers by its hash.
func (l leaf) identity() any {
	if l.about != nil {
		return l.about
	}
	return l.want
}

// unsealed reports whether the variable should be sealed and is not.
func (l leaf) unsealed() bool {
	return l.seal && l.present && !l.sealed
}

// writeOnly reports whether the value cannot be read, or could not be once the declared seal is on.
func (l leaf) writeOnly() bool {
	return l.unreadable || l.unsealed()
}

// hidden reports whether somebody sealed a variable whose value was last seen in clear, and which the spec does not declare
// sealed.
func (l leaf) hidden(applied Applied, known bool) bool {
	return known && l.sealed && !l.seal && !applied.Sealed
}

// sealAskedFor reports whether a variable with the value that was applied differs by its seal alone: it is missing, or it was put
// on by somebody before the spec declared it, and may then hide any value. Nobody can unseal a variable
// (railway-api.md, "Variables"), so it is the spec that asks for the seal anew.
func (l leaf) sealAskedFor() bool {
	return (l.unsealed() && canonical(l.want) == canonical(l.have)) || (l.seal && l.sealed)
}

// change makes a Change of the leaf. A secret that somebody pasted into a field which is not secret is masked too. Nobody knows
// whether Railway deploys for a value that is written once more.
func (l leaf) change(cause Cause, hash string, hidden bool, mask func(string) string) Change {
	change := Change{
		Path: l.path, Service: l.service, Cause: cause, Deploys: l.deploys && cause != CauseUnknown, Hash: hash, Sealed: l.seal || l.sealed,
		Declared: redact.Cut(l.show(l.want, l.want != nil), showAtMost), Actual: redact.Cut(mask(l.show(l.have, l.present)), showAtMost),
		keys: l.keys, value: l.write,
	}
	if l.variable {
		change.value = variablePatch(l)
	}
	if hidden {
		change.Declared, change.Actual = "(plain)", "(sealed)"
	}
	return change
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
	return desired.SpecValue(l.setting(), value)
}

// setting is the last key of a setting, empty for anything else: a variable may be called like one.
func (l leaf) setting() string {
	if l.variable || len(l.keys) == 0 {
		return ""
	}
	return l.keys[len(l.keys)-1]
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
	all := make([]leaf, 0, leavesOf(in.Desired))
	for _, service := range in.Desired.Services {
		if deletedElsewhere(in, service.Name) {
			continue
		}
		if instance, ok := p.instance(in, service.Name); ok {
			all = p.appendService(all, in, service, instance)
		}
	}
	return appendVariables(all, in.Observed, "", "", in.Desired.Shared)
}

// leavesOf is how many fields are declared at most.
func leavesOf(d *desired.Environment) int {
	n := len(d.Shared)
	for _, service := range d.Services {
		n += len(service.Fields) + len(service.Variables) + 1 // and a domain
	}
	return n
}

// instance finds the service in the environment, or among those that are about to show there. One that is nowhere is missing.
func (p *Plan) instance(in Input, name string) (model.ServiceInstance, bool) {
	if instance, found := in.Observed.Instance(name); found {
		return instance, true
	}
	added, ok := in.Added[name]
	if !ok {
		p.Missing = append(p.Missing, name)
		return model.ServiceInstance{}, false
	}
	if added.Join {
		p.joins = append(p.joins, added.ID)
	}
	return model.ServiceInstance{ServiceID: added.ID, Name: name}, true
}

// fresh reports whether nobody has set up the instance in this environment: it does not show yet, or it is what the creation of a
// service for another environment left here (railway-api.md, "Service mutations and forks").
func fresh(observed *model.Environment, instance model.ServiceInstance) bool {
	for ref := range observed.Sealed { // some reads leave sealed variables out of the config
		if ref.ServiceID == instance.ServiceID {
			return false
		}
	}
	return observed.Bare(instance)
}

func pathOf(service string, keys []string) string {
	path := service
	for _, key := range keys {
		path += "." + key
	}
	return path
}

func serviceKeys(serviceID string, keys []string) []string {
	return slices.Concat([]string{"services", serviceID}, keys)
}
