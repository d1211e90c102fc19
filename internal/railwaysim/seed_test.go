// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func TestBadSeedsNameThePlace(t *testing.T) {
	t.Parallel()
	const workspace = "workspaces: [{id: w, name: w, plan: Pro}]\n"
	for name, test := range map[string]struct{ seed, want string }{
		"unknown field":        {"workspace: []", `unknown field "workspace"`},
		"plan":                 {"workspaces: [{id: w, name: w, plan: Gold}]", `workspaces[0].plan: "Gold"`},
		"project's workspace":  {workspace + "projects: [{id: p, name: p, workspace: x}]", `projects[0].workspace: there is no workspace "x"`},
		"service's place":      {workspace + "projects: [{id: p, name: p, workspace: w, services: [{id: s, name: s, environments: {x: {}}}]}]", `projects[0].services[0].environments: there is no environment "x"`},
		"environment twice":    {workspace + "projects: [{id: p, name: p, workspace: w, environments: [{id: a, name: e}, {id: b, name: e}]}]", "projects[0].environments[1]"},
		"token's kind":         {"tokens: [{name: t, kind: root, value: v}]", `tokens[0]: kind "root"`},
		"token's environment":  {workspace + "projects: [{id: p, name: p, workspace: w}]\ntokens: [{name: t, kind: project, value: v, project: p, environment: e}]", "tokens[0]"},
		"interval":             {"limits: {environmentCreateInterval: soon}", `limits.environmentCreateInterval: "soon"`},
		"volumes' interval":    {"limits: {volumeCreateInterval: often}", `limits.volumeCreateInterval: "often"`},
		"registry":             {"registries: [{host: ghcr.io, private: true}]", "registries[0]: a host is needed, and a username and password"},
		"token without values": {"tokens: [{kind: account}]", "tokens[0]: name and value are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := railwaysim.ParseSeed([]byte(test.seed))
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.want)
		})
	}
}

func TestExampleSeed(t *testing.T) {
	t.Parallel()
	seed, err := railwaysim.LoadSeed(filepath.Join("..", "..", "hack", "railway-sim", "seed.yaml"))
	require.NoError(t, err)
	assert.NotEmpty(t, seed.Projects)
	assert.NotEmpty(t, seed.Tokens)
}

func TestIdsAreTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	ids := func() []string {
		l := start(t)
		l.patch(image("acme/engine:2.0"))
		var list []string
		for _, d := range l.sim.Deployments() {
			list = append(list, d.ID)
		}
		return list
	}
	first := ids()
	assert.Len(t, first, 4)
	assert.Equal(t, first, ids())
}
