// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package findings_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// TestVerified: it counts what the status lists, the revision check among them.
func TestVerified(t *testing.T) {
	result := func(name string, outcome verify.Outcome) verify.Result {
		return verify.Result{Name: name, Outcome: outcome, Message: "got 500"}
	}
	tests := []struct {
		name    string
		results []verify.Result
		want    status.Finding
	}{
		{"no checks of its own", nil, status.Passed("1 check passes")},
		{"all pass", []verify.Result{result("a", verify.Passed), result("b", verify.Passed)}, status.Passed("3 checks pass")},
		{"one is skipped", []verify.Result{result("a", verify.Passed), result("b", verify.Skipped)}, status.Passed("2 checks pass")},
		{"undecided", []verify.Result{result("a", verify.Passed), result("b", verify.Pending), result("c", verify.Pending)},
			status.Failed(v1alpha1.ReasonVerifying, "waits for the checks b, c")},
		{"failed and undecided", []verify.Result{result("a", verify.Pending), result("b", verify.Failed)},
			status.Failed(v1alpha1.ReasonCheckFailed, "check b failed: got 500")},
		{"two failed", []verify.Result{result("a", verify.Failed), result("b", verify.Failed)},
			status.Failed(v1alpha1.ReasonCheckFailed, "check a failed: got 500; so did b")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checks := findings.Checks(nil, status.Passed("engine runs 1"), &verify.Report{Results: tt.results})
			assert.Equal(t, tt.want, findings.Verified(checks))
		})
	}
}
