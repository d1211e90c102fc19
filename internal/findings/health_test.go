// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package findings_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
)

func permutations(all []rollout.Result) [][]rollout.Result {
	if len(all) < 2 {
		return [][]rollout.Result{all}
	}
	var orders [][]rollout.Result
	for i := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, order := range permutations(rest) {
			orders = append(orders, append([]rollout.Result{all[i]}, order...))
		}
	}
	return orders
}

// TestHealthOf: what is told, and what the revision is blamed for, is the same in every order of the services.
func TestHealthOf(t *testing.T) {
	service := func(name string, state rollout.State, reason, message string) rollout.Result {
		return rollout.Result{Service: name, State: state, Reason: reason, Message: message}
	}
	failed := func(name, reason, message string) rollout.Result {
		return service(name, rollout.Failed, reason, message)
	}
	absent := failed("a-redis", v1alpha1.ReasonNotDeployed, "has no deployment")
	denied := failed("engine", v1alpha1.ReasonImagePullDenied, "the registry refuses the pull")
	crashed := failed("worker", v1alpha1.ReasonCrashed, "deployment crashed")
	unbuilt := failed("web", v1alpha1.ReasonBuildFailed, "the build failed")
	healthy := service("db", rollout.Healthy, v1alpha1.ReasonSucceeded, "runs 1")
	rolling := service("a-queue", rollout.Progressing, v1alpha1.ReasonDeploying, "deployment is BUILDING")
	asks := service("web", rollout.Progressing, v1alpha1.ReasonNeedsApproval, "deployment waits for an approval on Railway")
	for _, tt := range []struct {
		name, why string
		results   []rollout.Result
		state     rollout.State
		want      status.Finding
		blame     string
	}{
		{"one that blames the revision, one that does not", "what somebody deleted hides no crash", []rollout.Result{absent, crashed, healthy},
			rollout.Failed, status.Failed(v1alpha1.ReasonCrashed, "worker: deployment crashed; a-redis: has no deployment"), "worker: deployment crashed"},
		{"two that blame the revision", "both are told", []rollout.Result{denied, crashed, unbuilt, rolling}, rollout.Failed,
			status.Failed(v1alpha1.ReasonBuildFailed, "web: the build failed; worker: deployment crashed; engine: the registry refuses the pull"),
			"web: the build failed; worker: deployment crashed"},
		{"none that blames the revision", "nothing is rolled back", []rollout.Result{denied, absent, healthy}, rollout.Failed,
			status.Failed(v1alpha1.ReasonNotDeployed, "a-redis: has no deployment; engine: the registry refuses the pull"), ""},
		{"rolling out", "what waits for a person is told first", []rollout.Result{rolling, asks, healthy}, rollout.Progressing, status.Failed(
			v1alpha1.ReasonNeedsApproval, "web: deployment waits for an approval on Railway; a-queue: deployment is BUILDING"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range permutations(tt.results) {
				h := findings.HealthOf(order)
				assert.Equal(t, tt.state, h.State)
				assert.Equal(t, tt.want, h.Finding, tt.why)
				assert.Equal(t, tt.blame, h.Blame(), tt.why)
			}
		})
	}
	h := findings.HealthOf([]rollout.Result{healthy, service("cache", rollout.Healthy, v1alpha1.ReasonSucceeded, "runs 7")})
	assert.Equal(t, findings.Health{Finding: status.Passed("db: runs 1; cache: runs 7")}.Finding, h.Finding)
	assert.Equal(t, rollout.Healthy, h.State)
	assert.Empty(t, h.Blame())
}

// TestHealthOfManyServices: the log of one bad service hides none of the others, and the message is bounded.
func TestHealthOfManyServices(t *testing.T) {
	due := time.Unix(1_700_000_000, 0)
	name := func(i int) string { return fmt.Sprintf("%02d-%s", i, strings.Repeat("x", 29)) }
	var results []rollout.Result
	for i := range 65 {
		results = append(results, rollout.Result{
			Service: name(i), State: rollout.Failed, Reason: v1alpha1.ReasonCrashed, Due: due.Add(time.Duration(i) * time.Hour),
			Message: "deployment crashed; last log lines: " + strings.Repeat("boom ", 200),
		})
	}
	slices.Reverse(results)
	h := findings.HealthOf(results)
	for i := range 9 {
		assert.Contains(t, h.Finding.Message, name(i))
	}
	assert.Contains(t, h.Finding.Message, " and 56 more")
	assert.Less(t, len(h.Finding.Message), 1024, "the status does not cut it")
	assert.Equal(t, h.Finding.Message, h.Blame())
	assert.Equal(t, due, h.Due)
	one := findings.HealthOf(results[:1])
	assert.Equal(t, results[0].Service+": "+results[0].Message, one.Finding.Message, "of one service all is told that the status holds")
}
