// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// Side is one of two tiers that are compared.
type Side struct {
	Name string
	// Declared is what should be; Unknown are, by path, values that are not known and where they come from.
	Declared *desired.Environment
	Unknown  map[string]string
	// Runs is what runs, in short.
	Runs string
}

// Difference is a field that two tiers have not in common.
type Difference struct {
	Path string `json:"path"`
	Left string `json:"left,omitempty"`
	// Right is empty, as Left is, for a tier that does not have the field.
	Right string `json:"right,omitempty"`
}

// field is a value and how it is shown.
type field struct{ value, shown string }

// Diff are the fields in which two tiers differ. The engines are compared whatever they are called.
func Diff(left, right Side) []Difference {
	a, b := fieldsOf(left), fieldsOf(right)
	var all []Difference
	if left.Runs != right.Runs {
		all = append(all, Difference{"runs", left.Runs, right.Runs})
	}
	paths := maps.Clone(a)
	maps.Copy(paths, b)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		l, inLeft := a[path]
		r, inRight := b[path]
		if inLeft && inRight && l.value == r.value {
			continue
		}
		d := Difference{Path: path, Left: l.shown, Right: r.shown}
		if inLeft && inRight && d.Left == d.Right { // two secrets
			d.Right += ", another value"
		}
		all = append(all, d)
	}
	return all
}

// shownAtMost bounds what is shown of a value, in bytes.
const shownAtMost = 60

func fieldsOf(side Side) map[string]field {
	all := map[string]field{}
	add := func(path, value string, secret bool) {
		shown := redact.Cut(side.Declared.Redact(value), shownAtMost)
		if secret {
			shown = redact.Mark
		}
		if from, missing := side.Unknown[path]; missing {
			shown = "(not known: from " + from + ")"
		}
		all[path] = field{value, shown}
	}
	for _, v := range side.Declared.Shared {
		add("shared."+v.Name, v.Value, v.Secret)
	}
	for i, service := range side.Declared.Services {
		name := service.Name
		if i == 0 {
			name = "engine"
		}
		for _, v := range service.Variables {
			add(name+".variables."+v.Name, v.Value, v.Secret)
		}
		for _, f := range service.Fields {
			if f.Value == nil {
				continue
			}
			add(desired.SpecPath(name+"."+strings.Join(f.Keys, ".")), desired.SpecValue(f.Keys[len(f.Keys)-1], f.Value), f.WriteOnly)
		}
		if service.Domain != nil {
			add(name+".domains.railway", fmt.Sprintf("port %d", service.Domain.Port), false)
		}
	}
	return all
}

// DiffTable is the differences as a table.
func DiffTable(left, right string, all []Difference, paint Paint) Text {
	if len(all) == 0 {
		return Visible(fmt.Sprintf("%s and %s declare the same.", left, right)) + "\n"
	}
	rows := [][]string{{"FIELD", strings.ToUpper(left), strings.ToUpper(right)}}
	for _, d := range all {
		rows = append(rows, []string{d.Path, d.Left, orDash(d.Right)})
	}
	return table(rows, func(row, _ int, text string) Text {
		if row == 0 {
			return paint.Faint(text)
		}
		return Visible(text)
	})
}
