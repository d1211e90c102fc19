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

// TestControlCharacters: they come back as they were, and none is in the document. Of YAML's library, those that turn the direction of
// writing are characters like others.
func TestControlCharacters(t *testing.T) {
	value := map[string]string{"a": "\x1b[8m \x7f \u009b8m ü ✗ <", "b": "two\nlines\u0085"}
	turned := map[string]string{"c": "\u202eback"}
	for _, v := range []map[string]string{value, turned} {
		text, err := document.JSON(v)
		require.NoError(t, err)
		assert.NotRegexp(t, "[\\x00-\\x09\\x0b-\\x1f\\x7f-\u009f\u202e]", text)
		var back map[string]string
		require.NoError(t, json.Unmarshal([]byte(text), &back))
		assert.Equal(t, v, back)
	}
	text, err := document.YAML(value)
	require.NoError(t, err)
	assert.NotRegexp(t, "[\\x00-\\x09\\x0b-\\x1f\\x7f-\u0084\u0086-\u009f]", text)
	var back map[string]string
	require.NoError(t, yaml.Unmarshal([]byte(text), &back))
	assert.Equal(t, value, back)
}
