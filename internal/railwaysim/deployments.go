// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"time"
)

// How a deployment goes: its status follows from the clock (railway-api.md, "Deployment status").

// deployment is one deployment. Its status is not stored but follows from the clock, so nothing has to tick.
type deployment struct {
	ID, EnvironmentID, ServiceID string
	CreatedAt                    time.Time
	Order                        int
	// Image is the reference, Digest what it stood for when the deployment pulled it.
	Image, Digest        string
	Repo, Branch, Commit string
	PatchID, Cause       string
	// Config and Variables are what the deployment was started with.
	Config    map[string]any
	Variables map[string]string
	// Shown are the variables that may be read back: those that are not sealed.
	Shown    map[string]string
	Replicas int
	// Behaviour is how the engine behaves, from its image's tag or its branch.
	Behaviour string
	// Step is how long each state takes.
	Step time.Duration
	// What happened from outside, if anything.
	CanceledAt, StoppedAt, RemovedAt, CrashedAt, SleepingAt *time.Time
}

// behaviours are the image tags and branches by which a deployment or its engine misbehaves.
var behaviours = []string{
	leakyCrash, leaky, "missing", "fail-build", "fail-predeploy", "unhealthy", "crash", "stuck", slowAnswers, "slow",
	wrongPython, plainLogs, noMiddleware, brokenMode, flaky, dying, chatty,
}

// pullDenied is the behaviour of a deployment whose image may not be pulled.
const pullDenied = "pull-denied"

// stage is a status that a deployment reaches after so many steps.
type stage struct {
	status string
	after  int
}

// stages is the way a deployment goes (railway-api.md, "Deployment status").
func (d *deployment) stages() []stage {
	way := []stage{{"INITIALIZING", 0}, {"QUEUED", 1}, {"BUILDING", 2}}
	if d.Image != "" {
		way = []stage{{"INITIALIZING", 0}, {"BUILDING", 1}}
	}
	at := way[len(way)-1].after
	switch d.Behaviour {
	case "missing", pullDenied, "fail-build":
		return append(way, stage{"FAILED", at + 1})
	case "stuck":
		return way
	case "slow":
		return append(way, stage{"DEPLOYING", at + 8}, stage{"SUCCESS", at + 16})
	case "fail-predeploy":
		return append(way, stage{"DEPLOYING", at + 1}, stage{"FAILED", at + 2})
	case "unhealthy":
		return append(way, stage{"DEPLOYING", at + 1}, stage{"FAILED", at + 4})
	case "crash", leakyCrash:
		return append(way, stage{"DEPLOYING", at + 1}, stage{"CRASHED", at + 2})
	case dying:
		return append(way, stage{"DEPLOYING", at + 1}, stage{"SUCCESS", at + 2}, stage{"CRASHED", at + 22})
	default:
		return append(way, stage{"DEPLOYING", at + 1}, stage{"SUCCESS", at + 2})
	}
}

// natural is the status the deployment would have if nothing happened from outside, and since when.
func (d *deployment) natural(now time.Time) (status string, since time.Time) {
	for _, s := range d.stages() {
		if at := d.CreatedAt.Add(time.Duration(s.after) * d.Step); !at.After(now) {
			status, since = s.status, at
		}
	}
	if status == "" {
		return "INITIALIZING", d.CreatedAt
	}
	return status, since
}

// servesFrom is when the deployment begins to serve; ok is false when it never does.
func (d *deployment) servesFrom() (time.Time, bool) {
	at := d.reaches("SUCCESS")
	return at, !at.IsZero() && d.CanceledAt == nil
}

// status is the deployment's status at that time, and since when (railway-api.md, "Deployment status").
func (w *world) status(d *deployment, now time.Time) (string, time.Time) {
	status, since := d.natural(now)
	for _, event := range []struct {
		at     *time.Time
		status string
	}{{d.CrashedAt, "CRASHED"}, {d.SleepingAt, "SLEEPING"}} {
		if event.at != nil && !event.at.After(now) && event.at.After(since) {
			status, since = event.status, *event.at
		}
	}
	for _, at := range []*time.Time{d.CanceledAt, d.RemovedAt} {
		if at != nil && !at.After(now) {
			return "REMOVED", *at
		}
	}
	if replaced, ok := w.replacedAt(d); ok && !replaced.After(now) {
		if inProgress(status) {
			return "REMOVED", replaced
		}
		if status == "FAILED" {
			return status, since
		}
		if gone := replaced.Add(d.Step); gone.After(now) {
			return "REMOVING", replaced
		} else { //nolint:revive // the two belong together
			return "REMOVED", gone
		}
	}
	return status, since
}

// replacedAt is when a newer deployment of the same service took over.
func (w *world) replacedAt(d *deployment) (time.Time, bool) {
	var first time.Time
	for _, other := range w.index.deployments[d.EnvironmentID] {
		if other.Order <= d.Order || other.ServiceID != d.ServiceID {
			continue
		}
		if at, serves := other.servesFrom(); serves && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first, !first.IsZero()
}

func inProgress(status string) bool {
	switch status {
	case "INITIALIZING", "QUEUED", "WAITING", "NEEDS_APPROVAL", "BUILDING", "DEPLOYING":
		return true
	default:
		return false
	}
}

// active lists the deployments that serve.
func (w *world) active(environmentID, serviceID string, now time.Time) []*deployment {
	list := []*deployment{}
	for _, d := range w.deploymentsOf(environmentID, serviceID) {
		if status, _ := w.status(d, now); (status == "SUCCESS" || status == "SLEEPING") && d.StoppedAt == nil {
			list = append(list, d)
		}
	}
	return list
}

func replicasOf(config map[string]any) int {
	total := 0
	for _, raw := range sub(config, "deploy", "multiRegionConfig") {
		region, _ := raw.(map[string]any)
		count, _ := region["numReplicas"].(float64)
		total += int(count)
	}
	return max(total, 1)
}

// meta is the deployment's opaque description (railway-api.md, "Deployment meta"). With hideDigests it tells no digest
// of an image that is pinned to one (railway-api.md, "Images and digests").
func (d *deployment) meta(hideDigests bool) map[string]any {
	config := deepCopy(d.Config)
	maskCredentials(config, true)
	meta := map[string]any{
		"reason": d.Cause, "patchId": nil,
		"serviceManifest": map[string]any{"build": config["build"], "deploy": config["deploy"]},
	}
	if d.PatchID != "" {
		meta["patchId"] = d.PatchID
	}
	if d.Image != "" {
		meta["image"] = d.Image
		if pinned := parseImage(d.Image).digest != ""; d.Digest != "" && (!pinned || !hideDigests) {
			meta["imageDigest"] = d.Digest
		}
	}
	if d.Repo != "" {
		meta["repo"], meta["branch"], meta["commitHash"], meta["commitMessage"] = d.Repo, d.Branch, d.Commit, "Commit "+d.Commit[:7]
	}
	return meta
}

// event is a step of a deployment (railway-api.md, "Deployment status").
type event struct {
	step, problem string
	at, done      time.Time
}

func (w *world) events(d *deployment, now time.Time) []event {
	var list []event
	add := func(step string, after int, problem string) {
		at := d.CreatedAt.Add(time.Duration(after) * d.Step)
		if !at.After(now) {
			list = append(list, event{step: step, problem: problem, at: at, done: at.Add(d.Step)})
		}
	}
	build := d.stages()[1].after
	switch d.Behaviour {
	case "missing":
		add("BUILD_IMAGE", build, fmt.Sprintf("failed to resolve image %s: not found", d.Image))
		return list
	case pullDenied:
		add("BUILD_IMAGE", build, fmt.Sprintf("failed to resolve image %s: %s", d.Image, deniedText))
		return list
	case "fail-build":
		add("BUILD_IMAGE", build, "build failed: exit code 1")
		return list
	}
	add("BUILD_IMAGE", build, "")
	if d.Behaviour == "fail-predeploy" {
		add("PRE_DEPLOY_COMMAND", build+1, "pre-deploy command failed: exit code 1")
		return list
	}
	add("CREATE_CONTAINER", build+1, "")
	if d.Behaviour == "unhealthy" {
		add("HEALTHCHECK", build+1, "1/1 replicas never became healthy")
		return list
	}
	add("HEALTHCHECK", build+1, "")
	return list
}

func orElse(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
