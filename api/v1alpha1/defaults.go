// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "time"

// DefaultInterval is how old the view of Railway may get when the spec does not say.
const DefaultInterval = 5 * time.Minute

// DefaultProgressDeadline is how long a deployment may take when the spec does not say.
const DefaultProgressDeadline = 30 * time.Minute

// EffectiveInterval returns spec.interval or its default.
func (s *EngineEnvironmentSpec) EffectiveInterval() time.Duration {
	if s.Interval == nil {
		return DefaultInterval
	}
	return s.Interval.Duration
}

// EffectiveWritePolicy returns spec.writePolicy or its default.
func (s *EngineEnvironmentSpec) EffectiveWritePolicy() WritePolicy {
	return orDefault(s.WritePolicy, WritePolicyApply)
}

// EffectiveDriftPolicy returns spec.driftPolicy or its default.
func (s *EngineEnvironmentSpec) EffectiveDriftPolicy() DriftPolicy {
	return orDefault(s.DriftPolicy, DriftPolicyRepair)
}

// EffectiveUnmanagedPolicy returns spec.unmanagedVariables or its default.
func (s *EngineEnvironmentSpec) EffectiveUnmanagedPolicy() UnmanagedPolicy {
	return orDefault(s.UnmanagedVariables, UnmanagedIgnore)
}

// EffectiveDeletionPolicy returns spec.deletionPolicy or the tier's default.
func (s *EngineEnvironmentSpec) EffectiveDeletionPolicy() DeletionPolicy {
	return orDefault(s.DeletionPolicy, s.Tier.Defaults().DeletionPolicy)
}

// RailwayEnvironment returns the name of the Railway environment: spec.railway.environment or the tier in lower case. It is
// empty for the Local tier.
func (s *EngineEnvironmentSpec) RailwayEnvironment() string {
	if s.Railway == nil {
		return ""
	}
	return orDefault(s.Railway.Environment, s.Tier.Lower())
}

// Sleeps reports whether the service is meant to sleep while nobody calls it.
func (s *Service) Sleeps() bool {
	return s.Deploy != nil && s.Deploy.Serverless != nil && *s.Deploy.Serverless
}

// EffectiveProgressDeadline returns deploy.progressDeadline or its default.
func (s *Service) EffectiveProgressDeadline() time.Duration {
	if s.Deploy == nil || s.Deploy.ProgressDeadline == nil {
		return DefaultProgressDeadline
	}
	return s.Deploy.ProgressDeadline.Duration
}

// DefaultVerificationInterval is the time between two runs of the checks when the spec does not say.
const DefaultVerificationInterval = 10 * time.Minute

// EffectiveVerificationInterval returns verification.interval or its default.
func (s *EngineEnvironmentSpec) EffectiveVerificationInterval() time.Duration {
	if s.Verification == nil || s.Verification.Interval == nil {
		return DefaultVerificationInterval
	}
	return s.Verification.Interval.Duration
}

// RollsBack reports whether a new revision that fails is rolled back.
func (s *EngineEnvironmentSpec) RollsBack() bool {
	return s.Verification != nil && s.Verification.OnFailure == FailureRollback
}

// DefaultRevisionHistoryLimit is how many verified revisions are kept when the spec does not say.
const DefaultRevisionHistoryLimit = 10

// EffectiveRevisionHistoryLimit returns spec.revisionHistoryLimit or its default.
func (s *EngineEnvironmentSpec) EffectiveRevisionHistoryLimit() int {
	if s.RevisionHistoryLimit == nil {
		return DefaultRevisionHistoryLimit
	}
	return int(*s.RevisionHistoryLimit)
}

// EffectiveSoak returns promotion.soak or its default, 0.
func (p *Promotion) EffectiveSoak() time.Duration {
	if p.Soak == nil {
		return 0
	}
	return p.Soak.Duration
}
