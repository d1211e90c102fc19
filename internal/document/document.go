// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package document writes values as JSON and YAML that do nothing to a terminal.
package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"sigs.k8s.io/yaml"
)

// JSON is the value as JSON, with an indent.
func JSON(value any) (string, error) {
	raw, err := json.MarshalIndent(value, "", "  ")
	return escaped(string(raw)), err
}

// YAML is the value as YAML, by its JSON.
func YAML(value any) (string, error) {
	text, err := JSON(value)
	if err != nil {
		return "", err
	}
	raw, err := yaml.JSONToYAML([]byte(text))
	return string(raw), err
}

// escaped is JSON with escapes in place of the control characters that encoding/json leaves as they are: terminals act on some, and YAML
// has none. They are in texts only, where an escape means the same.
func escaped(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r >= '\x7f' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
