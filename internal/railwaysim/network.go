// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"regexp"
	"strings"
)

const railwaySuffix = "up.railway.app"

func (s *Sim) newHost(e *environment, name string) string {
	label := strings.Trim(strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name+"-"+e.Name, "-")), "-")
	if len(label) > 58 {
		label = label[:58]
	}
	host := label + "." + railwaySuffix
	for _, d := range s.world.Domains {
		if d.Host == host && d.DeletedAt == nil {
			return label + "-" + s.id()[:4] + "." + railwaySuffix
		}
	}
	return host
}

var networkMutations = map[string]mutation{
	"serviceDomainCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		d := &domain{ID: c.s.id(), Host: c.s.newHost(e, s.Name), EnvironmentID: e.ID, ServiceID: s.ID, CreatedAt: c.s.now()}
		if port, ok := number(input["targetPort"]); ok {
			d.Port = &port
		}
		c.w().Domains[d.ID] = d
		return c.fresh().serviceDomain(d), nil
	},
	"serviceDomainUpdate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		d := c.w().Domains[argText(input, "serviceDomainId")]
		if err := c.domain(d, false); err != nil {
			return nil, err
		}
		d.Host = orElse(argText(input, "domain"), d.Host)
		if port, ok := number(input["targetPort"]); ok {
			d.Port = &port
		}
		return true, nil
	},
	"serviceDomainDelete": func(c call, args map[string]any) (any, error) { return c.deleteDomain(argText(args, "id"), false) },
	"customDomainCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		host := argText(input, "domain")
		if !strings.Contains(host, ".") {
			return nil, refused("%s is not a valid domain", host)
		}
		for _, d := range c.w().Domains {
			if d.Host == host && d.DeletedAt == nil {
				return nil, refused("Domain %s is already in use", host)
			}
		}
		d := &domain{ID: c.s.id(), Host: host, EnvironmentID: e.ID, ServiceID: s.ID, Custom: true, CreatedAt: c.s.now()}
		if port, ok := number(input["targetPort"]); ok {
			d.Port = &port
		}
		c.w().Domains[d.ID] = d
		return c.fresh().customDomain(d), nil
	},
	"customDomainUpdate": func(c call, args map[string]any) (any, error) {
		d := c.w().Domains[argText(args, "id")]
		if err := c.domain(d, true); err != nil {
			return nil, err
		}
		d.Port = nil
		if port, ok := number(args["targetPort"]); ok {
			d.Port = &port
		}
		return true, nil
	},
	"customDomainDelete": func(c call, args map[string]any) (any, error) { return c.deleteDomain(argText(args, "id"), true) },
	"tcpProxyCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		port, _ := number(input["applicationPort"])
		return c.fresh().proxy(c.s.setProxy(e, s.ID, port, true)), nil
	},
	"tcpProxyDelete": func(c call, args map[string]any) (any, error) {
		p := c.w().Proxies[argText(args, "id")]
		if p == nil || p.DeletedAt != nil {
			return nil, notFound("TCPProxy")
		}
		if _, err := c.environment(c.w(), p.EnvironmentID); err != nil {
			return nil, err
		}
		now := c.s.now()
		p.DeletedAt = &now
		return true, nil
	},
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
