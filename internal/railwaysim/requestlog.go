// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Request is one entry of the request log. It holds no secrets.
type Request struct {
	Seq       int       `json:"seq"`
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"`
	// RootFields are the fields that the operation asks for or does.
	RootFields []string `json:"rootFields"`
	// Environments are the ids of the environments that the request reads, one for each root field "environment".
	Environments []string `json:"environments,omitempty"`
	// Kind is query or mutation.
	Kind string `json:"kind"`
	// Token is the token's name in the seed, empty for a bad one.
	Token string `json:"token"`
	// Status is the HTTP status; 0 when the connection was closed without an answer.
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	// Source is the source parameter of the request's URL.
	Source string `json:"source"`
	// Variables are the operation's variables; every value that may be a secret is "***".
	Variables map[string]any `json:"variables"`
	// Applied is true when the operation ran.
	Applied bool `json:"applied"`
	// Fault is the kind of fault that the request met.
	Fault string `json:"fault,omitempty"`
}

// Requests returns the log, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ClearRequests empties the log.
func (s *Sim) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// logAtMost bounds the log.
const logAtMost = 100_000

// note describes the request for the log, and lets Intercept see it before it is applied.
func (x *exchange) note(r graphql.Request, operation *graphql.Operation, t *token) {
	x.request = Request{Time: x.request.Time, Operation: r.OperationName, Source: x.r.URL.Query().Get("source"), Kind: "query"}
	if operation != nil {
		x.request.Operation, x.request.Kind = operation.Name(), operation.Kind()
		for _, field := range operation.RootFields() {
			x.request.RootFields = append(x.request.RootFields, field.Name)
			if id := argText(field.Arguments, "id"); field.Name == "environment" && id != "" {
				x.request.Environments = append(x.request.Environments, id)
			}
			x.noteArguments(field)
		}
	}
	if t != nil {
		x.request.Token = t.Name
	}
	x.s.mu.Lock()
	x.request.Seq = x.s.order()
	x.s.mu.Unlock()
	x.intercept(PhaseBefore)
}

// noteArguments logs a root field's arguments, so that literals in the query show as well as variables.
func (x *exchange) noteArguments(field graphql.RootField) {
	if x.request.Variables == nil && field.Arguments != nil {
		x.request.Variables = map[string]any{}
	}
	for name, value := range field.Arguments {
		x.request.Variables[name] = withoutSecrets(deepCopy(value), name)
	}
}

// secretKeys are inputs whose value may be a secret.
var secretKeys = []string{"value", "variables", "sharedvariables", "password", "token", "registrycredentials", "defaultvalue"}

// withoutSecrets hides every value that may be a secret and keeps the names.
func withoutSecrets(value any, key string) any {
	hide := slices.Contains(secretKeys, strings.ToLower(key))
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if hide && scalar(member) {
				v[name] = "***"
				continue
			}
			v[name] = withoutSecrets(member, name)
		}
		return v
	case []any:
		for i := range v {
			v[i] = withoutSecrets(v[i], key)
		}
		return v
	default:
		if hide && scalar(value) {
			return "***"
		}
	}
	return value
}

// scalar reports whether the value is one that could be a secret: any text or number.
func scalar(value any) bool {
	switch v := value.(type) {
	case string:
		return v != ""
	case float64, json.Number:
		return true
	default:
		return false
	}
}

// finish writes the log entry of a request that was not executed.
func (x *exchange) finish(status int, message string) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.record(status, nil, message)
}

// record writes the log entry. The lock is held.
func (x *exchange) record(status int, data any, message string) {
	if raw, ok := data.(json.RawMessage); ok && string(raw) == "null" {
		data = nil // refused as a whole
	}
	x.request.Status, x.request.Error, x.request.Applied = status, message, status == http.StatusOK && data != nil
	if x.fault != nil {
		x.request.Fault = x.fault.Kind
		if x.fault.Kind == FaultTimeoutAfter || x.fault.Kind == FaultResetAfter {
			x.request.Status = 0
		}
	}
	if len(x.s.requests) >= logAtMost {
		x.s.requests = x.s.requests[1:]
	}
	x.s.requests = append(x.s.requests, x.request)
}

func (x *exchange) intercept(phase Phase) {
	if x.s.options.Intercept != nil {
		x.s.options.Intercept(x.request, phase)
	}
}
