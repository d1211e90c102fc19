// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"
)

// The size of a character, the room around the text, and the bar above it, in pixels.
const (
	charWidth  = 843 // hundredths
	lineHeight = 19
	room, bar  = 16, 34
)

const style = `text{font:14px ui-monospace,"SF Mono","DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#d5dce6;white-space:pre}
.t{fill:#8a97a8}.g{fill:#5fd09b}.n{fill:#ff8f86}.p{fill:#eebd5a}.h{fill:#ffffff;font-weight:700}`

// draw draws the lines in a terminal that scrolls. The whole text is one group, which one animation moves up as lines come. Who wants
// no motion sees the end.
func draw(title string, lines []line) string {
	var text strings.Builder
	for i, l := range lines {
		if l.text != "" {
			fmt.Fprintf(&text, "<text y=\"%d\">%s</text>\n", (i+1)*lineHeight, coloured(l.text))
		}
	}
	length := last
	if len(lines) > 0 {
		length += lines[len(lines)-1].at
	}
	width, height := room*2+columns*charWidth/100, room+bar+rows*lineHeight
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">
<style>%s
#s{transform:translateY(%dpx)}
@media not (prefers-reduced-motion:reduce){#s{animation:s %.1fs step-end infinite}}
@keyframes s{%s}</style>
<rect width="100%%" height="100%%" rx="10" fill="#161d27"/>
<circle cx="20" cy="18" r="5" fill="#ff8f86"/><circle cx="38" cy="18" r="5" fill="#eebd5a"/><circle cx="56" cy="18" r="5" fill="#5fd09b"/>
<text class="t" x="50%%" y="23" text-anchor="middle">%s</text>
<svg x="%d" y="%d" width="%d" height="%d"><g id="s">
%s</g></svg>
</svg>
`, width, height, html.EscapeString(title), style, shift(len(lines)), length.Seconds(), frames(lines, length),
		html.EscapeString(title), room, bar, width-2*room, rows*lineHeight, text.String())
}

// shift is how far the text is moved when n lines are there: the last one stands at the bottom.
func shift(n int) int { return (rows-n)*lineHeight - lineHeight/3 }

// frames are the positions of the text by time. Lines that come at once make one.
func frames(lines []line, length time.Duration) string {
	const together = 50 * time.Millisecond
	var all strings.Builder
	fmt.Fprintf(&all, "0%%{transform:translateY(%dpx)}", shift(0))
	for i, l := range lines {
		if i+1 < len(lines) && lines[i+1].at-l.at < together {
			continue
		}
		fmt.Fprintf(&all, "%.3f%%{transform:translateY(%dpx)}", 100*float64(l.at)/float64(length), shift(i+1))
	}
	return all.String()
}

var (
	words   = regexp.MustCompile(`NO-GO|\bGO\b|PENDING`)
	heading = regexp.MustCompile(`^(\d+\. .*|\$ .*)$`)
	classes = map[string]string{"GO": "g", "NO-GO": "n", "PENDING": "p"}
)

// coloured is the line as markup: headings are bold, verdicts have their colour.
func coloured(text string) string {
	if heading.MatchString(text) {
		return `<tspan class="h">` + html.EscapeString(text) + `</tspan>`
	}
	return words.ReplaceAllStringFunc(html.EscapeString(text), func(word string) string {
		return `<tspan class="` + classes[word] + `">` + word + `</tspan>`
	})
}
