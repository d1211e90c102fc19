// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func TestBareInstance(t *testing.T) {
	const path = "engine.deploy.startCommand"
	start := []desired.Field{field("run", "deploy.startCommand")}
	domain := &desired.Domain{}
	spec := map[string]plan.Cause{path: plan.CauseSpec}
	patch := service(`{"deploy":{"startCommand":"run"}}`)
	for name, reportDrift := range map[string]bool{"Repair": false, "ReportDrift": true} {
		runPlanCases(t, []planCase{{
			name: name, reason: "a service created for another tier leaves a bare instance here (railway-api.md#service-mutations-and-forks): it is set up like a new one",
			given: given{bare: true, fields: start, config: `{"deploy":{"startCommand":"theirs"}}`, reportDrift: reportDrift}, patch: patch, causes: spec,
		}, {
			name: name + ", known", reason: "what was applied to the instance before went with it: that is no drift",
			given: given{bare: true, fields: start, wrote: map[string]any{path: "run"}, reportDrift: reportDrift}, patch: patch, causes: spec,
		}})
		g := given{bare: true, domain: domain, reportDrift: reportDrift, wrote: map[string]any{"engine.domains.railway": true}}
		made := plan.Make(g.input(t))
		assert.Equal(t, []string{"engine"}, made.Domains, "%s: its domain is made", name)
		assert.Empty(t, made.Drift, name)
	}
	made := plan.Make(given{bare: true, fields: []desired.Field{field("RAILPACK", "build.builder"), field(nil, "source.repo")}}.input(t))
	for path, applied := range made.Record {
		assert.False(t, applied.Adopted, "%s: nothing of a bare instance is adopted", path)
	}
	assert.Len(t, made.Record, 2)
}

func TestInstanceThatSomebodySetUpIsNotBare(t *testing.T) {
	start := []desired.Field{field("run", "deploy.startCommand")}
	for reason, g := range map[string]given{
		"a source":          {bare: true, config: `{"source":{"image":"theirs:1"},"deploy":{"startCommand":"theirs"}}`},
		"a variable":        {bare: true, config: `{"variables":{"A":{"value":"theirs"}},"deploy":{"startCommand":"theirs"}}`},
		"a sealed variable": {bare: true, sealed: []string{"A"}, config: `{"deploy":{"startCommand":"theirs"}}`},
		"a deployment":      {config: `{"deploy":{"startCommand":"theirs"}}`},
	} {
		g.fields, g.reportDrift = start, true
		made := plan.Make(g.input(t))
		assert.True(t, made.Empty(), "%s is somebody's work: report, do not overwrite", reason)
		assert.Len(t, made.Drift, 1, reason)
	}
}

func TestBareInstancesHaveNoDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.ReportDrift = rapid.Bool().Draw(t, "report")
		instance := &in.Observed.Services[0]
		instance.Latest, instance.RailwayDomains = nil, nil
		delete(in.Observed.Config.Sub("services", "s1"), "source")
		delete(in.Observed.Config.Sub("services", "s1"), "variables")
		for ref := range in.Observed.Sealed {
			if ref.ServiceID == "s1" {
				delete(in.Observed.Sealed, ref)
			}
		}
		for _, c := range plan.Make(in).Drift {
			require.NotEqual(t, "engine", c.Service, c.Path)
		}
	})
}

func TestCredentials(t *testing.T) {
	const path = "engine.deploy.registryCredentials"
	fields := []desired.Field{field("ghcr.io/acme/app:1", "source.image"), credentials("now")}
	wrote := func(id, when string) map[string]any {
		return map[string]any{path: []any{id, credentials(when).Value}, "engine.source.image": "ghcr.io/acme/app:1"}
	}
	shown, absent := `{"source":{"image":"ghcr.io/acme/app:1"},"deploy":{"registryCredentials":"*****"}}`, `{"source":{"image":"ghcr.io/acme/app:1"}}`
	write := service(`{"deploy":{"registryCredentials":{"username":"robot","password":"s3cret-pull-now"}}}`)
	spec := map[string]plan.Cause{path: plan.CauseSpec}
	runPlanCases(t, []planCase{{
		name: "none", reason: "declared and never written", given: given{fields: fields, config: absent}, patch: write, causes: spec,
	}, {
		name: "applied", reason: "a mask is no value to compare", given: given{fields: fields, config: shown, wrote: wrote("s1", "now")},
	}, {
		name: "applied, nothing shown", reason: "Railway may show nothing where credentials are (railway-api.md#private-images)",
		given: given{fields: fields, config: absent, wrote: wrote("s1", "now")},
	}, {
		name: "rotated", reason: "the record differs from the Secret", patch: write, causes: spec,
		given: given{fields: fields, config: shown, wrote: wrote("s1", "before")},
	}, {
		name: "of another service", reason: "a service that was made anew has none", patch: write, causes: spec,
		given: given{fields: fields, config: absent, wrote: wrote("s0", "now")},
	}, {
		name: "key lost", reason: "nobody knows what is there", patch: write, causes: map[string]plan.Cause{path: plan.CauseUnknown},
		given: given{fields: fields, config: shown, wrote: wrote("s1", "now"), keyLost: true},
	}, {
		name: "somebody else's, ReportDrift", reason: "they cannot be brought back: report, do not overwrite",
		given: given{fields: fields, config: shown, reportDrift: true}, drift: []string{"deploy.registryCredentials: (secret) <- (secret)"},
	}, {
		name: "beside a config file", reason: "a railway.json holds no credentials", patch: write, causes: spec,
		given: given{fields: fields, config: shown, wrote: wrote("s1", "before"), configFile: "railway.json"},
	}})
	assert.Equal(t, []string{"engine"}, plan.Make(given{fields: fields, config: absent}.input(t)).Deploys())
}

func TestCredentialsAreWrittenToABareInstance(t *testing.T) {
	in := given{bare: true, fields: []desired.Field{credentials("now")},
		wrote: map[string]any{"engine.deploy.registryCredentials": []any{"s1", credentials("now").Value}}}.input(t)
	assert.Equal(t, []string{"engine.deploy.registryCredentials"}, paths(plan.Make(in).Changes), "what was applied before went with the instance")
}

func TestCredentialsAreReleased(t *testing.T) {
	const path = "engine.deploy.registryCredentials"
	for name, config := range map[string]string{"masked": `{"deploy":{"registryCredentials":"*****"}}`, "nothing shown": ``} {
		in := given{config: config, configFile: "railway.json", wrote: map[string]any{path: []any{"s1", credentials("now").Value}}}.input(t)
		made := plan.Make(in)
		assert.True(t, made.Empty(), "%s: without a source nobody knows whether they are needed", name)
		assert.Contains(t, made.Record, path, name)

		in.Desired.Services[0].Image = "app:1"
		made = plan.Make(in)
		assert.JSONEq(t, service(`{"deploy":{"registryCredentials":null}}`), patchOf(t, made), "%s: null clears them (railway-api.md#private-images)", name)
		assert.NotContains(t, made.Changes[0].Actual+made.Changes[0].Declared, secretMark)
		assert.True(t, plan.Make(commit(in, made)).Empty(), "%s: once", name)
	}
}

func TestAutoDeploy(t *testing.T) {
	const path = "engine.source.autoDeploy"
	triggers := []model.Trigger{{ID: "t1", Repository: "acme/app", Branch: "main"}, {ID: "t2", Repository: "acme/app", Branch: "dev"}}
	fields := []desired.Field{field("acme/app", "source.repo"), field(pinnedCommit, "source.commitSha")}
	config := `{"source":{"repo":"acme/app","commitSha":"` + pinnedCommit + `"}}`
	source := map[string]any{"engine.source.repo": "acme/app", "engine.source.commitSha": pinnedCommit}
	off := map[string]any{"engine.source.repo": "acme/app", "engine.source.commitSha": pinnedCommit, path: "off"}
	deleted := []plan.TriggerChange{
		{Service: "engine", ID: "t1", Path: path, Hash: hash(path, "off")}, {Service: "engine", ID: "t2", Path: path, Hash: hash(path, "off")},
	}
	seen := []string{"source.autoDeploy: off <- on (acme/app@main, acme/app@dev)"}
	tests := []struct {
		name, reason string
		given        given
		triggers     []plan.TriggerChange
		drift, held  []string
	}{
		{"not pinned", "auto-deploy is what a branch means", given{triggers: triggers}, nil, nil, nil},
		{"made by the source", "connecting a repository makes a trigger (railway-api.md#auto-deploy)", given{pinned: true, triggers: triggers, wrote: source}, deleted, nil, nil},
		{"made by the source, ReportDrift", "the operator's own commit made it", given{pinned: true, triggers: triggers, wrote: source, reportDrift: true}, deleted, nil, nil},
		{"turned on", "somebody turned it on", given{pinned: true, triggers: triggers, wrote: off}, deleted, seen, nil},
		{"turned on, ReportDrift", "report, do not delete", given{pinned: true, triggers: triggers, wrote: off, reportDrift: true}, nil, seen, nil},
		{"turned on again and again", "a contested path is left", given{pinned: true, triggers: triggers, wrote: off, leave: []string{path}}, nil, seen, nil},
		{"first look, ReportDrift", "it was there before the operator", given{pinned: true, triggers: triggers, reportDrift: true}, nil, seen, nil},
		{"refused", "Railway would not delete it", given{pinned: true, triggers: triggers, wrote: source, refused: map[string]string{path: hash(path, "off")}},
			nil, nil, []string{path}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.given.fields, tt.given.config = fields, config
			made := plan.Make(tt.given.input(t))
			assert.Equal(t, tt.triggers, made.Triggers, tt.reason)
			assert.Equal(t, tt.drift, shown(made.Drift), tt.reason)
			assert.Equal(t, tt.held, made.HeldBack, tt.reason)
			assert.True(t, made.Empty(), "a patch deletes no trigger")
		})
	}
}

func TestAutoDeployIsKnownToBeOffOnceTheCommitRuns(t *testing.T) {
	const path = "engine.source.autoDeploy"
	fields := []desired.Field{field(pinnedCommit, "source.commitSha")}
	config := `{"source":{"repo":"acme/app","commitSha":"` + pinnedCommit + `"}}`
	source := map[string]any{"engine.source.commitSha": pinnedCommit}
	known := map[string]any{"engine.source.commitSha": pinnedCommit, path: "off"}
	for _, tt := range []struct {
		name, reason string
		given        given
		want         bool
	}{
		{"not built yet", "the trigger that comes with the source may not show yet", given{wrote: source}, false},
		{"built", "the trigger is made before the build", given{wrote: source, commit: pinnedCommit}, true},
		{"known", "a deployment of another commit takes nothing back", given{wrote: known, commit: "other"}, true},
		{"new source", "writing it may make a trigger again", given{wrote: known, commit: pinnedCommit, config: `{"source":{"commitSha":"other"}}`}, false},
		{"new source held back", "nothing is written", given{wrote: known, commit: pinnedCommit, config: `{"source":{"commitSha":"other"}}`,
			refused: map[string]string{"engine.source.commitSha": hash("engine.source.commitSha", pinnedCommit)}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.given.pinned, tt.given.fields = true, fields
			if tt.given.config == "" {
				tt.given.config = config
			}
			_, got := plan.Make(tt.given.input(t)).Record[path]
			assert.Equal(t, tt.want, got, tt.reason)
		})
	}
	unpinned := given{wrote: known, commit: pinnedCommit, fields: fields, config: config}
	assert.NotContains(t, plan.Make(unpinned.input(t)).Record, path, "without a commit nothing is known of triggers")
}
