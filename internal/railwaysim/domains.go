// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"regexp"
	"strings"
	"time"
)

// Generated domains (railway-api.md, "Object model", "Mutations of one field").

const railwaySuffix = "up.railway.app"

func (s *Sim) newHost(e *environment, name string) string {
	label := strings.Trim(strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name+"-"+e.Name, "-")), "-")
	if len(label) > 58 {
		label = label[:58]
	}
	host := label + "." + railwaySuffix
	for s.world.domainNamed(host) != nil {
		host = label + "-" + s.id()[:4] + "." + railwaySuffix
	}
	return host
}

var domainQueries = map[string]query{
	"domains": func(c call, args map[string]any) (any, error) {
		e, s, err := c.inside(c.view.w, args)
		if err != nil {
			return nil, err
		}
		return c.view.domains(e.ID, s.ID), nil
	},
	"customDomain": func(c call, args map[string]any) (any, error) {
		d := c.view.w.Domains[argText(args, "id")]
		if d == nil || !d.Custom || d.DeletedAt != nil {
			return nil, notFound("CustomDomain")
		}
		if _, err := c.environment(c.view.w, d.EnvironmentID); err != nil {
			return nil, err
		}
		return c.view.customDomain(d), nil
	},
	"customDomainAvailable":  available,
	"serviceDomainAvailable": available,
	"tcpProxies": func(c call, args map[string]any) (any, error) {
		e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
		if err != nil {
			return nil, err
		}
		list := []any{}
		for _, p := range sortedBy(all(c.view.w.Proxies), func(p *proxy) (bool, time.Time, string) {
			return p.EnvironmentID == e.ID && p.ServiceID == s.ID && p.DeletedAt == nil, p.CreatedAt, p.ID
		}) {
			list = append(list, c.view.proxy(p))
		}
		return list, nil
	},
}

var domainMutations = map[string]mutation{
	"serviceDomainCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		d := &domain{ID: c.s.id(), Host: c.s.newHost(e, s.Name), EnvironmentID: e.ID, ServiceID: s.ID, CreatedAt: c.s.now()}
		d.Port = portOf(input)
		c.w().addDomain(d)
		return c.fresh().serviceDomain(d), nil
	},
	"serviceDomainUpdate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		d := c.w().Domains[argText(input, "serviceDomainId")]
		if err := c.domain(d, false); err != nil {
			return nil, err
		}
		d.Host = orElse(argText(input, "domain"), d.Host)
		if port := portOf(input); port != nil {
			d.Port = port
		}
		return true, nil
	},
	"serviceDomainDelete": func(c call, args map[string]any) (any, error) { return c.deleteDomain(argText(args, "id"), false) },
}

// portOf is the input's targetPort.
func portOf(input map[string]any) *int {
	if port, ok := number(input["targetPort"]); ok {
		return &port
	}
	return nil
}

func (c call) domain(d *domain, custom bool) error {
	if d == nil || d.Custom != custom || d.DeletedAt != nil {
		return notFound("Domain")
	}
	_, err := c.environment(c.w(), d.EnvironmentID)
	return err
}

func (c call) deleteDomain(id string, custom bool) (any, error) {
	d := c.w().Domains[id]
	if err := c.domain(d, custom); err != nil {
		return nil, err
	}
	now := c.s.now()
	d.DeletedAt = &now
	return true, nil
}

func available(c call, args map[string]any) (any, error) {
	host := argText(args, "domain")
	if c.view.w.domainNamed(host) != nil {
		return node{"available": false, "message": "already in use"}, nil
	}
	return node{"available": strings.Contains(host, "."), "message": ""}, nil
}

func (v view) domains(environmentID, serviceID string) node {
	own, custom := []any{}, []any{}
	for _, d := range v.w.domainsOf(environmentID, serviceID, false) {
		own = append(own, v.serviceDomain(d))
	}
	for _, d := range v.w.domainsOf(environmentID, serviceID, true) {
		custom = append(custom, v.customDomain(d))
	}
	return node{"serviceDomains": own, "customDomains": custom}
}

func (v view) domain(d *domain) node {
	n := node{
		"id": d.ID, "domain": d.Host, "environmentId": d.EnvironmentID, "serviceId": d.ServiceID, "projectId": nil, "targetPort": nil,
		"createdAt": stamp(d.CreatedAt), "updatedAt": stamp(d.CreatedAt), "deletedAt": optionalStamp(d.DeletedAt),
		"syncStatus": "ACTIVE", "edgeId": nil, "cdnMode": nil,
	}
	if d.Port != nil {
		n["targetPort"] = *d.Port
	}
	if e := v.w.Environments[d.EnvironmentID]; e != nil {
		n["projectId"] = e.ProjectID
	}
	return n
}

func (v view) serviceDomain(d *domain) node {
	n := v.domain(d)
	n["__typename"], n["suffix"] = "ServiceDomain", railwaySuffix
	return n
}
