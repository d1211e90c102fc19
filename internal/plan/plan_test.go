// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
)

// planCase is a comparison, the patch it makes, and the drift it shows.
type planCase struct {
	name, reason string
	given        given
	patch        string
	causes       map[string]plan.Cause
	drift        []string
}

func runPlanCases(t *testing.T, cases []planCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			made := plan.Make(tt.given.input(t))
			if got := patchOf(t, made); tt.patch == "" {
				assert.Empty(t, got, tt.reason)
			} else {
				assert.JSONEq(t, tt.patch, got, tt.reason)
			}
			for _, c := range made.Changes {
				assert.Equal(t, tt.causes[c.Path], c.Cause, "%s: the cause of %s", tt.reason, c.Path)
			}
			for path := range tt.causes {
				assert.Contains(t, paths(made.Changes), path, tt.reason)
			}
			assert.Equal(t, tt.drift, shown(made.Drift), tt.reason)
		})
	}
}

func paths(changes []plan.Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Path)
	}
	return all
}

func TestFields(t *testing.T) {
	start, path := field("run", "deploy.startCommand"), "engine.deploy.startCommand"
	runPlanCases(t, []planCase{{
		name: "absent", reason: "a declared field that Railway lacks is written",
		given:  given{fields: []desired.Field{start}},
		patch:  service(`{"deploy":{"startCommand":"run"}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "same", reason: "equal values need no write",
		given: given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"run","unknown":1}}`},
	}, {
		name: "adopted and different", reason: "without a record the spec wins over what was there",
		given:  given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"old"}}`},
		patch:  service(`{"deploy":{"startCommand":"run"}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "spec changed", reason: "what is declared is not what was applied: the spec changed",
		given:  given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"old"}}`, wrote: map[string]any{path: "old"}},
		patch:  service(`{"deploy":{"startCommand":"run"}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "drift", reason: "what is declared was applied: somebody changed it on Railway",
		given:  given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"oops"}}`, wrote: map[string]any{path: "run"}},
		patch:  service(`{"deploy":{"startCommand":"run"}}`),
		causes: map[string]plan.Cause{path: plan.CauseDrift},
		drift:  []string{"deploy.startCommand: run <- oops"},
	}, {
		name: "drift by deletion", reason: "a deleted field is drift too",
		given:  given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":null}}`, wrote: map[string]any{path: "run"}},
		patch:  service(`{"deploy":{"startCommand":"run"}}`),
		causes: map[string]plan.Cause{path: plan.CauseDrift},
		drift:  []string{"deploy.startCommand: run <- (absent)"},
	}, {
		name: "drift of a contested field", reason: "a path to leave is reported and not written",
		given: given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"oops"}}`, wrote: map[string]any{path: "run"},
			leave: []string{path}},
		drift: []string{"deploy.startCommand: run <- oops"},
	}, {
		name: "drift reported", reason: "with ReportDrift Railway stays as it is",
		given: given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"oops"}}`, wrote: map[string]any{path: "run"},
			reportDrift: true},
		drift: []string{"deploy.startCommand: run <- oops"},
	}, {
		name: "spec changed over drift, reported", reason: "ReportDrift lasts until the spec changes",
		given: given{fields: []desired.Field{start}, config: `{"deploy":{"startCommand":"oops"}}`, wrote: map[string]any{path: "old"},
			reportDrift: true},
		patch:  service(`{"deploy":{"startCommand":"run"}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "pre-deploy command as text", reason: "Railway returns a string or a list of one (railway-api.md#environmentconfig)",
		given: given{fields: []desired.Field{field([]any{"migrate"}, "deploy.preDeployCommand")},
			config: `{"deploy":{"preDeployCommand":"migrate"}}`},
	}, {
		name: "pre-deploy command as list", reason: "Railway returns a string or a list of one (railway-api.md#environmentconfig)",
		given: given{fields: []desired.Field{field([]any{"migrate"}, "deploy.preDeployCommand")},
			config: `{"deploy":{"preDeployCommand":["migrate"]}}`},
	}, {
		name: "pre-deploy command differs", reason: "the list is compared by content",
		given: given{fields: []desired.Field{field([]any{"migrate"}, "deploy.preDeployCommand")},
			config: `{"deploy":{"preDeployCommand":"seed"}}`},
		patch:  service(`{"deploy":{"preDeployCommand":["migrate"]}}`),
		causes: map[string]plan.Cause{"engine.deploy.preDeployCommand": plan.CauseSpec},
	}, {
		name: "nested limits", reason: "only the limit that differs is written",
		given: given{fields: []desired.Field{field(2.0, "deploy.limitOverride.containers.cpu"), field(4e9, "deploy.limitOverride.containers.memoryBytes")},
			config: `{"deploy":{"limitOverride":{"containers":{"cpu":2,"memoryBytes":1000000000}}}}`},
		patch:  service(`{"deploy":{"limitOverride":{"containers":{"memoryBytes":4000000000}}}}`),
		causes: map[string]plan.Cause{"engine.deploy.limitOverride.containers.memoryBytes": plan.CauseSpec},
	}})
}

func TestPlatformDefaults(t *testing.T) {
	defaults := map[string]any{
		"source.branch": "main", "source.rootDirectory": "", "build.builder": "RAILPACK", "build.buildCommand": "",
		"build.dockerfilePath": "Dockerfile", "deploy.healthcheckTimeout": 300.0, "deploy.restartPolicyType": "ON_FAILURE",
		"deploy.restartPolicyMaxRetries": 10.0, "deploy.sleepApplication": false, "deploy.overlapSeconds": 0.0, "deploy.drainingSeconds": 0.0,
	}
	for keys, value := range defaults {
		path := "engine." + keys
		in := given{fields: []desired.Field{field(value, keys)}, wrote: map[string]any{path: value}}
		assert.True(t, plan.Make(in.input(t)).Empty(), "%s: what Railway does anyway is no drift (railway-api.md#environmentconfig)", keys)

		in.fields = []desired.Field{field("other", keys)}
		assert.Equal(t, []string{path}, paths(plan.Make(in.input(t)).Changes), "%s: another value than the default is written", keys)

		in.reportDrift, in.wrote = true, nil
		assert.Equal(t, []string{path}, paths(plan.Make(in.input(t)).Changes),
			"%s: a new service has defaults too, and ReportDrift must not keep it from getting its settings", keys)
	}
}

func TestRegions(t *testing.T) {
	const keys, path = "deploy.multiRegionConfig", "engine.deploy.multiRegionConfig"
	spec := map[string]plan.Cause{path: plan.CauseSpec}
	west3 := []desired.Field{field(regions(map[string]float64{"us-west2": 3}), keys)}
	both := []desired.Field{field(regions(map[string]float64{"us-west2": 3, "europe-west4-drams3a": 1}), keys)}
	runPlanCases(t, []planCase{{
		name: "same", reason: "what else Railway notes of a region is not compared",
		given: given{fields: west3, config: `{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3,"stackerAssignment":"x"}}}}`},
	}, {
		name: "null regions", reason: "a region given up may stay as null (railway-api.md#environmentconfig)",
		given: given{fields: west3, config: `{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3},"asia-southeast1-eqsg3a":null}}}`},
	}, {
		name: "one replica unsaid", reason: "a region without a number has one replica",
		given: given{fields: both, config: `{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3},"europe-west4-drams3a":{}}}}`},
	}, {
		name: "region given up", reason: "patches merge, so the region goes by null, and the other is left out (railway-api.md#environmentconfig)",
		given: given{fields: west3, config: `{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3},"europe-west4-drams3a":{"numReplicas":1},"gone":null}}}`},
		patch: service(`{"deploy":{"multiRegionConfig":{"europe-west4-drams3a":null}}}`), causes: spec,
	}, {
		name: "replicas changed", reason: "only the region that differs is written",
		given: given{fields: both, config: `{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":2},"europe-west4-drams3a":{"numReplicas":1}}}}`},
		patch: service(`{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3}}}}`), causes: spec,
	}, {
		name: "legacy region and replicas", reason: "older configs name one region instead (railway-api.md#environmentconfig)",
		given: given{fields: west3, config: `{"deploy":{"region":"us-west2","numReplicas":3}}`},
	}, {
		name: "legacy region, replicas unsaid", reason: "one replica is Railway's default",
		given: given{fields: west3, config: `{"deploy":{"region":"us-west2"}}`},
		patch: service(`{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3}}}}`), causes: spec,
	}, {
		name: "legacy region beside a second one", reason: "multiRegionConfig replaces the legacy form, so it must be whole",
		given: given{fields: both, config: `{"deploy":{"region":"us-west2","numReplicas":3}}`},
		patch: service(`{"deploy":{"multiRegionConfig":{"us-west2":{"numReplicas":3},"europe-west4-drams3a":{"numReplicas":1}}}}`), causes: spec,
	}, {
		name: "legacy beside null regions", reason: "regions that were given up do not hide the legacy one",
		given: given{fields: west3, config: `{"deploy":{"region":"us-west2","numReplicas":3,"multiRegionConfig":{"europe-west4-drams3a":null}}}`},
	}, {
		name: "legacy ignored beside the new form", reason: "multiRegionConfig wins over region and numReplicas",
		given: given{fields: west3, config: `{"deploy":{"region":"europe-west4-drams3a","numReplicas":1,"multiRegionConfig":{"us-west2":{"numReplicas":3}}}}`},
	}, {
		name: "legacy region under ReportDrift", reason: "a region in use is something that exists, in either form",
		given: given{fields: west3, config: `{"deploy":{"region":"us-west2","numReplicas":1}}`, reportDrift: true},
		drift: []string{`deploy.multiRegionConfig: {"us-west2":3} <- {"us-west2":1}`},
	}})
	made := plan.Make(given{fields: west3}.input(t))
	assert.Empty(t, made.Deploys(), "replicas scale without a deployment (railway-api.md#config-patches)")
}

func TestSource(t *testing.T) {
	image := []desired.Field{field("app:2", "source.image"), field(nil, "source.repo")}
	repo := []desired.Field{field("acme/app", "source.repo"), field(nil, "source.image"), field("dev", "source.branch")}
	wroteImage := map[string]any{"engine.source.image": "app:2", "engine.source.repo": nil}
	imageToRepo := map[string]plan.Cause{"engine.source.repo": plan.CauseSpec, "engine.source.image": plan.CauseSpec, "engine.source.branch": plan.CauseSpec}
	runPlanCases(t, []planCase{{
		name: "image", reason: "the other source is absent already and needs no null",
		given:  given{fields: image},
		patch:  service(`{"source":{"image":"app:2"}}`),
		causes: map[string]plan.Cause{"engine.source.image": plan.CauseSpec},
	}, {
		name: "image in place", reason: "an empty text is as good as absence",
		given: given{fields: image, config: `{"source":{"image":"app:2","repo":""}}`},
	}, {
		name: "repo to image", reason: "a service has one source: the old one goes in the same patch",
		given:  given{fields: image, config: `{"source":{"repo":"acme/app"}}`},
		patch:  service(`{"source":{"image":"app:2","repo":null}}`),
		causes: map[string]plan.Cause{"engine.source.image": plan.CauseSpec, "engine.source.repo": plan.CauseSpec},
	}, {
		name: "image to repo", reason: "a service has one source: the old one goes in the same patch",
		given: given{fields: repo, config: `{"source":{"image":"app:2"}}`, wrote: wroteImage},
		patch: service(`{"source":{"image":null,"repo":"acme/app","branch":"dev"}}`), causes: imageToRepo,
	}, {
		name: "image to repo with ReportDrift", reason: "the spec changed the whole source, its new fields too",
		given: given{fields: repo, config: `{"source":{"image":"app:2"}}`, wrote: wroteImage, reportDrift: true},
		patch: service(`{"source":{"image":null,"repo":"acme/app","branch":"dev"}}`), causes: imageToRepo,
	}, {
		name: "repo at first look with ReportDrift", reason: "half a switch would leave a service with two sources",
		given: given{fields: image, config: `{"source":{"repo":"acme/app"}}`, reportDrift: true},
		drift: []string{"source.image: app:2 <- (absent)", "source.repo: (absent) <- acme/app"},
	}, {
		name: "new service with ReportDrift", reason: "nothing is there that could be overwritten",
		given:  given{fields: repo, reportDrift: true},
		patch:  service(`{"source":{"repo":"acme/app","branch":"dev"}}`),
		causes: map[string]plan.Cause{"engine.source.repo": plan.CauseSpec, "engine.source.branch": plan.CauseSpec},
	}, {
		name: "switched by hand", reason: "both halves of the switch are drift",
		given:  given{fields: image, config: `{"source":{"repo":"acme/app"}}`, wrote: wroteImage},
		patch:  service(`{"source":{"image":"app:2","repo":null}}`),
		causes: map[string]plan.Cause{"engine.source.image": plan.CauseDrift, "engine.source.repo": plan.CauseDrift},
		drift:  []string{"source.image: app:2 <- (absent)", "source.repo: (absent) <- acme/app"},
	}})
}

func TestVariables(t *testing.T) {
	const path = "engine.variables.A"
	one := []desired.Variable{plain("A", "1")}
	runPlanCases(t, []planCase{{
		name: "absent", reason: "a missing variable is written",
		given: given{variables: one}, patch: service(`{"variables":{"A":{"value":"1"}}}`), causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "null", reason: "null is absence (railway-api.md#environmentconfig)",
		given: given{variables: one, config: `{"variables":{"A":null}}`}, patch: service(`{"variables":{"A":{"value":"1"}}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "same", reason: "what else Railway notes of a variable is not compared",
		given: given{variables: one, config: `{"variables":{"A":{"value":"1","description":"x"}}}`},
	}, {
		name: "empty text", reason: "an empty value is a value (railway-api.md#variables)",
		given: given{variables: []desired.Variable{plain("A", "")}}, patch: service(`{"variables":{"A":{"value":""}}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "empty text in place", reason: "an empty value is a value (railway-api.md#variables)",
		given: given{variables: []desired.Variable{plain("A", "")}, config: `{"variables":{"A":{"value":""}}}`},
	}, {
		name: "reference", reason: "values are compared unrendered (railway-api.md#environmentconfig)",
		given: given{variables: []desired.Variable{plain("A", "${{shared.B}}")}, config: `{"variables":{"A":{"value":"${{shared.B}}"}}}`},
	}, {
		name: "drift", reason: "somebody edited the variable",
		given: given{variables: one, config: `{"variables":{"A":{"value":"2"}}}`, wrote: map[string]any{path: "1"}},
		patch: service(`{"variables":{"A":{"value":"1"}}}`), causes: map[string]plan.Cause{path: plan.CauseDrift},
		drift: []string{"variables.A: 1 <- 2"},
	}, {
		name: "masked, never applied", reason: "a value that this token may not read is written once",
		given: given{variables: one, config: `{"variables":{"A":{"value":null}}}`}, patch: service(`{"variables":{"A":{"value":"1"}}}`),
		causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "masked, applied", reason: "a value that cannot be read is taken to be what was applied (railway-api.md#variables)",
		given: given{variables: one, config: `{"variables":{"A":{"value":null}}}`, wrote: map[string]any{path: "1"}},
	}, {
		name: "masked, spec changed", reason: "the record tells that another value was applied",
		given: given{variables: one, config: `{"variables":{"A":{"value":null}}}`, wrote: map[string]any{path: "0"}},
		patch: service(`{"variables":{"A":{"value":"1"}}}`), causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "secret drifted", reason: "neither the declared nor the found value of a secret is shown",
		given: given{variables: []desired.Variable{{Name: "A", Value: "1", Secret: true}}, config: `{"variables":{"A":{"value":"2"}}}`,
			wrote: map[string]any{path: "1"}},
		patch: service(`{"variables":{"A":{"value":"1"}}}`), causes: map[string]plan.Cause{path: plan.CauseDrift},
		drift: []string{"variables.A: (secret) <- (secret)"},
	}, {
		name: "shared", reason: "shared variables stand at the top of the config (railway-api.md#environmentconfig)",
		given:  given{shared: []desired.Variable{plain("A", "1")}, sharedConfig: `{"A":{"value":"2"}}`},
		patch:  `{"sharedVariables":{"A":{"value":"1"}}}`,
		causes: map[string]plan.Cause{"shared.A": plan.CauseSpec},
	}})
}

func TestSealedVariables(t *testing.T) {
	const path = "engine.variables.KEY"
	key := []desired.Variable{sealed("KEY", "s3cret")}
	write := service(`{"variables":{"KEY":{"value":"s3cret","isSealed":true}}}`)
	spec, drift := map[string]plan.Cause{path: plan.CauseSpec}, map[string]plan.Cause{path: plan.CauseDrift}
	wrote := map[string]any{path: "s3cret"}
	masked := `{"variables":{"KEY":{"value":null,"isSealed":true}}}`
	runPlanCases(t, []planCase{{
		name: "absent", reason: "a sealed variable is written with its seal", given: given{variables: key}, patch: write, causes: spec,
	}, {
		name: "applied", reason: "the record says that the value is the declared one (railway-api.md#variables)",
		given: given{variables: key, config: masked, wrote: wrote},
	}, {
		name: "applied, left out of the config", reason: "the wire form of sealed variables is not known: the list of variables says that it is there (railway-api.md#variables)",
		given: given{variables: key, sealed: []string{"KEY"}, wrote: wrote},
	}, {
		name: "applied, empty in the config", reason: "a value shown for a sealed variable is never compared (railway-api.md#variables)",
		given: given{variables: key, config: `{"variables":{"KEY":{"value":""}}}`, sealed: []string{"KEY"}, wrote: wrote},
	}, {
		name: "rotated", reason: "the record differs from the declared value", patch: write, causes: spec,
		given: given{variables: key, config: masked, wrote: map[string]any{path: "old"}},
	}, {
		name: "record lost", reason: "without a record nobody knows the value: it is written once more", patch: write, causes: spec,
		given: given{variables: key, config: masked},
	}, {
		name: "deleted on Railway", reason: "a variable that is not there is not as it was applied", patch: write, causes: drift,
		given: given{variables: key, wrote: wrote}, drift: []string{"variables.KEY: (secret) <- (absent)"},
	}, {
		name: "put in clear on Railway", reason: "somebody made it anew with another value", patch: write, causes: drift,
		given: given{variables: key, config: `{"variables":{"KEY":{"value":"theirs"}}}`, wrote: wrote},
		drift: []string{"variables.KEY: (secret) <- (secret)"},
	}, {
		name: "seal asked for", reason: "nobody can unseal, so a missing seal is a wish of the spec and no drift", patch: write, causes: spec,
		given: given{variables: key, config: `{"variables":{"KEY":{"value":"s3cret"}}}`, wrote: wrote},
	}, {
		name: "seal asked for with ReportDrift", reason: "the spec changed, so it is written", patch: write, causes: spec,
		given: given{variables: key, config: `{"variables":{"KEY":{"value":"s3cret"}}}`, wrote: wrote, reportDrift: true},
	}, {
		name: "seal dropped from the spec", reason: "a seal cannot be taken off, and the value is as applied",
		given: given{variables: []desired.Variable{plain("KEY", "s3cret")}, config: masked, wroteSealed: wrote},
	}, {
		name: "sealed by another, ReportDrift", reason: "a sealed value cannot be brought back: report, do not overwrite",
		given: given{variables: key, config: masked, reportDrift: true}, drift: []string{"variables.KEY: (secret) <- (secret)"},
	}, {
		name: "sealed by another, second look", reason: "the first look at the service must not allow the second one to overwrite",
		given: given{variables: key, config: masked, reportDrift: true, wrote: map[string]any{"engine.variables.OTHER": "x"}},
		drift: []string{"variables.KEY: (secret) <- (secret)"},
	}, {
		name: "in clear by another, ReportDrift", reason: "a seal cannot be taken off again: report, do not seal",
		given: given{variables: key, config: `{"variables":{"KEY":{"value":"s3cret"}}}`, reportDrift: true},
		drift: []string{"variables.KEY: (secret) <- (secret)"},
	}, {
		name: "shared", reason: "shared variables are sealed alike",
		given: given{shared: key, sharedConfig: `{"KEY":{"value":null}}`, sealed: []string{"shared.KEY"}, wrote: map[string]any{"shared.KEY": "s3cret"}},
	}})
}

func TestSealedIsShownAsSuch(t *testing.T) {
	in := given{variables: []desired.Variable{plain("A", "1")}, config: `{"variables":{"A":{"isSealed":true}}}`, reportDrift: true}
	assert.Equal(t, []string{"variables.A: 1 <- (sealed)"}, shown(plan.Make(in.input(t)).Drift))
}

func TestReportDriftAdoptsThenFollowsTheSpec(t *testing.T) {
	declare := func(value string) []desired.Variable { return []desired.Variable{plain("A", value), plain("B", "new")} }
	g := given{variables: declare("mine"), config: `{"variables":{"A":{"value":"theirs"}}}`, reportDrift: true}
	in := g.input(t)

	first := plan.Make(in)
	assert.Equal(t, []string{"engine.variables.B"}, paths(first.Changes), "what is missing is added, what exists is left")
	assert.Equal(t, []string{"variables.A: mine <- theirs"}, shown(first.Drift))

	in = commit(in, first)
	second := plan.Make(in)
	assert.True(t, second.Empty(), "the second look leaves it too")
	assert.Equal(t, shown(first.Drift), shown(second.Drift))

	in.Desired.Services[0].Variables = declare("changed")
	third := plan.Make(in)
	assert.Equal(t, []string{"engine.variables.A"}, paths(third.Changes), "the spec changed, so Railway follows")
	assert.Empty(t, third.Drift)

	in = commit(in, third)
	in.Desired.Services[0].Variables = append(declare("changed"), plain("C", "declared"))
	in.Observed = apply(in.Observed, object(t, service(`{"variables":{"C":{"value":"by hand"}}}`)))
	assert.Equal(t, []string{"engine.variables.C"}, paths(plan.Make(in).Changes), "a field added to the spec is a change of the spec")
}

func TestRecord(t *testing.T) {
	const path = "engine.variables.A"
	one := []desired.Variable{plain("A", "1")}
	here := `{"variables":{"A":{"value":"1"}}}`
	gone := `{"variables":{"A":{"value":"2"}}}`
	tests := []struct {
		name, reason string
		given        given
		want         map[string]plan.Applied
	}{
		{"adopted", "the value was there before the operator", given{variables: one, config: here}, map[string]plan.Applied{path: {Hash: hash(path, "1"), Adopted: true}}},
		{"written", "what the operator wrote stays its own", given{variables: one, config: here, wrote: map[string]any{path: "1"}}, map[string]plan.Applied{path: {Hash: hash(path, "1")}}},
		{"followed", "the spec changed to what Railway has: still the operator's", given{variables: one, config: here, wrote: map[string]any{path: "0"}}, map[string]plan.Applied{path: {Hash: hash(path, "1")}}},
		{"adopted, followed", "the operator never wrote it", given{variables: one, config: here, adopted: map[string]any{path: "0"}}, map[string]plan.Applied{path: {Hash: hash(path, "1"), Adopted: true}}},
		{"drifted", "the record keeps what was applied", given{variables: one, config: gone, wrote: map[string]any{path: "1"}}, map[string]plan.Applied{path: {Hash: hash(path, "1")}}},
		{"spec changed", "not applied yet", given{variables: one, config: gone, wrote: map[string]any{path: "0"}}, map[string]plan.Applied{path: {Hash: hash(path, "0")}}},
		{"missing", "not applied yet", given{variables: one}, map[string]plan.Applied{}},
		{"forgotten", "gone from the spec and from Railway", given{wrote: map[string]any{path: "1"}}, map[string]plan.Applied{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, plan.Make(tt.given.input(t)).Record, tt.reason)
		})
	}
}

func TestAfter(t *testing.T) {
	record := map[string]plan.Applied{"a": {Hash: "1", Adopted: true}, "b": {Hash: "2"}, "c": {Hash: "3", Adopted: true}}
	after := plan.After(record, map[string]plan.Applied{"a": {Hash: "new"}, "b": {}, "d": {Hash: "4", Sealed: true}})
	assert.Equal(t, map[string]plan.Applied{"a": {Hash: "new"}, "c": {Hash: "3", Adopted: true}, "d": {Hash: "4", Sealed: true}}, after,
		"written fields are the operator's, an empty hash forgets, the rest stays")
	assert.Equal(t, "1", record["a"].Hash, "the record that was given is not changed")
}

func TestConfigFileOwnsSettings(t *testing.T) {
	g := given{
		fields: []desired.Field{field("app:2", "source.image"), field("run", "deploy.startCommand"), field("DOCKERFILE", "build.builder")},
		config: `{"deploy":{"startCommand":"theirs"}}`, configFile: "railway.json", variables: []desired.Variable{plain("A", "1")},
		wrote: map[string]any{"engine.deploy.startCommand": "run", "engine.deploy.healthcheckPath": "/health"},
	}
	made := plan.Make(g.input(t))
	assert.Equal(t, []string{"engine.build.builder", "engine.deploy.startCommand"}, made.Blocked, "the file overrides build and deploy (railway-api.md#service-settings)")
	assert.Equal(t, []string{"engine.source.image", "engine.variables.A"}, paths(made.Changes), "it does not override source and variables")
	assert.Empty(t, made.Drift, "what a file sets is not drift")
}

func TestShownValues(t *testing.T) {
	show := func(value string) string {
		g := given{variables: []desired.Variable{plain("A", value)}}
		return plan.Make(g.input(t)).Changes[0].Declared
	}
	assert.Equal(t, strings.Repeat("x", 256), show(strings.Repeat("x", 256)), "256 bytes are shown whole")
	assert.Equal(t, strings.Repeat("x", 256-len("…"))+"…", show(strings.Repeat("x", 257)))
	for lead := range 4 { // the cut falls on each byte of a rune of four
		got := show(strings.Repeat("x", lead) + strings.Repeat("😀", 100))
		require.True(t, utf8.ValidString(got))
		assert.NotContains(t, got, "\ufffd", "a cut rune is left out, not mangled")
		assert.LessOrEqual(t, len(got), 256)
	}
	pasted := given{variables: []desired.Variable{plain("A", "${{shared.KEY}}"), sealed("KEY", "sk-live-1234")}, reportDrift: true,
		config: `{"variables":{"A":{"value":"sk-live-1234"}}}`}
	assert.Equal(t, []string{"variables.A: ${{shared.KEY}} <- (secret)"}, shown(plan.Make(pasted.input(t)).Drift),
		"a secret that somebody pasted into another variable is not shown")
}

func TestServiceDeletedOnTheDashboard(t *testing.T) {
	variables := []desired.Variable{plain("A", "1")}
	gone := func(reportDrift bool, wrote map[string]any) plan.Input {
		in := given{variables: variables, wrote: wrote, reportDrift: reportDrift}.input(t)
		in.Observed.Services = nil
		return in
	}
	known := map[string]any{"engine.variables.A": "1"}

	repaired := plan.Make(gone(false, known))
	assert.Equal(t, []string{"engine"}, repaired.Missing, "drift is repaired: the service is made again")

	reported := plan.Make(gone(true, known))
	assert.Empty(t, reported.Missing, "drift is reported: the service is not made again")
	assert.True(t, reported.Empty())
	require.Len(t, reported.Drift, 1)
	assert.Equal(t, "engine.service", reported.Drift[0].Path)
	assert.Equal(t, map[string]plan.Applied{"engine.variables.A": {Hash: hash("engine.variables.A", "1")}}, reported.Record,
		"what was applied is still known when the service comes back")

	assert.Equal(t, []string{"engine"}, plan.Make(gone(true, nil)).Missing, "one that never was is made, not reported")
}

func TestContestedFieldFollowsTheSpec(t *testing.T) {
	g := given{
		variables: []desired.Variable{plain("A", "1")}, config: `{"variables":{"A":{"value":"theirs"}}}`,
		wrote: map[string]any{"engine.variables.A": "1"}, leave: []string{"engine.variables.A"},
	}
	assert.True(t, plan.Make(g.input(t)).Empty(), "the fight is left alone")
	g.variables = []desired.Variable{plain("A", "2")}
	assert.Equal(t, []string{"engine.variables.A"}, paths(plan.Make(g.input(t)).Changes), "a new declared value is no part of the fight")
}
