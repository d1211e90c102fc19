// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"regexp"
	"strings"
	"unicode"
)

// Text is fit to be shown at a terminal: nothing in it but Paint's colours tells a terminal what to do. What others wrote becomes one by
// Visible and its kin, before it is painted.
type Text string

// Visible shows control characters, and those that turn the direction of writing, as signs: what others wrote, such as the reason for a
// hold, stays in its line and does nothing to the terminal.
func Visible(text string) Text { return Text(strings.Map(sign, text)) }

// Lines is Visible for a text of several lines: line feeds and tabs stay.
func Lines(text string) Text {
	return Text(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return sign(r)
	}, text))
}

// colours are the escape sequences that colour what follows; noColours ends them all.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

const noColours = "\x1b[0m"

// Log is Lines for a program's log, which keeps its colours. They end with it.
func Log(text string) Text {
	var out, last Text
	begins := 0
	for _, at := range colours.FindAllStringIndex(text, -1) {
		last = Text(text[at[0]:at[1]])
		out += Lines(text[begins:at[0]]) + last
		begins = at[1]
	}
	out += Lines(text[begins:])
	if last != "" && last != noColours {
		out += noColours
	}
	return out
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
