// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"errors"
	"fmt"
	"time"
)

// Class sorts errors by what to do about them.
type Class int

const (
	// None is the class of no error.
	None Class = iota
	// Invalid means that Railway, or a check before sending, refused the input: a person must change it.
	Invalid
	// Unauthorized means that the token is bad or may not do this. On a read it may also mean that the object does not
	// exist: prove it by listing from the parent before acting on it (railway-api.md, "Errors").
	Unauthorized
	// NotFound means that the object is gone, or was made so recently that reads do not show it yet
	// (railway-api.md, "Errors").
	NotFound
	// Conflict means that the name is taken, or that another operation on the object is under way.
	Conflict
	// PlanLimit means that the workspace's plan does not allow it; it can pass without a change here.
	PlanLimit
	// RateLimited means too many requests; see RetryAfter.
	RateLimited
	// Transient means that nothing was done and that it may work later.
	Transient
	// Ambiguous means that a mutation may or may not have been applied: observe before writing again. Message keeps Railway's text.
	Ambiguous
	// SchemaMismatch means that Railway's schema and ours disagree: this version cannot work until it is updated.
	SchemaMismatch
	// Internal means an error of a query that fits no other class, or an endpoint that is no GraphQL API. A mutation's error of an
	// unknown kind is Ambiguous.
	Internal
)

var classNames = map[Class]string{
	None: "OK", Invalid: "Invalid", Unauthorized: "Unauthorized", NotFound: "NotFound", Conflict: "Conflict",
	PlanLimit: "PlanLimit", RateLimited: "RateLimited", Transient: "Transient", Ambiguous: "Ambiguous",
	SchemaMismatch: "SchemaMismatch", Internal: "Internal",
}

// String returns the class's name, for logs and metrics.
func (c Class) String() string { return classNames[c] }

// Error is what every method of Client returns when it fails.
type Error struct {
	Class Class
	// Operation is the name of the GraphQL operation, for example ReadEnvironment.
	Operation string
	// Message says what happened: at most 512 bytes of one line, without secrets, markup, times or trace ids, and the same
	// text when the same thing happens again.
	Message string
	// Status is the HTTP status; 0 when there was no answer.
	Status int
	// RetryAfter is how long to wait before the next attempt; 0 when Railway does not say.
	RetryAfter time.Duration
	// TraceID is Railway's id of the request, for a support case; often empty. It is not part of Error().
	TraceID string
	// AwaitsSlot is true when nothing was sent because the caller's slot has not come; the message is the same each time.
	AwaitsSlot bool

	cause error
	// throttle is set when Railway refused this one mutation as too frequent.
	throttle *throttle
	// heavy is set when a request that asks for less might succeed.
	heavy bool
}

// Error returns the operation and the message.
func (e *Error) Error() string {
	if e.Operation == "" {
		return "railway: " + e.Message
	}
	return fmt.Sprintf("railway: %s: %s", e.Operation, e.Message)
}

// Unwrap returns the error of the network or of the context, nil when Railway itself answered.
func (e *Error) Unwrap() error { return e.cause }

// ClassOf returns the class of the Error in err's chain, None for nil, and Internal for any other error.
func ClassOf(err error) Class {
	if err == nil {
		return None
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Internal
}

// RetryAfter returns how long to wait before the next attempt, 0 when nobody says.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
