// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
)

// The record of written fields stands in the status packed by the beginning of the path, which the fields of a service share:
// "engine.variables": "DEBUG=1a2b LOG_LEVEL=3c4d~". ~ marks a field that had its value before, ! a sealed one, and ? one that
// somebody else sealed. The last part of a path has neither dots nor blanks.
// marks stand behind a hash.
var marks = []struct {
	text string
	of   func(*plan.Applied) *bool
}{
	{"~", func(a *plan.Applied) *bool { return &a.Adopted }},
	{"!", func(a *plan.Applied) *bool { return &a.Sealed }},
	{"?", func(a *plan.Applied) *bool { return &a.Hidden }},
}

// adoptedText is how older versions marked an adopted field.
const adoptedText = " (adopted)"

func encode(applied plan.Applied) string {
	text := applied.Hash
	for _, mark := range marks {
		if *mark.of(&applied) {
			text += mark.text
		}
	}
	return text
}

func decode(text string) plan.Applied {
	var applied plan.Applied
	for i := len(marks) - 1; i >= 0; i-- {
		text, *marks[i].of(&applied) = strings.CutSuffix(text, marks[i].text)
	}
	applied.Hash = text
	return applied
}

// Written returns the record of what was last written, by path.
func (j *Journal) Written() map[string]plan.Applied {
	record := map[string]plan.Applied{}
	for prefix, packed := range j.record.Written {
		for entry := range strings.FieldsSeq(packed) {
			name, rest := splitLast(entry, '=')
			path := name
			if prefix != "" {
				path = prefix + "." + name
			}
			record[path] = decode(rest)
		}
	}
	return record
}

// SetWritten replaces the record.
func (j *Journal) SetWritten(record map[string]plan.Applied) { j.record.Written = pack(record) }

func pack(record map[string]plan.Applied) map[string]string {
	if len(record) == 0 {
		return nil
	}
	packed := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(record)) {
		prefix, name := splitLast(path, '.')
		if prefix == path {
			prefix, name = "", path
		}
		packed[prefix] = strings.TrimSpace(packed[prefix] + " " + name + "=" + encode(record[path]))
	}
	return packed
}

// readLines reads the record of an older version: path=hash, one a line.
func readLines(lines []string) map[string]plan.Applied {
	record := make(map[string]plan.Applied, len(lines))
	for _, line := range lines {
		line, adopted := strings.CutSuffix(line, adoptedText)
		path, hash := splitLast(line, '=')
		record[path] = plan.Applied{Hash: hash, Adopted: adopted}
	}
	return record
}

// Lines lists the fields that a commit writes, as path=hash; one that it deletes has no hash.
func Lines(fields map[string]plan.Applied) []string {
	lines := make([]string, 0, len(fields))
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		lines = append(lines, path+"="+encode(fields[path]))
	}
	return lines
}

func splitLines(lines []string) map[string]plan.Applied {
	fields := make(map[string]plan.Applied, len(lines))
	for _, line := range lines {
		path, rest := splitLast(line, '=')
		fields[path] = decode(rest)
	}
	return fields
}

// hashesOf are the hashes of the lines, by path.
func hashesOf(lines []string) map[string]string {
	hashes := make(map[string]string, len(lines))
	for path, applied := range splitLines(lines) {
		hashes[path] = applied.Hash
	}
	return hashes
}

// joinLines lists paths with their hashes, sorted.
func joinLines(hashes map[string]string) []string {
	lines := make([]string, 0, len(hashes))
	for _, path := range slices.Sorted(maps.Keys(hashes)) {
		lines = append(lines, path+"="+hashes[path])
	}
	return lines
}

// splitLast splits at the last separator; without one all of it is the first part.
func splitLast(text string, separator byte) (before, after string) {
	at := strings.LastIndexByte(text, separator)
	if at < 0 {
		return text, ""
	}
	return text[:at], text[at+1:]
}

func equalRecords(a, b *v1alpha1.WorkingRecord) bool { return equality.Semantic.DeepEqual(a, b) }
