// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the built operator as a process, on a real Kubernetes API server and the local Railway.
package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

const (
	// points are the requests of a first convergence: project, environment, project, service, domain, commit, and the first read
	// after it.
	points   = 7
	patience = 40 * time.Second
	token    = "11111111-1111-4111-8111-111111111111"
)

// killer kills the operator at one request of one project.
type killer struct {
	mu      sync.Mutex
	bed     *testbed.Bed
	point   int
	phase   railwaysim.Phase
	seen    int
	killed  chan string
	armed   bool
	project string
}

func (k *killer) arm(project string, point int, phase railwaysim.Phase) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.project, k.point, k.phase, k.seen, k.armed, k.killed = project, point, phase, 0, true, make(chan string, 1)
}

func (k *killer) intercept(r railwaysim.Request, phase railwaysim.Phase) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.armed || phase != k.phase {
		return
	}
	if k.seen++; k.seen == k.point {
		k.armed = false
		k.bed.StopOperator(os.Kill)
		k.killed <- r.Operation
	}
}

// TestKilledBetweenAnyTwoRailwayCalls kills the operator with SIGKILL right before and right after each request of a first
// convergence was applied. The next run converges, and nothing exists twice.
func TestKilledBetweenAnyTwoRailwayCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Kubernetes API server; run without -short")
	}
	binary, err := testbed.Build(t.Context(), t.TempDir())
	require.NoError(t, err)

	k := &killer{}
	var projects []string
	seed := "workspaces: [{id: ws, name: acme, plan: Pro}]\ntokens: [{name: t, kind: workspace, workspace: ws, value: " + token +
		", requestsPerHour: 100000}]\nlimits: {environmentCreateInterval: 0s}\nprojects:\n"
	for i := range 2 * points {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1)
		projects = append(projects, id)
		seed += fmt.Sprintf("- {id: %s, name: p%d, workspace: ws, environments: [{id: e%d, name: production}]}\n", id, i, i)
	}
	parsed, err := railwaysim.ParseSeed([]byte(seed))
	require.NoError(t, err)
	s, err := testbed.Start(t.Context(), testbed.Options{
		Binary: binary, Dir: t.TempDir(),
		Flags: []string{"--settle", "1s", "--log-grace", "1s", "--rollout-interval", "200ms", "--railway-rps", "20", "--railway-burst", "20"},
		Sim:   railwaysim.Options{Seed: parsed, Step: 20 * time.Millisecond, Intercept: k.intercept},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Stop()) })
	k.bed = s
	require.NoError(t, s.Apply(t.Context(), "apiVersion: v1\nkind: Namespace\nmetadata: {name: e2e}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: railway, namespace: e2e}\nstringData: {RAILWAY_API_TOKEN: "+token+"}", nil))
	require.NoError(t, s.StartOperator(t.Context()))

	for i, project := range projects {
		point, phase := i/2+1, railwaysim.Phase(i%2)
		k.arm(project, point, phase)
		name := fmt.Sprintf("point-%d-%d", point, phase)
		require.NoError(t, s.Apply(t.Context(), object(name, project), nil))
		var operation string
		select {
		case operation = <-k.killed:
		case <-time.After(patience):
			t.Fatalf("request %d never came", point)
		}
		require.NoError(t, s.StartOperator(t.Context()))
		what := fmt.Sprintf("killed at request %d (%s), %s it was applied", point, operation, [...]string{"before", "after"}[phase])
		err := testbed.Until(t.Context(), patience, func(ctx context.Context) (bool, error) {
			o, err := s.Get(ctx, "e2e", name)
			return err == nil && testbed.Ready(o), err
		})
		if err != nil {
			s.Tail(t.Output(), 20)
		}
		require.NoError(t, err, what)
		checkOnce(t, s, i, what)
		o, err := s.Get(t.Context(), "e2e", name)
		require.NoError(t, err)
		require.NoError(t, s.Client.Delete(t.Context(), o)) // Retain: Railway stays as it is, and the polls end
	}
}

func object(name, project string) string {
	return strings.NewReplacer("NAME", name, "PROJECT", project).Replace(`
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: NAME, namespace: e2e}
spec:
  tier: Dev
  railway: {projectID: PROJECT, tokenSecretRef: {name: railway}}
  engine:
    name: ai-engine
    source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
    domains: {railway: true}
    variables: [{name: SEALED, value: hush, sealed: true}]
`)
}

// checkOnce holds that the project has one environment, one service and one deployment, and that each is as declared.
func checkOnce(t *testing.T, s *testbed.Bed, i int, what string) {
	t.Helper()
	project := fmt.Sprintf("p%d", i)
	environments := s.Sim.State()[project]
	require.Len(t, environments, 2, what)
	dev, ok := environments["dev"].(map[string]any)
	require.True(t, ok, what)
	require.Len(t, dev["services"], 1, what)
	deployments := 0
	for _, d := range s.Sim.Deployments() {
		if d.Project == project {
			deployments++
		}
	}
	require.Equal(t, 1, deployments, what)
	variables, err := s.Sim.Variables(railwaysim.Place{Project: project, Environment: "dev", Service: "ai-engine"})
	require.NoError(t, err, what)
	require.Equal(t, "hush", variables["SEALED"], what)
	require.Equal(t, "dev", variables[v1alpha1.VariableEnv], what)
}
