// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"strings"
)

// holdBack takes out of the changes what Railway could not apply before. Drift stays reported.
func (p *Plan) holdBack(in Input) {
	newSource := map[string]bool{}
	for _, c := range p.Changes {
		if ofSource(c) && !refused(in, c.Path, c.Hash) {
			newSource[c.Service] = true
		}
	}
	p.Changes = slices.DeleteFunc(p.Changes, func(c Change) bool {
		// A service has one source: half a change of it would leave the service with two, or with none.
		if !refused(in, c.Path, c.Hash) || (ofSource(c) && newSource[c.Service]) {
			return false
		}
		p.HeldBack = append(p.HeldBack, c.Path)
		return true
	})
}

func refused(in Input, path, hash string) bool {
	before, known := in.Refused[path]
	return known && before == hash
}

// ofSource reports whether the change is to the service's source.
func ofSource(c Change) bool {
	return c.Service != "" && strings.HasPrefix(c.Path, c.Service+".source.")
}

// Hashes are the values that the plan sends, by path.
func (p *Plan) Hashes() map[string]string {
	hashes := map[string]string{}
	for _, c := range p.Changes {
		hashes[c.Path] = c.Hash
	}
	for _, t := range p.Triggers {
		hashes[t.Path] = t.Hash
	}
	return hashes
}
