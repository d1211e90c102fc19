// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"

	"sigs.k8s.io/yaml"
)

// bounds hold a count or a ratio, never a time: every machine must find the same.
type bounds struct {
	// Figure is a field of dist/bench.json, or one of the ratios.
	Figure string `json:"figure"`
	// Min and Max are inclusive; an absent one bounds nothing.
	Min *float64 `json:"min"`
	Max *float64 `json:"max"`
	// Reason says why it must lie there.
	Reason string `json:"reason"`
}

// ratios are made of several figures or several sizes.
var ratios = map[string]func([]result) float64{
	// objectsPerSecond of the operator, as a part of the bare client's, at the largest size.
	"objectsPerSecond/bareClientObjectsPerSecond": func(all []result) float64 {
		last := all[len(all)-1]
		return last.ObjectsPerSecond / last.BareClientObjectsPerSecond
	},
	// requests of the first convergence that are no batches, at the largest size.
	"requestsPerObjectFirst - batchesPerObjectFirst": func(all []result) float64 {
		last := all[len(all)-1]
		return last.RequestsPerObjectFirst - last.BatchesPerObjectFirst
	},
	// CPU time per object at the largest size, as a multiple of that at the smallest.
	"operatorCPUSecondsPerObject growth": func(all []result) float64 {
		return all[len(all)-1].OperatorCPUSecondsPerObject / all[0].OperatorCPUSecondsPerObject
	},
	// goroutines that each further object brings.
	"goroutines per object": func(all []result) float64 {
		first, last := all[0], all[len(all)-1]
		if first.Objects == last.Objects {
			return 0 // one size tells of no growth
		}
		return float64(last.Goroutines-first.Goroutines) / float64(last.Objects-first.Objects)
	},
}

// loadRanges reads the ranges. Each needs a known figure, a bound and a reason.
func loadRanges(file string) ([]bounds, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var ranges []bounds
	if err := yaml.UnmarshalStrict(raw, &ranges); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, r := range ranges {
		known := ratios[r.Figure] != nil || slices.ContainsFunc(rows, func(figure row) bool { return figure.name == r.Figure })
		if !known || r.Reason == "" || r.Min == nil && r.Max == nil {
			return nil, fmt.Errorf("%s: entry %d (%q) needs a known figure, min or max, and a reason", file, i, r.Figure)
		}
	}
	return ranges, nil
}

// check holds every size in the ranges, and prints each figure with its range.
func check(file string, measured []result) error {
	ranges, err := loadRanges(file)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nFIGURE\tOBJECTS\tIS\tAT LEAST\tAT MOST\t")
	var out []error
	for _, r := range ranges {
		for _, f := range figures(r.Figure, measured) {
			mark := ""
			if !r.holds(f.value) {
				mark = "outside"
				out = append(out, fmt.Errorf("%s is %s with %s objects: %s", r.Figure, short(f.value), f.objects, r.Reason))
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Figure, f.objects, short(f.value), bound(r.Min), bound(r.Max), mark)
		}
	}
	return errors.Join(append([]error{w.Flush()}, out...)...)
}

func (b bounds) holds(value float64) bool {
	return (b.Min == nil || value >= *b.Min) && (b.Max == nil || value <= *b.Max) // NaN lies in no range that has a bound
}

func bound(value *float64) string {
	if value == nil {
		return "-"
	}
	return short(*value)
}

// figure is a value to check, and of how many objects it is.
type figure struct {
	objects string
	value   float64
}

func figures(name string, measured []result) []figure {
	if ratio := ratios[name]; ratio != nil {
		return []figure{{"all", ratio(measured)}}
	}
	var list []figure
	for _, known := range rows {
		for _, r := range measured {
			switch {
			case known.name != name:
			case r.measured(name):
				list = append(list, figure{strconv.Itoa(r.Objects), known.of(r)})
			default: // what was not measured lies in no range
				list = append(list, figure{strconv.Itoa(r.Objects), math.NaN()})
			}
		}
	}
	return list
}
