// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

// judge decides what a declared field needs.
func (p *Plan) judge(in Input, l leaf) {
	hash := in.Hash(l.path, l.identity())
	applied, known := in.Applied[l.path]
	if l.inSync(applied, known, hash) {
		p.Record[l.path] = confirmed(l, applied, known, hash)
		return
	}
	cause := causeOf(in, l, hash)
	if kept, ok := remembered(l, cause, hash, applied, known); ok {
		p.Record[l.path] = kept
	}
	change := l.change(cause, hash, l.hidden(applied, known), in.Desired.Redact)
	if cause == CauseDrift {
		p.Drift = append(p.Drift, change)
		if in.ReportDrift || in.Leave[l.path] {
			return
		}
	}
	if len(l.triggers) > 0 {
		p.deleteTriggers(in, l, change)
		return
	}
	p.Changes = append(p.Changes, change)
}

// confirmed is the record of a field that is as declared. What stands on an instance that nobody set up is not adopted: it is
// what Railway starts with.
func confirmed(l leaf, applied Applied, known bool, hash string) Applied {
	adopted := applied.Adopted
	if !known {
		adopted = !l.fresh
	}
	return Applied{Hash: hash, Adopted: adopted, Sealed: l.sealed || (l.unreadable && applied.Sealed)}
}

// remembered is what the record says of a field that differs, until it is written. Drift that was never recorded, or whose hash
// is not known, is recorded with the declared value, so that a later change of the spec shows as one. A value that cannot be read
// is not, because the record would count it as applied, unless it is marked as hidden.
func remembered(l leaf, cause Cause, hash string, applied Applied, known bool) (Applied, bool) {
	switch {
	case l.fresh: // whatever was applied, it is not there
		return Applied{}, false
	case cause == CauseDrift && l.hidden(applied, known):
		return Applied{Hash: hash, Adopted: applied.Adopted, Hidden: true}, true
	case cause == CauseDrift && applied.Hash == "" && !l.writeOnly():
		return Applied{Hash: hash, Adopted: !known || applied.Adopted}, true
	default:
		applied.Hidden = applied.Hidden && l.unreadable
		return applied, known
	}
}

// causeOf tells drift from a change of the spec.
func causeOf(in Input, l leaf, hash string) Cause {
	applied, known := in.Applied[l.path]
	switch {
	case l.fresh: // set up like a new service: nobody's work is there (railway-api.md, "Service mutations and forks")
		return CauseSpec
	case !known:
		return firstCause(in, l)
	case l.hidden(applied, known) && (applied.Hash == hash || applied.Hash == ""):
		return CauseDrift
	case applied.Hash == "":
		return forgottenCause(in, l)
	case applied.Hash == hash && !l.sealAskedFor():
		return CauseDrift
	default:
		return CauseSpec
	}
}

// firstCause is the cause for a field without a record. What exists when the operator first looks counts as drift with
// ReportDrift: the policy is to report, not to overwrite. So does, at any time, a value that cannot be read, because it cannot be
// brought back.
func firstCause(in Input, l leaf) Cause {
	if in.ReportDrift && l.occupied && (l.writeOnly() || firstLook(in, l.service)) {
		return CauseDrift
	}
	return CauseSpec
}

// forgottenCause is the cause for a field of which it is not known what was applied.
func forgottenCause(in Input, l leaf) Cause {
	switch {
	case l.unreadable:
		return CauseUnknown
	case in.ReportDrift && !l.sealAskedFor():
		return CauseDrift
	default:
		return CauseSpec
	}
}

// firstLook reports whether the operator never recorded anything of the service, or of the shared variables.
func firstLook(in Input, service string) bool {
	for path := range in.Applied {
		owner, _ := splitPath(in, path)
		if _, shared := sharedName(path); owner == service && (service != "" || shared) {
			return false
		}
	}
	return true
}

// gone reports, with ReportDrift, the services that the operator once set up and that are on Railway no more. What is known of
// them is kept, so that they are not taken for something new when they come back.
func (p *Plan) gone(in Input) {
	for _, service := range in.Desired.Services {
		if !deletedElsewhere(in, service.Name) {
			continue
		}
		p.Drift = append(p.Drift, Change{
			Path: service.Name + ".service", Service: service.Name, Cause: CauseDrift, Declared: "(present)", Actual: "(absent)",
		})
		for path, applied := range in.Applied {
			if owner, _ := splitPath(in, path); owner == service.Name {
				p.Record[path] = applied
			}
		}
	}
}

// deletedElsewhere reports whether a missing service is drift that is only to be reported.
func deletedElsewhere(in Input, service string) bool {
	_, found := in.Observed.Instance(service)
	_, added := in.Added[service]
	return in.ReportDrift && !found && !added && !firstLook(in, service)
}
