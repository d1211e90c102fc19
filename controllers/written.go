// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/plan"
)

// The record of written fields stands in the status as path=hash, one line each for people who read it.
const adoptedMark = " (adopted)"

// readWritten reads the record.
func readWritten(lines []string) map[string]plan.Applied {
	record := make(map[string]plan.Applied, len(lines))
	for _, line := range lines {
		line, adopted := strings.CutSuffix(line, adoptedMark)
		path, hash := splitWritten(line)
		record[path] = plan.Applied{Hash: hash, Adopted: adopted}
	}
	return record
}

// listWritten writes the record, sorted.
func listWritten(record map[string]plan.Applied) []string {
	lines := make([]string, 0, len(record))
	for path, applied := range record {
		line := path + "=" + applied.Hash
		if applied.Adopted {
			line += adoptedMark
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// writtenBy lists the fields that a commit writes; one that it deletes has no hash.
func writtenBy(changes []plan.Change) []string {
	lines := make([]string, 0, len(changes))
	for _, change := range changes {
		lines = append(lines, change.Path+"="+change.Hash)
	}
	return lines
}

// splitWritten splits at the last equals sign: a hash has none.
func splitWritten(line string) (path, hash string) {
	at := strings.LastIndexByte(line, '=')
	if at < 0 {
		return line, ""
	}
	return line[:at], line[at+1:]
}
