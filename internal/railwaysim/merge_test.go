// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree draws a small JSON object over few keys, so that two of them meet often. Nulls are drawn for patches only.
func tree(draw *rand.Rand, depth int, nulls bool) map[string]any {
	drawn := map[string]any{}
	for _, key := range []string{"a", "b", "c", "d"} {
		switch kind := draw.IntN(7); {
		case kind == 0:
			drawn[key] = []string{"", "x", "y"}[draw.IntN(3)]
		case kind == 1:
			drawn[key] = float64(draw.IntN(3))
		case kind == 2:
			drawn[key] = draw.IntN(2) == 0
		case kind == 3 && nulls:
			drawn[key] = nil
		case kind <= 5 && depth > 0:
			drawn[key] = tree(draw, depth-1, nulls)
		}
	}
	return drawn
}

func TestMergeProperties(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		draw := rand.New(rand.NewPCG(seed, 1))
		config, patch := tree(draw, 3, false), tree(draw, 3, true)
		before := deepCopy([]any{config, patch})

		once := merge(config, patch)

		require.Equal(t, before, []any{config, patch}, "seed %d: merge changed an argument", seed)
		require.Equal(t, once, merge(once, patch), "seed %d: the same patch twice is the same as once", seed)
		require.Equal(t, config, merge(config, map[string]any{}), "seed %d: an empty patch changes nothing", seed)
		follow(t, config, patch, once)
	}
}

// follow checks one level of a merge against railway-api.md, "Config patches" and goes down: what the patch does not
// name stays, null deletes, objects merge, everything else replaces.
func follow(t *testing.T, config, patch, merged map[string]any) {
	t.Helper()
	for key, value := range config {
		if _, named := patch[key]; !named {
			require.Equal(t, value, merged[key], "%q is not in the patch and must stay", key)
		}
	}
	for key, value := range patch {
		switch change := value.(type) {
		case nil:
			require.NotContains(t, merged, key, "null deletes")
		case map[string]any:
			old, _ := config[key].(map[string]any)
			require.IsType(t, map[string]any{}, merged[key])
			follow(t, old, change, merged[key].(map[string]any))
		default:
			require.Equal(t, value, merged[key], "a value replaces")
		}
	}
	for key := range merged {
		_, had := config[key]
		_, named := patch[key]
		require.True(t, had || named, "%q came from nowhere", key)
	}
}

func TestCloneIsDeepAndWhole(t *testing.T) {
	t.Parallel()
	sim, err := New(Options{Seed: Seed{
		Workspaces: []SeedWorkspace{{ID: "w", Name: "w", Plan: "Pro"}},
		Projects: []SeedProject{{
			ID: "p", Name: "p", Workspace: "w", Environments: []SeedEnvironment{{ID: "e", Name: "e"}},
			Services: []SeedService{{ID: "s", Name: "s", Environments: map[string]map[string]any{
				"e": {"source": map[string]any{"image": "i:1"}, "variables": map[string]any{"A": map[string]any{"value": "1"}}},
			}}},
		}},
		Tokens: []SeedToken{{Name: "t", Kind: "account", Value: "v"}},
	}})
	require.NoError(t, err)

	copied := sim.world.clone()
	original, err := json.Marshal(sim.world)
	require.NoError(t, err)
	same, err := json.Marshal(copied)
	require.NoError(t, err)
	assert.JSONEq(t, string(original), string(same))

	sub(copied.Environments["e"].Config, "services", "s", "variables", "A")["value"] = "2"
	assert.Equal(t, "1", text(sim.world.Environments["e"].Config, "services", "s", "variables", "A", "value"), "a copy shares nothing")
	assert.Equal(t, sim.world.Tokens, copied.Tokens, "values of tokens are kept, so that old reads authenticate alike")
}
