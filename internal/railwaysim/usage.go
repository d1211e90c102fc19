// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import "time"

// usageQueries answer what was used (FACTS §9). Project tokens may not ask [assumption: docs/assumptions.md].
var usageQueries = map[string]query{
	"usage": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.view.w, argText(args, "projectId"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		start, end := dateOf(args["startDate"], c.view.now.AddDate(0, -1, 0)), dateOf(args["endDate"], c.view.now)
		if end.After(c.view.now) {
			end = c.view.now
		}
		list := []any{}
		measurements, _ := args["measurements"].([]any)
		for _, e := range c.view.environments(p.ID) {
			from := start
			if e.CreatedAt.After(from) {
				from = e.CreatedAt
			}
			for _, i := range c.view.instances(e) {
				rates := c.s.usageOf(p, e, c.view.w.Services[i.serviceID])
				for _, raw := range measurements {
					name, _ := raw.(string)
					if value := rates[name] * max(end.Sub(from), 0).Minutes(); value > 0 {
						list = append(list, usageNode(name, value, e.ID, i.serviceID, p.ID))
					}
				}
			}
		}
		return list, nil
	},
}

func usageNode(measurement string, value float64, environmentID, serviceID, projectID string) node {
	return node{"measurement": measurement, "value": value, "tags": node{
		"environmentId": environmentID, "serviceId": serviceID, "projectId": projectID,
		"deploymentId": nil, "deploymentInstanceId": nil, "pluginId": nil, "region": nil, "volumeId": nil, "volumeInstanceId": nil,
	}}
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
