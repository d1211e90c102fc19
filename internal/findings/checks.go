// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package findings

import (
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// Verified sums up the checks of the status, once the services are healthy: a failed check outweighs an undecided one.
func Verified(checks []v1alpha1.CheckStatus) status.Finding {
	names := map[v1alpha1.CheckResult][]string{}
	first := ""
	for _, check := range checks {
		if check.Result == v1alpha1.CheckFailed && first == "" {
			first = fmt.Sprintf("check %s failed: %s", check.Name, check.Message)
		}
		names[check.Result] = append(names[check.Result], check.Name)
	}
	failures, undecided := names[v1alpha1.CheckFailed], names[v1alpha1.CheckPending]
	switch {
	case len(failures) > 1:
		return status.Failed(v1alpha1.ReasonCheckFailed, first+"; so did "+status.List(failures[1:]))
	case len(failures) > 0:
		return status.Failed(v1alpha1.ReasonCheckFailed, first)
	case len(undecided) > 0:
		return status.Failed(v1alpha1.ReasonVerifying, "waits for the checks "+status.List(undecided))
	default:
		passing, _ := status.Tally(checks)
		return status.Passed(status.Count(passing, "check passes", "checks pass"))
	}
}

// Blame is what the results of checks say about the revision.
type Blame struct {
	// Passed is true when every check that blames the revision has passed, the newest of all results being found At.
	Passed bool
	At     time.Time
	// Failure says what failed that blames the revision, empty when nothing did.
	Failure string
}

// BlameOf says what the results say about the revision.
func BlameOf(report verify.Report) Blame {
	b := Blame{Passed: true}
	for _, result := range report.Results {
		if result.At.After(b.At) {
			b.At = result.At
		}
		if result.Blames == v1alpha1.BlameRevision && (result.Outcome == verify.Failed || result.Outcome == verify.Pending) {
			b.Passed = false
		}
	}
	if bad := report.BlamesRevision(); len(bad) > 0 {
		b.Failure = fmt.Sprintf("check %s failed: %s", bad[0].Name, bad[0].Message)
	}
	return b
}

var outcomes = map[v1alpha1.CheckResult]verify.Outcome{
	v1alpha1.CheckPassed: verify.Passed, v1alpha1.CheckFailed: verify.Failed,
}

var checkResults = map[verify.Outcome]v1alpha1.CheckResult{
	verify.Pending: v1alpha1.CheckPending, verify.Passed: v1alpha1.CheckPassed, verify.Failed: v1alpha1.CheckFailed,
	verify.Skipped: v1alpha1.CheckSkipped,
}

// Checks are the results for the status: the revision check, which the rollout has judged, and those of the report. A nil report
// leaves what is known of the others.
func Checks(known []v1alpha1.CheckStatus, healthy status.Finding, report *verify.Report) []v1alpha1.CheckStatus {
	all := []v1alpha1.CheckStatus{{Name: v1alpha1.CheckRevision, Result: revisionResult(healthy), Message: healthy.Message}}
	if report == nil {
		for _, check := range known {
			if check.Name != v1alpha1.CheckRevision {
				all = append(all, check)
			}
		}
		return all
	}
	for _, result := range report.Results {
		all = append(all, checkStatus(result))
	}
	return all
}

func checkStatus(result verify.Result) v1alpha1.CheckStatus {
	check := v1alpha1.CheckStatus{
		Name: result.Name, Result: checkResults[result.Outcome], Message: result.Message,
		DurationMs: result.Duration.Milliseconds(), Fingerprint: result.Fingerprint,
	}
	if result.Blames != v1alpha1.BlameRevision {
		check.Blames = string(result.Blames)
	}
	return check
}

func revisionResult(healthy status.Finding) v1alpha1.CheckResult {
	switch healthy.Reason {
	case v1alpha1.ReasonSucceeded:
		return v1alpha1.CheckPassed
	case v1alpha1.ReasonDeploying, v1alpha1.ReasonNeedsApproval:
		return v1alpha1.CheckPending
	default:
		return v1alpha1.CheckFailed
	}
}

// KnownResults are the decided results in a status, by check: what was verified for the same deployments and the same checks stays
// verified. With keyLost the fingerprints cannot be compared, and results are believed until a run tells otherwise.
func KnownResults(checks []v1alpha1.CheckStatus, keyLost bool) map[string]verify.KnownResult {
	known := map[string]verify.KnownResult{}
	for _, check := range checks {
		outcome, ok := outcomes[check.Result]
		if !ok {
			continue
		}
		result := verify.KnownResult{Fingerprint: check.Fingerprint, Result: verify.Result{
			Name: check.Name, Outcome: outcome, Message: check.Message, Duration: time.Duration(check.DurationMs) * time.Millisecond,
		}}
		if keyLost {
			result.Fingerprint = ""
		}
		known[check.Name] = result
	}
	return known
}
