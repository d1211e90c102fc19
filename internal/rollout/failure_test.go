// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

func lines(messages ...string) []model.LogLine {
	var all []model.LogLine
	for _, message := range messages {
		all = append(all, model.LogLine{Message: message})
	}
	return all
}

func step(name, problem string) []model.Step {
	return []model.Step{{Name: "CREATE_CONTAINER", Completed: true}, {Name: name, Error: problem}}
}

func asIs(text string) string { return text }

func TestExplain(t *testing.T) {
	failed := rollout.Assess(input(deployment(model.DeploymentFailed, time.Minute), older()))
	crashed := rollout.Assess(input(deployment(model.DeploymentCrashed, time.Minute)))
	late := rollout.Assess(input(deployment(model.DeploymentBuilding, deadline)))
	fromRepo := deployment(model.DeploymentFailed, time.Minute)
	fromRepo.Meta = model.DeploymentMeta{Repo: "acme/app"}
	built := rollout.Assess(input(fromRepo))
	const still = "; an older deployment still serves 1"
	const denied = "the registry refuses the pull: set pullSecretRef beside source, or check its credentials, and the image's name"
	tests := []struct {
		name, why string
		result    rollout.Result
		failure   model.Failure
		reason    string
		message   string
	}{
		{"nothing told", "the verdict stays", failed, model.Failure{}, v1alpha1.ReasonDeploymentFailed, "deployment failed" + still},
		{"steps without error", "the verdict stays", failed, model.Failure{Steps: []model.Step{{Name: "BUILD_IMAGE", Completed: true}}},
			v1alpha1.ReasonDeploymentFailed, "deployment failed" + still},
		{"source", "", failed, model.Failure{Steps: step("SNAPSHOT_CODE", "no such branch")},
			v1alpha1.ReasonBuildFailed, "taking the source failed" + still + " (no such branch)"},
		{"build", "the build's log says why", failed, model.Failure{Steps: step("BUILD_IMAGE", "exit code 1"), BuildLogs: lines("pip install", "no matching version"), DeployLogs: lines("old")},
			v1alpha1.ReasonBuildFailed, "the build failed" + still + " (exit code 1); last log lines: pip install | no matching version"},
		{"publish", "", failed, model.Failure{Steps: step("PUBLISH_IMAGE", "denied")},
			v1alpha1.ReasonBuildFailed, "publishing the image failed" + still + " (denied)"},
		{"pre-deploy", "the deployment's log says why", failed, model.Failure{Steps: step("PRE_DEPLOY_COMMAND", "exit code 1"), BuildLogs: lines("built"), DeployLogs: lines("no such table")},
			v1alpha1.ReasonPreDeployFailed, "the pre-deploy command failed" + still + " (exit code 1); last log lines: no such table"},
		{"health check", "", failed, model.Failure{Steps: step("HEALTHCHECK", "1/1 replicas never became healthy")},
			v1alpha1.ReasonHealthcheckFailed, "the health check did not succeed in time" + still + " (1/1 replicas never became healthy)"},
		{"other step", "a step that is not known to mean more is quoted", failed, model.Failure{Steps: step("MIGRATE_VOLUMES", "volume is full")},
			v1alpha1.ReasonDeploymentFailed, "deployment failed" + still + " (volume is full)"},
		{"first known step counts", "what follows fails because of it", failed,
			model.Failure{Steps: []model.Step{{Name: "BUILD_IMAGE", Error: "exit code 1"}, {Name: "HEALTHCHECK", Error: "not started"}}},
			v1alpha1.ReasonBuildFailed, "the build failed" + still + " (exit code 1)"},
		{"image, by the step", "a wrong tag is the commonest of failures", failed, model.Failure{Steps: step("CREATE_CONTAINER", "manifest unknown")},
			v1alpha1.ReasonImageNotFound, "the image cannot be pulled: check its name and tag, and that Railway may read it" + still + " (manifest unknown)"},
		{"image, by the log", "some failures are in the log alone", failed, model.Failure{BuildLogs: lines("Failed to pull image: no such image")},
			v1alpha1.ReasonImageNotFound, "the image cannot be pulled: check its name and tag, and that Railway may read it" + still + "; last log lines: Failed to pull image: no such image"},
		{"denied pull", "a private image needs credentials", failed, model.Failure{BuildLogs: lines("Failed to pull image: pull access denied")},
			v1alpha1.ReasonImagePullDenied, denied + still + "; last log lines: Failed to pull image: pull access denied"},
		{"denied pull, by the step", "whatever step Railway pulls in", failed, model.Failure{Steps: step("BUILD_IMAGE", "failed to resolve image ghcr.io/acme/app:2: 401 Unauthorized")},
			v1alpha1.ReasonImagePullDenied, denied + still + " (failed to resolve image ghcr.io/acme/app:2: 401 Unauthorized)"},
		{"denied pull, in the registry's words", "no word of the runtime's stands before it", failed, model.Failure{Steps: step("BUILD_IMAGE", "denied: requested access to the resource is denied")},
			v1alpha1.ReasonImagePullDenied, denied + still + " (denied: requested access to the resource is denied)"},
		{"wrong credentials", "Docker Hub's words", failed, model.Failure{BuildLogs: lines("unauthorized: incorrect username or password")},
			v1alpha1.ReasonImagePullDenied, denied + still + "; last log lines: unauthorized: incorrect username or password"},
		{"no credentials", "the distribution's words", failed, model.Failure{BuildLogs: lines("unauthorized: authentication required")},
			v1alpha1.ReasonImagePullDenied, denied + still + "; last log lines: unauthorized: authentication required"},
		{"no access", "Quay's words", failed, model.Failure{BuildLogs: lines("unauthorized: access to the requested resource is not authorized")},
			v1alpha1.ReasonImagePullDenied, denied + still + "; last log lines: unauthorized: access to the requested resource is not authorized"},
		{"denied base image", "credentials are for the declared image and give a build nothing", built, model.Failure{Steps: step("BUILD_IMAGE", "pull access denied for acme/base")},
			v1alpha1.ReasonImageNotFound, "the image cannot be pulled: check its name and tag, and that Railway may read it (pull access denied for acme/base)"},
		{"the engine's own 401", "an engine's log says unauthorized too", failed, model.Failure{DeployLogs: lines("GET /chat 401 Unauthorized", "permission denied: /data")},
			v1alpha1.ReasonDeploymentFailed, "deployment failed" + still + "; last log lines: GET /chat 401 Unauthorized | permission denied: /data"},
		{"image, in a build", "a base image that is not there", failed, model.Failure{Steps: step("BUILD_IMAGE", "failed to resolve python:99")},
			v1alpha1.ReasonImageNotFound, "the image cannot be pulled: check its name and tag, and that Railway may read it" + still + " (failed to resolve python:99)"},
		{"crash", "a crash is a crash whatever the log says about images", crashed, model.Failure{DeployLogs: lines("Traceback", "image cat.png not found")},
			v1alpha1.ReasonCrashed, "deployment crashed; last log lines: Traceback | image cat.png not found"},
		{"deadline", "the reason stays, the log helps", late, model.Failure{Steps: step("BUILD_IMAGE", "slow"), BuildLogs: lines("step 3")},
			v1alpha1.ReasonDeadlineExceeded, "deployment is still BUILDING after 10m0s (slow); last log lines: step 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.result.Explain(tt.failure, asIs)
			assert.Equal(t, tt.reason, got.Reason, tt.why)
			assert.Equal(t, tt.message, got.Message, tt.why)
			assert.Equal(t, rollout.Failed, got.State)
			assert.Equal(t, tt.result.Deployment, got.Deployment)
		})
	}
}

func TestExplainRedactsAndClips(t *testing.T) {
	failed := rollout.Assess(input(deployment(model.DeploymentFailed, time.Minute)))
	secret := strings.Repeat("s3cret", 10)
	redact := func(text string) string { return strings.ReplaceAll(text, secret, "(secret)") }
	failure := model.Failure{
		Steps:      step("HEALTHCHECK", strings.Repeat("x", 180)+secret),
		DeployLogs: lines("1", "2", "  3 "+secret+"\n", strings.Repeat("ü", 190)+secret, strings.Repeat("ü", 201)),
	}
	message := failed.Explain(failure, redact).Message
	assert.NotContains(t, message, "s3c", "no secret, and none that was cut in half before it was masked")
	assert.Contains(t, message, strings.Repeat("x", 180)+"(secret)")
	_, quoted, found := strings.Cut(message, "last log lines: ")
	assert.True(t, found)
	parts := strings.Split(quoted, " | ")
	assert.Equal(t, []string{
		"3 (secret)", strings.Repeat("ü", 190) + "(secret)", strings.Repeat("ü", 200) + "…",
	}, parts, "the last three lines, trimmed, each at most 200 characters")
	assert.True(t, utf8.ValidString(message))
}
