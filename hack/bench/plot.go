// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// The plot is a grid of panels, one per figure, over the objects. Both axes are logarithmic, so that growth in proportion to the
// objects is a line as steep as the dashed one, and a figure that does not grow is level.
const (
	panelWidth, panelHeight = 280, 200
	columns                 = 4
	margin                  = 34
)

// panel is where a figure is drawn, and how values become points.
type panel struct {
	x, y           float64
	minX, maxX     float64
	minY, maxY     float64
	width, height  float64
	points, labels strings.Builder
}

// writePlot draws how each figure grows. One size has no growth, but is drawn all the same.
func writePlot(file string, results []result) error {
	var svg strings.Builder
	height := (len(rows) + columns - 1) / columns * panelHeight
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="10">`+"\n", columns*panelWidth, height)
	svg.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for i, figure := range rows {
		drawPanel(&svg, float64(i%columns*panelWidth), float64(i/columns*panelHeight), figure, results)
	}
	svg.WriteString("</svg>\n")
	return os.WriteFile(file, []byte(svg.String()), 0o600)
}

// drawPanel draws one figure, where it was measured. Zero has no logarithm: it is at the foot.
func drawPanel(svg *strings.Builder, x, y float64, figure row, results []result) {
	p := &panel{x: x + margin, y: y + margin, width: panelWidth - 2*margin, height: panelHeight - 2*margin}
	results = slices.DeleteFunc(slices.Clone(results), func(r result) bool { return !r.measured(figure.name) })
	if len(results) == 0 {
		fmt.Fprintf(svg, `<text x="%.0f" y="%.0f" font-weight="bold">%s</text><text x="%.0f" y="%.0f" fill="#666">not measured</text>`+"\n",
			x+margin, y+18, escaped(figure.name), p.x+14, p.y+p.height/2)
		return
	}
	p.scale(figure, results)
	fmt.Fprintf(svg, `<text x="%.0f" y="%.0f" font-weight="bold">%s</text>`+"\n", x+margin, y+18, escaped(figure.name))
	fmt.Fprintf(svg, `<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" fill="none" stroke="#ccc"/>`+"\n", p.x, p.y, p.width, p.height)
	if figure.grows && len(results) > 1 && figure.of(results[0]) > 0 {
		first, last := results[0], results[len(results)-1]
		linear := figure.of(first) * float64(last.Objects) / float64(first.Objects)
		fmt.Fprintf(svg, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#aaa" stroke-dasharray="4 3"/>`+"\n",
			p.atX(first.Objects), p.atY(figure.of(first)), p.atX(last.Objects), p.atY(linear))
	}
	for _, r := range results {
		px, py := p.atX(r.Objects), p.atY(figure.of(r))
		fmt.Fprintf(&p.points, "%.1f,%.1f ", px, py)
		fmt.Fprintf(&p.labels, `<circle cx="%.1f" cy="%.1f" r="3" fill="#2458a6"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+
			`<text x="%.1f" y="%.1f" text-anchor="middle" fill="#666">%d</text>`+"\n",
			px, py, px, py-6, short(figure.of(r)), px, p.y+p.height+13, r.Objects)
	}
	fmt.Fprintf(svg, `<polyline points="%s" fill="none" stroke="#2458a6" stroke-width="1.5"/>`+"\n%s", strings.TrimSpace(p.points.String()), p.labels.String())
}

// scale makes all values fit, and the line of proportional growth with them.
func (p *panel) scale(figure row, results []result) {
	p.minX, p.maxX = math.Log10(float64(results[0].Objects)), math.Log10(float64(results[len(results)-1].Objects))
	p.minY, p.maxY = math.Inf(1), math.Inf(-1)
	include := func(value float64) {
		if value > 0 {
			p.minY, p.maxY = min(p.minY, math.Log10(value)), max(p.maxY, math.Log10(value))
		}
	}
	for _, r := range results {
		include(figure.of(r))
		if figure.grows {
			include(figure.of(results[0]) * float64(r.Objects) / float64(results[0].Objects))
		}
	}
	if math.IsInf(p.minY, 1) {
		p.minY, p.maxY = 0, 0
	}
	p.minY -= 0.3
	p.maxY = max(p.maxY, p.minY+1) // less than a factor of ten would make noise look like growth
}

func (p *panel) atX(objects int) float64 {
	if p.maxX == p.minX {
		return p.x + p.width/2
	}
	return p.x + 14 + (math.Log10(float64(objects))-p.minX)/(p.maxX-p.minX)*(p.width-28)
}

func (p *panel) atY(value float64) float64 {
	part := 0.0
	if value > 0 {
		part = max(0, (math.Log10(value)-p.minY)/(p.maxY-p.minY))
	}
	return p.y + p.height - part*(p.height-16)
}

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder takes everything
	return out.String()
}
