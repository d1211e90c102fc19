// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const addDomain = `mutation($p: String!, $e: String!, $s: String!, $d: String!) {
	customDomainCreate(input: {projectId: $p, environmentId: $e, serviceId: $s, domain: $d, targetPort: 8000}) { id domain targetPort isRailwayDomain } }`

const readDomains = `query($p: String!, $e: String!, $s: String!) { domains(projectId: $p, environmentId: $e, serviceId: $s) { customDomains { domain targetPort status {
	verified certificateStatus verificationDnsHost verificationToken dnsRecords { hostlabel zone fqdn purpose status currentValue requiredValue } } } } }`

func (l *local) customDomains() []any {
	list, _ := l.must(readDomains, vars{"p": project, "e": staging, "s": engine}).at("domains", "customDomains").([]any)
	return list
}

// TestCustomDomainStartsUnverified holds what an owner has to set, and that nothing is served before
// (railway-api.md, "Domains").
func TestCustomDomainStartsUnverified(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]struct{ label, zone, ownership string }{
		"www.acme.example":    {"www", "acme.example", "_railway-verify.www"},
		"acme.example":        {"", "acme.example", "_railway-verify"},
		"api.eu.acme.example": {"api.eu", "acme.example", "_railway-verify.api.eu"},
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			p := publish(t, "acme/engine:2.0")
			p.host = host
			p.must(addDomain, vars{"p": project, "e": staging, "s": engine, "d": host})
			status := func() map[string]any { return dig(p.customDomains()[0].(map[string]any), "status").(map[string]any) }
			pending := status()
			assert.Equal(t, false, pending["verified"])
			assert.Equal(t, "CERTIFICATE_STATUS_TYPE_VALIDATING_OWNERSHIP", pending["certificateStatus"])
			assert.Equal(t, want.ownership, pending["verificationDnsHost"], "relative to the zone")
			assert.Regexp(t, `^railway-verify=[0-9a-f]{32}$`, pending["verificationToken"], "with its prefix")
			records, _ := pending["dnsRecords"].([]any)
			require.Len(t, records, 1, "the ownership record is not among them")
			record, _ := records[0].(map[string]any)
			assert.Equal(t, []any{want.label, want.zone, host}, []any{record["hostlabel"], record["zone"], record["fqdn"]})
			assert.Equal(t, "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE", record["purpose"])
			assert.Equal(t, "DNS_RECORD_STATUS_REQUIRES_UPDATE", record["status"])
			code, _ := p.visit("GET", "/health", "")
			assert.Equal(t, 404, code, "an unverified domain is not served")

			require.NoError(t, p.sim.VerifyDomain(railwaysim.DomainEdit{Domain: host, Certificate: "ISSUING"}))
			assert.Equal(t, true, status()["verified"])
			assert.Equal(t, "CERTIFICATE_STATUS_TYPE_ISSUING", status()["certificateStatus"])
			code, _ = p.visit("GET", "/health", "")
			assert.Equal(t, 404, code, "nor one without a certificate")

			answered, text := p.console("POST", "/_sim/domain/verify", `{"domain":"`+host+`"}`)
			require.Equal(t, 200, answered, text)
			assert.Equal(t, "CERTIFICATE_STATUS_TYPE_VALID", status()["certificateStatus"])
			record, _ = status()["dnsRecords"].([]any)[0].(map[string]any)
			assert.Equal(t, record["requiredValue"], record["currentValue"])
			code, _ = p.visit("GET", "/health", "")
			assert.Equal(t, 200, code)
		})
	}
}

// TestCustomDomainRemade holds that a new one has another target: never churn (railway-api.md, "Domains").
func TestCustomDomainRemade(t *testing.T) {
	t.Parallel()
	l := start(t)
	target := func() any {
		records, _ := dig(l.customDomains()[0].(map[string]any), "status", "dnsRecords").([]any)
		return records[0].(map[string]any)["requiredValue"]
	}
	id := l.must(addDomain, vars{"p": project, "e": staging, "s": engine, "d": "www.acme.example"}).at("customDomainCreate", "id")
	before := target()
	l.must(`mutation($id: String!) { customDomainDelete(id: $id) }`, vars{"id": id})
	l.must(addDomain, vars{"p": project, "e": staging, "s": engine, "d": "www.acme.example"})
	assert.NotEqual(t, before, target())
	l.patch(service(engine, map[string]any{"networking": map[string]any{"customDomains": map[string]any{"www.acme.example": nil}}}))
	assert.Empty(t, l.customDomains(), "null in a patch deletes one")
}

// TestDomainByAHuman holds that somebody's domain shows, unverified.
func TestDomainByAHuman(t *testing.T) {
	t.Parallel()
	l := start(t)
	status, text := l.console("POST", "/_sim/domain/add", `{"environment":"staging","service":"engine","domain":"www.acme.example","port":8080}`)
	require.Equal(t, 200, status, text)
	require.Len(t, l.customDomains(), 1)
	added, _ := l.customDomains()[0].(map[string]any)
	assert.Equal(t, 8080.0, added["targetPort"])
	assert.Equal(t, false, dig(added, "status", "verified"))
	for _, bad := range []railwaysim.DomainEdit{
		{Place: in("staging", ""), Domain: "a.example"}, {Place: in("staging", "engine"), Domain: "www.acme.example"}, {Place: in("staging", "engine"), Domain: "no domain"},
	} {
		assert.Error(t, l.sim.AddDomain(bad))
	}
	assert.Error(t, l.sim.VerifyDomain(railwaysim.DomainEdit{Domain: "other.example"}))
	assert.Error(t, l.sim.VerifyDomain(railwaysim.DomainEdit{Domain: "www.acme.example", Certificate: "GOOD"}))
}

func TestCustomDomainsPerService(t *testing.T) {
	t.Parallel()
	for plan, limit := range map[string]int{"Hobby": 2, "Pro": 20} {
		l := start(t, func(o *railwaysim.Options) { o.Seed.Workspaces[0].Plan = plan })
		for i := range limit {
			l.must(addDomain, vars{"p": project, "e": staging, "s": engine, "d": fmt.Sprintf("d%d.acme.example", i)})
			l.advance(step)
		}
		assert.Equal(t, "PLAN_LIMIT", l.ask(account, addDomain, vars{"p": project, "e": staging, "s": engine, "d": "more.acme.example"}).code(), plan)
	}
}
