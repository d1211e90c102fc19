// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package status makes the status of an EngineEnvironment: from the previous one and what a pass found. Nobody else assigns it.
// It is pure: values in, values out.
package status

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// Kind says who has to act next.
type Kind int

const (
	// Done: nobody.
	Done Kind = iota
	// Progressing: the operator, or Railway.
	Progressing
	// Stalled: a person.
	Stalled
	// Suspended: nobody, until a person resumes.
	Suspended
)

// Outcome is how a pass ended.
type Outcome struct {
	Kind            Kind
	Reason, Message string
	// About is the condition besides Ready that the reason is about, if any.
	About string
	// Check is the check that cannot be run as it is written, if the reason is about one.
	Check string
}

// Finding is what a pass found out about one condition.
type Finding struct {
	Status          metav1.ConditionStatus
	Reason, Message string
}

// Passed is the finding that a condition holds.
func Passed(message string) Finding {
	return Finding{metav1.ConditionTrue, v1alpha1.ReasonSucceeded, message}
}

// Failed is the finding that a condition does not hold.
func Failed(reason, message string) Finding { return Finding{metav1.ConditionFalse, reason, message} }

// Unknown is the finding that nobody can tell whether a condition holds.
func Unknown(reason, message string) Finding {
	return Finding{metav1.ConditionUnknown, reason, message}
}

// Facts are what a pass found out. What it did not read is nil, and stays as it was.
type Facts struct {
	// Spec and Generation are the object's, as declared.
	Spec       *v1alpha1.EngineEnvironmentSpec
	Generation int64
	// Forced is the annotation's value that forced the pass, once it is carried out.
	Forced string

	Outcome  Outcome
	Findings map[string]Finding

	Settings  *v1alpha1.EffectiveSettings
	EnvSecret string
	Railway   *v1alpha1.RailwayStatus
	// Gone is true when the environment is no more: what the status says about it is dropped.
	Gone bool
	// Services are the declared services as they run, the engine first.
	Services []v1alpha1.ServiceStatus
	// Checks are the results of this pass, without times and with their messages as they were found.
	Checks []v1alpha1.CheckStatus
	Config *Config
	// Promotion is the next state of the promotion, Hold that of the rollback, Verified what was verified in this pass.
	Promotion *v1alpha1.PromotionStatus
	Hold      *Hold
	Verified  *v1alpha1.VerifiedStatus
	Cost      *v1alpha1.CostStatus

	Record     *v1alpha1.WorkingRecord
	LastCommit *v1alpha1.Commit
	// Redact masks secret values in what came from outside; nil masks nothing.
	Redact func(string) string
}

// Config is what the comparison with Railway's config found.
type Config struct {
	// Plan is what would be written, nil when there is nothing or it is written at once.
	Plan *v1alpha1.PlanStatus
	// Drift has no times: the previous status knows since when.
	Drift             []v1alpha1.Drift
	Unmanaged, Staged []string
}

// Hold is whether a verified revision is held in place of what is declared.
type Hold struct{ Rollback *v1alpha1.RollbackStatus }

// listAtMost bounds the lists of the status.
const listAtMost = 64

// Next returns the status that follows. It changes neither argument; the same facts again change nothing.
func Next(previous v1alpha1.EngineEnvironmentStatus, facts Facts, now metav1.Time) v1alpha1.EngineEnvironmentStatus {
	next := *previous.DeepCopy()
	dropOlderFields(&next)
	if facts.Gone {
		forgetEnvironment(&next)
	}
	sections(&next, facts, now)
	next.Checks = notRun(checks(next.Checks, facts, now), facts, now)
	conditions(&next, facts, now)
	next.Verdict, next.VerdictReasons = verdict(&next, facts)
	next.Readiness = readiness(next.Checks)
	verified(&next, facts, now)
	next.ObservedGeneration = facts.Generation
	if facts.Forced != "" {
		next.LastHandledReconcileAt = facts.Forced
	}
	next.LastHandledReconcileAt = redact.Identity(next.LastHandledReconcileAt)
	return next
}

// dropOlderFields drops what the working record has taken over.
func dropOlderFields(s *v1alpha1.EngineEnvironmentStatus) {
	s.PendingWrite, s.Awaited, s.Repairs, s.WrittenFields = nil, nil, nil, nil
}

func forgetEnvironment(s *v1alpha1.EngineEnvironmentStatus) {
	s.Railway, s.Engine, s.Services = nil, nil, nil
	s.Drift, s.UnmanagedVariables, s.StagedChanges, s.LastCommit, s.Plan = nil, nil, nil, nil, nil
}

// sections takes over what was read, and drops what the spec does not ask for any more.
func sections(s *v1alpha1.EngineEnvironmentStatus, facts Facts, now metav1.Time) {
	replace(&s.Settings, facts.Settings)
	replace(&s.Railway, facts.Railway)
	replace(&s.Promotion, facts.Promotion)
	replace(&s.Cost, facts.Cost)
	if facts.EnvSecret != "" {
		s.EnvSecret = facts.EnvSecret
	}
	if len(facts.Services) > 0 {
		s.Engine, s.Services = facts.Services[0].DeepCopy(), nil
		s.Services = append(s.Services, facts.Services[1:]...)
	}
	if facts.Config != nil {
		s.Drift = drift(s.Drift, facts.Config.Drift, now)
		s.Plan = planned(facts)
		s.UnmanagedVariables, s.StagedChanges = bounded(facts.Config.Unmanaged), bounded(facts.Config.Staged)
	}
	if facts.Hold != nil {
		s.Rollback = facts.Hold.Rollback.DeepCopy()
	}
	if facts.Spec.Promotion == nil {
		s.Promotion = nil
	}
	if facts.Spec.Budget == nil {
		s.Cost = nil
	}
	before := s.WorkingRecord
	s.WorkingRecord, s.LastCommit = facts.Record.DeepCopy(), facts.LastCommit.DeepCopy()
	if s.WorkingRecord != nil && s.WorkingRecord.Refused != nil {
		s.WorkingRecord.Refused.Message = refused(before, s.WorkingRecord.Refused, facts)
	}
}

// refused is why Railway could not apply a commit. Railway may repeat a value of it: where the values are not known, it is left out.
func refused(before *v1alpha1.WorkingRecord, found *v1alpha1.RefusedCommit, facts Facts) string {
	switch {
	case before != nil && before.Refused != nil && before.Refused.ID == found.ID && before.Refused.Message == found.Message:
		return found.Message // it was masked when it was stored; a short value may be a part of what stands there since
	case facts.Redact != nil:
		return redact.CutMessage(facts.Redact(found.Message), messageSize)
	default:
		return "Railway could not apply the commit"
	}
}

func replace[T interface{ DeepCopy() T }](field *T, found T) {
	if any(found) != any(*new(T)) {
		*field = found.DeepCopy()
	}
}

// planned is the plan with its values redacted and cut.
func planned(facts Facts) *v1alpha1.PlanStatus {
	plan := facts.Config.Plan.DeepCopy()
	if plan == nil {
		return nil
	}
	for i := range plan.Changes {
		c := &plan.Changes[i]
		c.From, c.To = redact.Cut(redacted(facts, c.From), reasonSize), redact.Cut(redacted(facts, c.To), reasonSize)
	}
	return plan
}

// drift keeps since when a field differs.
func drift(known, found []v1alpha1.Drift, now metav1.Time) []v1alpha1.Drift {
	since := map[string]metav1.Time{}
	for _, d := range known {
		since[d.Path] = d.FirstSeen
	}
	var list []v1alpha1.Drift
	for _, d := range found[:min(len(found), listAtMost)] {
		d.FirstSeen = now
		if at, ok := since[d.Path]; ok {
			d.FirstSeen = at
		}
		list = append(list, d)
	}
	return list
}

func bounded(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return append([]string{}, list[:min(len(list), listAtMost)]...)
}

// verified records since when the verdict is GO, and what was verified last. A newer revision starts a new soak.
func verified(s *v1alpha1.EngineEnvironmentStatus, facts Facts, now metav1.Time) {
	switch {
	case s.Verdict != v1alpha1.VerdictGo:
		s.GoSince = nil
	case s.GoSince == nil:
		s.GoSince = &now
	}
	if facts.Verified == nil {
		return
	}
	s.Verified = facts.Verified.DeepCopy()
	if s.GoSince != nil && s.GoSince.Before(&s.Verified.Since) {
		since := s.Verified.Since
		s.GoSince = &since
	}
}
