// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package document writes values as JSON and YAML that do nothing to a terminal.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	goyaml "go.yaml.in/yaml/v3"
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
	if err != nil || !bytes.ContainsFunc(raw, acts) {
		return string(raw), err
	}
	var node goyaml.Node
	if err := goyaml.Unmarshal(raw, &node); err != nil {
		return "", err
	}
	quote(&node)
	var quoted strings.Builder
	encoder := goyaml.NewEncoder(&quoted)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	err = encoder.Encode(&node)
	return escaped(quoted.String()), err
}

// acts reports whether terminals act on the character, though libraries for JSON and YAML write it as it is: U+007F to U+009F, and what
// turns the direction of writing.
func acts(r rune) bool {
	return r >= '\x7f' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// quote gives double quotes, in which an escape means the character, to each text that has such a character.
func quote(node *goyaml.Node) {
	if strings.ContainsFunc(node.Value, acts) || node.Tag == "!!merge" { // a key that is << loses its quotes
		node.Tag, node.Style = "!!str", goyaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		quote(child)
	}
}

// escaped is a document with escapes in place of what terminals act on. It stands in texts only, which are in double quotes, and there an
// escape means the same.
func escaped(text string) string {
	var out strings.Builder
	for _, r := range text {
		if acts(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
