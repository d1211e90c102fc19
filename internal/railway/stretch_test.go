// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestStretched(t *testing.T) {
	const asked = time.Minute
	for _, tt := range []struct {
		reason              string
		last, inForce, want time.Duration
	}{
		{"as asked for", 0, asked, 0},
		{"a little longer is not worth telling", 0, 70 * time.Second, 0},
		{"rounded up", 0, 80 * time.Second, 2 * asked},
		{"exactly", 0, 4 * asked, 4 * asked},
		{"kept while about right", 2 * asked, 61 * time.Second, 2 * asked},
		{"longer than told", 2 * asked, 121 * time.Second, 4 * asked},
		{"much shorter than told", 8 * asked, 2 * asked, 2 * asked},
		{"over", 2 * asked, asked, 0},
	} {
		assert.Equal(t, tt.want, Stretched(tt.last, asked, tt.inForce), tt.reason)
	}
}

// TestStretchedIsTrueAndRare: what is told is never shorter than what is in force, and an interval that moves by a tenth is told once.
func TestStretchedIsTrueAndRare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked := time.Duration(rapid.IntRange(10, 600).Draw(t, "asked")) * time.Second
		inForce := time.Duration(rapid.IntRange(10, 60_000).Draw(t, "in force")) * time.Second
		last, changes := time.Duration(0), 0
		for range 50 {
			now := max(asked, time.Duration(float64(inForce)*rapid.Float64Range(.95, 1.05).Draw(t, "move")))
			told := Stretched(last, asked, now)
			if told != last {
				changes++
			}
			if told > 0 && told < now || told == 0 && now > asked*5/4 {
				t.Fatalf("%s in force is told as %s", now, told)
			}
			last = told
		}
		if changes > 2 {
			t.Fatalf("told %d times", changes)
		}
	})
}
