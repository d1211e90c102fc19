// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"time"
)

// usageQueries answer what was used (railway-api.md, "Usage and prices"). Project tokens may not ask [assumption:
// docs/assumptions.md].
var usageQueries = map[string]query{
	"usage": func(c call, args map[string]any) (any, error) {
		if err := c.personal(); err != nil {
			return nil, err
		}
		projects := sortedBy(all(c.view.w.Projects), func(p *project) (bool, time.Time, string) { return c.sees(p), p.CreatedAt, p.ID })
		if id := argText(args, "projectId"); id != "" {
			p, err := c.project(c.view.w, id)
			if err != nil {
				return nil, err
			}
			projects = []*project{p}
		}
		start, end := dateOf(args["startDate"], c.view.now.AddDate(0, -1, 0)), dateOf(args["endDate"], c.view.now)
		if end.After(c.view.now) {
			end = c.view.now
		}
		measurements, _ := args["measurements"].([]any)
		list := []any{}
		for _, p := range projects {
			for _, e := range c.view.environments(p.ID) {
				list = append(list, c.usageIn(p, e, start, end, measurements)...)
			}
		}
		return list, nil
	},
}

// usageIn is what the project's services used in an environment, since the environment is there. A service need not be in it
// any more.
func (c call) usageIn(p *project, e *environment, start, end time.Time, measurements []any) []any {
	if e.CreatedAt.After(start) {
		start = e.CreatedAt
	}
	var list []any
	for _, service := range c.s.usersOf(p, c.view.w.servicesOf(p.ID)) {
		rates := c.s.usageOf(p, e, service)
		for _, raw := range measurements {
			name, _ := raw.(string)
			if value := rates[name] * max(end.Sub(start), 0).Minutes(); value > 0 {
				list = append(list, usageNode(name, value, e.ID, service.ID, p.ID))
			}
		}
	}
	return list
}

func usageNode(measurement string, value float64, environmentID, serviceID, projectID string) node {
	return node{"measurement": measurement, "value": value, "tags": node{
		"environmentId": environmentID, "serviceId": serviceID, "projectId": projectID,
		"deploymentId": nil, "deploymentInstanceId": nil, "pluginId": nil, "region": nil, "volumeId": nil, "volumeInstanceId": nil,
	}}
}

// goneService is the id of services that used something and are not there.
const goneService = "00000000-0000-4000-8000-000000000000"

// usersOf adds to the services those that the seed says used something before they were there, or after: a bill names them too.
func (s *Sim) usersOf(p *project, services []*service) []*service {
	all := slices.Clone(services)
	for _, u := range s.options.Seed.Usage {
		if !slices.ContainsFunc(all, func(known *service) bool { return known.Name == u.Service }) {
			all = append(all, &service{ID: goneService, Name: u.Service, ProjectID: p.ID})
		}
	}
	return all
}

// usageOf is what a service uses per minute, by measurement, from the seed.
func (s *Sim) usageOf(p *project, e *environment, service *service) map[string]float64 {
	rates := map[string]float64{}
	for _, u := range s.options.Seed.Usage {
		if (u.Project != "" && u.Project != p.ID && u.Project != p.Name) || u.Environment != e.Name || u.Service != service.Name {
			continue
		}
		rates["CPU_USAGE"] += u.VCPU
		rates["MEMORY_USAGE_GB"] += u.MemoryGB
		rates["DISK_USAGE_GB"] += u.DiskGB
		rates["NETWORK_TX_GB"] += u.EgressGBPerDay / (24 * time.Hour).Minutes()
	}
	return rates
}
