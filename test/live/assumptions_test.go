// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package live_test holds what docs/assumptions.md says about Railway as statements that a run can confirm or refute. They
// run against the local Railway in every test run, and against the real one with `make test-live`.
package live_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// ground is where the statements are tried: an environment of its own with one service, both made for the run.
type ground struct {
	t                                *testing.T
	client                           *railway.Client
	project, environment, service    string
	name                             string
	settle, rollout, pause, stillFor time.Duration
}

const (
	image = "docker.io/traefik/whoami:v1.10"
	seal  = "sealed-5f0c1d"
)

// statements are the assumptions, in an order in which each builds on what the ones before it left behind.
var statements = []struct {
	name string
	try  func(*ground)
}{
	{"service names are unique in a project", (*ground).serviceNamesAreUnique},
	{"a generated domain can be made before the first deployment", (*ground).domainBeforeDeployment},
	{"isCreated is harmless for a service that is there", (*ground).isCreatedIsHarmless},
	{"a commit's message is kept, and the newest commit is listed first", (*ground).historyIsNewestFirst},
	{"one commit starts one deployment, which says the commit", (*ground).oneDeploymentPerCommit},
	{"a commit that changes nothing deploys nothing", (*ground).equalCommitDeploysNothing},
	{"changing only replicas deploys nothing", (*ground).replicasDeployNothing},
	{"preDeployCommand may be a list of one", (*ground).preDeployList},
	{"null resets a setting", (*ground).nullResets},
	{"a sealed value never comes back", (*ground).sealedStaysSealed},
}

// tryAll makes the ground, tries every statement and clears up.
func tryAll(t *testing.T, g ground) {
	t.Helper()
	ctx := t.Context()
	name := "engine-operator-live-" + time.Now().UTC().Format("20060102-150405")
	environment, err := g.client.CreateEnvironment(ctx, g.project, name)
	require.NoError(t, err)
	g.environment, g.name = environment.ID, "live-"+strings.ToLower(time.Now().UTC().Format("150405"))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if g.service != "" {
			assert.NoError(t, g.client.DeleteServices(ctx, g.environment, []string{g.service}, "engine-operator test"))
		}
		assert.NoError(t, g.client.DeleteEnvironment(ctx, g.environment), "delete the environment %s by hand", name)
	})
	g.t = t
	g.service, err = g.client.CreateService(ctx, g.project, g.environment, g.name)
	require.NoError(t, err)
	t.Run("reads show a write within --settle", func(t *testing.T) {
		at := g.on(t)
		at.eventually(at.settle, "the new service", func(e *model.Environment) bool { _, found := e.Instance(g.name); return found })
	})
	for _, s := range statements {
		t.Run(s.name, func(t *testing.T) { s.try(g.on(t)) })
	}
}

// on is the ground for one statement.
func (g ground) on(t *testing.T) *ground {
	t.Helper()
	g.t = t
	return &g
}

func (g *ground) read() *model.Environment {
	g.t.Helper()
	e, err := g.client.Environment(g.t.Context(), g.project, g.environment)
	require.NoError(g.t, err)
	return e
}

// eventually reads until the condition holds.
func (g *ground) eventually(within time.Duration, what string, holds func(*model.Environment) bool) *model.Environment {
	g.t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(g.pause) {
		e, err := g.client.Environment(g.t.Context(), g.project, g.environment)
		if class := railway.ClassOf(err); class != railway.Unauthorized && class != railway.NotFound { // what is new may look so
			require.NoError(g.t, err)
		}
		if err == nil && holds(e) {
			return e
		}
		require.True(g.t, time.Now().Before(deadline), "%s did not show within %s", what, within)
	}
}

func (g *ground) set(value any, keys ...string) model.Tree {
	patch := model.Tree{}
	patch.Set(value, append([]string{"services", g.service}, keys...)...)
	return patch
}

// commit commits and waits until the history shows it.
func (g *ground) commit(message string, patch model.Tree) {
	g.t.Helper()
	require.NoError(g.t, g.client.Commit(g.t.Context(), g.environment, patch, message))
	g.eventually(g.settle, "the commit "+message, func(e *model.Environment) bool {
		return len(e.Patches) > 0 && strings.Contains(e.Patches[0].Message, message) && !e.Applying
	})
}

func (g *ground) latest(e *model.Environment) *model.Deployment {
	instance, _ := e.Instance(g.name)
	return instance.Latest
}

// running waits until the newest deployment serves.
func (g *ground) running() *model.Deployment {
	g.t.Helper()
	return g.latest(g.eventually(g.rollout, "a deployment that serves", func(e *model.Environment) bool {
		d := g.latest(e)
		return d != nil && d.Status.Serving()
	}))
}

// deploysNothing commits and holds that the newest deployment stays the newest.
func (g *ground) deploysNothing(message string, patch model.Tree) {
	g.t.Helper()
	before := g.running()
	g.commit(message, patch)
	time.Sleep(g.stillFor)
	assert.Equal(g.t, before.ID, g.latest(g.read()).ID, "%s started a deployment", message)
}

func (g *ground) serviceNamesAreUnique() {
	_, err := g.client.CreateService(g.t.Context(), g.project, g.environment, g.name)
	assert.Equal(g.t, railway.Conflict, railway.ClassOf(err), "%v", err)
}

func (g *ground) domainBeforeDeployment() {
	domain, err := g.client.CreateRailwayDomain(g.t.Context(), g.environment, g.service, 80)
	require.NoError(g.t, err)
	assert.NotEmpty(g.t, domain.Host)
}

func (g *ground) isCreatedIsHarmless() { g.commit("is created", g.set(true, "isCreated")) }

func (g *ground) historyIsNewestFirst() {
	g.commit("first mark", g.set("1", "variables", "ONE", "value"))
	g.commit("second mark", g.set("2", "variables", "TWO", "value"))
	patches := g.read().Patches
	require.GreaterOrEqual(g.t, len(patches), 2)
	assert.Equal(g.t, "second mark", patches[0].Message)
	assert.Equal(g.t, "first mark", patches[1].Message)
	assert.NotEmpty(g.t, patches[0].Paths, "the history says what was touched")
}

func (g *ground) oneDeploymentPerCommit() {
	patch := g.set(image, "source", "image")
	patch.Set("80", "services", g.service, "variables", "WHOAMI_PORT_NUMBER", "value")
	patch.Set("x", "services", g.service, "variables", "NAME", "value")
	g.commit("deploy", patch)
	running := g.running()
	assert.Equal(g.t, image, running.Meta.Image)
	assert.Equal(g.t, g.read().Patches[0].ID, running.Meta.PatchID, "meta.patchId names the commit")
}

func (g *ground) equalCommitDeploysNothing() {
	g.deploysNothing("equal value", g.set("x", "variables", "NAME", "value"))
}

func (g *ground) replicasDeployNothing() {
	g.deploysNothing("replicas", g.set(2.0, "deploy", "multiRegionConfig", "us-west2", "numReplicas"))
}

func (g *ground) preDeployList() {
	g.commit("pre-deploy", g.set([]any{"true"}, "deploy", "preDeployCommand"))
}

func (g *ground) nullResets() {
	g.commit("set health check", g.set("/health", "deploy", "healthcheckPath"))
	g.commit("reset health check", g.set(nil, "deploy", "healthcheckPath"))
	_, set := g.read().Config.Get("services", g.service, "deploy", "healthcheckPath")
	assert.False(g.t, set)
}

func (g *ground) sealedStaysSealed() {
	patch := g.set(seal, "variables", "SEALED", "value")
	patch.Set(true, "services", g.service, "variables", "SEALED", "isSealed")
	g.commit("seal", patch)
	e := g.read()
	assert.True(g.t, e.Sealed[model.VariableRef{ServiceID: g.service, Name: "SEALED"}])
	value, _ := e.Config.Get("services", g.service, "variables", "SEALED", "value")
	assert.Nil(g.t, value)
}
