// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func problemOf(message, code string, path ...any) []problem {
	p := problem{Message: message, Path: path}
	p.Extensions.Code = code
	return []problem{p}
}

func TestClassifyErrors(t *testing.T) {
	const ise = "INTERNAL_SERVER_ERROR"
	tests := []struct {
		reason        string
		message, code string
		want          Class
		wait          time.Duration
		everything    bool
	}{
		{reason: "the CLI's text for a bad project token", message: "Project Token not found", code: ise, want: Unauthorized},
		{reason: "no access, a dead token, or no such object", message: "Not Authorized", code: ise, want: Unauthorized},
		{reason: "a project token may not touch triggers", message: "Bad Access", code: ise, want: Unauthorized},
		{reason: "the workspace wants a second factor", message: "Two Factor Authentication Required", want: Unauthorized},
		{reason: "a code without a known text", message: "no", code: "UNAUTHENTICATED", want: Unauthorized},
		{reason: "a code without a known text", message: "no", code: "UNAUTHORIZED", want: Unauthorized},
		{reason: "a code without a known text", message: "no", code: "FORBIDDEN", want: Unauthorized},
		{reason: "generic and transient", message: "Problem processing request", code: ise, want: Transient},
		{reason: "a gateway inside Railway", message: "upstream connect error or disconnect", want: Transient},
		{reason: "gone, or not visible yet", message: "ServiceInstance not found", code: ise, want: NotFound},
		{reason: "gone, or not visible yet", message: "Deployment not found", code: ise, want: NotFound},
		{reason: "the CLI's exact text", message: "Project not found", code: ise, want: NotFound},
		{reason: "a code without a known text", message: "no", code: "NOT_FOUND", want: NotFound},
		{reason: "a code of one kind of object", message: "no", code: "VOLUME_INSTANCE_NOT_FOUND", want: NotFound},
		{reason: "a throttle of one mutation", message: "Whoa there pal! You're going too fast. Try again in a sec",
			code: ise, want: RateLimited, wait: 30 * time.Second},
		{reason: "a throttle of one mutation", message: "Only one environment can be created per user every 30s",
			code: ise, want: RateLimited, wait: 30 * time.Second},
		{reason: "a throttle of one mutation", message: "You are creating projects too quickly, 1 project per 30 seconds",
			code: ise, want: RateLimited, wait: 30 * time.Second},
		{reason: "volumes have a throttle of their own", message: "You are creating volumes too quickly",
			code: ise, want: RateLimited, wait: 30 * time.Second},
		{reason: "the text knows the pace", message: "Only one environment can be created per user every 5s",
			code: ise, want: RateLimited, wait: 5 * time.Second},
		{reason: "the token's limit, not one mutation's", message: "slow down", code: "RATE_LIMITED",
			want: RateLimited, wait: 30 * time.Second, everything: true},
		{reason: "the token's limit, not one mutation's", message: "slow down", code: "TOO_MANY_REQUESTS",
			want: RateLimited, wait: 30 * time.Second, everything: true},
		{reason: "two deletions at once", message: "An operation is already in progress", code: ise, want: Conflict},
		{reason: "the first deployment still builds",
			message: "Cannot redeploy yet, please wait for the original deployment to finish building", want: Conflict},
		{reason: "a redeploy of nothing", message: "Cannot redeploy without a snapshot", want: Invalid},
		{reason: "an empty staging area", message: "No patch to apply", want: Invalid},
		{reason: "a stale etag", message: "The environment changed since this plan was computed. Re-run it",
			code: "STALE_ENVIRONMENT_BASE", want: Conflict},
		{reason: "a malformed change set", message: "Unsupported RailwayChangeSet version: undefined", want: Invalid},
		{reason: "the name is taken", message: "A service named api already exists in this project", code: ise, want: Conflict},
		{reason: "the domain is taken", message: "example.com is already in use", code: ise, want: Conflict},
		{reason: "a wrong domain", message: "foo is not a valid domain", code: ise, want: Invalid},
		{reason: "a wrong name", message: "Invalid project name", code: ise, want: Invalid},
		{reason: "permanent, though it says not found", message: "Commit not found", code: ise, want: Invalid},
		{reason: "a code without a known text", message: "no", code: "BAD_USER_INPUT", want: Invalid},
		{reason: "a code without a known text", message: "no", code: "BAD_REQUEST", want: Invalid},
		{reason: "a plan's limit", message: "Free plan resource provision limit exceeded. Please upgrade", code: ise, want: PlanLimit},
		{reason: "a code without a known text", message: "no", code: "PLAN_LIMIT", want: PlanLimit},
		{reason: "a code without a known text", message: "no", code: "SUBSCRIPTION_REQUIRED", want: PlanLimit},
		{reason: "our schema is too new", message: `Cannot query field "x" on type "Y".`, want: SchemaMismatch},
		{reason: "our schema is too new", message: `Field "x" is not defined by type "Y".`, want: SchemaMismatch},
		{reason: "our schema is too new", message: `Unknown argument "x" on field "Y.z".`, want: SchemaMismatch},
		{reason: "a code without a known text", message: "no", code: "GRAPHQL_VALIDATION_FAILED", want: SchemaMismatch},
		{reason: "the query does not parse", message: "Syntax Error: Expected Name, found <EOF>.", want: SchemaMismatch},
		{reason: "a deployment under way", message: "Cannot redeploy yet", want: Conflict},
	}
	for _, tt := range tests {
		t.Run(tt.message+tt.code, func(t *testing.T) {
			for _, status := range []int{200, 400, 500} {
				a := answer{sent: true, status: status, noData: true, mutation: tt.want == RateLimited, errors: problemOf(tt.message, tt.code)}
				v := classify(a)
				assert.Equal(t, tt.want, v.class, "%s, HTTP %d", tt.reason, status)
				assert.Equal(t, tt.message, v.message, tt.reason)
				assert.Equal(t, tt.wait, v.wait, tt.reason)
				assert.Equal(t, tt.everything, v.everything, tt.reason)
				if a.mutation {
					a.mutation = false
					assert.True(t, classify(a).everything, "%s, of a query: there is no other limit", tt.reason)
				}
			}
		})
	}
}

func TestClassifyAnswers(t *testing.T) {
	page := "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
	reset := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	tests := []struct {
		reason string
		answer answer
		// query and mutation are the classes for the same answer to either.
		query, mutation Class
		message         string
		wait            time.Duration
	}{
		{"data without errors", answer{sent: true, status: 200}, None, None, "", 0},
		{"nothing left our machine", answer{cause: &net.DNSError{Name: "backboard.railway.com"}}, Transient, Transient,
			"cannot resolve the host name backboard.railway.com", 0},
		{"nothing left our machine", answer{cause: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, Transient, Transient,
			"connection refused", 0},
		{"the request was on its way", answer{sent: true, cause: reset}, Transient, Ambiguous, "connection reset by peer", 0},
		{"the request was on its way", answer{sent: true, cause: context.DeadlineExceeded}, Transient, Ambiguous,
			"no answer within the time limit", 0},
		{"the operator stops while it waits", answer{sent: true, cause: context.Canceled}, Transient, Ambiguous, "canceled", 0},
		{"the answer broke off", answer{sent: true, status: 200, cause: io.ErrUnexpectedEOF}, Transient, Ambiguous,
			"the connection was closed before the answer was complete", 0},
		{"half of a JSON body", answer{sent: true, status: 200, cause: errMalformed, text: `{"data":{"env`}, Transient, Ambiguous,
			errMalformed.Error(), 0},
		{"a proxy's page with status 200", answer{sent: true, status: 200, cause: errMalformed, text: page}, Transient, Ambiguous,
			errMalformed.Error(), 0},
		{"a gateway's page", answer{sent: true, status: 502, cause: errMalformed, text: page}, Transient, Ambiguous,
			"HTTP 502 Bad Gateway", 0},
		{"a gateway asks for a pause", answer{sent: true, status: 503, wait: 7 * time.Second, noData: true}, Transient, Ambiguous,
			"HTTP 503 Service Unavailable", 7 * time.Second},
		{"data is null and nobody says why", answer{sent: true, status: 200, noData: true}, Transient, Ambiguous,
			"an answer without data", 0},
		{"a redirect is not followed", answer{sent: true, status: 302, noData: true}, Transient, Ambiguous, "HTTP 302 Found", 0},
		{"too many requests", answer{sent: true, status: 429, wait: 12 * time.Second, noData: true}, RateLimited, RateLimited,
			"too many requests", 12 * time.Second},
		{"no pause was named", answer{sent: true, status: 429, noData: true}, RateLimited, RateLimited,
			"too many requests", 30 * time.Second},
		{"Cloudflare blocks our address", answer{sent: true, status: 429, cause: errMalformed, text: "error code: 1015"},
			RateLimited, RateLimited, "too many requests (Cloudflare 1015)", 5 * time.Minute},
		{"Cloudflare blocks with another status", answer{sent: true, status: 403, cause: errMalformed, text: "error code: 1015"},
			RateLimited, RateLimited, "too many requests (Cloudflare 1015)", 5 * time.Minute},
		{"a plain refusal", answer{sent: true, status: 401, noData: true}, Unauthorized, Unauthorized, "HTTP 401 Unauthorized", 0},
		{"a plain refusal", answer{sent: true, status: 403, noData: true}, Unauthorized, Unauthorized, "HTTP 403 Forbidden", 0},
		{"a firewall's page says nothing about the token", answer{sent: true, status: 403, cause: errMalformed, text: page},
			Transient, Ambiguous, "HTTP 403 Forbidden", 0},
		{"a wrong endpoint is not a missing object", answer{sent: true, status: 404, noData: true}, Internal, Internal,
			"HTTP 404 Not Found", 0},
		{"refused before GraphQL", answer{sent: true, status: 422, noData: true}, Invalid, Invalid, "HTTP 422 Unprocessable Entity", 0},
		{"too large to read; a mutation is done by then", answer{sent: true, status: 200, cause: fmt.Errorf("%w of 5 bytes", errTooLarge)},
			Internal, Ambiguous, "the answer is larger than the limit of 5 bytes", 0},
		{"another shape than ours", answer{sent: true, status: 200, cause: errShape}, SchemaMismatch, SchemaMismatch, errShape.Error(), 0},
		{"partial data counts as an error", answer{sent: true, status: 200, errors: problemOf("Not Authorized", "")},
			Unauthorized, Unauthorized, "Not Authorized", 0},
		{"the error is below the mutation's root: it went through",
			answer{sent: true, status: 200, errors: problemOf("Not Authorized", "", "environmentCreate", "config")},
			Unauthorized, Ambiguous, "Not Authorized", 0},
		{"a generic failure may have happened half-way", answer{sent: true, status: 200, errors: problemOf("Problem processing request", "")},
			Transient, Ambiguous, "Problem processing request", 0},
		{"not even a message: who knows what was done", answer{sent: true, status: 200, errors: problemOf("", "")}, Internal, Ambiguous,
			"an error without a message", 0},
		{"nothing we know: it may have been applied", answer{sent: true, status: 200, noData: true,
			errors: problemOf("the cat sat on the keyboard", "INTERNAL_SERVER_ERROR")}, Internal, Ambiguous, "the cat sat on the keyboard", 0},
		{"an unknown code", answer{sent: true, status: 500, noData: true, errors: problemOf("the cat sat on the keyboard", "CAT")},
			Internal, Ambiguous, "the cat sat on the keyboard", 0},
		{"bad input of an unknown kind is refused before anything is done", answer{sent: true, status: 400, noData: true,
			errors: problemOf("healthcheckPath must not be so", "INTERNAL_SERVER_ERROR")}, Invalid, Invalid, "healthcheckPath must not be so", 0},
		{"generic, and seen just after creates as well", answer{sent: true, status: 400, noData: true,
			errors: problemOf("Problem processing request", "")}, Transient, Ambiguous, "Problem processing request", 0},
		{"Railway asks for a longer pause than its rule", answer{sent: true, status: 200, noData: true, wait: 50 * time.Second,
			errors: problemOf("Only one environment can be created per user every 30s", "")}, RateLimited, RateLimited,
			"Only one environment can be created per user every 30s", 50 * time.Second},
		{"unknown errors before a known one", answer{sent: true, status: 200,
			errors: append(problemOf("hm", ""), problemOf("Project not found", "")...)}, NotFound, NotFound, "Project not found", 0},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			v := classify(tt.answer)
			assert.Equal(t, tt.query, v.class, "as a query")
			assert.Equal(t, tt.message, v.message)
			assert.Equal(t, tt.wait, v.wait)
			tt.answer.mutation = true
			assert.Equal(t, tt.mutation, classify(tt.answer).class, "as a mutation")
		})
	}
}

func TestClassOf(t *testing.T) {
	limited := &Error{Class: RateLimited, Operation: "ReadProject", Message: "too many requests", RetryAfter: time.Minute}
	assert.Equal(t, None, ClassOf(nil))
	assert.Equal(t, Internal, ClassOf(errors.New("something else")))
	assert.Equal(t, RateLimited, ClassOf(fmt.Errorf("look: %w", limited)), "through wrapping")
	assert.Equal(t, time.Minute, RetryAfter(fmt.Errorf("look: %w", limited)))
	assert.Zero(t, RetryAfter(errors.New("something else")))
	assert.EqualError(t, limited, "railway: ReadProject: too many requests")
	assert.ErrorIs(t, &Error{cause: context.Canceled}, context.Canceled)
	for class := None; class <= Internal; class++ {
		assert.NotEmpty(t, class.String(), "every class has a name")
	}
}

func TestSpacing(t *testing.T) {
	tests := []struct {
		reason, message string
		want            time.Duration
	}{
		{"environments", "Only one environment can be created per user every 30s", 30 * time.Second},
		{"projects", "You are creating projects too quickly, 1 project per 30 seconds", 30 * time.Second},
		{"another rule", "one per 5 sec please", 5 * time.Second},
		{"no figure", "Whoa there pal! Try again in a sec", 0},
		{"another unit", "every 30 services", 0},
		{"nonsense is bounded", "every 9999s", time.Hour},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, spacing(tt.message), tt.reason)
	}
}
