// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
)

func TestKeyLost(t *testing.T) {
	const path = "engine.variables.A"
	one := []desired.Variable{plain("A", "1")}
	masked, differs := `{"variables":{"A":{"value":null}}}`, `{"variables":{"A":{"value":"2"}}}`
	write := service(`{"variables":{"A":{"value":"1"}}}`)
	lost := map[string]any{path: "hashed with another key"}
	unknown, spec := map[string]plan.Cause{path: plan.CauseUnknown}, map[string]plan.Cause{path: plan.CauseSpec}
	runPlanCases(t, []planCase{{
		name: "as declared", reason: "what can be read needs no record",
		given: given{variables: one, config: `{"variables":{"A":{"value":"1"}}}`, wrote: lost, keyLost: true},
	}, {
		name: "differs", reason: "nobody knows who changed it: Repair takes it for a change of the spec", patch: write, causes: spec,
		given: given{variables: one, config: differs, wrote: lost, keyLost: true},
	}, {
		name: "differs, ReportDrift", reason: "nobody knows who changed it: report, do not overwrite", drift: []string{"variables.A: 1 <- 2"},
		given: given{variables: one, config: differs, wrote: lost, keyLost: true, reportDrift: true},
	}, {
		name: "cannot be read", reason: "nobody knows what it is, so it is written once more", patch: write, causes: unknown,
		given: given{variables: one, config: masked, wrote: lost, keyLost: true},
	}, {
		name: "cannot be read, ReportDrift", reason: "what the operator writes once more is no drift", patch: write, causes: unknown,
		given: given{variables: one, config: masked, wrote: lost, keyLost: true, reportDrift: true},
	}, {
		name: "sealed", reason: "a sealed value cannot be read either", causes: unknown,
		patch: service(`{"variables":{"A":{"value":"1","isSealed":true}}}`),
		given: given{variables: []desired.Variable{sealed("A", "1")}, config: `{"variables":{"A":{"isSealed":true}}}`, wroteSealed: lost, keyLost: true},
	}, {
		name: "sealed on the dashboard, ReportDrift", reason: "the marks of the record are no hashes: it was in clear",
		given: given{variables: one, config: `{"variables":{"A":{"isSealed":true}}}`, wrote: lost, keyLost: true, reportDrift: true},
		drift: []string{"variables.A: (plain) <- (sealed)"},
	}, {
		name: "seal asked for", reason: "a missing seal is a wish of the spec", causes: spec,
		patch: service(`{"variables":{"A":{"value":"1","isSealed":true}}}`),
		given: given{variables: []desired.Variable{sealed("A", "1")}, config: `{"variables":{"A":{"value":"1"}}}`, wrote: lost, keyLost: true, reportDrift: true},
	}, {
		name: "dropped from the spec", reason: "somebody may have made it their own: what cannot be compared is not deleted",
		given: given{config: `{"variables":{"A":{"value":"1"}}}`, wrote: lost, keyLost: true},
	}, {
		name: "sealed and dropped from the spec", reason: "the operator wrote it, which the record still says", patch: service(`{"variables":{"A":null}}`),
		given: given{config: `{"variables":{"A":{"isSealed":true}}}`, wroteSealed: lost, keyLost: true}, causes: map[string]plan.Cause{path: plan.CauseReleased},
	}})
	made := plan.Make(given{variables: one, config: masked, wrote: lost, keyLost: true}.input(t))
	assert.Empty(t, made.Deploys(), "nobody knows whether Railway deploys for an equal value: no deployment is waited for")
}

func TestKeyLostThenTheSpecChanges(t *testing.T) {
	g := given{variables: []desired.Variable{plain("A", "1")}, config: `{"variables":{"A":{"value":"2"}}}`, reportDrift: true, keyLost: true,
		wrote: map[string]any{"engine.variables.A": "hashed with another key"}}
	in := g.input(t)
	in = commit(in, plan.Make(in))
	require.Len(t, plan.Make(in).Drift, 1, "the second look reports it too")
	in.Desired.Services[0].Variables = []desired.Variable{plain("A", "3")}
	assert.Equal(t, []string{"engine.variables.A"}, paths(plan.Make(in).Changes), "a new declared value is written")
}

func TestKeyLostUntilTheCommitSucceeds(t *testing.T) {
	in := given{variables: []desired.Variable{sealed("A", "1")}, config: `{"variables":{"A":{"isSealed":true}}}`, reportDrift: true,
		wroteSealed: map[string]any{"engine.variables.A": "hashed with another key"}, keyLost: true}.input(t)
	for range 3 { // the commit fails, and the record is stored with the new key
		made := plan.Make(in)
		require.Equal(t, []string{"engine.variables.A"}, paths(made.Changes))
		assert.Equal(t, plan.CauseUnknown, made.Changes[0].Cause)
		in.Applied, in.KeyLost = made.Record, false
	}
}

// TestKeyLostLeavesNoOldHash holds that the record can be stored with the new key, whatever happens to the commit.
func TestKeyLostLeavesNoOldHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.KeyLost, in.ReportDrift = true, rapid.Bool().Draw(t, "report")
		in.Applied = maps.Clone(in.Applied)
		for path, applied := range in.Applied {
			applied.Hash = "old-" + applied.Hash
			in.Applied[path] = applied
		}
		made := plan.Make(in)
		for path, applied := range plan.After(made.Record, made.Written()) {
			require.NotContains(t, applied.Hash, "old-", path)
		}
		for _, c := range made.Changes {
			require.True(t, c.Cause != plan.CauseDrift || c.Actual == "(sealed)", "%s: without a hash only a seal tells drift", c.Path)
			require.False(t, c.Deploys && c.Cause == plan.CauseUnknown)
		}
	})
}

func TestRefused(t *testing.T) {
	const a, b, image, repo = "engine.variables.A", "engine.variables.B", "engine.source.image", "engine.source.repo"
	source := []desired.Field{field("acme/app", "source.repo"), field(nil, "source.image")}
	g := given{
		variables: []desired.Variable{plain("A", "1"), plain("B", "1")}, fields: source,
		config: `{"source":{"image":"app:1"},"variables":{"B":{"value":"2"},"OLD":{"value":"1"}}}`,
		wrote:  map[string]any{b: "1", "engine.variables.OLD": "1"},
	}
	tests := []struct {
		name, reason  string
		refused       map[string]string
		changes, held []string
	}{
		{"nothing", "all that differs is written", nil, []string{image, repo, a, b, "engine.variables.OLD"}, nil},
		{"one value", "everything else goes on", map[string]string{a: hash(a, "1")}, []string{image, repo, b, "engine.variables.OLD"}, []string{a}},
		{"another value", "a changed value is tried again", map[string]string{a: hash(a, "0")}, []string{image, repo, a, b, "engine.variables.OLD"}, nil},
		{"a repair", "Railway refuses it whatever the cause", map[string]string{b: hash(b, "1")}, []string{image, repo, a, "engine.variables.OLD"}, []string{b}},
		{"a deletion", "a deletion has no hash", map[string]string{"engine.variables.OLD": ""}, []string{image, repo, a, b}, []string{"engine.variables.OLD"}},
		{"a deletion that is a value now", "the value was never refused", map[string]string{a: ""}, []string{image, repo, a, b, "engine.variables.OLD"}, nil},
		{"the whole source", "the source stays as it is", map[string]string{image: hash(image, nil), repo: hash(repo, "acme/app")},
			[]string{a, b, "engine.variables.OLD"}, []string{image, repo}},
		{"half of the source", "a service with two sources runs neither", map[string]string{image: hash(image, nil), repo: hash(repo, "acme/other")},
			[]string{image, repo, a, b, "engine.variables.OLD"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g.refused = tt.refused
			made := plan.Make(g.input(t))
			assert.Equal(t, tt.changes, paths(made.Changes), tt.reason)
			assert.Equal(t, tt.held, made.HeldBack, tt.reason)
			assert.Equal(t, []string{b}, paths(made.Drift), "drift is reported all the same")
			for _, path := range tt.held {
				assert.NotContains(t, made.Deploys(), path)
			}
		})
	}
}

func TestRefusedHoldsBackAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		all := plan.Make(in)
		in.Refused = map[string]string{}
		for _, c := range all.Changes {
			switch rapid.IntRange(0, 2).Draw(t, "refused") {
			case 0:
				in.Refused[c.Path] = c.Hash
			case 1:
				in.Refused[c.Path] = "another"
			}
		}
		made := plan.Make(in)
		require.ElementsMatch(t, paths(all.Changes), slices.Concat(paths(made.Changes), made.HeldBack), "each change is made or held back")
		require.Subset(t, paths(made.Drift), paths(all.Drift), "what is held back is told")
		for _, path := range made.HeldBack {
			i := slices.IndexFunc(all.Changes, func(c plan.Change) bool { return c.Path == path })
			require.Equal(t, all.Changes[i].Hash, in.Refused[path])
		}
	})
}
