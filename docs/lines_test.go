// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// lineAtMost is how many characters a line of prose has at most, so that documents are read in a terminal and their changes in a diff.
const lineAtMost = 120

// TestLines holds the length of lines. Tables, code, headings, images and a link alone cannot be broken.
func TestLines(t *testing.T) {
	for path, text := range sources(t, ".md") {
		for line := range strings.Lines(fence.ReplaceAllString(text, "")) {
			line = strings.TrimSuffix(line, "\n")
			words := strings.TrimSpace(line)
			if utf8.RuneCountInString(line) <= lineAtMost || strings.HasPrefix(line, "    ") || !strings.Contains(words, " ") ||
				strings.HasPrefix(words, "|") || strings.HasPrefix(words, "#") || strings.HasPrefix(words, "![") || strings.HasPrefix(words, "<") {
				continue
			}
			assert.Fail(t, path+" has a line that is too long", line)
		}
	}
}
