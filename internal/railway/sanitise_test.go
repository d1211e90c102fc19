// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSanitise(t *testing.T) {
	tests := []struct {
		reason, message string
		secrets         []string
		want            string
	}{
		{"plain text stays", `Service "api" already exists in this project`, nil, `Service "api" already exists in this project`},
		{"the token itself", "token 0123-4567 is bad", []string{"0123-4567"}, "token [redacted] is bad"},
		{"a header that somebody repeats", "got Authorization: Bearer abc.def", nil, "got Authorization: Bearer [redacted]"},
		{"the project token's header", "Project-Access-Token: abc", nil, "Project-Access-Token [redacted]"},
		{"a page", "  <!DOCTYPE html><html>hello</html>", nil, "an HTML page instead of an answer"},
		{"a refused variable in full", `Variable "$patch" got invalid value { services: { a: "s3cr3t" } }; Expected an object.`, nil,
			`Variable "$patch" got invalid value [redacted]; Expected an object.`},
		{"a refused variable at the end", `Variable "$patch" got invalid value "s3cr3t"`, nil,
			`Variable "$patch" got invalid value [redacted]`},
		{"trace ids differ each time", "Problem processing request, traceId: 4f1b0c2d9e8a7766", nil, "Problem processing request"},
		{"trace ids in brackets", `Problem processing request (trace id "4f1b0c2d-9e8a-7766")`, nil, "Problem processing request"},
		{"lines and control characters", "one\n\ttwo\x00three", nil, "one two three"},
		{"too short to be a secret", "true is true", []string{"tru"}, "true is true"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			assert.Equal(t, tt.want, sanitise(tt.message, tt.secrets))
		})
	}
}

func TestSanitiseBounds(t *testing.T) {
	for _, message := range []string{strings.Repeat("é", 5000), strings.Repeat("x", 511) + "é", strings.Repeat("日", 171)} {
		got := sanitise(message, nil)
		assert.LessOrEqual(t, len(got), maxMessage)
		assert.True(t, utf8.ValidString(got), "cut at the end of a character")
	}
}

func TestSecretsIn(t *testing.T) {
	variables := map[string]any{
		"environmentId": "id-1234", "message": "hello",
		"patch": map[string]any{"services": map[string]any{"a": map[string]any{
			"variables": map[string]any{"KEY": map[string]any{"value": "line\none"}},
			"deploy":    map[string]any{"registryCredentials": map[string]any{"username": "bob", "password": "hunter2"}},
		}}},
	}
	assert.ElementsMatch(t, []string{"line\none", `line\none`, "hunter2"}, secretsIn(variables))
}

func TestCredentialsNeverShow(t *testing.T) {
	const token = "3c3d1f1e-secret-token"
	c := Credentials{Kind: TokenProject, Token: token}
	shown := []string{c.String(), c.GoString(), slog.AnyValue(c).Resolve().String(), fmt.Sprint(c.MarshalLog())}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, struct{ C Credentials }{c}))
	}
	body, err := json.Marshal(map[string]any{"c": c})
	require.NoError(t, err)
	for _, text := range append(shown, string(body)) {
		assert.NotContains(t, text, token)
		assert.NotContains(t, text, fmt.Sprintf("%x", token))
	}
}

// TestTruncateLeavesNoHalfWord holds that what is masked by somebody later cannot be cut in half here.
func TestTruncateLeavesNoHalfWord(t *testing.T) {
	secret := strings.Repeat("k3y", 40)
	for lead := range 30 {
		text := strings.Repeat("x", lead) + " bad key " + secret + " and more"
		assert.NotContains(t, truncate(text, 64), "k3y", lead)
	}
	assert.Equal(t, "…", truncate(strings.Repeat("\x80", 5000), 4096), "bytes of which none begins a character")
	assert.Equal(t, "short", truncate("short", 64))
	assert.Equal(t, "one two …", truncate("one two three four", 14))
	assert.Equal(t, "…", truncate(secret, 64), "one long word is left out whole")
}
