// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func TestServicesThatAreNotThere(t *testing.T) {
	worker := desired.Service{Name: "worker", Variables: []desired.Variable{plain("A", "1")}, Domain: &desired.Domain{Port: 80}}
	in := given{}.input(t)
	in.Desired.Services = append(in.Desired.Services, worker)

	made := plan.Make(in)
	assert.Equal(t, []string{"worker"}, made.Missing)
	assert.True(t, made.Empty(), "nothing can be written for a service without id")
	assert.Empty(t, made.Domains, "nor can a domain be made")

	in.Added = map[string]plan.AddedService{"worker": {ID: "s2"}}
	made = plan.Make(in)
	assert.Empty(t, made.Missing)
	assert.JSONEq(t, `{"services":{"s2":{"variables":{"A":{"value":"1"}}}}}`, patchOf(t, made), "created in the environment: it joined already")
	assert.Equal(t, []string{"worker"}, made.Domains, "the domain comes before the commit")
	assert.Equal(t, []string{"worker"}, made.Deploys())

	in.Added = map[string]plan.AddedService{"worker": {ID: "s2", Join: true}}
	made = plan.Make(in)
	assert.JSONEq(t, `{"services":{"s2":{"isCreated":true,"variables":{"A":{"value":"1"}}}}}`, patchOf(t, made), "the commit adds it to the environment (railway-api.md#config-patches)")
	assert.Empty(t, made.Domains, "a service that joins with this commit gets its domain after it")

	in.Desired.Services[1].Variables = nil
	made = plan.Make(in)
	assert.False(t, made.Empty(), "joining is a change of its own")
	assert.JSONEq(t, `{"services":{"s2":{"isCreated":true}}}`, patchOf(t, made))
}

func TestDomains(t *testing.T) {
	const path = "engine.domains.port"
	host := func(port int) []model.Domain { return []model.Domain{{Host: "a.up.railway.app", Port: port}} }
	patch := service(`{"networking":{"serviceDomains":{"a.up.railway.app":{"port":8000}}}}`)
	runPlanCases(t, []planCase{{
		name: "none declared", reason: "a domain that exists stays", given: given{domains: host(1)},
	}, {
		name: "no port declared", reason: "the port is Railway's choice", given: given{domain: &desired.Domain{}, domains: host(1)},
	}, {
		name: "same port", reason: "as declared", given: given{domain: &desired.Domain{Port: 8000}, domains: host(8000)},
	}, {
		name: "no port yet", reason: "the declared port is written", given: given{domain: &desired.Domain{Port: 8000}, domains: host(0)},
		patch: patch, causes: map[string]plan.Cause{path: plan.CauseSpec},
	}, {
		name: "port drifted", reason: "somebody moved the domain", patch: patch, causes: map[string]plan.Cause{path: plan.CauseDrift},
		given: given{domain: &desired.Domain{Port: 8000}, domains: host(80), wrote: map[string]any{path: 8000.0}},
		drift: []string{"domains.port: 8000 <- 80"},
	}, {
		name: "other port under ReportDrift", reason: "first look: report",
		given: given{domain: &desired.Domain{Port: 8000}, domains: host(80), reportDrift: true}, drift: []string{"domains.port: 8000 <- 80"},
	}})
	made := plan.Make(given{domain: &desired.Domain{Port: 8000}}.input(t))
	assert.Equal(t, []string{"engine"}, made.Domains, "a declared domain that is missing is to be made")
	assert.True(t, made.Empty(), "a commit cannot make one (railway-api.md#config-patches)")
	made = plan.Make(given{domain: &desired.Domain{Port: 8000}, domains: host(80)}.input(t))
	assert.Empty(t, made.Deploys(), "a port needs no deployment")
}

func TestDeploys(t *testing.T) {
	in := given{
		fields:    []desired.Field{field("run", "deploy.startCommand"), field(regions(map[string]float64{"us-west2": 2}), "deploy.multiRegionConfig")},
		variables: []desired.Variable{plain("A", "1"), plain("B", "2")}, shared: []desired.Variable{plain("C", "3")},
	}.input(t)
	made := plan.Make(in)
	assert.Len(t, made.Changes, 5)
	assert.Equal(t, []string{"engine"}, made.Deploys(), "each service once, and shared variables have none")
}

func TestDomainDeletedOnTheDashboard(t *testing.T) {
	g := given{domain: &desired.Domain{Port: 8000}, domains: []model.Domain{{Host: "a.up.railway.app", Port: 8000}}}
	record := plan.Make(g.input(t)).Record
	for report, want := range map[bool][]string{false: {"engine"}, true: nil} {
		g.domains, g.reportDrift = nil, report
		in := g.input(t)
		in.Applied = record
		made := plan.Make(in)
		assert.Equal(t, want, made.Domains, "ReportDrift %t", report)
		assert.Equal(t, report, len(made.Drift) == 1)
		if report {
			assert.Equal(t, "engine.domains.railway", made.Drift[0].Path)
			assert.Contains(t, made.Record, "engine.domains.railway", "it stays known")
		}
	}
}

func TestFurtherDomainsAreLeftAlone(t *testing.T) {
	g := given{domain: &desired.Domain{Port: 8000}, domains: []model.Domain{
		{Host: "a-by-hand.up.railway.app", Port: 9000}, {Host: "ours.up.railway.app", Port: 8000},
	}}
	assert.True(t, plan.Make(g.input(t)).Empty(), "one of them leads to the declared port")
}
