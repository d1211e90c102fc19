// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package findings turns what a pass found out into findings about conditions: the comparison, the rollouts, the results of the checks,
// the cost. It is pure: values in, values out.
package findings

import (
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Health is how the declared services are doing.
type Health struct {
	// Finding is the one about the condition Healthy.
	Finding status.Finding
	State   rollout.State
	// Due is when the answer changes although Railway does not.
	Due time.Time
}

var weight = map[rollout.State]int{rollout.Healthy: 0, rollout.Progressing: 1, rollout.Failed: 2}

// HealthOf sums up the services, of which there is at least one: the worst one is told, and the others that are as bad.
func HealthOf(results []rollout.Result) Health {
	worst := results[0]
	h := Health{}
	for _, result := range results {
		if weight[result.State] > weight[worst.State] {
			worst = result
		}
		if !result.Due.IsZero() && (h.Due.IsZero() || result.Due.Before(h.Due)) {
			h.Due = result.Due
		}
	}
	var messages []string
	for _, result := range results {
		if result.State == worst.State {
			messages = append(messages, result.Service+": "+result.Message)
		}
	}
	h.State, h.Finding = worst.State, status.Failed(worst.Reason, strings.Join(messages, "; "))
	if worst.State == rollout.Healthy {
		h.Finding = status.Passed(strings.Join(messages, "; "))
	}
	return h
}

// blamesRevision are the reasons that say that what was deployed is bad, and not that somebody deleted it, say.
var blamesRevision = map[string]bool{
	v1alpha1.ReasonImageNotFound: true, v1alpha1.ReasonBuildFailed: true, v1alpha1.ReasonPreDeployFailed: true,
	v1alpha1.ReasonHealthcheckFailed: true, v1alpha1.ReasonCrashed: true, v1alpha1.ReasonDeploymentFailed: true,
	v1alpha1.ReasonDeadlineExceeded: true,
}

// Blame says why the revision that was deployed is bad; empty when it is not, or something else is to blame.
func (h Health) Blame() string {
	if h.State == rollout.Failed && blamesRevision[h.Finding.Reason] {
		return h.Finding.Message
	}
	return ""
}
