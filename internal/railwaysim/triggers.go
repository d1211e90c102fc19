// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Auto-deploy (railway-api.md, "Auto-deploy"): a trigger row is what makes a push to a branch deploy a service. Setting
// a repository as source makes the row; nobody is asked before a push deploys.

var triggerQueries = map[string]query{
	"deploymentTriggers": func(c call, args map[string]any) (any, error) {
		e, s, err := c.inside(c.view.w, args)
		if err != nil {
			return nil, err
		}
		return graphql.Connection(sortedBy(all(c.view.w.Triggers), func(t *trigger) (bool, time.Time, string) {
			return t.EnvironmentID == e.ID && t.ServiceID == s.ID, t.CreatedAt, t.ID
		}), c.view.trigger)(args)
	},
	"serviceInstanceAutoDeployStatus": autoDeploy,
}

var triggerMutations = map[string]mutation{
	"serviceInstanceAutoDeployUpdate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.inside(c.w(), input)
		if err != nil {
			return nil, err
		}
		if err := c.badAccess(); err != nil {
			return nil, err
		}
		if input["enabled"] == true {
			c.s.retrigger(e, s.ID)
		} else {
			c.w().untrigger(e.ID, s.ID)
		}
		return node{"enabled": c.w().triggerOf(e.ID, s.ID) != nil}, nil
	},
	"deploymentTriggerCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.inside(c.w(), input)
		if err != nil {
			return nil, err
		}
		if err := c.badAccess(); err != nil {
			return nil, err
		}
		if c.w().triggerOf(e.ID, s.ID) != nil {
			return nil, refused("A deployment trigger already exists for this service")
		}
		t := &trigger{
			ID: c.s.id(), EnvironmentID: e.ID, ServiceID: s.ID, Provider: argText(input, "provider"), Repository: argText(input, "repository"),
			Branch: argText(input, "branch"), CheckSuites: input["checkSuites"] == true, CreatedAt: c.s.now(),
		}
		c.w().Triggers[t.ID] = t
		return c.fresh().trigger(t), nil
	},
	"deploymentTriggerUpdate": func(c call, args map[string]any) (any, error) {
		t, err := c.trigger(argText(args, "id"))
		if err != nil {
			return nil, err
		}
		input := sub(args, "input")
		t.Branch, t.Repository = orElse(argText(input, "branch"), t.Branch), orElse(argText(input, "repository"), t.Repository)
		if suites, ok := input["checkSuites"].(bool); ok {
			t.CheckSuites = suites
		}
		return c.fresh().trigger(t), nil
	},
	"deploymentTriggerDelete": func(c call, args map[string]any) (any, error) {
		t, err := c.trigger(argText(args, "id"))
		if err != nil {
			return nil, err
		}
		delete(c.w().Triggers, t.ID)
		return true, nil
	},
}

// retrigger makes the instance's trigger follow its source: a repository has one, anything else has none. It makes a row again
// that somebody deleted.
func (s *Sim) retrigger(e *environment, serviceID string) {
	source := sub(e.Config, "services", serviceID, "source")
	repo := text(source, "repo")
	if repo == "" {
		s.world.untrigger(e.ID, serviceID)
		return
	}
	t := s.world.triggerOf(e.ID, serviceID)
	if t == nil {
		t = &trigger{ID: s.id(), EnvironmentID: e.ID, ServiceID: serviceID, Provider: "github", CreatedAt: s.now()}
		s.world.Triggers[t.ID] = t
	}
	t.Repository, t.Branch, t.CheckSuites = repo, orElse(text(source, "branch"), defaultBranch), source["checkSuites"] == true
}

func (w *world) triggerOf(environmentID, serviceID string) *trigger {
	for _, t := range w.Triggers {
		if t.EnvironmentID == environmentID && t.ServiceID == serviceID {
			return t
		}
	}
	return nil
}

func (w *world) untrigger(environmentID, serviceID string) {
	if t := w.triggerOf(environmentID, serviceID); t != nil {
		delete(w.Triggers, t.ID)
	}
}

// CommitPush is a push to a branch of a repository. Branch is main unless it is given.
type CommitPush struct {
	Repo   string `json:"repo"`
	Branch string `json:"branch"`
	Commit string `json:"commit"`
}

// PushCommit pushes a commit: every instance with a trigger for the branch is deployed from it, whatever anybody has approved
// and whatever commit its source names.
func (s *Sim) PushCommit(push CommitPush) error {
	push.Branch = orElse(push.Branch, defaultBranch)
	if push.Repo == "" || !commitForm(push.Commit) {
		return fmt.Errorf("repo and commit are needed; a commit has 7 to 40 hexadecimal digits, %q has not", push.Commit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.Heads[push.Repo+"@"+push.Branch] = push.Commit
	for _, id := range sortedKeys(s.world.Triggers) {
		t := s.world.Triggers[id]
		if e := s.world.Environments[t.EnvironmentID]; t.Repository == push.Repo && t.Branch == push.Branch && e.live(t.ServiceID) {
			s.deploy(e, t.ServiceID, "", "push", push.Commit)
		}
	}
	s.remember()
	return nil
}

func commitForm(commit string) bool {
	return len(commit) >= 7 && len(commit) <= 40 && strings.Trim(commit, "0123456789abcdef") == ""
}

// badAccess refuses project tokens what has to do with triggers (railway-api.md, "Auto-deploy").
func (c call) badAccess() error {
	if c.token.Kind == tokenProject {
		return refused("Bad Access")
	}
	return nil
}

// autoDeploy tells whether a push deploys the instance.
func autoDeploy(c call, args map[string]any) (any, error) {
	e, s, err := c.inside(c.view.w, args)
	if err != nil {
		return nil, err
	}
	status := node{"canEnable": true, "enabled": c.view.w.triggerOf(e.ID, s.ID) != nil, "reason": nil}
	if text(e.Config, "services", s.ID, "source", "repo") == "" {
		status["canEnable"], status["reason"] = false, "the service has no repository"
	}
	return status, nil
}

// head is the newest commit of a branch: what was pushed last, else made up and always the same.
func (w *world) head(repo, branch string) string {
	if pushed := w.Heads[repo+"@"+branch]; pushed != "" {
		return pushed
	}
	return strings.ReplaceAll(deterministic("commit", repo, branch)+deterministic("head", repo, branch), "-", "")[:40]
}

func (c call) trigger(id string) (*trigger, error) {
	t := c.w().Triggers[id]
	if t == nil {
		return nil, notFound("DeploymentTrigger")
	}
	if _, err := c.environment(c.w(), t.EnvironmentID); err != nil {
		return nil, err
	}
	return t, c.badAccess()
}

func (v view) trigger(t *trigger) node {
	projectID := ""
	if e := v.w.Environments[t.EnvironmentID]; e != nil {
		projectID = e.ProjectID
	}
	return node{
		"__typename": "DeploymentTrigger", "id": t.ID, "environmentId": t.EnvironmentID, "serviceId": t.ServiceID, "projectId": projectID,
		"provider": t.Provider, "repository": t.Repository, "branch": t.Branch, "checkSuites": t.CheckSuites, "validCheckSuites": 0,
		"baseEnvironmentOverrideId": nil,
	}
}
