// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs_test holds the documents: their links lead somewhere, and what the code cites exists.
package docs_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = ".."

// notOurs are directories that hold what was built or generated; links in the API's reference are its generator's.
var notOurs = []string{".git", "bin", "dist", ".demo", "reference"}

var (
	// citation is how comments cite facts: railway-api.md, "Errors", "Tokens". Strings use short: railway-api.md#errors.
	citation    = regexp.MustCompile(`railway-api\.md((?:, "[^"\n]+")+)`)
	short       = regexp.MustCompile(`railway-api\.md#([a-z-]+)`)
	quoted      = regexp.MustCompile(`"([^"]+)"`)
	condition   = regexp.MustCompile(`(?m)^\t(?:Reason|Condition)\w+ += "(\w+)"$`)
	heading     = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	htmlAnchor  = regexp.MustCompile(`<a id="([^"]+)">`)
	fence       = regexp.MustCompile("(?ms)^```.*?^```")
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestCitations holds every citation of railway-api.md against its sections.
func TestCitations(t *testing.T) {
	facts := read(t, "railway-api.md")
	sections, anchored := headings(facts), anchors(facts)
	require.Contains(t, sections, "Errors", "the document has no sections")
	found := 0
	for path, text := range sources(t, ".go", ".md", ".graphql", ".sh", ".yaml", ".lua") {
		assert.False(t, strings.Contains(text, "FA"+"CTS §"), "%s cites a file that is not here: cite railway-api.md", path)
		for _, cited := range citation.FindAllStringSubmatch(text, -1) {
			for _, name := range quoted.FindAllStringSubmatch(cited[1], -1) {
				found++
				assert.Contains(t, sections, name[1], "%s cites a section that railway-api.md does not have", path)
			}
		}
		for _, cited := range short.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, anchored, cited[1], "%s cites a section that railway-api.md does not have", path)
		}
	}
	assert.Positive(t, found, "nothing cites railway-api.md")
}

// TestLinks follows the relative links of every document, and their anchors.
func TestLinks(t *testing.T) {
	documents := sources(t, ".md")
	for path, text := range documents {
		for _, target := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			to, err := url.Parse(target[1])
			require.NoError(t, err, "%s: %s", path, target[1])
			if to.IsAbs() {
				continue // other people's pages
			}
			file := path
			if to.Path != "" {
				file = filepath.Join(filepath.Dir(path), to.Path)
			}
			_, err = os.Stat(file)
			assert.NoError(t, err, "%s links %s", path, target[1])
			if to.Fragment != "" {
				assert.Contains(t, anchors(documents[file]), to.Fragment, "%s links %s", path, target[1])
			}
		}
	}
}

// TestMarkdown holds what Markdown shows otherwise than it is meant: a heading takes no paragraph with it, and a row belongs to a table.
func TestMarkdown(t *testing.T) {
	orphan := regexp.MustCompile(`(?:^|\n\n)(\|.*)\n(?:[^|]|\|[^-: ]|\| [^-: ])`)
	wrong := func(text string) (found []string) {
		text = fence.ReplaceAllString(text, "")
		for _, h := range heading.FindAllStringSubmatch(text, -1) {
			if len([]rune(h[1])) > 90 {
				found = append(found, h[1])
			}
		}
		for _, row := range orphan.FindAllStringSubmatch(text, -1) {
			found = append(found, row[1])
		}
		return found
	}
	for path, text := range sources(t, ".md") {
		assert.Empty(t, wrong(text), path)
	}
	const table = "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
	assert.Empty(t, wrong(table+"\nEnd.\n"))
	assert.Equal(t, []string{"| 3 | 4 |"}, wrong(table+"\n| 3 | 4 |\n| 5 | 6 |\n"))
	assert.Equal(t, []string{"| 3 | 4 |"}, wrong(table+"\n| 3 | 4 |\n\nEnd.\n"))
	assert.Len(t, wrong("## Figures "+strings.Repeat("and what they are ", 5)+"\n"), 1)
}

// TestRunbook holds that the runbook explains every condition and reason of the API.
func TestRunbook(t *testing.T) {
	runbook := read(t, "runbook.md")
	for _, constant := range condition.FindAllStringSubmatch(read(t, "../api/v1alpha1/conditions.go"), -1) {
		row := regexp.MustCompile(`(?m)^\|[^|]*\b` + constant[1] + `\b[^|]*\|`)
		assert.Regexp(t, row, runbook, "runbook.md has no line that begins with %s", constant[1])
	}
}

// TestMetricsAreDocumented holds that the table of metrics, which is generated from the registry, misses none that the code names:
// a part that registers metrics and that hack/docs does not know.
func TestMetricsAreDocumented(t *testing.T) {
	named := regexp.MustCompile(`Name: +"(engine_operator_\w+)"`)
	table, found := read(t, "monitoring.md"), 0
	for path, text := range sources(t, ".go") {
		for _, metric := range named.FindAllStringSubmatch(text, -1) {
			found++
			assert.Contains(t, table, "| `"+metric[1]+"` |", "%s registers a metric that monitoring.md does not have: let hack/docs know it", path)
		}
	}
	assert.Positive(t, found, "nothing names a metric")
}

// headings are the titles of a document's sections.
func headings(text string) (titles []string) {
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		titles = append(titles, found[1])
	}
	return titles
}

// anchors are what a link to the document may name: as GitHub makes them of titles, and those set by hand.
func anchors(text string) (names []string) {
	for _, title := range headings(text) {
		name := notInAnchor.ReplaceAllString(strings.ToLower(title), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	for _, found := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	return names
}

// sources are the repository's own files of these kinds, by path.
func sources(t *testing.T, extensions ...string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notOurs, entry.Name()):
			return fs.SkipDir
		case entry.Type().IsRegular() && slices.Contains(extensions, filepath.Ext(path)):
			texts[path] = read(t, path)
		}
		return nil
	}))
	return texts
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}
