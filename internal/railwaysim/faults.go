// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Kinds of fault.
const (
	// Fault429 answers 429 with Retry-After, without applying.
	Fault429 = "429"
	// Fault500 answers 500 with a short text, without applying.
	Fault500 = "500"
	// FaultHTML answers 502 with a gateway's HTML page, without applying.
	FaultHTML = "502html"
	// FaultEdge answers 429 as Cloudflare does, with "error code: 1015" (railway-api.md, "Endpoint").
	FaultEdge = "1015"
	// FaultTimeoutBefore closes the connection after the delay, without applying.
	FaultTimeoutBefore = "timeout-before"
	// FaultTimeoutAfter applies, and closes the connection after the delay without an answer.
	FaultTimeoutAfter = "timeout-after"
	// FaultResetAfter applies, and closes the connection at once.
	FaultResetAfter = "reset-after"
	// FaultTruncated applies, and sends half of the answer.
	FaultTruncated = "truncated"
	// FaultError answers 200 with the fault's message and code, without applying.
	FaultError = "graphql-error"
	// FaultPartial applies, and answers with data of which a part is null, and an error.
	FaultPartial = "partial"
	// FaultUnauthorized answers as for a bad token, without applying.
	FaultUnauthorized = "unauthorized"
	// FaultNotAuthorized answers Not Authorized, whatever the token, without applying: a rate limit was seen to look so
	// (railway-api.md, "Errors").
	FaultNotAuthorized = "not-authorized"
	// FaultNotFound answers that the object is not found, without applying.
	FaultNotFound = "not-found"
	// FaultErrorAfter applies, and answers with the fault's message and code and no data.
	FaultErrorAfter = "graphql-error-after"
	// FaultApplyError accepts a commit, and then cannot apply it: the history has the fault's message
	// (railway-api.md, "Staged changes and history").
	FaultApplyError = "apply-error"
	// FaultSlow applies and answers after the delay.
	FaultSlow = "slow"
	// FaultStale answers a read with the world as it was the delay ago, as one lagging replica of many does; mutations apply as
	// ever. Options.History must reach as far back.
	FaultStale = "stale"
	// FaultUnknownEnum applies, and answers with enum values that are not in the schema: every status is FUTURE_STATUS.
	FaultUnknownEnum = "unknown-enum"
	// FaultUnknownField applies, and answers with a field more in each object that has a fixed set of fields.
	FaultUnknownField = "unknown-field"
)

// Fault is a misbehaviour to come.
type Fault struct {
	// Operation and RootField choose requests by the operation's name or by a root field; empty matches every request.
	Operation string `json:"operation"`
	RootField string `json:"rootField"`
	// EnvironmentID chooses requests that read this environment. An error without applying is then that of its root field alone, so
	// that the other fields of the request are answered, or are null with it.
	EnvironmentID string `json:"environmentID"`
	// Mutations chooses mutations only.
	Mutations bool `json:"mutations"`
	// Ordinal is the matching request to hit, counted from now: 1 is the next one. 0 hits every one.
	Ordinal int `json:"ordinal"`
	// Count is how many matching requests to hit from there on. Default: 1; with ordinal 0 it bounds nothing.
	Count int    `json:"count"`
	Kind  string `json:"kind"`
	// DelayMS is how long to wait, in milliseconds.
	DelayMS int `json:"delayMS"`
	// RetryAfter is in seconds, for 429.
	RetryAfter int    `json:"retryAfter"`
	Message    string `json:"message"`
	Code       string `json:"code"`

	seen int
}

var faultKinds = map[string]bool{
	Fault429: true, Fault500: true, FaultHTML: true, FaultEdge: true, FaultTimeoutBefore: true, FaultTimeoutAfter: true, FaultResetAfter: true,
	FaultTruncated: true, FaultError: true, FaultPartial: true, FaultUnauthorized: true, FaultSlow: true, FaultApplyError: true,
	FaultNotAuthorized: true, FaultNotFound: true, FaultErrorAfter: true, FaultStale: true, FaultUnknownEnum: true, FaultUnknownField: true,
}

// FaultKinds are all kinds of fault, sorted.
func FaultKinds() []string { return slices.Sorted(maps.Keys(faultKinds)) }

// AddFault plans a fault.
func (s *Sim) AddFault(f Fault) error {
	if !faultKinds[f.Kind] {
		return fmt.Errorf("fault: unknown kind %q", f.Kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// ClearFaults drops every planned fault.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault returns the fault that hits the request, if any.
func (s *Sim) takeFault(r Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *Fault
	for _, f := range s.faults {
		if !f.matches(r) {
			continue
		}
		f.seen++
		if hit == nil && (f.Ordinal == 0 || (f.seen >= f.Ordinal && f.seen < f.Ordinal+max(f.Count, 1))) {
			hit = f
		}
	}
	return hit
}

func (f *Fault) matches(r Request) bool {
	if f.Operation != "" && f.Operation != r.Operation || f.Mutations && r.Kind != "mutation" {
		return false
	}
	if f.EnvironmentID != "" && !slices.Contains(r.Environments, f.EnvironmentID) {
		return false
	}
	if f.RootField == "" {
		return true
	}
	for _, field := range r.RootFields {
		if field == f.RootField {
			return true
		}
	}
	return false
}

func (f *Fault) delay() { time.Sleep(time.Duration(f.DelayMS) * time.Millisecond) }

// failBefore answers for faults that keep the request from being applied. It returns false when there is none.
func (x *exchange) failBefore() bool {
	if x.fault == nil {
		return false
	}
	f := x.fault
	switch f.Kind {
	case Fault429:
		x.w.Header().Set("Retry-After", strconv.Itoa(max(f.RetryAfter, 1)))
		x.refuse(http.StatusTooManyRequests, "application/json", `{"errors":[{"message":"Too Many Requests","extensions":{"code":"RATE_LIMITED"}}]}`)
	case FaultEdge:
		x.refuse(http.StatusTooManyRequests, "text/plain", "error code: 1015")
	case Fault500:
		x.refuse(http.StatusInternalServerError, "text/plain", "Internal Server Error")
	case FaultHTML:
		x.refuse(http.StatusBadGateway, "text/html", "<html><head><title>502 Bad Gateway</title></head><body>upstream connect error</body></html>")
	case FaultTimeoutBefore:
		f.delay()
		x.finish(0, f.Kind)
		hangUp(x.w)
	case FaultError, FaultUnauthorized, FaultNotAuthorized, FaultNotFound:
		if f.EnvironmentID != "" {
			return false
		}
		x.refuse(http.StatusOK, "application/json", string(f.refusal(x.stranger())))
	default:
		return false
	}
	return true
}

// spoils reports whether the fault is an error of this environment's root field alone.
func (f *Fault) spoils(environmentID string) bool {
	if f == nil || f.EnvironmentID == "" || f.EnvironmentID != environmentID {
		return false
	}
	return f.Kind == FaultError || f.Kind == FaultUnauthorized || f.Kind == FaultNotAuthorized || f.Kind == FaultNotFound
}

// refused is the error of faults that look like one of Railway's own.
func (f *Fault) refused(stranger string) *apiError {
	message, code := "Problem processing request", "INTERNAL_SERVER_ERROR"
	switch f.Kind {
	case FaultUnauthorized:
		message = orElse(stranger, "Not Authorized")
	case FaultNotAuthorized:
		message = "Not Authorized"
	case FaultNotFound:
		message, code = "Environment not found", "NOT_FOUND"
	}
	return &apiError{orElse(f.Code, code), orElse(f.Message, message)}
}

// refusal is the whole answer of such a fault.
func (f *Fault) refusal(stranger string) []byte {
	e := f.refused(stranger)
	raw, err := json.Marshal(refusal(e.code, e.message))
	if err != nil {
		return []byte("{}")
	}
	return raw
}

func (x *exchange) refuse(status int, contentType, text string) {
	x.finish(status, x.fault.Kind)
	x.w.Header().Set("Content-Type", contentType)
	x.w.WriteHeader(status)
	_, _ = x.w.Write([]byte(text))
}

// failAfter spoils the answer of a request that was applied. It returns false when the answer is to be sent as it is.
func (x *exchange) failAfter(raw []byte) bool {
	if x.fault == nil {
		return false
	}
	switch x.fault.Kind {
	case FaultSlow:
		x.fault.delay()
		return false
	case FaultTimeoutAfter:
		x.fault.delay()
		hangUp(x.w)
	case FaultResetAfter:
		hangUp(x.w)
	case FaultTruncated:
		_, _ = x.w.Write(raw[:len(raw)/2])
	case FaultPartial:
		_, _ = x.w.Write(partial(raw))
	case FaultErrorAfter:
		_, _ = x.w.Write(x.fault.refusal(""))
	case FaultUnknownEnum, FaultUnknownField:
		_, _ = x.w.Write(fromTheFuture(raw, x.fault.Kind))
	default:
		return false
	}
	return true
}

// partial makes an answer of which one root field is missing and an error says so.
func partial(raw []byte) []byte {
	var answer struct {
		Data   map[string]any `json:"data"`
		Errors []any          `json:"errors"`
	}
	if json.Unmarshal(raw, &answer) != nil || len(answer.Data) == 0 {
		return []byte(`{"data":null,"errors":[{"message":"Problem processing request"}]}`)
	}
	last := keys(answer.Data)[len(answer.Data)-1]
	answer.Data[last] = nil
	answer.Errors = append(answer.Errors, map[string]any{"message": "Problem processing request", "path": []string{last}})
	spoiled, err := json.Marshal(answer)
	if err != nil {
		return raw
	}
	return spoiled
}

// fromTheFuture is the answer as a newer Railway might give it, with a value or a field that today's schema does not have.
func fromTheFuture(raw []byte, kind string) []byte {
	var answer any
	if json.Unmarshal(raw, &answer) != nil {
		return raw
	}
	change := addField
	if kind == FaultUnknownEnum {
		change = changeStatus
	}
	walkObjects(answer, change)
	changed, err := json.Marshal(answer)
	if err != nil {
		return raw
	}
	return changed
}

func walkObjects(value any, change func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			walkObjects(member, change)
		}
		change(v)
	case []any:
		for _, member := range v {
			walkObjects(member, change)
		}
	}
}

func changeStatus(object map[string]any) {
	if text, ok := object["status"].(string); ok && text != "" {
		object["status"] = "FUTURE_STATUS"
	}
}

// addField adds a field to what is no map of names: objects with an id, and the parts of a service's config.
func addField(object map[string]any) {
	for _, fixed := range []string{"id", "deploy", "build", "runtime", "builder"} {
		if _, ok := object[fixed]; ok {
			object["futureField"] = map[string]any{"of": []any{"a newer Railway"}}
			return
		}
	}
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if connection, _, err := hijacker.Hijack(); err == nil {
			_ = connection.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
