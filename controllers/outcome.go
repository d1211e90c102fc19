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
)

// outcomeKind sorts outcomes by who has to act next.
type outcomeKind int

const (
	// outcomeDone: nobody; the watch wakes the object when Railway changes.
	outcomeDone outcomeKind = iota
	// outcomeProgressing: the operator, after a while.
	outcomeProgressing
	// outcomeStalled: a person.
	outcomeStalled
	// outcomeSuspended: nobody, until a person resumes.
	outcomeSuspended
	// outcomeGone: nobody; the object is deleted.
	outcomeGone
)

// Safety nets: every stalled object has a watch or an event that wakes it, and is looked at again all the same, because an
// error may have been sorted wrongly.
const (
	stalledRetry   = 10 * time.Minute
	planLimitRetry = 15 * time.Minute
	unknownRetry   = 2 * time.Second
	busyRetry      = 5 * time.Second
)

// Outcome is how a pass ended.
type Outcome struct {
	Kind    outcomeKind
	Reason  string
	Message string
	// About is the condition that the reason speaks of besides Ready, if any.
	About string
	// After is when to look again; zero leaves it to the watches.
	After time.Duration
	// Err makes the queue back off exponentially.
	Err error
}

// result is the only place that tells the queue what to do.
func (o *Outcome) result() (ctrl.Result, error) {
	if o.Err != nil && o.After == 0 {
		return ctrl.Result{}, o.Err
	}
	return ctrl.Result{RequeueAfter: o.After}, nil
}

// atLatest asks for the next pass no later than after that time. Zero asks for nothing.
func (o *Outcome) atLatest(wait time.Duration) {
	if wait > 0 && o.Err == nil && (o.After == 0 || wait < o.After) {
		o.After = wait
	}
}

func progressing(reason, message string, after time.Duration) *Outcome {
	return &Outcome{Kind: outcomeProgressing, Reason: reason, Message: message, After: after}
}

func stalled(about, reason, message string) *Outcome {
	return &Outcome{Kind: outcomeStalled, About: about, Reason: reason, Message: message, After: stalledRetry}
}

// failed sorts an error of Kubernetes, of the spec, or of Railway into an outcome.
func failed(err error) *Outcome {
	var invalid *desired.Error
	if errors.As(err, &invalid) {
		return stalled(v1alpha1.ConditionSynced, invalid.Reason, invalid.Message)
	}
	var remote *railway.Error
	if errors.As(err, &remote) {
		return railwayFailed(remote)
	}
	return &Outcome{
		Kind: outcomeProgressing, Reason: v1alpha1.ReasonInternalError, Err: err,
		Message: "the operator could not finish its work and tries again; its log has the details",
	}
}

func railwayFailed(err *railway.Error) *Outcome {
	message := err.Message
	switch err.Class {
	case railway.Unauthorized:
		return stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenRejected,
			message)
	case railway.Invalid:
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonInvalidSpec, "Railway refused what the spec declares, change the field it speaks of: "+message)
	case railway.Conflict:
		if !strings.HasPrefix(err.Operation, "Create") { // no name is taken by a commit: something else is under way
			return progressing(v1alpha1.ReasonApplying, "Railway is busy, the operator tries again: "+message, busyRetry)
		}
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, "the name is taken on Railway: "+message)
	case railway.PlanLimit:
		out := stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonPlanLimit, "the workspace's Railway plan does not allow it: "+message)
		out.After = planLimitRetry
		return out
	case railway.SchemaMismatch:
		return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonSchemaMismatch,
			"Railway's API has changed, upgrade engine-operator: "+message)
	case railway.RateLimited:
		return progressing(v1alpha1.ReasonRateLimited, "waits for Railway's request budget", max(err.RetryAfter, time.Second))
	case railway.Ambiguous:
		return progressing(v1alpha1.ReasonVerifyingWrite,
			"Railway did not say whether a write was applied; the operator looks before it writes again", unknownRetry)
	default: // Transient, NotFound, Internal
		return &Outcome{
			Kind: outcomeProgressing, Reason: v1alpha1.ReasonRailwayUnavailable, Err: err,
			Message: "Railway does not answer as it should, the operator tries again: " + message,
		}
	}
}
