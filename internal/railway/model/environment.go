// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package model is the vocabulary in which the operator speaks about Railway: plain values without behaviour that needs a
// network, a clock or a logger. internal/railway fills them, the pure packages (desired, plan, rollout) read them.
package model

import (
	"strings"
	"time"
)

// Project is what a lookup by name needs of a Railway project: its live environments and services.
type Project struct {
	ID           string
	Name         string
	Environments []Named
	Services     []Named
}

// Named is an object with an id (UUID v4) and a name. Soft-deleted objects never appear as Named
// (railway-api.md, "Object model").
type Named struct {
	ID   string
	Name string
}

// Environment is the whole truth of one Railway environment, as one request reads it
// (railway-api.md, "Reading an environment").
type Environment struct {
	ID        string
	Name      string
	ProjectID string
	// Ephemeral marks pull request environments (railway-api.md, "Pull requests and webhooks").
	Ephemeral bool
	// Fork marks environments that were made from another one: there, service mutations act on this environment alone
	// (railway-api.md, "Service mutations and forks"). False also when the token may not see the source.
	Fork bool
	// Config is the environment's config: service ids to settings and unrendered variables
	// (railway-api.md, "EnvironmentConfig").
	Config Tree
	// Sealed lists the variables whose value Railway never returns (railway-api.md, "Variables").
	Sealed map[VariableRef]bool
	// Services are the live service instances, sorted by name.
	Services []ServiceInstance
	// Volumes counts the volume instances.
	Volumes int
	// Patches is the recent history of committed config changes, newest first
	// (railway-api.md, "Staged changes and history").
	Patches []Patch
	// Staged holds the leaf paths that somebody staged on the dashboard and did not commit
	// (railway-api.md, "Staged changes and history").
	Staged []string
	// Applying is true while Railway still applies a committed patch (railway-api.md, "Staged changes and history").
	Applying bool
}

// VariableRef names a variable. An empty ServiceID means a shared variable (railway-api.md, "Variables").
type VariableRef struct {
	ServiceID string
	Name      string
}

// ServiceInstance is a service in one environment.
type ServiceInstance struct {
	ID        string
	ServiceID string
	Name      string
	// ConfigFile is the railway.json or railway.toml that overrides settings at deploy time, if any
	// (railway-api.md, "Service settings").
	ConfigFile string
	// RailwayDomains and CustomDomains are the instance's public domains.
	RailwayDomains []Domain
	CustomDomains  []Domain
	// Latest is the newest deployment, perhaps FAILED or in progress; Active are those that serve
	// (railway-api.md, "Deployment status").
	Latest *Deployment
	Active []Deployment
	// Triggers deploy the service whenever somebody pushes to their branch (railway-api.md, "Auto-deploy"); sorted by
	// id.
	Triggers []Trigger
}

// Trigger is a deployment trigger: while it exists, Railway deploys each push to the branch by itself
// (railway-api.md, "Auto-deploy").
type Trigger struct {
	ID         string
	Repository string
	Branch     string
}

// Domain is a public host name of a service instance.
type Domain struct {
	ID   string
	Host string
	// Port is the target port; 0 lets Railway choose.
	Port int
	// Verified is true once Railway has seen the proof that the name is ours; it serves nothing before. Always true for a
	// generated domain (railway-api.md, "Domains").
	Verified bool
}

// Deployment is one deployment of a service instance.
type Deployment struct {
	ID        string
	Status    DeploymentStatus
	CreatedAt time.Time
	// StatusAt is when Status was reached; zero when Railway does not say.
	StatusAt time.Time
	// Stopped is true when every replica has ended (railway-api.md, "Deployment status": SUCCESS and stopped means
	// completed).
	Stopped     bool
	CanRollback bool
	Meta        DeploymentMeta
	// Replicas counts replicas by status, for example RUNNING or CRASHED (railway-api.md, "Deployment status").
	Replicas map[string]int
}

// DeploymentMeta is the part of a deployment's opaque meta that the operator relies on
// (railway-api.md, "Deployment meta").
type DeploymentMeta struct {
	Image       string
	ImageDigest string
	Repo        string
	Branch      string
	CommitHash  string
	// PatchID is the id of the committed patch that caused the deployment; empty for other causes.
	PatchID string
}

// Patch is one entry of the environment's change history.
type Patch struct {
	ID string
	// Status is COMMITTED, APPLYING, STAGED or FAILED (railway-api.md, "Staged changes and history").
	Status string
	// Message is the commit message.
	Message string
	// Error is why Railway could not apply the patch, empty when it could.
	Error     string
	AppliedBy string
	// AppliedAt is zero while the patch is not applied.
	AppliedAt time.Time
	CreatedAt time.Time
	// Paths are the leaf paths the patch touches, with values left out.
	Paths []string
}

// Failure is what Railway tells about a deployment that failed.
type Failure struct {
	// Steps are the deployment's events in order (railway-api.md, "Deployment status").
	Steps []Step
	// BuildLogs and DeployLogs are the last lines, oldest first.
	BuildLogs  []LogLine
	DeployLogs []LogLine
}

// Map returns a copy in which f was applied to every text.
func (f Failure) Map(change func(string) string) Failure {
	mapped := Failure{}
	for _, step := range f.Steps {
		step.Error = change(step.Error)
		mapped.Steps = append(mapped.Steps, step)
	}
	lines := func(list []LogLine) []LogLine {
		var all []LogLine
		for _, line := range list {
			line.Message = change(line.Message)
			all = append(all, line)
		}
		return all
	}
	mapped.BuildLogs, mapped.DeployLogs = lines(f.BuildLogs), lines(f.DeployLogs)
	return mapped
}

// Step is one deployment event, for example BUILD_IMAGE or HEALTHCHECK.
type Step struct {
	Name      string
	Error     string
	Completed bool
}

// LogLine is one line of a log.
type LogLine struct {
	Time     time.Time
	Severity string
	Message  string
	// Attributes are what Railway parsed from a structured line, and the level (railway-api.md, "Logs"). Only
	// Client.Logs fills them.
	Attributes map[string]string
}

// LogQuery selects lines of a deployment's log. Zero times and an empty filter select nothing away.
type LogQuery struct {
	// Filter is in Railway's own syntax (railway-api.md, "Logs").
	Filter     string
	Start, End time.Time
	// Lines is how many of the last lines are returned, at most 5000 (railway-api.md, "Logs").
	Lines int
}

// Usage is what a service used of one resource in a span of time (railway-api.md, "Usage and prices").
type Usage struct {
	EnvironmentID string
	ServiceID     string
	// Measurement is Railway's name, for example CPU_USAGE.
	Measurement string
	// Value is in the measurement's unit: vCPU-minutes, GB-minutes or GB.
	Value float64
}

// TokenScope is what a project token reaches: exactly one environment of one project (railway-api.md, "Tokens").
type TokenScope struct {
	ProjectID       string
	ProjectName     string
	EnvironmentID   string
	EnvironmentName string
}

// Instance returns the instance of the service with that name.
func (e *Environment) Instance(name string) (ServiceInstance, bool) {
	for _, s := range e.Services {
		if s.Name == name {
			return s, true
		}
	}
	return ServiceInstance{}, false
}

// Bare reports whether the instance has neither a source nor a deployment nor a variable. Creating a service for one environment
// leaves such an instance in every other one that is no fork (railway-api.md, "Service mutations and forks"): it is
// nobody's work.
func (e *Environment) Bare(s ServiceInstance) bool {
	config := e.Config.Sub("services", s.ServiceID)
	return s.Latest == nil && len(s.Active) == 0 && len(config.Sub("source")) == 0 && len(config.Sub("variables")) == 0
}

// Digest returns what identifies the image's bytes, for example "sha256:9f86d0…": what Railway says it runs, else what a reference
// like "repo:tag@sha256:…" pins, since Railway leaves the digest out of some deployments that are pinned to one
// (railway-api.md, "Images and digests"). Empty when neither tells.
func (m DeploymentMeta) Digest() string {
	if m.ImageDigest != "" {
		return m.ImageDigest
	}
	_, pinned, _ := strings.Cut(m.Image, "@")
	return pinned
}
