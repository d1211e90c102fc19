// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// fieldList collects settings in Railway's words (railway-api.md, "EnvironmentConfig"). Numbers are float64, as
// encoding/json decodes them.
type fieldList []Field

func (l *fieldList) set(value any, keys ...string) {
	*l = append(*l, Field{Keys: keys, Value: value})
}

func (l *fieldList) text(value string, keys ...string) {
	if value != "" {
		l.set(value, keys...)
	}
}

func (l *fieldList) seconds(value *metav1.Duration, keys ...string) {
	if value != nil {
		l.set(value.Round(time.Second).Seconds(), keys...)
	}
}

func fields(declared *v1alpha1.Service) []Field {
	var list fieldList
	if declared.Source != nil {
		list.source(declared.Source)
	}
	if declared.Build != nil {
		list.build(declared.Build)
	}
	if declared.Deploy != nil {
		list.deploy(declared.Deploy)
	}
	return list
}

// source names one of image and repo and demands the absence of the other: a service has one source.
func (l *fieldList) source(s *v1alpha1.Source) {
	if s.Image != "" {
		l.set(s.Image, "source", "image")
		l.set(nil, "source", "repo")
		return
	}
	l.set(s.Repo, "source", "repo")
	l.set(nil, "source", "image")
	l.text(s.Branch, "source", "branch")
	l.text(s.Commit, "source", "commitSha")
	l.text(s.RootDirectory, "source", "rootDirectory")
}

func (l *fieldList) build(b *v1alpha1.Build) {
	l.text(railwayWord(builders, b.Builder), "build", "builder")
	l.text(b.Command, "build", "buildCommand")
	l.text(b.DockerfilePath, "build", "dockerfilePath")
	if len(b.WatchPatterns) > 0 {
		patterns := make([]any, 0, len(b.WatchPatterns))
		for _, pattern := range b.WatchPatterns {
			patterns = append(patterns, pattern)
		}
		l.set(patterns, "build", "watchPatterns")
	}
}

func (l *fieldList) deploy(d *v1alpha1.Deploy) {
	l.text(d.StartCommand, "deploy", "startCommand")
	if d.PreDeployCommand != "" {
		l.set([]any{d.PreDeployCommand}, "deploy", "preDeployCommand")
	}
	if len(d.Regions) > 0 {
		regions := map[string]any{}
		for region, replicas := range d.Regions {
			regions[region] = map[string]any{"numReplicas": float64(replicas)}
		}
		l.set(regions, "deploy", "multiRegionConfig")
	}
	if d.Healthcheck != nil {
		l.set(d.Healthcheck.Path, "deploy", "healthcheckPath")
		l.seconds(d.Healthcheck.Timeout, "deploy", "healthcheckTimeout")
	}
	if d.Restart != nil {
		l.text(railwayWord(restartPolicies, d.Restart.Policy), "deploy", "restartPolicyType")
		if d.Restart.MaxRetries != nil {
			l.set(float64(*d.Restart.MaxRetries), "deploy", "restartPolicyMaxRetries")
		}
	}
	l.limits(d.Limits)
	if d.Serverless != nil {
		l.set(*d.Serverless, "deploy", "sleepApplication")
	}
	l.text(d.CronSchedule, "deploy", "cronSchedule")
	l.seconds(d.Overlap, "deploy", "overlapSeconds")
	l.seconds(d.Draining, "deploy", "drainingSeconds")
}

// specFields are the names in the spec of what Railway calls otherwise. A field that is not here has the same name in both.
var specFields = map[string]string{
	"source.commitSha":                            "source.commit",
	"build.buildCommand":                          "build.command",
	"deploy.multiRegionConfig":                    "deploy.regions",
	"deploy.healthcheckPath":                      "deploy.healthcheck.path",
	"deploy.healthcheckTimeout":                   "deploy.healthcheck.timeout",
	"deploy.restartPolicyType":                    "deploy.restart.policy",
	"deploy.restartPolicyMaxRetries":              "deploy.restart.maxRetries",
	"deploy.limitOverride.containers.cpu":         "deploy.limits.cpu",
	"deploy.limitOverride.containers.memoryBytes": "deploy.limits.memory",
	"deploy.sleepApplication":                     "deploy.serverless",
	"deploy.overlapSeconds":                       "deploy.overlap",
	"deploy.drainingSeconds":                      "deploy.draining",
	"deploy.registryCredentials":                  "pullSecretRef",
}

// SpecPath is a field's path as people write it in the spec, behind the service's name, which may hold dots. The record of what was
// written, and what is read from Railway, keep Railway's names.
func SpecPath(path string) string {
	for dot := strings.LastIndexByte(path, '.'); dot > 0; dot = strings.LastIndexByte(path[:dot], '.') {
		spec, renamed := specFields[path[dot+1:]]
		switch {
		case renamed && strings.HasSuffix(path[:dot], ".variables"): // a variable on Railway may be called like a field
			return path
		case renamed:
			return path[:dot+1] + spec
		}
	}
	return path
}

// SpecPaths are the paths as people write them.
func SpecPaths(paths []string) []string {
	list := make([]string, 0, len(paths))
	for _, path := range paths {
		list = append(list, SpecPath(path))
	}
	return list
}

func (l *fieldList) limits(limits *v1alpha1.Limits) {
	if limits == nil {
		return
	}
	if limits.CPU != nil {
		l.set(float64(limits.CPU.MilliValue())/1000, "deploy", "limitOverride", "containers", "cpu")
	}
	if limits.Memory != nil {
		l.set(float64(limits.Memory.Value()), "deploy", "limitOverride", "containers", "memoryBytes")
	}
}
