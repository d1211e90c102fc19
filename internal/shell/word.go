// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shell writes commands that people paste into a shell. It is pure.
package shell

import (
	"regexp"
	"strings"
)

// plain are the words that no shell reads as something else.
var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// Word makes a word of a shell out of any text: nothing in it is carried out or expanded, not even the ! of a shell that somebody types
// into, which it finds between double quotes, too.
func Word(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
