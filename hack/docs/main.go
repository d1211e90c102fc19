// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command docs writes the generated parts of the documents: the reasons of docs/runbook.md and the metrics of docs/monitoring.md. A
// part lies between two comments, <!-- begin NAME … --> and <!-- end NAME -->. It runs at the top of the repository (make docs).
package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/engine-operator/engine-operator/internal/status"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run() error {
	known, err := registered()
	if err != nil {
		return err
	}
	if err := rewrite("docs/monitoring.md", "metrics", metricsTable(known)); err != nil {
		return err
	}
	return rewrite("docs/runbook.md", "reasons", reasonsTable(status.Reasons))
}

// rewrite replaces the named part of the document.
func rewrite(path, part, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	between := regexp.MustCompile(`(?s)(<!-- begin ` + part + `\b[^\n]*-->\n).*?(<!-- end ` + part + ` -->)`)
	found := between.FindSubmatchIndex(raw)
	if found == nil {
		return fmt.Errorf("%s has no part <!-- begin %s … --> <!-- end %s -->", path, part, part)
	}
	next := string(raw[:found[3]]) + text + string(raw[found[4]:])
	return os.WriteFile(path, []byte(next), 0o644) //nolint:gosec // a document that everybody may read
}

// reasonsTable is the table of reasons in Markdown. Each reason is an anchor, in lower case, for links from alerts and messages.
func reasonsTable(rows []status.ReasonRow) string {
	var table strings.Builder
	table.WriteString("| reason | what it means | what to do |\n|---|---|---|\n")
	for _, row := range rows {
		var names []string
		for _, reason := range row.Reasons {
			names = append(names, fmt.Sprintf("<a id=%q></a>%s", strings.ToLower(reason), reason))
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", strings.Join(names, ", "), row.Means, row.Do)
	}
	return table.String()
}
