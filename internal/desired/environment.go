// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package desired turns a spec, its tier and the Secrets and ConfigMaps it names into the Railway environment that should be.
// It is pure: values in, values out.
package desired

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/redact"
)

// Environment is a Railway environment as it should be.
type Environment struct {
	// Services are the declared services, the engine first.
	Services []Service
	// Shared are the declared shared variables, sorted by name.
	Shared []Variable

	// hidden are further values that texts must not show.
	hidden []string
	// names are in the clear: texts may show them although a value contains one.
	names  []string
	once   sync.Once
	masker *redact.Masker
}

// Service is a service as it should be in the environment. What it does not mention stays as it is on Railway.
type Service struct {
	Name string
	// Fields are the declared settings.
	Fields []Field
	// Variables are the declared variables, sorted by name.
	Variables []Variable
	// Domain is the generated domain, or nil when none is declared.
	Domain *Domain
	// Image, or Repo and Commit, are what should run. Commit is empty when the branch's newest commit should.
	Image, Repo, Commit string
	// Pinned is true for a commit of a repository: no other commit may run, so a push must not deploy.
	Pinned bool
	// Replicas declared over all regions; 0 when the spec does not say.
	Replicas int32
	// Cron is true for a service that runs on a schedule and ends.
	Cron bool
	// ProgressDeadline is how long a deployment may take.
	ProgressDeadline time.Duration
}

// Field is one setting: the keys below the service's config (railway-api.md, "EnvironmentConfig") and the JSON value. A
// nil value means that the setting must be absent. A map value is compared and replaced as a whole.
type Field struct {
	Keys  []string
	Value any
	// WriteOnly marks a secret value that Railway never shows: it cannot be compared.
	WriteOnly bool
}

// RegistryCredentials are the keys of the credentials with which Railway pulls a service's image
// (railway-api.md, "Private images").
var RegistryCredentials = []string{"deploy", "registryCredentials"}

// Domain is a generated *.up.railway.app domain. Port 0 leaves the choice to Railway.
type Domain struct {
	Port int
}

// Variable is a variable with its value.
type Variable struct {
	Name  string
	Value string
	// Secret marks a value that must not be shown: it came from a Secret, or is sealed.
	Secret bool
	// Sealed asks Railway never to show the value again (railway-api.md, "Variables").
	Sealed bool
}

// Service returns the service with that name.
func (e *Environment) Service(name string) (Service, bool) {
	for _, s := range e.Services {
		if s.Name == name {
			return s, true
		}
	}
	return Service{}, false
}

// Redact masks every secret value of the environment in a text from outside, such as a log line. The values are those that the
// environment has when it is called for the first time.
func (e *Environment) Redact(text string) string { return e.Redactor()(text) }

// Redactor is Redact for whoever keeps it: it holds on to the values that it masks, not to the environment.
func (e *Environment) Redactor() func(string) string {
	e.once.Do(func() { e.masker = redact.New(e.secrets(), e.public()...) })
	return e.masker.Text
}

// Redactor masks every value of the Secrets in texts, which may show the names, for whoever has no environment.
func (s Sources) Redactor(names ...string) func(string) string {
	var values []string
	for _, secret := range s.Secrets {
		values = slices.AppendSeq(values, maps.Values(secret))
	}
	return redact.New(values, names...).Text
}

// Name tells names that messages are made of, such as the object's. It must be called before Redact.
func (e *Environment) Name(names ...string) { e.names = append(e.names, names...) }

// public are the names that texts may show.
func (e *Environment) public() []string {
	names := slices.Clone(e.names)
	for _, s := range e.Services {
		names = append(names, s.Name, s.Image, s.Repo)
	}
	return names
}

// secrets are the values that texts must not show.
func (e *Environment) secrets() []string {
	values := slices.Clone(e.hidden)
	collect := func(variables []Variable) {
		for _, v := range variables {
			if v.Secret {
				values = append(values, v.Value)
			}
		}
	}
	collect(e.Shared)
	for _, s := range e.Services {
		collect(s.Variables)
	}
	return values
}
