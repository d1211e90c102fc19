// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package show makes the texts that the commands print: screens, trees and tables from objects. It is pure: values in, text out.
package show

import (
	"strings"

	"github.com/fatih/color"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Paint colours words, or leaves them as they are.
type Paint struct{ on bool }

// NewPaint returns a Paint; off colours nothing.
func NewPaint(on bool) Paint { return Paint{on: on} }

func (p Paint) as(text string, attributes ...color.Attribute) Text {
	visible := Visible(text)
	if !p.on || text == "" {
		return visible
	}
	c := color.New(attributes...)
	c.EnableColor()
	return Text(c.Sprint(visible))
}

// Good, Bad, Doubt, Faint and Strong colour a text by what it says.
func (p Paint) Good(text string) Text { return p.as(text, color.FgGreen) }

// Bad is for what is wrong.
func (p Paint) Bad(text string) Text { return p.as(text, color.FgRed) }

// Doubt is for what is not decided, or waits.
func (p Paint) Doubt(text string) Text { return p.as(text, color.FgYellow) }

// Faint is for what matters less.
func (p Paint) Faint(text string) Text { return p.as(text, color.Faint) }

// Strong is for headings.
func (p Paint) Strong(text string) Text { return p.as(text, color.Bold) }

// Verdict colours a verdict, which stands in a column of that width.
func (p Paint) Verdict(verdict v1alpha1.Verdict, width int) Text {
	text := pad(orDash(string(verdict)), width)
	switch verdict {
	case v1alpha1.VerdictGo:
		return p.Good(text)
	case v1alpha1.VerdictNoGo:
		return p.Bad(text)
	default:
		return p.Doubt(text)
	}
}

// pad fills a text with blanks up to the width, in characters.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
