// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package findings turns what a pass found out into findings about conditions: the comparison, the rollouts, the results of the checks,
// the cost. It is pure: values in, values out.
package findings

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
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

	blame string
}

var weight = map[rollout.State]int{rollout.Healthy: 0, rollout.Progressing: 1, rollout.Failed: 2}

// HealthOf sums up the services, of which there is at least one: the worst are told. Their order changes nothing.
func HealthOf(results []rollout.Result) Health {
	h := Health{State: rollout.Healthy}
	for _, result := range results {
		if weight[result.State] > weight[h.State] {
			h.State = result.State
		}
		if !result.Due.IsZero() && (h.Due.IsZero() || result.Due.Before(h.Due)) {
			h.Due = result.Due
		}
	}
	if h.State == rollout.Healthy {
		h.Finding = status.Passed(joined(results))
		return h
	}
	worst := slices.DeleteFunc(slices.Clone(results), func(r rollout.Result) bool { return r.State != h.State })
	slices.SortFunc(worst, func(a, b rollout.Result) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Service, b.Service))
	})
	h.Finding = status.Failed(worst[0].Reason, told(worst))
	if blamed := slices.DeleteFunc(worst, func(r rollout.Result) bool { return !blamesRevision[r.Reason] }); len(blamed) > 0 {
		h.blame = told(blamed)
	}
	return h
}

// rank says which of equally bad services gives the reason: one that blames the revision, or waits for a person.
func rank(r rollout.Result) int {
	if blamesRevision[r.Reason] || r.Reason == v1alpha1.ReasonNeedsApproval {
		return 0
	}
	return 1
}

// Of several services so many say what is wrong, in so many bytes together: a condition's message holds the names, too.
const (
	toldInFull   = 4
	toldInAtMost = 600
)

// told is what services say that are equally bad. What each of several says is bounded, so that no log of one hides another.
func told(bad []rollout.Result) string {
	inFull := slices.Clone(bad[:min(len(bad), toldInFull)])
	if len(bad) > 1 && len(joined(inFull)) > toldInAtMost {
		for i := range inFull {
			inFull[i].Message = redact.CutMessage(inFull[i].Message, toldInAtMost/len(inFull))
		}
	}
	text := joined(inFull)
	if len(bad) > toldInFull {
		var others []string
		for _, result := range bad[toldInFull:] {
			others = append(others, result.Service)
		}
		text += "; as bad: " + status.List(others)
	}
	return text
}

func joined(results []rollout.Result) string {
	messages := make([]string, 0, len(results))
	for _, result := range results {
		messages = append(messages, result.Service+": "+result.Message)
	}
	return strings.Join(messages, "; ")
}

// blamesRevision are the reasons that say that what was deployed is bad, and not that somebody deleted it, say.
var blamesRevision = map[string]bool{
	v1alpha1.ReasonImageNotFound: true, v1alpha1.ReasonBuildFailed: true, v1alpha1.ReasonPreDeployFailed: true,
	v1alpha1.ReasonHealthcheckFailed: true, v1alpha1.ReasonCrashed: true, v1alpha1.ReasonDeploymentFailed: true,
	v1alpha1.ReasonDeadlineExceeded: true,
}

// Blame says why the revision that was deployed is bad, when one of its services says so; empty when none does, or something else is to
// blame.
func (h Health) Blame() string { return h.blame }
