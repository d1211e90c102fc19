// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/status"
)

// When to pass again.
const (
	// safetyNet is how soon every object that waits for something is passed again, although a watch or an event wakes it: an error
	// may have been sorted wrongly, and an event lost.
	safetyNet      = 10 * time.Minute
	planLimitRetry = 15 * time.Minute
	unknownRetry   = 2 * time.Second
	busyRetry      = 5 * time.Second
	// hurry is how long the watch polls at the rollout pace after a sign of change.
	hurry = time.Minute
)

// outcome is how a pass ended.
type outcome struct {
	status.Outcome
	// after is when to pass again; zero leaves it to the watches and the safety net.
	after time.Duration
	// err makes the queue back off exponentially.
	err error
	// unread is true when Railway could not be read and what is known still counts: the status stays as it is.
	unread bool
	// gone is true when the object is deleted.
	gone bool
}

// result is the only place that tells the queue what to do.
func (o *outcome) result() (ctrl.Result, error) {
	if o.err != nil && o.after == 0 {
		return ctrl.Result{}, o.err
	}
	return ctrl.Result{RequeueAfter: o.after}, nil
}

// wakeBy makes sure that whatever waits is passed again: at the time that was asked for, and by the safety net when nobody may
// know of a better one.
func (o *outcome) wakeBy(s *v1alpha1.EngineEnvironmentStatus, wake, now time.Time) {
	if o.err != nil || o.gone {
		return
	}
	if !wake.IsZero() {
		o.atLatest(max(wake.Sub(now), time.Second))
	}
	promoting := s.Promotion != nil && s.Promotion.State != v1alpha1.PromotionUpToDate
	if o.Kind == status.Progressing || o.Kind == status.Stalled || o.unread || promoting {
		o.atLatest(safetyNet)
	}
}

func (o *outcome) atLatest(wait time.Duration) {
	if o.after == 0 || wait < o.after {
		o.after = wait
	}
}

func done() *outcome { return &outcome{} }

// suspended ends a pass over an object that a person suspended.
func suspended(message string) *outcome {
	return &outcome{Outcome: status.Outcome{Kind: status.Suspended, Reason: v1alpha1.ReasonSuspended, Message: message}}
}

// unread ends a pass that could not read Railway while what is known still counts.
func unread(after time.Duration) *outcome { return &outcome{unread: true, after: after} }

func progressing(reason, message string, after time.Duration) *outcome {
	return &outcome{Outcome: status.Outcome{Kind: status.Progressing, Reason: reason, Message: message}, after: after}
}

func stalled(about, reason, message string) *outcome {
	return &outcome{Outcome: status.Outcome{Kind: status.Stalled, Reason: reason, Message: message, About: about}}
}

// failed sorts an error of Kubernetes, of the spec, or of Railway into an outcome.
func failed(err error) *outcome {
	var invalid *desired.Error
	if errors.As(err, &invalid) {
		return stalled(v1alpha1.ConditionSynced, invalid.Reason, invalid.Message)
	}
	var remote *railway.Error
	if errors.As(err, &remote) {
		return railwayFailed(remote)
	}
	out := progressing(v1alpha1.ReasonInternalError, "the operator could not finish its work and tries again; its log has the details", 0)
	out.err = err
	return out
}

func railwayFailed(err *railway.Error) *outcome {
	message := err.Message
	switch err.Class {
	case railway.Unauthorized:
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenRejected, message)
	case railway.Invalid:
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonInvalidSpec, "Railway refused what the spec declares, change the field that it names: "+message)
	case railway.Conflict:
		if !strings.HasPrefix(err.Operation, "Create") { // no name is taken by a commit: something else is under way
			return progressing(v1alpha1.ReasonApplying, "Railway is busy, the operator tries again: "+message, busyRetry)
		}
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, "the name is taken on Railway: "+message)
	case railway.PlanLimit:
		out := stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonPlanLimit, "the workspace's Railway plan does not allow it: "+message)
		out.after = planLimitRetry
		return out
	case railway.SchemaMismatch:
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonSchemaMismatch,
			"Railway's API has changed, upgrade engine-operator: "+message)
	case railway.RateLimited:
		return progressing(v1alpha1.ReasonRateLimited, "waits for Railway's request budget", max(err.RetryAfter, time.Second))
	case railway.Ambiguous:
		return progressing(v1alpha1.ReasonVerifyingWrite,
			"Railway did not say whether a write was applied; the operator reads before it writes again ("+message+")", unknownRetry)
	default: // Transient, NotFound, Internal
		out := progressing(v1alpha1.ReasonRailwayUnavailable, "Railway does not answer as it should, the operator tries again: "+message, 0)
		out.err = err
		return out
	}
}
