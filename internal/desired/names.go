// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"maps"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// nameProblem says what is wrong with the name of a variable that came from a Secret or ConfigMap. Names that the spec
// spells out were checked at admission.
func nameProblem(name string) string {
	switch {
	case len(name) > 128:
		return "is longer than the 128 characters a variable's name may have"
	case model.SystemVariable(name):
		return "is a variable that Railway sets itself: rename or remove it"
	case !isVariableName(name):
		return "is no variable name: use letters, digits and underscores, not a digit first"
	default:
		return ""
	}
}

func isVariableName(name string) bool {
	for i, r := range name {
		letter := r == '_' || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// References returns the names of the Secrets and ConfigMaps that the spec takes values from, sorted, without the token's.
func References(spec *v1alpha1.EngineEnvironmentSpec) (secrets, configMaps []string) {
	secretSet, configMapSet := map[string]bool{}, map[string]bool{}
	add := func(from *v1alpha1.ValueSource) {
		if ref := from.SecretKeyRef; ref != nil {
			secretSet[ref.Name] = true
		}
		if ref := from.ConfigMapKeyRef; ref != nil {
			configMapSet[ref.Name] = true
		}
	}
	variables := func(list []v1alpha1.Variable) {
		for _, v := range list {
			if v.ValueFrom != nil {
				add(v.ValueFrom)
			}
		}
	}
	service := func(s *v1alpha1.Service) {
		if s.PullSecretRef != nil {
			secretSet[s.PullSecretRef.Name] = true
		}
		variables(s.Variables)
		for _, from := range s.VariablesFrom {
			if from.SecretRef != nil {
				secretSet[from.SecretRef.Name] = true
			}
			if from.ConfigMapRef != nil {
				configMapSet[from.ConfigMapRef.Name] = true
			}
		}
	}
	service(&spec.Engine.Service)
	for i := range spec.Services {
		service(&spec.Services[i].Service)
	}
	variables(spec.SharedVariables)
	for _, from := range checkReferences(spec) {
		add(from)
	}
	return slices.Sorted(maps.Keys(secretSet)), slices.Sorted(maps.Keys(configMapSet))
}

// checkReferences are the values that checks take from Secrets and ConfigMaps.
func checkReferences(spec *v1alpha1.EngineEnvironmentSpec) []*v1alpha1.ValueSource {
	var all []*v1alpha1.ValueSource
	if spec.Verification == nil {
		return nil
	}
	for i := range spec.Verification.Checks {
		check := &spec.Verification.Checks[i]
		request := check.HTTP
		if check.Load != nil {
			request = &check.Load.HTTPCheck
		}
		if request == nil {
			continue
		}
		if request.BodyFrom != nil {
			all = append(all, request.BodyFrom)
		}
		for j := range request.Headers {
			if from := request.Headers[j].ValueFrom; from != nil {
				all = append(all, from)
			}
		}
	}
	return all
}

// Env returns a service's variables as a Secret for envFrom holds them. Railway's references are kept as they are: there is
// nothing on a laptop to resolve them against.
func (s Service) Env(shared []Variable) map[string]string {
	env := map[string]string{}
	for _, v := range shared {
		env[v.Name] = v.Value
	}
	for _, v := range s.Variables {
		env[v.Name] = v.Value
	}
	maps.DeleteFunc(env, func(name, _ string) bool { return strings.HasPrefix(name, "RAILWAY_") })
	return env
}
