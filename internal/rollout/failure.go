// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// logLines and lineLength bound what a message quotes from a log.
const (
	logLines   = 3
	lineLength = 200
)

// failed is how the message on a failed deployment begins, until it is known what failed.
const failed = "deployment failed"

// deniedPull tells a registry that refuses the pull from one that has no such image. Each pattern is a registry's or a container
// runtime's words: an engine's own log says "unauthorized" too.
var deniedPull = regexp.MustCompile(
	`(?i)(pull access denied|no basic auth credentials|access to the resource is denied|failed to (authorize|fetch (anonymous|oauth) token)|` +
		`unauthori[sz]ed: (authentication required|incorrect username|access to the requested resource)|` +
		`(pull|resolv|manifest|registry)[^\n]*(unauthori[sz]ed|denied|forbidden|authentication required|\b40[13]\b))`)

var pullProblem = regexp.MustCompile(
	`(?i)(failed to (resolve|pull)|pull access denied|manifest unknown|manifest for .* not found|no such image|image .*not found)`)

// failedSteps maps the deployment event that failed (railway-api.md, "Deployment status") to what a person has to look
// at.
var failedSteps = map[string]struct{ reason, what string }{
	"SNAPSHOT_CODE":      {v1alpha1.ReasonBuildFailed, "taking the source failed"},
	"BUILD_IMAGE":        {v1alpha1.ReasonBuildFailed, "the build failed"},
	"PUBLISH_IMAGE":      {v1alpha1.ReasonBuildFailed, "publishing the image failed"},
	"PRE_DEPLOY_COMMAND": {v1alpha1.ReasonPreDeployFailed, "the pre-deploy command failed"},
	"HEALTHCHECK":        {v1alpha1.ReasonHealthcheckFailed, "the health check did not succeed in time"},
}

// Explain sharpens the verdict on a failed deployment with what Railway tells about it: which step failed, and the last log
// lines. redact masks secret values.
func (r Result) Explain(failure model.Failure, redact func(string) string) Result {
	detail, what := "", ""
	for _, step := range failure.Steps {
		if step.Error == "" {
			continue
		}
		detail = step.Error
		if known, ok := failedSteps[step.Name]; ok && r.Reason == v1alpha1.ReasonDeploymentFailed {
			r.Reason, what = known.reason, known.what
			break // what follows failed because of it
		}
	}
	lines := failure.DeployLogs
	if r.Reason == v1alpha1.ReasonBuildFailed || len(lines) == 0 {
		lines = failure.BuildLogs
	}
	if r.Reason == v1alpha1.ReasonBuildFailed || r.Reason == v1alpha1.ReasonDeploymentFailed {
		if reason, problem := pullFailure(detail+"\n"+text(lines), r.Deployment); reason != "" {
			r.Reason, what = reason, problem
		}
	}
	if what != "" {
		r.Message = strings.Replace(r.Message, failed, what, 1)
	}
	if detail != "" {
		r.Message += fmt.Sprintf(" (%s)", clip(redact(detail)))
	}
	if len(lines) > 0 {
		r.Message += "; last log lines: " + quote(lines, redact)
	}
	return r
}

// pullFailure tells why an image cannot be pulled. Credentials are for the declared image: they give no base image to a build.
func pullFailure(told string, deployment *model.Deployment) (reason, what string) {
	built := deployment != nil && deployment.Meta.Repo != ""
	switch {
	case deniedPull.MatchString(told) && !built:
		return v1alpha1.ReasonImagePullDenied,
			"the registry refuses the pull: set pullSecretRef beside source, or check its credentials, and the image's name"
	case pullProblem.MatchString(told) || deniedPull.MatchString(told):
		return v1alpha1.ReasonImageNotFound, "the image cannot be pulled: check its name and tag, and that Railway may read it"
	default:
		return "", ""
	}
}

func text(lines []model.LogLine) string {
	var all []string
	for _, line := range lines {
		all = append(all, line.Message)
	}
	return strings.Join(all, "\n")
}

func quote(lines []model.LogLine, redact func(string) string) string {
	var quoted []string
	for _, line := range lines[max(0, len(lines)-logLines):] {
		quoted = append(quoted, clip(redact(strings.TrimSpace(line.Message))))
	}
	return strings.Join(quoted, " | ")
}

// clip bounds a line. It cuts after redaction, so that no secret is cut in half and shown.
func clip(line string) string {
	if runes := []rune(line); len(runes) > lineLength {
		return string(runes[:lineLength]) + "…"
	}
	return line
}
