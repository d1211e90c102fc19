// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// domainLeaf is the port of the generated domain, when one is declared. It notes a domain that is missing.
func (p *Plan) domainLeaf(in Input, service desired.Service, instance model.ServiceInstance, fresh bool) (leaf, bool) {
	if service.Domain == nil {
		return leaf{}, false
	}
	if len(instance.RailwayDomains) == 0 {
		p.missingDomain(in, service.Name, instance, fresh)
		return leaf{}, false
	}
	path := domainPath(service.Name)
	p.Record[path] = Applied{Hash: in.Hash(path, true), Adopted: true} // so that its deletion shows as drift
	if service.Domain.Port == 0 {
		return leaf{}, false
	}
	domain := instance.RailwayDomains[0]
	for _, other := range instance.RailwayDomains {
		if other.Port == service.Domain.Port {
			domain = other // further domains are somebody else's
		}
	}
	return leaf{
		path: service.Name + ".domains.port", service: service.Name,
		keys: serviceKeys(instance.ServiceID, []string{"networking", "serviceDomains", domain.Host, "port"}),
		want: float64(service.Domain.Port), have: float64(domain.Port), present: domain.Port != 0, occupied: domain.Port != 0,
		write: float64(service.Domain.Port),
	}, true
}

// missingDomain reports a domain that was deleted, with ReportDrift, and has it made otherwise.
func (p *Plan) missingDomain(in Input, service string, instance model.ServiceInstance, fresh bool) {
	path := domainPath(service)
	applied, known := in.Applied[path]
	if known && in.ReportDrift && !fresh {
		p.Record[path] = applied
		p.Drift = append(p.Drift, Change{Path: path, Service: service, Cause: CauseDrift, Declared: "(present)", Actual: "(absent)"})
		return
	}
	if !slices.Contains(p.joins, instance.ServiceID) { // a service that joins with this commit gets its domain after it
		p.Domains = append(p.Domains, service)
	}
}

func domainPath(service string) string {
	return service + ".domains.railway"
}
