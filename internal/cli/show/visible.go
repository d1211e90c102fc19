// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"regexp"
	"strings"
	"unicode"
)

// colours are what Paint writes. Nothing else in a text may tell a terminal what to do.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Visible shows control characters, and those that turn the direction of writing, as signs: what others wrote, such as the reason for a
// hold, stays in its line and does nothing to the terminal.
func Visible(text string) string {
	var out strings.Builder
	for text != "" {
		at := colours.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		out.WriteString(strings.Map(sign, text[:at[0]]))
		out.WriteString(text[at[0]:at[1]])
		text = text[at[1]:]
	}
	return out.String()
}

// sign is what is shown for a character.
func sign(r rune) rune {
	switch {
	case r == '\n':
		return '⏎'
	case r < ' ':
		return '␀' + r
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return unicode.ReplacementChar
	default:
		return r
	}
}
