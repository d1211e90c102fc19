// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// throttled is how long to wait when Railway refuses a request as too frequent and does not say for how long
	// (railway-api.md, "Errors").
	throttled = 30 * time.Second
	// edgeBlocked is how long to wait when Cloudflare blocks the address and does not say for how long; blocks of hours have
	// been seen (railway-api.md, "Endpoint").
	edgeBlocked = 5 * time.Minute
)

// What can be wrong with the body of an answer, as causes.
var (
	errTooLarge  = errors.New("the answer is larger than the limit")
	errMalformed = errors.New("the answer is not JSON, or only a part of it")
	errShape     = errors.New("the answer does not have the shape of our schema")
)

// answer is what came of one request: everything that classify looks at.
type answer struct {
	mutation bool
	// sent is true when the request may have reached Railway.
	sent bool
	// cause is set when there is no answer, or none that can be read.
	cause error
	// status is the HTTP status, 0 when there was none.
	status int
	// wait is the Retry-After header.
	wait time.Duration
	// text is the body when it is not JSON.
	text string
	// errors and noData are the GraphQL answer: whatever errors came, and whether data is null or missing.
	errors []problem
	noData bool
}

// problem is one entry of a GraphQL answer's errors.
type problem struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	TraceID    string `json:"traceId"`
	Extensions struct {
		Code    string `json:"code"`
		TraceID string `json:"traceId"`
	} `json:"extensions"`
}

// bearable reports an error that leaves the rest of the answer whole: the source of a fork is another environment, which a
// project token may not see (railway-api.md, "Tokens"). The field is then null, and nothing is decided by that.
func (p problem) bearable() bool { return slices.Contains(p.Path, any("sourceEnvironment")) }

// verdict is classify's judgement; class None means a good answer.
type verdict struct {
	class   Class
	message string
	wait    time.Duration
	// everything is true when a rate limit stops the whole token, not just this one mutation.
	everything bool
	// throttle is set when Railway refused this one mutation as too frequent.
	throttle *throttle
}

// throttle is what Railway says when it refuses one mutation as too frequent.
type throttle struct {
	// every is how far apart the text wants such requests, wait is the Retry-After header; 0 when it does not say.
	every, wait time.Duration
}

// classify is the one place that decides what an answer means (railway-api.md, "Errors").
func classify(a answer) verdict {
	v := a.judge()
	if a.mutation && a.sent && (v.class == Transient || a.applied(v.class)) {
		v.class = Ambiguous
	}
	return v
}

// applied reports that a failed mutation may have gone through all the same. An error from below its root field means that it did and
// that only the answer could not be completed. An error of an unknown kind says nothing: creates have been seen to succeed although
// their call failed (railway-api.md, "Errors"). Only a kind that we know to be a refusal is one.
func (a answer) applied(class Class) bool {
	return slices.ContainsFunc(a.errors, func(p problem) bool { return len(p.Path) > 1 }) ||
		errors.Is(a.cause, errTooLarge) || len(a.errors) > 0 && class == Internal
}

func (a answer) judge() verdict {
	switch {
	case a.status == http.StatusTooManyRequests || strings.Contains(a.text, "error code: 1015"):
		return a.judgeLimit()
	case len(a.errors) > 0:
		return a.judgeErrors()
	case a.status != 0 && a.status != http.StatusOK:
		return a.judgeStatus()
	case errors.Is(a.cause, errShape):
		return verdict{class: SchemaMismatch, message: a.cause.Error()}
	case errors.Is(a.cause, errTooLarge):
		return verdict{class: Internal, message: a.cause.Error()}
	case a.cause != nil:
		return verdict{class: Transient, message: describe(a.cause)}
	case a.noData:
		return verdict{class: Transient, message: "an answer without data"}
	default:
		return verdict{}
	}
}

func (a answer) judgeLimit() verdict {
	v := verdict{class: RateLimited, message: "too many requests", wait: a.wait, everything: true}
	if strings.Contains(a.text, "1015") {
		v.message = "too many requests (Cloudflare 1015)"
		v.wait = max(v.wait, edgeBlocked)
	}
	if v.wait == 0 {
		v.wait = throttled
	}
	return v
}

func (a answer) judgeStatus() verdict {
	v := verdict{message: fmt.Sprintf("HTTP %d %s", a.status, http.StatusText(a.status)), wait: a.wait}
	switch {
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden && !markup.MatchString(a.text):
		v.class = Unauthorized
	case a.status == http.StatusBadRequest, a.status == http.StatusUnprocessableEntity:
		v.class = Invalid
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed:
		// The endpoint is no GraphQL API. This must not look like an object that does not exist.
		v.class = Internal
	default:
		v.class = Transient
	}
	return v
}

// judgeErrors takes the first error that says something we know, else the first error. Parse, validation and bad-input errors are
// HTTP 400 (railway-api.md, "Errors"), so whatever it says then, it is our input that was refused and nothing was done.
func (a answer) judgeErrors() verdict {
	for _, p := range a.errors {
		class, everything := classOfProblem(p)
		if class == RateLimited {
			return a.judgeThrottle(p.Message, everything)
		}
		if class != Internal {
			return verdict{class: class, message: p.Message, wait: a.wait}
		}
	}
	v := verdict{class: Internal, message: cmp.Or(a.errors[0].Message, "an error without a message"), wait: a.wait}
	if a.status == http.StatusBadRequest {
		v.class = Invalid
	}
	return v
}

// judgeThrottle is the answer to too many requests, or to one mutation that was sent too often. Nothing else than the token's limit
// concerns a query.
func (a answer) judgeThrottle(message string, everything bool) verdict {
	everything = everything || !a.mutation
	v := verdict{class: RateLimited, message: message, wait: cmp.Or(a.wait, throttled), everything: everything}
	if !everything {
		v.throttle = &throttle{every: spacing(message), wait: a.wait}
		v.wait = cmp.Or(max(a.wait, v.throttle.every), throttled)
	}
	return v
}

// everySeconds finds the pace in a throttle's text: "every 30s", "1 project per 30 seconds" (railway-api.md, "Errors").
var everySeconds = regexp.MustCompile(`(?i)\b(?:every|per) (\d{1,4}) ?s(?:ec(?:ond)?s?)?\b`)

// spacing returns how far apart a throttle's text wants requests, 0 when it does not say.
func spacing(message string) time.Duration {
	found := everySeconds.FindStringSubmatch(message)
	if found == nil {
		return 0
	}
	seconds, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

// messages are the texts that Railway's errors are known by, in the order in which they are tried; most errors carry no
// better code than INTERNAL_SERVER_ERROR (railway-api.md, "Errors"). They are matched as lower-case substrings.
var messages = []struct {
	class Class
	texts []string
}{
	{Unauthorized, []string{"project token not found", "not authorized", "bad access", "two factor authentication required"}},
	{SchemaMismatch, []string{"cannot query field", "is not defined by type", "unknown argument", "unknown type", "syntax error"}},
	{RateLimited, []string{"whoa there pal", "can be created per user every", "every 30s", "too quickly",
		"per 30 seconds", "rate limit", "too many requests"}},
	{Transient, []string{"problem processing request", "upstream connect error"}},
	{Conflict, []string{"already in progress", "already exists", "already in use", "cannot redeploy yet",
		"please wait for the original deployment", "environment changed since this plan was computed"}},
	{PlanLimit, []string{"limit exceeded", "limit reached", "plan limit", "please upgrade", "upgrade your", "trial has expired", "limited plan"}},
	{Invalid, []string{"commit not found", "is not a valid", "got invalid value", "invalid project name",
		"no patch to apply", "without a snapshot", "unsupported railwaychangeset"}},
	{NotFound, []string{"not found"}},
}

// codes are the extensions.code values that say enough (railway-api.md, "Errors").
var codes = map[string]Class{
	"UNAUTHENTICATED": Unauthorized, "UNAUTHORIZED": Unauthorized, "FORBIDDEN": Unauthorized,
	"BAD_USER_INPUT": Invalid, "BAD_REQUEST": Invalid,
	"GRAPHQL_VALIDATION_FAILED": SchemaMismatch, "GRAPHQL_PARSE_FAILED": SchemaMismatch,
	"RATE_LIMITED": RateLimited, "TOO_MANY_REQUESTS": RateLimited,
	"PLAN_LIMIT": PlanLimit, "SUBSCRIPTION_REQUIRED": PlanLimit,
	"NOT_FOUND": NotFound, "STALE_ENVIRONMENT_BASE": Conflict,
}

// classOfProblem looks at the message first, it says more than the code. everything is true for the rate limit of the token,
// and false for the throttle of a single mutation.
func classOfProblem(p problem) (class Class, everything bool) {
	code, text := p.Extensions.Code, strings.ToLower(p.Message)
	if codes[code] == RateLimited {
		return RateLimited, true
	}
	for _, m := range messages {
		if slices.ContainsFunc(m.texts, func(part string) bool { return strings.Contains(text, part) }) {
			return m.class, false
		}
	}
	if class, ok := codes[code]; ok {
		return class, false
	}
	if strings.HasSuffix(code, "_NOT_FOUND") {
		return NotFound, false
	}
	return Internal, false
}

// describe says in stable words what went wrong on the wire: Go's own texts name ports and times.
func describe(err error) string {
	var (
		dns   *net.DNSError
		trust *tls.CertificateVerificationError
		errno syscall.Errno
	)
	switch {
	case errors.Is(err, errMalformed):
		return errMalformed.Error()
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return "no answer within the time limit"
	case errors.As(err, &dns):
		return "cannot resolve the host name " + dns.Name
	case errors.As(err, &trust):
		return "the TLS certificate cannot be verified"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete"
	default:
		return "the connection failed"
	}
}
