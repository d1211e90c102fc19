// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package preview_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/view"
)

// settings are what the Dev tier sets, so that a case shows only what it is about.
const settings = `"ENV":{"value":"dev"},"DEBUG":{"value":"true"},"LOG_FORMAT":{"value":"json"},"LOG_LEVEL":{"value":"DEBUG"},` +
	`"SECURITY_MIDDLEWARE_ENABLED":{"value":"false"},"TENANT_ISOLATION_ENABLED":{"value":"false"},"RATE_LIMIT_ENABLED":{"value":"true"},` +
	`"RATE_LIMIT_RPM":{"value":"1000"},"RAILPACK_PYTHON_VERSION":{"value":"3.13"}`

const head = "apiVersion: railway.engine-operator.dev/v1alpha1\nkind: EngineEnvironment\nmetadata: {name: dev, namespace: ai}\nspec:\n  tier: Dev\n" +
	"  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}\n"

// given is one comparison. spec is added to a Dev tier; variables and shared are what Railway has, as JSON without braces.
type given struct {
	spec, variables, shared string
	sealed                  []string
	secrets                 map[string]map[string]string
	record                  *preview.Record
	staged                  []string
	// message is that of a commit in Railway's history, which wrote wrote.
	message, wrote string
}

func (g given) input(t *testing.T) preview.Input {
	t.Helper()
	tier := &v1alpha1.EngineEnvironment{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(head+g.spec), tier))
	variables := settings
	if g.variables != "" {
		variables += "," + g.variables
	}
	env := &model.Environment{
		ID: "e", Name: "dev", Sealed: map[model.VariableRef]bool{}, Staged: g.staged,
		Services: []model.ServiceInstance{{ServiceID: "s", Name: "engine", Latest: &model.Deployment{ID: "d", Status: model.DeploymentSuccess}}},
	}
	config := `{"services":{"s":{"source":{"image":"app:1"},"variables":{` + variables + `}}},"sharedVariables":{` + g.shared + `}}`
	require.NoError(t, yaml.Unmarshal([]byte(config), &env.Config))
	if g.message != "" {
		env.Patches = []model.Patch{{Message: g.message, Paths: []string{g.wrote}}}
	}
	for _, name := range g.sealed {
		env.Sealed[model.VariableRef{ServiceID: "s", Name: name}] = true
	}
	in := preview.Input{Tier: tier, Sources: preview.NoSources(), Environment: env, Record: g.record, Services: map[string]string{"engine": "s"}}
	for name, data := range g.secrets {
		in.Sources.Secrets[name] = data
	}
	return in
}

const (
	engine  = "  engine:\n    name: engine\n    source: {image: 'app:1'}\n"
	fromKey = engine + "    variables: [{name: KEY, valueFrom: {secretKeyRef: {name: openai, key: k}}}]\n"
	sealKey = engine + "    variables: [{name: KEY, sealed: true, valueFrom: {secretKeyRef: {name: openai, key: k}}}]\n"
	fromAll = engine + "    variablesFrom: [{secretRef: {name: all}}]\n"
)

func hash(path string, value any) string {
	return path + "=" + strings.ReplaceAll(strings.TrimSpace(toText(value)), " ", "")
}

func toText(value any) string {
	raw, _ := yaml.Marshal(value) // plain values marshal
	return string(raw)
}

func TestMake(t *testing.T) {
	known := map[string]map[string]string{"openai": {"k": "canary"}}
	wrote := func(path string, value any) *preview.Record {
		return &preview.Record{Applied: map[string]plan.Applied{path: {Hash: hash(path, value), Sealed: true}}, Hash: hash}
	}
	const path = "engine.variables.KEY"
	ours := view.CommitMessage("set KEY", "eo-1", view.NewWriter("ai/dev", "0f3c2a1b"))
	for _, tt := range []struct {
		name, reason              string
		given                     given
		changes, unknown, deploys []string
		note                      string
	}{
		{name: "in line", reason: "nothing differs", given: given{spec: engine}},
		{name: "known and the same", reason: "it can be compared", given: given{spec: fromKey, variables: `"KEY":{"value":"canary"}`, secrets: known}},
		{name: "known and another", reason: "it differs", given: given{spec: fromKey, variables: `"KEY":{"value":"x"}`, secrets: known},
			changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"}},
		{name: "not known and there", reason: "nobody can say", given: given{spec: fromKey, variables: `"KEY":{"value":"x"}`},
			unknown: []string{path + ": not known: from Secret openai, key k"}},
		{name: "the Secret has no such key", reason: "it is misspelt more often than it comes later",
			given:   given{spec: fromKey, variables: `"KEY":{"value":"x"}`, secrets: map[string]map[string]string{"openai": {"another": "canary"}}},
			unknown: []string{path + ": not known: from Secret openai, which has no key k"}},
		{name: "not known and not there", reason: "it is made, whatever its value", given: given{spec: fromKey},
			changes: []string{"Create " + path + " (absent) (not known)"}, deploys: []string{"engine"}},
		{name: "sealed, without a record", reason: "it is written once", given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known},
			changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"}},
		{name: "sealed and not known, without a record", reason: "it is written once, whatever its value", given: given{spec: sealKey, sealed: []string{"KEY"}},
			changes: []string{"Set " + path + " (secret) (not known)"}, deploys: []string{"engine"}},
		{name: "sealed, without the record of a commit", reason: "the operator has a record, and writes only what differs",
			unknown: []string{path + ": Railway hides the value, and the operator has a record of what it wrote: --cluster compares with it"},
			given:   given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, message: ours, wrote: "services.s.variables.KEY"}},
		{name: "in clear, without the record of a commit", reason: "the seal that is missing can be seen",
			changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"},
			given: given{spec: sealKey, variables: `"KEY":{"value":"canary"}`, secrets: known, message: ours, wrote: "services.s.variables.KEY"}},
		{name: "sealed, after a person's commit", reason: "no operator has a record", changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"},
			given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, message: "by hand", wrote: "services.s.variables.KEY"}},
		{name: "sealed, after a commit for another object", reason: "its record is another's", changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"},
			given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, message: view.CommitMessage("set KEY", "eo-1", view.NewWriter("ai/other-dev", "0f3c2a1b")), wrote: "services.s.variables.KEY"}},
		{name: "sealed, after a commit of something else", reason: "it is declared since, and written", changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"},
			given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, message: ours, wrote: "services.s.variables.KEY2"}},
		{name: "sealed, with the record and its key", reason: "the hash tells",
			given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, record: wrote(path, "canary")}},
		{name: "sealed, with the record and another value", reason: "the hash tells", changes: []string{"Set " + path + " (secret) (secret)"}, deploys: []string{"engine"},
			given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, record: wrote(path, "before")}},
		{name: "sealed, with the record and without its key", reason: "nobody here can say", unknown: []string{path + ": sealed on Railway: cannot be compared without the operator's key"},
			given: given{spec: sealKey, sealed: []string{"KEY"}, secrets: known, record: &preview.Record{Applied: wrote(path, "canary").Applied}}},
		{name: "dropped, with the record and its key", reason: "the operator wrote it", changes: []string{"Delete " + path + " (secret) (absent)"}, deploys: []string{"engine"},
			given: given{spec: engine, variables: `"KEY":{"value":"x"}`, record: wrote(path, "x")}},
		{name: "dropped, without a record", reason: "nobody knows who wrote it", given: given{spec: engine, variables: `"KEY":{"value":"x"}`},
			note: "a variable that was removed from the spec does not show"},
		{name: "pruned", reason: "it is not declared", changes: []string{"Delete " + path + " (secret) (absent)"}, deploys: []string{"engine"},
			given: given{spec: "  unmanagedVariables: Prune\n" + engine, variables: `"KEY":{"value":"x"}`}},
		{name: "pruned, unless a Secret has it", reason: "the Secret may have it", note: "the variables from Secret all are not known",
			unknown: []string{path + ": not declared in the files; perhaps one of the Secrets or ConfigMaps that are missing has it"},
			given:   given{spec: "  unmanagedVariables: Prune\n" + fromAll, variables: `"KEY":{"value":"x"}`}},
		{name: "shared", reason: "no service is deployed for it", changes: []string{`Set shared.S 1 2`},
			given: given{spec: engine + "  sharedVariables: [{name: S, value: '2'}]\n", shared: `"S":{"value":"1"}`}},
		{name: "promoted", reason: "the source is another tier's", given: given{spec: "  promotion: {from: x}\n  engine: {name: engine}\n"},
			note: "comes from x by promotion and is not part of this plan"},
		{name: "suspended", reason: "nothing is written", given: given{spec: "  suspend: true\n" + engine}, note: "spec.suspend is true"},
		{name: "staged", reason: "people's own", given: given{spec: engine, staged: []string{"x"}}, note: "1 change is staged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made, err := preview.Make(tt.given.input(t))
			require.NoError(t, err)
			var changes, unknown []string
			for _, c := range made.Changes {
				changes = append(changes, strings.Join([]string{string(c.Action), c.Path, c.From, c.To}, " "))
			}
			for _, u := range made.Unknown {
				unknown = append(unknown, u.Path+": "+u.Why)
			}
			assert.Equal(t, tt.changes, changes, tt.reason)
			assert.Equal(t, tt.unknown, unknown, tt.reason)
			assert.ElementsMatch(t, tt.deploys, made.Deployments, tt.reason)
			assert.Contains(t, strings.Join(made.Notes, "\n"), tt.note, tt.reason)
			assert.Equal(t, len(tt.changes) == 0, made.Empty())
		})
	}
}

// TestFieldsAreInOrder: by the names that are shown, not by Railway's, and behind what is created first.
func TestFieldsAreInOrder(t *testing.T) {
	spec := "  engine:\n    name: engine\n    source: {image: 'app:2'}\n    domains: {railway: true}\n    pullSecretRef: {name: pull}\n" +
		"    deploy: {limits: {cpu: 2}, startCommand: run, regions: {us-west2: 1}, serverless: true, restart: {policy: Never}}\n"
	of := func(changes []preview.Change) (paths []string) {
		for _, c := range changes {
			paths = append(paths, strings.TrimPrefix(c.Path, "engine."))
		}
		return paths
	}
	want := []string{"deploy.limits.cpu", "deploy.regions", "deploy.restart.policy", "deploy.serverless", "deploy.startCommand", "pullSecretRef", "source.image"}
	made, err := preview.Make(given{spec: spec, secrets: map[string]map[string]string{"pull": {"username": "bot", "password": "canary"}}}.input(t))
	require.NoError(t, err)
	assert.Equal(t, append([]string{"domains.railway"}, want...), of(made.Changes))
}

func TestWarnLeavesDriftAlone(t *testing.T) {
	made, err := preview.Make(given{spec: "  driftPolicy: Warn\n  settings: {debug: false}\n" + engine}.input(t))
	require.NoError(t, err)
	assert.Empty(t, made.Changes)
	assert.Equal(t, []preview.Change{{Path: "engine.variables.DEBUG", Action: preview.Set, From: "true", To: "false"}}, made.Left)
}
