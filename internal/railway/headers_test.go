// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestParseInstant(t *testing.T) {
	soon := noon.Add(90 * time.Second)
	tests := []struct {
		reason, text string
		want         time.Time
		ok           bool
	}{
		{"seconds from now", "90", soon, true},
		{"with blanks", " 90 ", soon, true},
		{"fractions", "90.0", soon, true},
		{"seconds since 1970", "1795435290", soon, true},
		{"milliseconds since 1970", "1795435290000", soon, true},
		{"RFC 3339", "2026-11-23T12:01:30Z", soon, true},
		{"RFC 3339 as JavaScript writes it", "2026-11-23T12:01:30.000Z", soon, true},
		{"HTTP date", "Mon, 23 Nov 2026 12:01:30 GMT", soon, true},
		{"nothing", "", time.Time{}, false},
		{"negative", "-5", time.Time{}, false},
		{"not a number", "NaN", time.Time{}, false},
		{"words", "soon", time.Time{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			got, ok := parseInstant(tt.text, noon)
			assert.Equal(t, tt.ok, ok)
			assert.True(t, tt.want.Equal(got), "got %s", got)
		})
	}
}

func TestParseRetryAfter(t *testing.T) {
	tests := []struct {
		reason, text string
		want         time.Duration
	}{
		{"none", "", 0},
		{"seconds", "30", 30 * time.Second},
		{"a date in the past", "Mon, 23 Nov 2026 11:00:00 GMT", 0},
		{"nonsense must not stop us for years", "999999999", time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			assert.Equal(t, tt.want, parseRetryAfter(http.Header{"Retry-After": {tt.text}}, noon))
		})
	}
}

func TestParseQuota(t *testing.T) {
	header := func(limit, remaining, reset string) http.Header {
		h := http.Header{}
		h.Set("X-RateLimit-Limit", limit)
		h.Set("X-RateLimit-Remaining", remaining)
		h.Set("X-RateLimit-Reset", reset)
		return h
	}
	q := parseQuota(header("1000", "999", "60"), noon)
	assert.Equal(t, quota{limit: 1000, remaining: 999, known: true, reset: noon.Add(time.Minute)}, q)
	assert.False(t, parseQuota(http.Header{}, noon).known, "no headers")
	assert.False(t, parseQuota(header("1000", "", ""), noon).known, "half of them")
	assert.False(t, parseQuota(header("many", "few", ""), noon).known, "not numbers")
	assert.False(t, parseQuota(header("0", "0", ""), noon).known, "a limit of zero would stop us for ever")
	assert.True(t, parseQuota(header("10", "0", ""), noon).reset.IsZero(), "no reset")

	policy := http.Header{}
	policy.Set("RateLimit-Policy", `"default";q=10000;w=3600`)
	assert.Equal(t, quota{limit: 10000}, parseQuota(policy, noon), "the limit alone, nothing about what is left")
	policy.Set("X-RateLimit-Remaining", "9")
	assert.Equal(t, quota{limit: 10000, remaining: 9, known: true}, parseQuota(policy, noon))
	policy.Set("X-RateLimit-Limit", "1000")
	assert.Equal(t, 1000, parseQuota(policy, noon).limit, "the header that is documented longer goes first")
}

func TestParsePolicy(t *testing.T) {
	tests := []struct {
		reason, header string
		want           int
	}{
		{"as documented", `"default";q=1000;w=3600`, 1000},
		{"with blanks", `"default"; q=1000; w=3600`, 1000},
		{"a shorter window beside it is the pace", `"burst";q=10;w=1, "default";q=1000;w=3600`, 1000},
		{"a day, as an hour's share", `"default";q=24000;w=86400`, 1000},
		{"none", "", 0},
		{"no window", `"default";q=1000`, 0},
		{"a window of nothing", `"default";q=1000;w=0`, 0},
		{"nonsense", `;;q=;w==,,`, 0},
		{"a huge number overflows nothing", `"x";q=9223372036854775807;w=1`, 36_000_000_000},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, parsePolicy(tt.header), tt.reason)
	}
}
