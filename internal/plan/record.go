// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import "maps"

// Applied records a field that the operator wrote, found as declared, or, with ReportDrift, found different and left alone.
type Applied struct {
	// Hash of the declared value. It is empty when the key that made it was lost: the field is known, its value is not.
	Hash string
	// Adopted is true when the field had its value before the operator ever wrote it.
	Adopted bool
	// Sealed is true when the variable was written, or found as declared, while it was sealed: the value that Railway hides is the
	// one that was applied.
	Sealed bool
	// Hidden is true when somebody sealed a variable that the spec did not declare so: the value that Railway hides may be any.
	Hidden bool
}

// Applied is what the record holds of the field once the change is written.
func (c Change) Applied() Applied {
	return Applied{Hash: c.Hash, Sealed: c.Sealed}
}

// Written are the fields that the plan's changes write, for After. A deleted field has no hash.
func (p *Plan) Written() map[string]Applied {
	fields := make(map[string]Applied, len(p.Changes))
	for _, c := range p.Changes {
		fields[c.Path] = c.Applied()
	}
	return fields
}

// After returns the record once the fields were committed: a field without a hash was deleted, and its entry goes.
func After(record, fields map[string]Applied) map[string]Applied {
	after := make(map[string]Applied, len(record)+len(fields))
	maps.Copy(after, record)
	for path, applied := range fields {
		if applied.Hash == "" {
			delete(after, path)
		} else {
			after[path] = applied
		}
	}
	return after
}

// withoutHashes is a record of which nothing but the fields' names and marks can be used.
func withoutHashes(record map[string]Applied) map[string]Applied {
	emptied := make(map[string]Applied, len(record))
	for path, applied := range record {
		applied.Hash = ""
		emptied[path] = applied
	}
	return emptied
}
