// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"time"

	"github.com/engine-operator/engine-operator/internal/verify"
)

// Result is what a check found, for scripts.
type Result struct {
	Name       string `json:"name"`
	Result     string `json:"result"`
	Message    string `json:"message,omitempty"`
	DurationMs int64  `json:"durationMs"`
}

var outcomes = map[verify.Outcome]string{verify.Passed: "Passed", verify.Failed: "Failed", verify.Pending: "Pending", verify.Skipped: "Skipped"}

// Results are the results for scripts.
func Results(report verify.Report) []Result {
	all := []Result{}
	for _, r := range report.Results {
		all = append(all, Result{r.Name, outcomes[r.Outcome], r.Message, r.Duration.Milliseconds()})
	}
	return all
}

// ResultTable is the results for people.
func ResultTable(report verify.Report, paint Paint) Text {
	rows := [][]string{{"CHECK", "RESULT", "TOOK", "FOUND"}}
	for _, r := range report.Results {
		rows = append(rows, []string{r.Name, outcomes[r.Outcome], r.Duration.Round(time.Millisecond).String(), r.Message})
	}
	return table(rows, func(row, column int, text string) Text {
		switch {
		case row == 0:
			return paint.Faint(text)
		case column != 1:
			return Visible(text)
		case report.Results[row-1].Outcome == verify.Passed:
			return paint.Good(text)
		case report.Results[row-1].Outcome == verify.Failed:
			return paint.Bad(text)
		default:
			return paint.Doubt(text)
		}
	})
}
