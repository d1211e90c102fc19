// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
)

// TCP proxies (railway-api.md, "Config patches").

var proxyMutations = map[string]mutation{
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

func (s *Sim) setProxy(e *environment, serviceID string, port int, wanted bool) *proxy {
	now := s.now()
	for _, p := range s.world.Proxies {
		if p.EnvironmentID == e.ID && p.ServiceID == serviceID && p.ApplicationPort == port && p.DeletedAt == nil {
			if !wanted {
				p.DeletedAt = &now
			}
			return p
		}
	}
	if !wanted {
		return nil
	}
	p := &proxy{ID: s.id(), EnvironmentID: e.ID, ServiceID: serviceID, ApplicationPort: port, ProxyPort: 10000 + s.created, CreatedAt: now}
	s.world.Proxies[p.ID] = p
	return p
}

func (v view) proxy(p *proxy) node {
	return node{
		"__typename": "TCPProxy", "id": p.ID, "applicationPort": p.ApplicationPort, "proxyPort": p.ProxyPort,
		"domain": "proxy.rlwy.net", "environmentId": p.EnvironmentID, "serviceId": p.ServiceID, "syncStatus": "ACTIVE",
		"createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt), "deletedAt": optionalStamp(p.DeletedAt),
	}
}

func jsonNumber(text string) json.Number { return json.Number(text) }
