// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"strings"

	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/status"
)

// signs of the actions, as diffs have them.
var signs = map[preview.Action]string{preview.Create: "+", preview.Set: "~", preview.Delete: "-"}

// Plan is the previews for people at a terminal.
func Plan(previews []*preview.Preview, paint Paint) Text {
	var out strings.Builder
	for i, p := range previews {
		if i > 0 {
			out.WriteString("\n")
		}
		fmt.Fprintf(&out, "%s\n", paint.Strong(title(p)))
		for _, c := range p.Changes {
			as := paint.Doubt
			switch c.Action {
			case preview.Create:
				as = paint.Good
			case preview.Delete:
				as = paint.Bad
			case preview.Set:
			}
			fmt.Fprintf(&out, "%s%s\n", as(fmt.Sprintf("  %s %s", signs[c.Action], change(c))), paint.Faint(note(c.Note)))
		}
		for _, u := range p.Unknown {
			fmt.Fprintln(&out, paint.Faint(fmt.Sprintf("  ? %s  %s", u.Path, u.Why)))
		}
		for _, c := range p.Left {
			fmt.Fprintln(&out, paint.Faint(fmt.Sprintf("  ! %s  differs and is left alone (driftPolicy: Warn)", change(c))))
		}
		for _, n := range p.Notes {
			fmt.Fprintln(&out, paint.Faint("  note: "+n))
		}
		fmt.Fprintf(&out, "  %s\n", paint.Strong(Summary(p)))
	}
	return Text(out.String())
}

func title(p *preview.Preview) string {
	name := p.Name
	if p.Namespace != "" {
		name = p.Namespace + "/" + p.Name
	}
	if p.Environment == "" {
		return name
	}
	return fmt.Sprintf("%s → environment %s", name, p.Environment)
}

// change is one change in a line, without its sign.
func change(c preview.Change) string {
	switch c.Action {
	case preview.Create:
		return fmt.Sprintf("%s: %s", c.Path, quoted(c.To))
	case preview.Delete:
		return fmt.Sprintf("%s: was %s", c.Path, quoted(c.From))
	default:
		return fmt.Sprintf("%s: %s → %s", c.Path, quoted(c.From), quoted(c.To))
	}
}

func note(text string) string {
	if text == "" {
		return ""
	}
	return "  # " + text
}

// Summary is the preview in one line.
func Summary(p *preview.Preview) string {
	text := "No change."
	if len(p.Changes) > 0 {
		text = status.Count(len(p.Changes), "change", "changes") + "."
	}
	if len(p.Deployments) > 0 {
		text += " Deploys " + strings.Join(p.Deployments, ", ") + "."
	} else if len(p.Changes) > 0 {
		text += " Deploys nothing."
	}
	if n := len(p.Unknown); n > 0 {
		text += " " + status.Count(n, "field", "fields") + " cannot be compared."
	}
	return text
}

// Markdown is the previews for the comment of a pull request.
func Markdown(previews []*preview.Preview) Text {
	var out strings.Builder
	for i, p := range previews {
		if i > 0 {
			out.WriteString("\n")
		}
		fmt.Fprintf(&out, "### %s\n\n%s\n", cell(title(p)), cell(Summary(p)))
		if len(p.Changes) > 0 {
			out.WriteString("\n| | field | from | to | |\n|---|---|---|---|---|\n")
			for _, c := range p.Changes {
				fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", signs[c.Action], code(c.Path), code(c.From), code(c.To), cell(c.Note))
			}
		}
		if len(p.Unknown) > 0 {
			out.WriteString("\nCannot be compared:\n\n")
			for _, u := range p.Unknown {
				fmt.Fprintf(&out, "- %s: %s\n", code(u.Path), cell(u.Why))
			}
		}
		if len(p.Left) > 0 {
			out.WriteString("\nDiffers and is left alone (`driftPolicy: Warn`):\n\n")
			for _, c := range p.Left {
				fmt.Fprintf(&out, "- %s\n", code(change(c)))
			}
		}
		if len(p.Notes) > 0 {
			out.WriteString("\n")
			for _, n := range p.Notes {
				fmt.Fprintf(&out, "> %s\n", cell(n))
			}
		}
	}
	return Text(out.String())
}

var (
	// unfenced are the characters that end a cell, a line or a code span. In a code span < and > are characters like others.
	unfenced = strings.NewReplacer("\r\n", "\n", "|", "\\|", "`", "'")
	noHTML   = strings.NewReplacer("<", "&lt;", ">", "&gt;")
)

// cell is a text that stays inside a table's cell.
func cell(text string) Text { return Visible(noHTML.Replace(unfenced.Replace(text))) }

// code is a text as code inside a table's cell.
func code(text string) Text {
	if text == "" {
		return ""
	}
	return "`" + Visible(unfenced.Replace(text)) + "`"
}
