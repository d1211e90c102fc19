// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package outcome says how a pass ends: who acts next, and when to pass again. It sorts every error into one.
package outcome

import (
	"errors"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/status"
)

// When to pass again.
const (
	// SafetyNet is how soon every object that waits for something is passed again, although a watch or an event wakes it: an error
	// may have been sorted wrongly, and an event lost.
	SafetyNet = 10 * time.Minute
	// UnknownRetry is how soon to read again what a write may have done, BusyRetry how soon to ask again who was busy.
	UnknownRetry = 2 * time.Second
	BusyRetry    = 5 * time.Second
)

// Outcome is how a pass ended.
type Outcome struct {
	status.Outcome
	// After is when to pass again; zero leaves it to the watches and the safety net.
	After time.Duration
	// Err makes the queue back off exponentially.
	Err error
	// Unread is true when Railway could not be read and what is known still counts: the status stays as it is.
	Unread bool
	// Gone is true when the object is deleted.
	Gone bool
}

// WakeBy makes sure that whatever waits is passed again: at the time that was asked for, and by the safety net when nobody may
// know of a better one.
func (o *Outcome) WakeBy(s *v1alpha1.EngineEnvironmentStatus, wake, now time.Time) {
	if o.Err != nil || o.Gone {
		return
	}
	if !wake.IsZero() {
		o.atLatest(max(wake.Sub(now), time.Second))
	}
	promoting := s.Promotion != nil && s.Promotion.State != v1alpha1.PromotionUpToDate
	waits := o.Kind == status.Suspended && o.About != "" // for a person, who may have acted when nobody listened
	if o.Kind == status.Progressing || o.Kind == status.Stalled || waits || o.Unread || promoting {
		o.atLatest(SafetyNet)
	}
}

// Learnt reports whether the pass came to its end: what it did not want, the object does not want. A pass that Railway or Kubernetes cut
// off says nothing of what is still to be done.
func (o *Outcome) Learnt() bool {
	return !o.Unread && o.Err == nil && o.Reason != v1alpha1.ReasonRateLimited && o.Reason != v1alpha1.ReasonRailwayUnavailable
}

func (o *Outcome) atLatest(wait time.Duration) {
	if o.After == 0 || wait < o.After {
		o.After = wait
	}
}

// Done is how a pass ends that leaves nothing to do.
func Done() *Outcome { return &Outcome{} }

// Suspended ends a pass over an object that a person suspended.
func Suspended() *Outcome {
	return &Outcome{Outcome: status.Outcome{
		Kind: status.Suspended, Reason: v1alpha1.ReasonSuspended, Message: "spec.suspend is true: nothing is read from or written to Railway",
	}}
}

// Waiting ends a pass that may not write what differs: nobody acts until a person does. about is the condition that says so.
func Waiting(about, reason, message string) *Outcome {
	return &Outcome{Outcome: status.Outcome{Kind: status.Suspended, Reason: reason, Message: message, About: about}}
}

// NotRead ends a pass that could not read Railway while what is known still counts.
func NotRead(after time.Duration) *Outcome { return &Outcome{Unread: true, After: after} }

// Progressing ends a pass after which the operator, or Railway, acts next.
func Progressing(reason, message string, after time.Duration) *Outcome {
	return &Outcome{Outcome: status.Outcome{Kind: status.Progressing, Reason: reason, Message: message}, After: after}
}

// Stalled ends a pass after which a person acts next. about is the condition besides Ready that the reason is about, if any.
func Stalled(about, reason, message string) *Outcome {
	return &Outcome{Outcome: status.Outcome{Kind: status.Stalled, Reason: reason, Message: message, About: about}}
}

// Failed sorts an error of Kubernetes, of the spec, or of Railway into an outcome.
func Failed(err error) *Outcome {
	var invalid *desired.Error
	if errors.As(err, &invalid) {
		about := v1alpha1.ConditionSynced
		if invalid.Check != "" {
			about = v1alpha1.ConditionVerified
		}
		out := Stalled(about, invalid.Reason, invalid.Message)
		out.Check = invalid.Check
		return out
	}
	var remote *railway.Error
	if errors.As(err, &remote) {
		return railwayFailed(remote)
	}
	out := Progressing(v1alpha1.ReasonInternalError, "the operator could not finish its work and tries again; its log has the details", 0)
	out.Err = err
	return out
}

func railwayFailed(err *railway.Error) *Outcome {
	message := err.Message
	switch err.Class {
	case railway.Unauthorized:
		return Stalled(v1alpha1.ConditionCredentialsValid, v1alpha1.ReasonTokenRejected, message)
	case railway.Invalid:
		return Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonInvalidSpec, "Railway refused what the spec declares, change the field that it names: "+message)
	case railway.Conflict:
		if !strings.HasPrefix(err.Operation, "Create") { // no name is taken by a commit: something else is under way
			return Progressing(v1alpha1.ReasonApplying, "Railway is busy, the operator tries again: "+message, BusyRetry)
		}
		return Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonNameTaken, "the name is taken on Railway: "+message)
	case railway.PlanLimit:
		return Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonPlanLimit, "the workspace's Railway plan does not allow it: "+message)
	case railway.SchemaMismatch:
		return Stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonSchemaMismatch,
			"Railway's API has changed, upgrade engine-operator: "+message)
	case railway.RateLimited:
		if !err.AwaitsSlot {
			message = "waits for Railway's request budget"
		}
		return Progressing(v1alpha1.ReasonRateLimited, message, max(err.RetryAfter, time.Second))
	case railway.Ambiguous:
		return Progressing(v1alpha1.ReasonVerifyingWrite,
			"Railway did not confirm whether a write was applied; the operator reads before it writes again ("+message+")", UnknownRetry)
	default: // Transient, NotFound, Internal
		out := Progressing(v1alpha1.ReasonRailwayUnavailable, "Railway does not answer as it should, the operator tries again: "+message, 0)
		out.Err = err
		return out
	}
}
