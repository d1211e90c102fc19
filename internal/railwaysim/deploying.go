// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"strings"
	"time"
)

// Starting, repeating and ending deployments (railway-api.md, "Mutations of one field").

// defaultBranch is the branch of a repository when none is named (railway-api.md, "EnvironmentConfig").
const defaultBranch = "main"

// deploy starts a deployment of a service as it is configured now. A service without a source deploys nothing.
func (s *Sim) deploy(e *environment, serviceID, patchID, cause, commit string) *deployment {
	config := s.world.effective(deepCopy(sub(e.Config, "services", serviceID)))
	image, repo := text(config, "source", "image"), text(config, "source", "repo")
	if image == "" && repo == "" {
		return nil
	}
	d := &deployment{
		ID: s.id(), EnvironmentID: e.ID, ServiceID: serviceID, CreatedAt: s.now(), Order: s.order(),
		Image: image, Repo: repo, PatchID: patchID, Cause: cause, Config: config,
		Variables: s.world.rendered(e, serviceID), Shown: s.world.readable(e, serviceID), Replicas: replicasOf(config), Step: s.options.Step,
	}
	if repo != "" {
		d.Branch = orElse(text(config, "source", "branch"), defaultBranch)
		d.Commit = orElse(commit, orElse(text(config, "source", "commitSha"), s.world.head(repo, d.Branch)))
	}
	s.world.begin(d)
	return d
}

// begin pulls the deployment's image, which decides how it goes, and adds it to the world.
func (w *world) begin(d *deployment) {
	d.Behaviour = w.pulled(d)
	if d.Behaviour == "" {
		d.Behaviour = behaviourOf(w.nameOf(d))
	}
	if d.Behaviour == "" && !served(text(d.Config, "deploy", "healthcheckPath")) {
		d.Behaviour = "unhealthy"
	}
	w.addDeployment(d)
}

// pulled resolves the deployment's image, and returns what keeps it from being pulled or what its bytes do.
func (w *world) pulled(d *deployment) string {
	d.Digest = ""
	if d.Image == "" {
		return ""
	}
	i := parseImage(d.Image)
	if w.denied(i, d.Config) {
		return pullDenied
	}
	digest, ok := w.pull(i)
	if !ok {
		return "missing"
	}
	d.Digest = digest
	return w.Contents[digest].behaves()
}

// nameOf is the tag or branch by which the deployment's engine behaves.
func (w *world) nameOf(d *deployment) string {
	if d.Image != "" {
		return parseImage(d.Image).tag
	}
	return d.Branch
}

func behaviourOf(name string) string {
	for _, known := range behaviours {
		if strings.Contains(name, known) {
			return known
		}
	}
	return ""
}

// served reports whether the engine answers a health check on the path; elsewhere it answers 404.
func served(path string) bool {
	return slices.Contains([]string{"", "/", "/health", "/metrics"}, path)
}

var deploymentMutations = map[string]mutation{
	"serviceInstanceDeployV2": func(c call, args map[string]any) (any, error) {
		d, err := c.deployNow(args, argText(args, "commitSha"))
		if err != nil {
			return nil, err
		}
		return d.ID, nil
	},
	"serviceInstanceDeploy": func(c call, args map[string]any) (any, error) {
		_, err := c.deployNow(args, argText(args, "commitSha"))
		return err == nil, err
	},
	"environmentTriggersDeploy": func(c call, args map[string]any) (any, error) {
		if _, _, err := c.inside(c.w(), sub(args, "input")); err != nil {
			return nil, err
		}
		_, err := c.deployNow(sub(args, "input"), "")
		return err == nil, err
	},
	"serviceInstanceRedeploy": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.w(), argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		return c.redeployInstance(e, s)
	},
	"deploymentRedeploy": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		next, err := c.redeploy(d, args["usePreviousImageTag"] == true)
		if err != nil {
			return nil, err
		}
		return c.fresh().deployment(next), nil
	},
	"deploymentRollback": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		if _, serves := d.servesFrom(); !serves {
			return nil, refused("Cannot roll back to this deployment")
		}
		next, err := c.again(d, "rollback")
		if err != nil {
			return nil, err
		}
		c.w().addDeployment(next) // Railway still has the image: nothing is pulled
		return true, nil
	},
	"deploymentRestart": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		d.CrashedAt, d.SleepingAt, d.StoppedAt = nil, nil, nil // the same process with the same variables starts again
		if d.Image != "" && c.w().denied(parseImage(d.Image), d.Config) {
			d.CrashedAt = at(c.s.now()) // a restart pulls, too (railway-api.md, "Private images")
		}
		return true, nil
	},
	"deploymentCancel": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		if status, _ := c.w().status(d, c.s.now()); !inProgress(status) {
			return nil, refused("Deployment is not in progress")
		}
		d.CanceledAt = at(c.s.now())
		return true, nil
	},
	"deploymentStop": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		d.StoppedAt = at(c.s.now())
		return true, nil
	},
	"deploymentRemove": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		d.RemovedAt = at(c.s.now())
		return true, nil
	},
}

// deployNow starts a deployment of what is configured now.
func (c call) deployNow(args map[string]any, commit string) (*deployment, error) {
	e, s, err := c.at(c.w(), argText(args, "environmentId"), argText(args, "serviceId"))
	if err != nil {
		return nil, err
	}
	if commit != "" && !commitForm(commit) {
		return nil, refused("Commit not found")
	}
	d := c.s.deploy(e, s.ID, "", "deploy", commit)
	if d == nil {
		return nil, refused("Service has no source to deploy")
	}
	return d, nil
}

// redeployInstance deploys a service's current settings and variables from the source of its last deployment, even when the
// declared source has changed since (railway-api.md, "Mutations of one field"); a service that never deployed is
// deployed as it is declared (railway-api.md, "Config patches").
func (c call) redeployInstance(e *environment, s *service) (any, error) {
	all := c.w().deploymentsOf(e.ID, s.ID)
	if len(all) == 0 {
		if c.s.deploy(e, s.ID, "", "redeploy", "") == nil {
			return nil, refused("Cannot redeploy without a snapshot")
		}
		return true, nil
	}
	d, err := c.again(all[0], "redeploy")
	if err != nil {
		return nil, err
	}
	source := d.Config["source"]
	d.Config = c.w().effective(deepCopy(sub(e.Config, "services", s.ID)))
	d.Config["source"] = source
	c.takeVariables(d, e)
	c.w().begin(d)
	return true, nil
}

// redeploy repeats a deployment's source and settings with the variables of now
// (railway-api.md, "Mutations of one field"). With sameImage it runs the very image of that deployment, else a tag is
// pulled again.
func (c call) redeploy(old *deployment, sameImage bool) (*deployment, error) {
	d, err := c.again(old, "redeploy")
	if err != nil {
		return nil, err
	}
	c.takeVariables(d, c.w().Environments[d.EnvironmentID])
	if sameImage {
		c.w().addDeployment(d)
		return d, nil
	}
	c.w().begin(d)
	return d, nil
}

func (c call) takeVariables(d *deployment, e *environment) {
	d.Variables, d.Shown = c.w().rendered(e, d.ServiceID), c.w().readable(e, d.ServiceID)
}

// again prepares a deployment like an earlier one. It is refused until that one is through (railway-api.md, "Errors").
func (c call) again(old *deployment, cause string) (*deployment, error) {
	if status, _ := c.w().status(old, c.s.now()); inProgress(status) {
		return nil, refused("Cannot redeploy yet, please wait for the original deployment to finish building")
	}
	d := deepCopy(*old)
	d.ID, d.CreatedAt, d.Order, d.PatchID, d.Cause = c.s.id(), c.s.now(), c.s.order(), "", cause
	d.CanceledAt, d.StoppedAt, d.RemovedAt, d.CrashedAt, d.SleepingAt = nil, nil, nil, nil, nil
	return &d, nil
}

func at(t time.Time) *time.Time { return &t }
