// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// small is the picture with at most 256 colours: a page has few, and a document should load quickly.
func small(t testing.TB, raw []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	used := map[color.RGBA]int{}
	each(full, func(_, _ int, c color.RGBA) { used[c]++ })
	palette := frequent(used)
	nearest := map[color.RGBA]uint8{}
	for c := range used {
		nearest[c] = uint8(palette.Index(c))
	}
	reduced := image.NewPaletted(full.Bounds(), palette)
	each(full, func(x, y int, c color.RGBA) { reduced.SetColorIndex(x, y, nearest[c]) })
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced))
	return out.Bytes()
}

// frequent are the colours that are used most, of the others those that are not nearly the same as one of them.
func frequent(used map[color.RGBA]int) color.Palette {
	var all []color.RGBA
	for c := range used {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(used[b], used[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	for apart := 10; ; apart += 6 {
		var palette color.Palette
		for i, c := range all {
			if i < 32 || !slices.ContainsFunc(palette, func(p color.Color) bool { return near(p, c, apart) }) {
				palette = append(palette, c)
			}
		}
		if len(palette) <= 128 {
			return palette
		}
	}
}

func near(p color.Color, c color.RGBA, apart int) bool {
	known, _ := p.(color.RGBA)
	distance := func(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }
	return distance(known.R, c.R)+distance(known.G, c.G)+distance(known.B, c.B) <= apart
}

func each(picture image.Image, visit func(x, y int, c color.RGBA)) {
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			visit(x, y, color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255})
		}
	}
}
