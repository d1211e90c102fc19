// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import "slices"

// railwayRegions are Railway's regions, the default first (railway-api.md, "Service settings").
var railwayRegions = []string{"us-west2", "us-east4-eqdc4a", "europe-west4-drams3a", "asia-southeast1-eqsg3a"}

// region is where a service runs that names none.
func (w *world) region() string { return orElse(w.Region, railwayRegions[0]) }

// regions are Railway's, and the seed's.
func (w *world) regions() []string {
	if slices.Contains(railwayRegions, w.region()) {
		return railwayRegions
	}
	return append(slices.Clone(railwayRegions), w.region())
}
