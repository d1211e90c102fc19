// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Sources are the Secrets and ConfigMaps that a spec names, by name. A missing object is a missing key.
type Sources struct {
	Secrets    map[string]map[string]string
	ConfigMaps map[string]map[string]string
	// Binary names the keys of each ConfigMap's binaryData, which no variable can hold.
	Binary map[string][]string
}

// Error is a spec that cannot be turned into an environment. Message never holds a value.
type Error struct {
	// Reason is the condition reason.
	Reason  string
	Message string
	// Check is the check that cannot be run, empty when it is something else.
	Check string
}

// Error returns the message.
func (e *Error) Error() string {
	return e.Message
}

// Build returns the environment that the spec declares. Its errors are of type *Error.
func Build(spec *v1alpha1.EngineEnvironmentSpec, sources Sources) (*Environment, error) {
	if err := checkNames(spec); err != nil {
		return nil, err
	}
	environment := &Environment{hidden: checkSecrets(spec, sources)}
	engine, err := environment.service(spec, &spec.Engine.Service, true, sources, "spec.engine")
	if err != nil {
		return nil, err
	}
	environment.Services = append(environment.Services, engine)
	for i := range spec.Services {
		companion := &spec.Services[i]
		place := fmt.Sprintf("spec.services[%s]", companion.Name)
		service, err := environment.service(spec, &companion.Service, companion.InheritSettings, sources, place)
		if err != nil {
			return nil, err
		}
		environment.Services = append(environment.Services, service)
	}
	shared := map[string]Variable{}
	if err := addDeclared(shared, spec.SharedVariables, sources, "spec.sharedVariables"); err != nil {
		return nil, err
	}
	environment.Shared = sorted(shared)
	if err := environment.checkCount(); err != nil {
		return nil, err
	}
	if err := environment.checkSize(spec.Tier); err != nil {
		return nil, err
	}
	return environment, nil
}

// checkSecrets are the values from Secrets that checks send, as far as they exist.
func checkSecrets(spec *v1alpha1.EngineEnvironmentSpec, sources Sources) []string {
	var values []string
	for _, from := range checkReferences(spec) {
		if value, secret, err := Value(from, sources, ""); err == nil && secret {
			values = append(values, value)
		}
	}
	return values
}

func (e *Environment) service(
	spec *v1alpha1.EngineEnvironmentSpec, declared *v1alpha1.Service, settings bool, sources Sources, place string,
) (Service, error) {
	variables, err := serviceVariables(spec, declared, settings, sources, place)
	if err != nil {
		return Service{}, err
	}
	pull, err := pullCredentials(spec, declared, sources, place)
	if err != nil {
		return Service{}, err
	}
	service := Service{
		Name:             declared.Name,
		Fields:           fields(declared),
		Variables:        variables,
		ProgressDeadline: declared.EffectiveProgressDeadline(),
	}
	if s := declared.Source; s != nil {
		service.Image, service.Repo, service.Commit = s.Image, s.Repo, s.Commit
		service.Pinned = s.Repo != "" && s.Commit != ""
	}
	if pull != nil {
		service.Fields = append(service.Fields, pull.field())
		e.hidden = append(e.hidden, pull.secrets()...)
	}
	if d := declared.Deploy; d != nil {
		service.Cron = d.CronSchedule != ""
		for _, replicas := range d.Regions {
			service.Replicas += replicas
		}
	}
	if d := declared.Domains; d != nil && d.Railway {
		service.Domain = &Domain{}
		if d.Port != nil {
			service.Domain.Port = int(*d.Port)
		}
	}
	return service, nil
}

// serviceVariables lays the variables over each other: the tier's settings, then variablesFrom in order, then variables. What
// the tier fixes cannot be laid over.
func serviceVariables(
	spec *v1alpha1.EngineEnvironmentSpec, declared *v1alpha1.Service, settings bool, sources Sources, place string,
) ([]Variable, error) {
	variables := map[string]Variable{}
	if settings {
		builder := v1alpha1.BuilderRailpack
		if declared.Build != nil {
			builder = declared.Build.Builder
		}
		for name, value := range spec.EffectiveSettings().Variables(spec.Tier, builder) {
			variables[name] = Variable{Name: name, Value: value}
		}
	}
	fixed := map[string]Variable{}
	if settings {
		for _, name := range spec.Tier.Defaults().Fixed {
			fixed[name] = variables[name]
		}
	}
	for i := range declared.VariablesFrom {
		if err := addAll(variables, &declared.VariablesFrom[i], sources, fmt.Sprintf("%s.variablesFrom[%d]", place, i)); err != nil {
			return nil, err
		}
	}
	if err := addDeclared(variables, declared.Variables, sources, place+".variables"); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(fixed)) {
		if variables[name].Value != fixed[name].Value {
			return nil, &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf(
				"%s: the %s tier fixes %s=%s, and a Secret or ConfigMap sets it to another value: remove the key",
				place, spec.Tier, name, fixed[name].Value)}
		}
	}
	return sorted(variables), nil
}

func addDeclared(into map[string]Variable, declared []v1alpha1.Variable, sources Sources, place string) error {
	for i := range declared {
		v := &declared[i]
		variable := Variable{Name: v.Name, Sealed: v.Sealed, Secret: v.Sealed}
		switch {
		case v.Value != nil:
			variable.Value = *v.Value
		case v.ValueFrom != nil:
			value, secret, err := Value(v.ValueFrom, sources, fmt.Sprintf("%s[%s]", place, v.Name))
			if err != nil {
				return err
			}
			variable.Value, variable.Secret = value, v.Sealed || secret
		}
		if err := checkValue(variable, place); err != nil {
			return err
		}
		into[v.Name] = variable
	}
	return nil
}

// Value returns the value that a reference selects, and whether it came from a Secret. Its errors are of type *Error and name
// the place.
func Value(from *v1alpha1.ValueSource, sources Sources, place string) (value string, secret bool, err error) {
	if ref := from.SecretKeyRef; ref != nil {
		value, err = lookup(sources.Secrets, "Secret", v1alpha1.ReasonSecretNotFound, ref, place)
		return value, true, err
	}
	ref := from.ConfigMapKeyRef
	if ref == nil { // admission refuses it, and an object may be older than the rule
		return "", false, &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: place + ": valueFrom is empty: set exactly one of secretKeyRef and configMapKeyRef"}
	}
	if slices.Contains(sources.Binary[ref.Name], ref.Key) {
		return "", false, &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf(
			"%s: ConfigMap %q has the key %q in binaryData: only text can be used, put it into data, encoded if need be", place, ref.Name, ref.Key)}
	}
	value, err = lookup(sources.ConfigMaps, "ConfigMap", v1alpha1.ReasonConfigMapNotFound, ref, place)
	return value, false, err
}

func lookup(objects map[string]map[string]string, kind, missing string, ref *v1alpha1.KeyReference, place string) (string, error) {
	data, ok := objects[ref.Name]
	if !ok {
		return "", &Error{Reason: missing, Message: fmt.Sprintf("%s: %s %q does not exist in this namespace: create it", place, kind, ref.Name)}
	}
	value, ok := data[ref.Key]
	if !ok {
		return "", &Error{Reason: v1alpha1.ReasonKeyNotFound, Message: fmt.Sprintf("%s: %s %q has no key %q: add it; there is %s",
			place, kind, ref.Name, ref.Key, KeysOf(data))}
	}
	return value, nil
}

// KeysOf names some of the keys, which are no secret.
func KeysOf[V any](data map[string]V) string {
	names := slices.Sorted(maps.Keys(data))
	switch more := len(names) - 5; {
	case len(names) == 0:
		return "none"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), more)
	default:
		return strings.Join(names, ", ")
	}
}

func addAll(into map[string]Variable, from *v1alpha1.VariablesSource, sources Sources, place string) error {
	kind, missing, objects, ref, secret := "Secret", v1alpha1.ReasonSecretNotFound, sources.Secrets, from.SecretRef, true
	if from.ConfigMapRef != nil {
		kind, missing, objects, ref, secret = "ConfigMap", v1alpha1.ReasonConfigMapNotFound, sources.ConfigMaps, from.ConfigMapRef, false
	}
	if ref == nil { // admission refuses it, and an object may be older than the rule
		return &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: place + " is empty: set exactly one of secretRef and configMapRef"}
	}
	data, ok := objects[ref.Name]
	if !ok {
		return &Error{Reason: missing, Message: fmt.Sprintf("%s: %s %q does not exist in this namespace: create it", place, kind, ref.Name)}
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		variable := Variable{Name: from.Prefix + key, Value: data[key], Secret: secret || from.Sealed, Sealed: from.Sealed}
		if problem := nameProblem(variable.Name); problem != "" {
			return &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf("%s: key %q of %s %q %s", place, key, kind, ref.Name, problem)}
		}
		if err := checkValue(variable, place); err != nil {
			return err
		}
		into[variable.Name] = variable
	}
	return nil
}

// checkValue refuses what a JSON string cannot carry to Railway unchanged.
func checkValue(v Variable, place string) error {
	if utf8.ValidString(v.Value) {
		return nil
	}
	return &Error{Reason: v1alpha1.ReasonInvalidVariable,
		Message: fmt.Sprintf("%s: the value of %s is not valid UTF-8: Railway variables are text, encode it first", place, v.Name)}
}

func sorted(variables map[string]Variable) []Variable {
	list := make([]Variable, 0, len(variables))
	names := slices.AppendSeq(make([]string, 0, len(variables)), maps.Keys(variables))
	slices.Sort(names)
	for _, name := range names {
		list = append(list, variables[name])
	}
	return list
}
