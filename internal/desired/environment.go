// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package desired turns a spec, its tier and the Secrets and ConfigMaps it names into the Railway environment that should be.
// It is pure: values in, values out.
package desired

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Environment is a Railway environment as it should be.
type Environment struct {
	// Services are the declared services, the engine first.
	Services []Service
	// Shared are the declared shared variables, sorted by name.
	Shared []Variable

	// hidden are further values that texts must not show.
	hidden []string
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
	// Replicas declared over all regions; 0 when the spec does not say.
	Replicas int32
	// Cron is true for a service that runs on a schedule and ends.
	Cron bool
	// ProgressDeadline is how long a deployment may take.
	ProgressDeadline time.Duration
}

// Field is one setting: the keys below the service's config (FACTS §3.2) and the JSON value. A nil value means that the
// setting must be absent. A map value is compared and replaced as a whole.
type Field struct {
	Keys  []string
	Value any
}

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
	// Sealed asks Railway never to show the value again (FACTS §5).
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

// redactFrom is the length from which on a secret value is masked in texts: shorter ones would mask half the text and
// protect nothing.
const redactFrom = 4

// Redact masks every secret value of the environment in a text from outside, such as a log line.
func (e *Environment) Redact(text string) string {
	values := map[string]bool{}
	collect := func(variables []Variable) {
		for _, v := range variables {
			if v.Secret {
				addSecret(values, v.Value)
			}
		}
	}
	collect(e.Shared)
	for _, value := range e.hidden {
		addSecret(values, value)
	}
	for _, s := range e.Services {
		collect(s.Variables)
	}
	// The longest first, so that a value which contains another is masked whole.
	for _, value := range slices.SortedFunc(maps.Keys(values), longestFirst) {
		text = strings.ReplaceAll(text, value, "(secret)")
	}
	return text
}

// addSecret adds the value and, for a value of several lines such as a key file, each of its lines.
func addSecret(values map[string]bool, value string) {
	for _, part := range append(strings.Split(value, "\n"), value) {
		if part = strings.TrimSpace(part); len(part) < redactFrom {
			continue
		}
		for _, form := range forms(part) {
			values[form] = true
		}
	}
}

// forms are the ways in which logs write a value: as it is, in a URL, and in JSON.
func forms(value string) []string {
	inQuery := url.QueryEscape(value)
	return []string{value, inQuery, strings.ReplaceAll(inQuery, "+", "%20"), inJSON(value, false), inJSON(value, true)}
}

// inJSON is the value as a JSON string without its quotes. Some encoders escape &, < and > for HTML.
func inJSON(value string, escapeHTML bool) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(escapeHTML)
	if err := encoder.Encode(value); err != nil { // a string always encodes
		return value
	}
	return strings.TrimSuffix(text.String(), "\"\n")[1:]
}

func longestFirst(a, b string) int {
	if len(a) != len(b) {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}
