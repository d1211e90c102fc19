// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/document"
)

// TestControlCharacters: they come back as they were, and none is in the document, nor one that turns the direction of writing.
func TestControlCharacters(t *testing.T) {
	for _, value := range []map[string]string{
		{"a": "\x1b[8m \x7f \u009b8m ü ✗ <", "b": "two\nlines\u0085"},
		{"c": "\u202eback", "two\nlines": "and\n\u2066more\n", "e": "\\u202e stays", "\u200ekey": "1: 2", "f": "two\nlines\n", "g": "true", "<<": "<<"},
	} {
		for name, format := range map[string]struct {
			write func(any) (string, error)
			read  func([]byte, any) error
		}{
			"JSON": {document.JSON, json.Unmarshal},
			"YAML": {document.YAML, func(text []byte, into any) error { return yaml.Unmarshal(text, into) }},
		} {
			text, err := format.write(value)
			require.NoError(t, err, name)
			assert.NotRegexp(t, "[\\x00-\\x09\\x0b-\\x1f\\x7f-\u009f\u200e\u202e\u2066]", text, name)
			var back map[string]string
			require.NoError(t, format.read([]byte(text), &back), "%s: %s", name, text)
			assert.Equal(t, value, back, name)
		}
	}
	text, err := document.YAML(map[string]any{"list": []any{map[string]any{"a": "\u202eb", "b": 1}}})
	require.NoError(t, err)
	assert.Equal(t, "list:\n- a: \"\\u202eb\"\n  b: 1\n", text, "the form stays")
}
