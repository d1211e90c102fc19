// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxMessage = 512
	redacted   = "[redacted]"
	// Shorter values are words like "true" that a message may contain for its own reasons.
	minSecret = 4
)

var (
	bearer = regexp.MustCompile(`(?i)\b(bearer|project-access-token)[\s:=]+\S+`)
	// GraphQL servers repeat a refused variable in full, secrets included:
	// Variable "$patch" got invalid value {…}; Expected type …
	echoed = regexp.MustCompile(`(?s)(got invalid value) .*?(; [A-Z]|$)`)
	// A trace id differs every time and would make equal errors look different.
	traced = regexp.MustCompile(`(?i)[\s,;(\[]*\b(trace|request)[-_ ]?id\b["']?\s*[:=]?\s*["']?[0-9a-f-]{8,}["')\]]*`)
	markup = regexp.MustCompile(`(?i)<\s*(!doctype|html|head|body)`)
)

// sanitise makes one bounded line of a message from outside and takes out the secrets that were sent along, in case the
// server repeats them.
func sanitise(message string, secrets []string) string {
	message = truncate(message, 64*maxMessage)
	if markup.MatchString(message) {
		return "an HTML page instead of an answer"
	}
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			message = strings.ReplaceAll(message, secret, redacted)
		}
	}
	message = echoed.ReplaceAllString(message, "$1 "+redacted+"$2")
	message = bearer.ReplaceAllString(message, "$1 "+redacted)
	message = traced.ReplaceAllString(message, "")
	message = strings.Join(strings.FieldsFunc(message, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
	}), " ")
	return truncate(message, maxMessage)
}

// truncate cuts s to at most size bytes, between two words: half of a secret would be recognised by nobody who masks it later.
func truncate(s string, size int) string {
	const ellipsis = "…"
	if len(s) <= size {
		return s
	}
	cut := size - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:strings.LastIndexFunc(s[:cut], unicode.IsSpace)+1] + ellipsis
}

// secretsIn returns the strings of a request's variables that are secret: every "value" in them, and registry passwords, as
// they are and as JSON spells them, the longest first.
func secretsIn(variables any) []string {
	body, err := json.Marshal(variables)
	if err != nil {
		return nil
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil
	}
	var found []string
	var walk func(key string, value any)
	walk = func(key string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for k, child := range v {
				walk(k, child)
			}
		case []any:
			for _, child := range v {
				walk(key, child)
			}
		case string:
			if key == "value" || key == "password" {
				found = append(found, v, spelled(v))
			}
		}
	}
	walk("", tree)
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(found)
}

// spelled returns s as it stands between the quotes of a JSON string.
func spelled(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(quoted[1 : len(quoted)-1])
}
