// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// keepOnRelease are fields that stay as they are when the spec drops them: without them the service would not run, or would
// lose its replicas.
var keepOnRelease = map[string]bool{
	"source.image": true, "source.repo": true, "deploy.multiRegionConfig": true, "domains.port": true,
}

// release deletes what the operator wrote and the spec declares no more, as kubectl apply would. It leaves alone what was
// there before the operator, what somebody changed since, and the fields of services that the spec dropped as a whole.
func (p *Plan) release(in Input, declared map[string]bool) {
	for _, path := range slices.Sorted(maps.Keys(in.Applied)) {
		applied := in.Applied[path]
		if declared[path] || applied.Adopted {
			continue
		}
		l, ok := releasedLeaf(in, path)
		if !ok || !l.present || slices.Contains(p.Blocked, path) {
			continue
		}
		if !l.unreadable && in.Hash(path, l.have) != applied.Hash {
			continue
		}
		p.Record[path] = applied
		if in.Leave[path] || l.mayBeNeeded(in) {
			continue
		}
		p.Changes = append(p.Changes, l.change(CauseReleased, "", false, in.Desired.Redact))
	}
}

// mayBeNeeded reports whether the leaf is the credentials of a service whose source is not known at present: it may be an image
// that needs them.
func (l leaf) mayBeNeeded(in Input) bool {
	service, _ := in.Desired.Service(l.service)
	return l.path == credentialsPath(l.service) && service.Image == "" && service.Repo == ""
}

func credentialsPath(service string) string {
	return pathOf(service, desired.RegistryCredentials)
}

// releasedLeaf finds the field behind a recorded path. ok is false for services that are not declared or not there.
func releasedLeaf(in Input, path string) (leaf, bool) {
	if name, ok := sharedName(path); ok {
		return releasedVariable(in.Observed, path, "", "", name), true
	}
	service, rest := splitPath(in, path)
	instance, found := in.Observed.Instance(service)
	if service == "" || !found || keepOnRelease[rest] {
		return leaf{}, false
	}
	if name, ok := strings.CutPrefix(rest, "variables."); ok {
		return releasedVariable(in.Observed, path, service, instance.ServiceID, name), true
	}
	// Railway may show nothing where credentials are (railway-api.md, "Private images"): null clears them
	if path == credentialsPath(service) {
		return leaf{
			path: path, service: service, keys: serviceKeys(instance.ServiceID, desired.RegistryCredentials),
			present: true, unreadable: true, secret: true, deploys: true,
		}, true
	}
	keys := strings.Split(rest, ".")
	if fileOwns(instance, keys) {
		return leaf{}, false
	}
	config := in.Observed.Config.Sub("services", instance.ServiceID)
	if _, set := config.Get(keys...); !set {
		return leaf{}, false
	}
	have, _ := observedField(config, keys)
	return leaf{
		path: path, service: service, keys: serviceKeys(instance.ServiceID, keys),
		have: have, present: true, deploys: deploys(keys),
	}, true
}

func releasedVariable(observed *model.Environment, path, service, serviceID, name string) leaf {
	have, present, _ := observedVariable(observed, serviceID, name)
	return leaf{
		path: path, service: service, keys: variableKeys(serviceID, name), have: have, present: present,
		unreadable: present && have == nil, secret: true, deploys: true,
	}
}

// sharedName returns the name of the shared variable that the path names. A service may be called shared too, and its paths
// have more parts.
func sharedName(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, "shared.")
	return name, ok && !strings.Contains(name, ".")
}

// splitPath splits a path at the declared service's name, which may itself hold dots: the longest name wins.
func splitPath(in Input, path string) (service, rest string) {
	for _, s := range in.Desired.Services {
		if tail, ok := strings.CutPrefix(path, s.Name+"."); ok && len(s.Name) > len(service) {
			service, rest = s.Name, tail
		}
	}
	return service, rest
}

// unmanaged looks at variables that are on Railway and not declared, for the declared services and the shared ones. Names
// that Railway sets itself are never touched.
func (p *Plan) unmanaged(in Input, declared map[string]bool) {
	if in.Unmanaged == IgnoreUnmanaged {
		return
	}
	for _, service := range in.Desired.Services {
		if instance, found := in.Observed.Instance(service.Name); found {
			p.unmanagedOf(in, declared, service.Name, instance.ServiceID, in.Observed.Config.Sub("services", instance.ServiceID, "variables"))
		}
	}
	p.unmanagedOf(in, declared, "", "", in.Observed.Config.Sub("sharedVariables"))
	slices.Sort(p.Unmanaged)
}

func (p *Plan) unmanagedOf(in Input, declared map[string]bool, service, serviceID string, variables model.Tree) {
	for _, name := range variableNames(in.Observed, serviceID, variables) {
		path := variablePath(service, name)
		released := slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Path == path })
		if declared[path] || released || model.SystemVariable(name) {
			continue
		}
		if in.Unmanaged == ListUnmanaged {
			p.Unmanaged = append(p.Unmanaged, path)
			continue
		}
		if in.Leave[path] { // somebody keeps setting it again
			p.Unmanaged = append(p.Unmanaged, path)
			continue
		}
		l := releasedVariable(in.Observed, path, service, serviceID, name)
		p.Changes = append(p.Changes, l.change(CauseUnmanaged, "", false, in.Desired.Redact))
	}
}

// variableNames lists the variables that exist, sorted: some reads leave sealed ones out of the config
// (railway-api.md, "Variables").
func variableNames(observed *model.Environment, serviceID string, variables model.Tree) []string {
	names := map[string]bool{}
	for name, variable := range variables {
		if variable != nil {
			names[name] = true
		}
	}
	for ref := range observed.Sealed {
		if ref.ServiceID == serviceID {
			names[ref.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
