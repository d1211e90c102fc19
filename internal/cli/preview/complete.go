// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"maps"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// known is what is known of the Secrets and ConfigMaps, and what is not.
type known struct {
	// sources have a stand-in for each key that is missing.
	sources desired.Sources
	// values names, by path, where a value comes from that is not known.
	values map[string]string
	// unlisted are objects of which not even the keys are known.
	unlisted []string
	// unread are the objects, by kind and name, of which only keys that the spec names are made up.
	unread map[string]bool
	// pulls are pull Secrets that are not known.
	pulls []string
}

// complete returns the spec without the objects of which nothing is known, and sources with a stand-in for each missing key, so
// that everything else can be compared.
func complete(spec *v1alpha1.EngineEnvironmentSpec, sources desired.Sources) (*v1alpha1.EngineEnvironmentSpec, known) {
	k := known{
		sources: desired.Sources{Secrets: copied(sources.Secrets), ConfigMaps: copied(sources.ConfigMaps), Binary: sources.Binary},
		values:  map[string]string{},
		unread:  map[string]bool{},
	}
	spec = spec.DeepCopy()
	k.service(&spec.Engine.Service)
	for i := range spec.Services {
		k.service(&spec.Services[i].Service)
	}
	k.variables("shared.", spec.SharedVariables)
	if spec.Verification != nil {
		for i := range spec.Verification.Checks {
			k.check(&spec.Verification.Checks[i])
		}
	}
	return spec, k
}

func copied(all map[string]map[string]string) map[string]map[string]string {
	into := map[string]map[string]string{}
	for name, data := range all {
		into[name] = maps.Clone(data)
	}
	return into
}

func (k *known) service(s *v1alpha1.Service) {
	var from []v1alpha1.VariablesSource
	for _, source := range s.VariablesFrom {
		if object, missing := k.missing(source); missing {
			k.unlisted = append(k.unlisted, object)
			continue
		}
		from = append(from, source)
	}
	s.VariablesFrom = from
	k.variables(s.Name+".variables.", s.Variables)
	if ref := s.PullSecretRef; ref != nil && !has(k.sources.Secrets, ref.Name) {
		k.pulls = append(k.pulls, fmt.Sprintf("Secret %s, the pull Secret of %s,", ref.Name, s.Name))
		s.PullSecretRef = nil
	}
}

func (k *known) missing(source v1alpha1.VariablesSource) (object string, missing bool) {
	if ref := source.SecretRef; ref != nil {
		return "Secret " + ref.Name, !has(k.sources.Secrets, ref.Name)
	}
	ref := source.ConfigMapRef
	return "ConfigMap " + ref.Name, !has(k.sources.ConfigMaps, ref.Name)
}

func has(objects map[string]map[string]string, name string) bool {
	_, ok := objects[name]
	return ok
}

func (k *known) variables(prefix string, all []v1alpha1.Variable) {
	for i := range all {
		if all[i].ValueFrom == nil {
			continue
		}
		if from, missing := k.value(all[i].ValueFrom); missing {
			k.values[prefix+all[i].Name] = from
		}
	}
}

func (k *known) check(c *v1alpha1.Check) {
	request := c.HTTP
	if c.Load != nil {
		request = &c.Load.HTTPCheck
	}
	if request == nil {
		return
	}
	if request.BodyFrom != nil {
		k.value(request.BodyFrom)
	}
	for i := range request.Headers {
		if from := request.Headers[i].ValueFrom; from != nil {
			k.value(from)
		}
	}
}

// value puts a stand-in where the value is not known, and says where it would come from.
func (k *known) value(from *v1alpha1.ValueSource) (object string, missing bool) {
	objects, kind, ref := k.sources.Secrets, "Secret", from.SecretKeyRef
	if ref == nil {
		objects, kind, ref = k.sources.ConfigMaps, "ConfigMap", from.ConfigMapKeyRef
	}
	object = fmt.Sprintf("%s %s, key %s", kind, ref.Name, ref.Key)
	if value, ok := objects[ref.Name][ref.Key]; ok {
		if from, unknown := strings.CutPrefix(value, standIn); unknown {
			return from, true
		}
		return object, false
	}
	switch {
	case objects[ref.Name] == nil:
		objects[ref.Name] = map[string]string{}
		k.unread[kind+ref.Name] = true
	case !k.unread[kind+ref.Name]:
		object = fmt.Sprintf("%s %s, which has no key %s", kind, ref.Name, ref.Key)
	}
	objects[ref.Name][ref.Key] = standIn + object
	return object, true
}

// standIn begins the text that stands for a value that is not known; no value begins so.
const standIn = "\u0000 not known: from "

// Known returns the spec without the objects of which nothing is known, and sources with a stand-in for each missing key: enough to
// build what the spec holds. unknown says, by path, where the values come from that are stand-ins.
func Known(spec *v1alpha1.EngineEnvironmentSpec, from desired.Sources) (
	completed *v1alpha1.EngineEnvironmentSpec, sources desired.Sources, unknown map[string]string,
) {
	completed, k := complete(spec, from)
	return completed, k.sources, k.values
}

// NoSources are sources of which nothing is known yet.
func NoSources() desired.Sources {
	return desired.Sources{Secrets: map[string]map[string]string{}, ConfigMaps: map[string]map[string]string{}, Binary: map[string][]string{}}
}
