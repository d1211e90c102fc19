// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func TestSealedOnTheDashboard(t *testing.T) {
	const path = "engine.variables.KEY"
	inClear, key := []desired.Variable{plain("KEY", "v")}, []desired.Variable{sealed("KEY", "v")}
	masked := `{"variables":{"KEY":{"value":null,"isSealed":true}}}`
	wrote, seen := map[string]any{path: "v"}, []string{"variables.KEY: (plain) <- (sealed)"}
	drift := map[string]plan.Cause{path: plan.CauseDrift}
	write := service(`{"variables":{"KEY":{"value":"v"}}}`)
	runPlanCases(t, []planCase{{
		name: "Repair", reason: "the seal may hide any value, so the declared one is written again",
		given: given{variables: inClear, config: masked, wrote: wrote}, patch: write, causes: drift, drift: seen,
	}, {
		name: "Repair, left out of the config", reason: "the list of variables says that it is sealed (railway-api.md#variables)",
		given: given{variables: inClear, sealed: []string{"KEY"}, wrote: wrote}, patch: write, causes: drift, drift: seen,
	}, {
		name: "Repair, adopted", reason: "what was adopted was seen in clear too",
		given: given{variables: inClear, config: masked, adopted: wrote}, patch: write, causes: drift, drift: seen,
	}, {
		name: "Repair, secret", reason: "the mask of a secret would hide what the drift is",
		given: given{variables: []desired.Variable{{Name: "KEY", Value: "v", Secret: true}}, config: masked, wrote: wrote},
		patch: write, causes: drift, drift: seen,
	}, {
		name: "contested", reason: "a path to leave is reported and not written",
		given: given{variables: inClear, config: masked, wrote: wrote, leave: []string{path}}, drift: seen,
	}, {
		name: "ReportDrift", reason: "report, do not overwrite", given: given{variables: inClear, config: masked, wrote: wrote, reportDrift: true},
		drift: seen,
	}, {
		name: "ReportDrift, another value", reason: "the spec changed",
		given: given{variables: inClear, config: masked, wrote: map[string]any{path: "old"}, reportDrift: true},
		patch: write, causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "written into the seal", reason: "the hidden value is the one that was applied",
		given: given{variables: inClear, config: masked, wroteSealed: wrote},
	}, {
		name: "masked for the token", reason: "a token that may read no value would have everything written again",
		given: given{variables: inClear, config: `{"variables":{"KEY":{"value":null}}}`, wrote: wrote},
	}, {
		name: "declared sealed, record of an earlier version", reason: "an upgrade writes nothing",
		given: given{variables: key, config: masked, wrote: wrote},
	}, {
		name: "shared", reason: "shared variables are sealed alike",
		given: given{shared: inClear, sharedConfig: `{"KEY":{"isSealed":true}}`, wrote: map[string]any{"shared.KEY": "v"}},
		patch: `{"sharedVariables":{"KEY":{"value":"v"}}}`, causes: map[string]plan.Cause{"shared.KEY": plan.CauseDrift},
		drift: []string{"shared.KEY: (plain) <- (sealed)"},
	}})
}

func TestSealedOnTheDashboardIsRepairedOnce(t *testing.T) {
	in := given{variables: []desired.Variable{plain("KEY", "v")}, config: `{"variables":{"KEY":{"isSealed":true}}}`,
		wrote: map[string]any{"engine.variables.KEY": "v"}}.input(t)
	in = commit(in, plan.Make(in))
	second := plan.Make(in)
	assert.True(t, second.Empty(), "nobody can unseal it, and its value is the declared one")
	assert.Empty(t, second.Drift)
	assert.Equal(t, map[string]plan.Applied{"engine.variables.KEY": {Hash: hash("engine.variables.KEY", "v"), Sealed: true}}, second.Record)
}

func TestSealedOnTheDashboardIsReportedUntilTheSpecFollows(t *testing.T) {
	g := given{variables: []desired.Variable{plain("KEY", "v")}, config: `{"variables":{"KEY":{"isSealed":true}}}`,
		wrote: map[string]any{"engine.variables.KEY": "v"}, reportDrift: true}
	in := g.input(t)
	for range 3 { // every look tells it again
		made := plan.Make(in)
		assert.True(t, made.Empty())
		assert.Equal(t, []string{"variables.KEY: (plain) <- (sealed)"}, shown(made.Drift))
		in = commit(in, made)
	}
	for reason, variable := range map[string]desired.Variable{
		"another value is a change of the spec":                    plain("KEY", "w"),
		"nobody knows which value the seal hides: write it sealed": sealed("KEY", "v"),
	} {
		followed := in
		followed.Desired = &desired.Environment{Services: []desired.Service{{Name: "engine", Variables: []desired.Variable{variable}}}}
		made := plan.Make(followed)
		assert.Empty(t, made.Drift, reason)
		assert.Equal(t, []string{"engine.variables.KEY"}, paths(made.Changes), reason)
		assert.Equal(t, plan.CauseSpec, made.Changes[0].Cause, reason)
		assert.True(t, plan.Make(commit(followed, made)).Empty(), reason)
	}
	in.Observed = apply(in.Observed, object(t, service(`{"variables":{"KEY":null}}`)))
	in.Observed = apply(in.Observed, object(t, service(`{"variables":{"KEY":{"value":"v"}}}`)))
	made := plan.Make(in)
	assert.Empty(t, made.Drift, "made anew in clear, with the declared value")
	assert.Equal(t, plan.Applied{Hash: hash("engine.variables.KEY", "v")}, made.Record["engine.variables.KEY"])
}

// TestNoSealHidesAnotherValue seals a variable with another value at any time after the operator wrote it. It must show.
func TestNoSealHidesAnotherValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in = visible(commit(in, plan.Make(in)))
		engine := in.Desired.Services[0]
		if len(engine.Variables) == 0 {
			return
		}
		v := rapid.SampledFrom(engine.Variables).Draw(t, "which")
		path := "engine.variables." + v.Name
		if v.Sealed || in.Applied[path].Sealed || in.Observed.Sealed[model.VariableRef{ServiceID: "s1", Name: v.Name}] {
			// An edit of a value that was sealed already cannot be seen (railway-api.md, "Variables"). Railway may show a sealed value as
			// null without the mark: what the record says of a value that cannot be read counts.
			return
		}
		in.ReportDrift = rapid.Bool().Draw(t, "report")
		in.Observed = apply(in.Observed, object(t, service(`{"variables":{"`+v.Name+`":{"value":"theirs","isSealed":true}}}`)))
		made := plan.Make(in)
		assert.Equal(t, []string{path}, paths(made.Drift))
		assert.Equal(t, in.ReportDrift, made.Empty())
	})
}
