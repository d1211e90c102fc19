// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	projectID    = "0bb01547-570d-4109-a5e8-138691f6a2d1"
	previewID    = "0bb01547-570d-4109-a5e8-138691f6a2d2"
	accountToken = "11111111-1111-4111-8111-111111111111"
	projectToken = "22222222-2222-4222-8222-222222222222"
)

// local starts a local Railway with one project and returns it and a client for each kind of token.
func local(t *testing.T) (sim *railwaysim.Sim, account, project *railway.Client) {
	t.Helper()
	sim, err := railwaysim.New(railwaysim.Options{
		Step: 5 * time.Millisecond,
		Seed: railwaysim.Seed{
			Workspaces: []railwaysim.SeedWorkspace{{ID: "w1", Name: "acme", Plan: "Pro"}},
			Users:      []railwaysim.SeedUser{{ID: "u1", Name: "Ada", Email: "ada@example.com"}},
			Projects: []railwaysim.SeedProject{{
				ID: projectID, Name: "engine", Workspace: "w1",
				Environments: []railwaysim.SeedEnvironment{{ID: previewID, Name: "preview"}},
			}},
			Tokens: []railwaysim.SeedToken{
				{Name: "account", Kind: "account", Value: accountToken, User: "u1", Workspace: "w1"},
				{Name: "project", Kind: "project", Value: projectToken, User: "u1", Project: projectID, Environment: previewID},
			},
		},
	})
	require.NoError(t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	pool, err := railway.NewPool(railway.Options{Endpoint: endpoint, RequestsPerSecond: 1000, Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)
	return sim, pool.Client(railway.Credentials{Token: accountToken}),
		pool.Client(railway.Credentials{Kind: railway.TokenProject, Token: projectToken})
}

// enginePatch declares an image, two variables and a sealed one.
func enginePatch(serviceID string) model.Tree {
	patch := model.Tree{}
	patch.Set("ghcr.io/acme/ai-engine:1.4.2", "services", serviceID, "source", "image")
	patch.Set("info", "services", serviceID, "variables", "LOG_LEVEL", "value")
	patch.Set("x", "services", serviceID, "variables", "OLD", "value")
	patch.Set("sk-live-0123456789", "services", serviceID, "variables", "OPENAI_API_KEY", "value")
	patch.Set(true, "services", serviceID, "variables", "OPENAI_API_KEY", "isSealed")
	return patch
}

func operations(sim *railwaysim.Sim) []string {
	var names []string
	for _, r := range sim.Requests() {
		names = append(names, r.Operation)
	}
	return names
}

// From an empty project to a serving engine, and back to nothing, with one request for each step.
func TestRoundTrip(t *testing.T) {
	sim, c, _ := local(t)
	ctx := t.Context()
	require.NoError(t, c.Valid(ctx))

	created, err := c.CreateEnvironment(ctx, projectID, "production")
	require.NoError(t, err)
	assert.Equal(t, "production", created.Name)
	assert.Empty(t, created.Services)
	found, err := c.Project(ctx, projectID)
	require.NoError(t, err)
	assert.Contains(t, found.Environments, model.Named{ID: created.ID, Name: "production"})

	serviceID, err := c.CreateService(ctx, projectID, created.ID, "ai-engine")
	require.NoError(t, err)
	env, err := c.Environment(ctx, projectID, created.ID)
	require.NoError(t, err)
	instance, ok := env.Instance("ai-engine")
	require.True(t, ok)
	assert.Equal(t, serviceID, instance.ServiceID)
	assert.Nil(t, instance.Latest, "without a source nothing is deployed")

	require.NoError(t, c.Commit(ctx, created.ID, enginePatch(serviceID), "engine-operator: first"))
	domain, err := c.CreateRailwayDomain(ctx, created.ID, serviceID, 8000)
	require.NoError(t, err)
	assert.Equal(t, 8000, domain.Port)
	require.Eventually(t, func() bool {
		env, err = c.Environment(ctx, projectID, created.ID)
		instance, _ = env.Instance("ai-engine")
		return err == nil && instance.Latest != nil && instance.Latest.Status == model.DeploymentSuccess
	}, 30*time.Second, 20*time.Millisecond)
	assert.Equal(t, "ghcr.io/acme/ai-engine:1.4.2", instance.Latest.Meta.Image)
	assert.Equal(t, []model.Domain{domain}, instance.RailwayDomains)
	require.NotEmpty(t, env.Patches)
	assert.Equal(t, "engine-operator: first", env.Patches[0].Message)
	assert.Equal(t, env.Patches[0].ID, instance.Latest.Meta.PatchID, "what was written leads to what was deployed")
	assert.Contains(t, env.Patches[0].Paths, "services."+serviceID+".variables.OPENAI_API_KEY")
	assert.True(t, env.Sealed[model.VariableRef{ServiceID: serviceID, Name: "OPENAI_API_KEY"}])
	value, _ := env.Config.Get("services", serviceID, "variables", "LOG_LEVEL", "value")
	assert.Equal(t, "info", value)

	change := model.Tree{}
	change.Set(nil, "services", serviceID, "variables", "OLD")
	require.NoError(t, c.Commit(ctx, created.ID, change, "engine-operator: second"))
	env, err = c.Environment(ctx, projectID, created.ID)
	require.NoError(t, err)
	assert.NotContains(t, env.Config.Sub("services", serviceID, "variables"), "OLD", "an explicit null deletes")
	assert.Contains(t, env.Config.Sub("services", serviceID, "variables"), "LOG_LEVEL", "what is left out stays")

	deploymentID, err := c.Deploy(ctx, created.ID, serviceID, "")
	require.NoError(t, err)
	failure, err := c.Failure(ctx, deploymentID)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(failure.DeployLogs), 20)

	require.NoError(t, c.DeleteServices(ctx, created.ID, []string{serviceID}, "delete"))
	require.NoError(t, c.DeleteEnvironment(ctx, created.ID))
	found, err = c.Project(ctx, projectID)
	require.NoError(t, err)
	assert.NotContains(t, found.Environments, model.Named{ID: created.ID, Name: "production"})
	_, err = c.Environment(ctx, projectID, created.ID)
	assert.Contains(t, []railway.Class{railway.NotFound, railway.Unauthorized}, railway.ClassOf(err), "%v", err)

	for _, r := range sim.Requests() {
		assert.Equal(t, "engine-operator", r.Source)
	}
	assert.Equal(t, []string{"ReadApiToken", "CreateEnvironment", "ReadProject", "CreateService", "ReadEnvironment", "CommitPatch"},
		operations(sim)[:6])
}

func TestProjectToken(t *testing.T) {
	_, _, c := local(t)
	ctx := t.Context()
	require.NoError(t, c.Valid(ctx))
	scope, err := c.Scope(ctx)
	require.NoError(t, err)
	assert.Equal(t, model.TokenScope{
		ProjectID: projectID, ProjectName: "engine", EnvironmentID: previewID, EnvironmentName: "preview",
	}, scope)
	env, err := c.Environment(ctx, projectID, previewID)
	require.NoError(t, err)
	assert.Equal(t, "preview", env.Name)
	_, err = c.CreateEnvironment(ctx, projectID, "production")
	assert.Equal(t, railway.Unauthorized, railway.ClassOf(err), "a project token cannot (railway-api.md#tokens): %v", err)
}

// Whatever Railway does to a commit, its class says whether it may have landed.
func TestCommitUnderFaults(t *testing.T) {
	tests := []struct {
		kind    string
		class   railway.Class
		applied bool
	}{
		{railwaysim.Fault429, railway.RateLimited, false},
		{railwaysim.FaultEdge, railway.RateLimited, false},
		{railwaysim.FaultUnauthorized, railway.Unauthorized, false},
		{railwaysim.Fault500, railway.Ambiguous, false},
		{railwaysim.FaultHTML, railway.Ambiguous, false},
		{railwaysim.FaultTimeoutBefore, railway.Ambiguous, false},
		{railwaysim.FaultTimeoutAfter, railway.Ambiguous, true},
		{railwaysim.FaultResetAfter, railway.Ambiguous, true},
		{railwaysim.FaultTruncated, railway.Ambiguous, true},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			sim, c, _ := local(t)
			ctx := t.Context()
			serviceID, err := c.CreateService(ctx, projectID, previewID, "ai-engine")
			require.NoError(t, err)
			require.NoError(t, sim.AddFault(railwaysim.Fault{Operation: "CommitPatch", Ordinal: 1, Kind: tt.kind, DelayMS: 10, RetryAfter: 60}))
			err = c.Commit(ctx, previewID, enginePatch(serviceID), "engine-operator: first")
			assert.Equal(t, tt.class, railway.ClassOf(err), "%v", err)

			commits := 0
			for _, r := range sim.Requests() {
				if r.Operation == "CommitPatch" {
					commits++
					assert.Equal(t, tt.applied, r.Applied)
				}
			}
			assert.Equal(t, 1, commits, "never repeated")
			_, err = c.Environment(ctx, projectID, previewID)
			if tt.class == railway.RateLimited {
				assert.Positive(t, railway.RetryAfter(err), "the token pauses")
			} else {
				assert.NoError(t, err)
			}
		})
	}
}

// No fault of a read ever passes for data.
func TestReadsUnderFaults(t *testing.T) {
	tests := map[string]railway.Class{
		railwaysim.Fault500: railway.Transient, railwaysim.FaultHTML: railway.Transient, railwaysim.FaultTruncated: railway.Transient,
		railwaysim.FaultTimeoutBefore: railway.Transient, railwaysim.FaultResetAfter: railway.Transient,
		railwaysim.FaultUnauthorized: railway.Unauthorized, railwaysim.Fault429: railway.RateLimited,
	}
	for kind, class := range tests {
		t.Run(kind, func(t *testing.T) {
			sim, c, _ := local(t)
			require.NoError(t, sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Kind: kind, DelayMS: 10}))
			env, err := c.Environment(t.Context(), projectID, previewID)
			assert.Nil(t, env)
			assert.Equal(t, class, railway.ClassOf(err), "%v", err)
		})
	}
	t.Run(railwaysim.FaultPartial, func(t *testing.T) {
		sim, c, _ := local(t)
		require.NoError(t, sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Kind: railwaysim.FaultPartial}))
		env, err := c.Environment(t.Context(), projectID, previewID)
		assert.Nil(t, env, "partial data is no data")
		assert.Error(t, err)
	})
}

// A human edits a variable on the dashboard: the watch tells, once.
func TestWatchSeesAHuman(t *testing.T) {
	sim, c, _ := local(t)
	serviceID, err := c.CreateService(t.Context(), projectID, previewID, "ai-engine")
	require.NoError(t, err)
	told := make(chan string, 10)
	w := railway.NewWatch(railway.WatchOptions{Fast: 10 * time.Millisecond, Changed: func(key string) { told <- key }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Start(ctx) }()
	defer func() { cancel(); assert.NoError(t, <-done) }()
	w.Follow("ai/preview", railway.Target{Client: c, ProjectID: projectID, EnvironmentID: previewID, Interval: 30 * time.Second})
	_, err = w.Refresh(ctx, "ai/preview")
	require.NoError(t, err)
	w.Hurry("ai/preview", time.Now().Add(time.Minute))

	level := "debug"
	require.NoError(t, sim.EditVariable(railwaysim.VariableEdit{
		Place: railwaysim.Place{Project: projectID, Environment: previewID, Service: serviceID}, Name: "LOG_LEVEL", Value: &level,
	}))
	select {
	case key := <-told:
		assert.Equal(t, "ai/preview", key)
	case <-time.After(5 * time.Second):
		t.Fatal("nothing was told")
	}
	snapshot, ok := w.Latest("ai/preview")
	require.True(t, ok)
	value, _ := snapshot.Environment.Config.Get("services", serviceID, "variables", "LOG_LEVEL", "value")
	assert.Equal(t, "debug", value)
}

// A repository that deploys by itself on every push shows, and can be stopped; a commit can be deployed by its name.
func TestAutoDeploy(t *testing.T) {
	sim, c, _ := local(t)
	ctx := t.Context()
	serviceID, err := c.CreateService(ctx, projectID, previewID, "ai-engine")
	require.NoError(t, err)
	patch := model.Tree{}
	patch.Set("acme/ai-engine", "services", serviceID, "source", "repo")
	require.NoError(t, c.Commit(ctx, previewID, patch, "engine-operator: first"))
	engine := func() model.ServiceInstance {
		env, err := c.Environment(ctx, projectID, previewID)
		require.NoError(t, err)
		instance, ok := env.Instance("ai-engine")
		require.True(t, ok)
		return instance
	}
	if len(engine().Triggers) == 0 { // as the dashboard does when somebody connects a repository
		mutation := `{"query":"mutation{deploymentTriggerCreate(input:{projectId:\"` + projectID + `\",environmentId:\"` + previewID +
			`\",serviceId:\"` + serviceID + `\",provider:\"github\",repository:\"acme/ai-engine\",branch:\"main\"}){id}}"}`
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql/v2?source=test", strings.NewReader(mutation))
		request.Header.Set("Authorization", "Bearer "+accountToken)
		request.Header.Set("Content-Type", "application/json")
		sim.Handler().ServeHTTP(httptest.NewRecorder(), request)
	}
	triggers := engine().Triggers
	require.Len(t, triggers, 1)
	assert.Equal(t, model.Trigger{ID: triggers[0].ID, Repository: "acme/ai-engine", Branch: "main"}, triggers[0])
	require.NoError(t, c.DisableAutoDeploy(ctx, triggers[0].ID))
	assert.Empty(t, engine().Triggers)

	const commit = "0123456789abcdef0123456789abcdef01234567"
	deploymentID, err := c.Deploy(ctx, previewID, serviceID, commit)
	require.NoError(t, err)
	assert.Equal(t, deploymentID, engine().Latest.ID)
	assert.Equal(t, commit, engine().Latest.Meta.CommitHash)
}

// Logs that are read together are what each would be by itself, and the query is one that Railway's schema takes.
func TestLogsTogether(t *testing.T) {
	sim, c, _ := local(t)
	ctx := t.Context()
	created, err := c.CreateEnvironment(ctx, projectID, "production")
	require.NoError(t, err)
	var deployments []string
	for _, name := range []string{"a", "b"} {
		serviceID, err := c.CreateService(ctx, projectID, created.ID, name)
		require.NoError(t, err)
		require.NoError(t, c.Commit(ctx, created.ID, enginePatch(serviceID), "engine-operator: "+name))
		require.Eventually(t, func() bool {
			env, err := c.Environment(ctx, projectID, created.ID)
			instance, _ := env.Instance(name)
			if err == nil && instance.Latest != nil && instance.Latest.Status == model.DeploymentSuccess {
				deployments = append(deployments, instance.Latest.ID)
				return true
			}
			return false
		}, 30*time.Second, 20*time.Millisecond)
	}
	query := model.LogQuery{Lines: 20, End: time.Now().Add(time.Hour)}
	var alone, together [2][]model.LogLine
	for i, id := range deployments {
		alone[i], err = c.Logs(ctx, id, query)
		require.NoError(t, err)
		require.NotEmpty(t, alone[i])
	}
	before := len(sim.Requests())
	var group sync.WaitGroup
	for i, id := range deployments {
		group.Go(func() { together[i], _ = c.Logs(ctx, id, query) })
	}
	group.Wait()
	assert.Equal(t, alone, together)
	assert.Equal(t, []string{"ReadManyLogs"}, operations(sim)[before:])
}
