// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
)

func TestRelease(t *testing.T) {
	const variable, start = "engine.variables.OLD", "engine.deploy.startCommand"
	here := `{"variables":{"OLD":{"value":"1"}}}`
	released := func(path string) map[string]plan.Cause { return map[string]plan.Cause{path: plan.CauseReleased} }
	runPlanCases(t, []planCase{{
		name: "variable", reason: "what the operator wrote and the spec dropped goes, as with kubectl apply",
		given: given{config: here, wrote: map[string]any{variable: "1"}},
		patch: service(`{"variables":{"OLD":null}}`), causes: released(variable),
	}, {
		name: "adopted variable", reason: "it was there before the operator",
		given: given{config: here, adopted: map[string]any{variable: "1"}},
	}, {
		name: "changed since", reason: "somebody made it their own",
		given: given{config: here, wrote: map[string]any{variable: "0"}},
	}, {
		name: "gone already", reason: "nothing to delete", given: given{wrote: map[string]any{variable: "1"}},
	}, {
		name: "null already", reason: "nothing to delete", given: given{config: `{"variables":{"OLD":null}}`, wrote: map[string]any{variable: "1"}},
	}, {
		name: "sealed", reason: "the operator wrote the secret, and nobody can read it back: it goes with the spec",
		given: given{config: `{"variables":{"OLD":{"isSealed":true}}}`, wrote: map[string]any{variable: "1"}},
		patch: service(`{"variables":{"OLD":null}}`), causes: released(variable),
	}, {
		name: "sealed and left out of the config", reason: "the list of variables says that it is there (railway-api.md#variables)",
		given: given{sealed: []string{"OLD"}, wrote: map[string]any{variable: "1"}},
		patch: service(`{"variables":{"OLD":null}}`), causes: released(variable),
	}, {
		name: "sealed and adopted", reason: "it was there before the operator",
		given: given{config: `{"variables":{"OLD":{"isSealed":true}}}`, adopted: map[string]any{variable: "1"}},
	}, {
		name: "to be left", reason: "a contested path is never written", given: given{config: here, wrote: map[string]any{variable: "1"}, leave: []string{variable}},
	}, {
		name: "with ReportDrift", reason: "dropping a field is a change of the spec",
		given: given{config: here, wrote: map[string]any{variable: "1"}, reportDrift: true},
		patch: service(`{"variables":{"OLD":null}}`), causes: released(variable),
	}, {
		name: "shared variable", reason: "shared variables are released alike",
		given: given{sharedConfig: `{"OLD":{"value":"1"}}`, wrote: map[string]any{"shared.OLD": "1"}},
		patch: `{"sharedVariables":{"OLD":null}}`, causes: released("shared.OLD"),
	}, {
		name: "setting", reason: "null clears a field (railway-api.md#config-patches)",
		given: given{config: `{"deploy":{"startCommand":"run","healthcheckPath":"/"}}`, wrote: map[string]any{start: "run"}},
		patch: service(`{"deploy":{"startCommand":null}}`), causes: released(start),
	}, {
		name: "pre-deploy command as text", reason: "the record is of the normal form, a list",
		given: given{config: `{"deploy":{"preDeployCommand":"migrate"}}`, wrote: map[string]any{"engine.deploy.preDeployCommand": []any{"migrate"}}},
		patch: service(`{"deploy":{"preDeployCommand":null}}`), causes: released("engine.deploy.preDeployCommand"),
	}, {
		name: "setting back at its default", reason: "the platform default is no value to delete",
		given: given{wrote: map[string]any{"engine.build.builder": "RAILPACK"}},
	}, {
		name: "setting owned by a config file", reason: "the file overrides it anyway, and it is not ours to fight",
		given: given{config: `{"deploy":{"startCommand":"run"}}`, wrote: map[string]any{start: "run"}, configFile: "railway.toml"},
	}, {
		name: "what the service needs to run", reason: "without source and replicas the service would stop",
		given: given{config: `{"source":{"image":"a:1","repo":"x/y"},"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":2}}}}`,
			wrote: map[string]any{"engine.source.image": "a:1", "engine.source.repo": "x/y",
				"engine.deploy.multiRegionConfig": regions(map[string]float64{"us-west2": 2}), "engine.domains.port": 80.0}},
	}, {
		name: "service dropped", reason: "a whole service may be moved to another owner: its fields stay",
		given: given{wrote: map[string]any{"worker.variables.A": "1", "worker.deploy.startCommand": "run"}},
	}, {
		name: "redeclared", reason: "a declared field is not released",
		given: given{variables: []desired.Variable{plain("OLD", "1")}, config: here, wrote: map[string]any{variable: "1"}},
	}})
}

func TestReleaseKeepsTheRecordUntilItIsWritten(t *testing.T) {
	const path = "engine.variables.OLD"
	g := given{config: `{"variables":{"OLD":{"value":"1"}}}`, wrote: map[string]any{path: "1"}}
	in := g.input(t)
	made := plan.Make(in)
	assert.Contains(t, made.Record, path, "a commit that fails must not lose track of the field")
	in = commit(in, made)
	assert.Empty(t, in.Applied, "after the commit it is forgotten")
	assert.True(t, plan.Make(in).Empty())
}

func TestReleaseKnowsServicesWithDotsInTheirNames(t *testing.T) {
	in := given{}.input(t)
	in.Desired.Services = []desired.Service{{Name: "engine"}, {Name: "engine.worker"}, {Name: "shared"}}
	for id, name := range map[string]string{"s2": "engine.worker", "s3": "shared"} {
		s := in.Observed.Services[0]
		s.ServiceID, s.Name = id, name
		in.Observed.Services = append(in.Observed.Services, s)
		in.Observed.Config.Set(map[string]any{"value": "1"}, "services", id, "variables", "OLD")
	}
	for _, path := range []string{"engine.worker.variables.OLD", "shared.variables.OLD"} {
		in.Applied[path] = plan.Applied{Hash: hash(path, "1")}
	}
	assert.JSONEq(t, `{"services":{"s2":{"variables":{"OLD":null}},"s3":{"variables":{"OLD":null}}}}`, patchOf(t, plan.Make(in)))
}

func TestUnmanaged(t *testing.T) {
	g := given{
		variables: []desired.Variable{plain("MINE", "1")},
		config: `{"variables":{"MINE":{"value":"1"},"THEIRS":{"value":"x"},"NULL":null,"SEALED":{"isSealed":true},
			"RAILWAY_PUBLIC_DOMAIN":{"value":"x"},"RAILWAY_RUN_UID":{"value":"0"},"OLD":{"value":"1"}}}`,
		sealed:       []string{"HIDDEN", "shared.HIDDEN"},
		sharedConfig: `{"THEIRS":{"value":"x"}}`,
		wrote:        map[string]any{"engine.variables.OLD": "1"},
	}
	unmanaged := []string{
		"engine.variables.HIDDEN", "engine.variables.RAILWAY_RUN_UID", "engine.variables.SEALED", "engine.variables.THEIRS",
		"shared.HIDDEN", "shared.THEIRS",
	}
	released := "engine.variables.OLD"

	g.unmanaged = plan.IgnoreUnmanaged
	made := plan.Make(g.input(t))
	assert.Empty(t, made.Unmanaged, "Ignore does not mention them")
	assert.Equal(t, []string{released}, paths(made.Changes))

	g.unmanaged = plan.ListUnmanaged
	made = plan.Make(g.input(t))
	assert.Equal(t, unmanaged, made.Unmanaged,
		"what is null, declared, released or set by Railway itself is not unmanaged; control variables and sealed ones are")
	assert.Equal(t, []string{released}, paths(made.Changes), "List writes nothing")

	g.unmanaged = plan.PruneUnmanaged
	made = plan.Make(g.input(t))
	assert.Empty(t, made.Unmanaged)
	causes := map[string]plan.Cause{}
	for _, c := range made.Changes {
		causes[c.Path] = c.Cause
		assert.Equal(t, "(absent)", c.Declared)
		assert.NotContains(t, c.Actual, "x", "nobody knows which of them are secrets: %s", c.Path)
		assert.Empty(t, c.Hash, "a deleted field has no hash")
	}
	want := map[string]plan.Cause{released: plan.CauseReleased}
	for _, path := range unmanaged {
		want[path] = plan.CauseUnmanaged
	}
	assert.Equal(t, want, causes)
	patch := made.Patch()
	assert.ElementsMatch(t, []string{"HIDDEN", "OLD", "RAILWAY_RUN_UID", "SEALED", "THEIRS"}, slices.Collect(maps.Keys(patch.Sub("services", "s1", "variables"))))
	assert.Equal(t, map[string]any{"HIDDEN": nil, "THEIRS": nil}, map[string]any(patch.Sub("sharedVariables")))

	g.leave = []string{"engine.variables.THEIRS"}
	assert.NotContains(t, paths(plan.Make(g.input(t)).Changes), "engine.variables.THEIRS", "a contested path is never written")

	g.leave, g.wrote, g.adopted = nil, nil, map[string]any{released: "1"}
	assert.Contains(t, paths(plan.Make(g.input(t)).Changes), released, "an adopted variable that the spec dropped is unmanaged")
}

func TestUnmanagedLooksAtDeclaredServicesOnly(t *testing.T) {
	in := given{unmanaged: plan.PruneUnmanaged}.input(t)
	other := in.Observed.Services[0]
	other.ServiceID, other.Name = "s2", "postgres"
	in.Observed.Services = append(in.Observed.Services, other)
	in.Observed.Config.Set(map[string]any{"value": "x"}, "services", "s2", "variables", "PGDATA")
	assert.True(t, plan.Make(in).Empty(), "a service that the spec does not name is nobody's business")
}
