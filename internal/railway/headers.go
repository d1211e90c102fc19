// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait bounds how long a header can stop us, should it be nonsense: the longest window Railway documents is an hour
// (railway-api.md, "Rate limits").
const maxWait = time.Hour

// quota is what the rate limit headers of one answer say (railway-api.md, "Rate limits").
type quota struct {
	// limit is the requests an hour, 0 when not said.
	limit int
	// remaining is how many of them are left; known is false when the answer did not carry both.
	remaining int
	known     bool
	// reset is when remaining becomes limit again; zero when not said.
	reset time.Time
}

func parseQuota(header http.Header, now time.Time) quota {
	limit, hasLimit := parseCount(header.Get("X-RateLimit-Limit"))
	if !hasLimit {
		limit = parsePolicy(header.Get("RateLimit-Policy"))
	}
	remaining, hasRemaining := parseCount(header.Get("X-RateLimit-Remaining"))
	q := quota{limit: limit, remaining: remaining, known: hasRemaining && limit > 0}
	if at, ok := parseInstant(header.Get("X-RateLimit-Reset"), now); ok {
		q.reset = bound(at, now)
	}
	return q
}

// parsePolicy returns the requests an hour that a header like
//
//	RateLimit-Policy: "default";q=1000;w=3600
//
// allows (railway-api.md, "Rate limits": newer docs); 0 when it does not say. Of several policies the one of the
// longest window counts: shorter ones are the pace, which has a limit of its own.
func parsePolicy(header string) int {
	longest, perHour := 0, 0
	for policy := range strings.SplitSeq(header, ",") {
		requests, seconds := 0, 0
		for parameter := range strings.SplitSeq(policy, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			switch count, ok := parseCount(value); {
			case ok && name == "q":
				requests = min(count, maxRequests)
			case ok && name == "w":
				seconds = min(count, maxRequests)
			}
		}
		if seconds > longest {
			longest, perHour = seconds, requests*int(window/time.Second)/seconds
		}
	}
	return perHour
}

// maxRequests bounds the numbers of a policy, should they be nonsense.
const maxRequests = 10_000_000

// parseRetryAfter returns how long the header asks to wait, 0 when it does not.
func parseRetryAfter(header http.Header, now time.Time) time.Duration {
	at, ok := parseInstant(header.Get("Retry-After"), now)
	if !ok {
		return 0
	}
	return max(0, bound(at, now).Sub(now))
}

// parseInstant reads every form that rate limit headers take in the wild: seconds from now, seconds or milliseconds since
// 1970, RFC 3339 and HTTP dates. Which of them Railway uses is not documented (railway-api.md, "Rate limits").
func parseInstant(text string, now time.Time) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if number, err := strconv.ParseFloat(text, 64); err == nil && number >= 0 {
		switch {
		case number >= 1e12:
			return time.UnixMilli(int64(min(number, 1e15))), true
		case number >= 1e9:
			return time.Unix(int64(number), 0), true
		default:
			return now.Add(time.Duration(number * float64(time.Second))), true
		}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return at, true
	}
	return time.Time{}, false
}

func parseCount(text string) (int, bool) {
	count, err := strconv.Atoi(strings.TrimSpace(text))
	return count, err == nil && count >= 0
}

func bound(at, now time.Time) time.Time {
	if latest := now.Add(maxWait); at.After(latest) {
		return latest
	}
	return at
}

// traceID returns the first id that a support case could name (railway-api.md, "Errors").
func traceID(header http.Header) string {
	for _, name := range []string{"X-Trace-Id", "Railway-Trace-Id", "X-Request-Id", "Cf-Ray"} {
		if id := header.Get(name); id != "" {
			return truncate(id, 64)
		}
	}
	return ""
}
