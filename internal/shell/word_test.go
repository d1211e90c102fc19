// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/shell"
)

func TestWord(t *testing.T) {
	for text, want := range map[string]string{
		"a-b_1.2:3/4@5,6+7=8%": "a-b_1.2:3/4@5,6+7=8%",
		"it's!":                `'it'\''s!'`, "a!b": "'a!b'", "~/x": "'~/x'", "": "''", `a\b`: `'a\b'`, "a;b": "'a;b'", "{a,b}": "'{a,b}'",
		"$(x)": "'$(x)'", "a\nb": "'a\nb'",
	} {
		assert.Equal(t, want, shell.Word(text), "nothing in it is expanded")
	}
}
