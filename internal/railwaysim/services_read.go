// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

func (v view) service(s *service) node {
	var in []*environment
	for _, e := range v.environments(s.ProjectID) {
		if e.live(s.ID) {
			in = append(in, e)
		}
	}
	return node{
		"__typename": "Service", "id": s.ID, "name": s.Name, "icon": optional(s.Icon), "projectId": s.ProjectID,
		"createdAt": stamp(s.CreatedAt), "updatedAt": stamp(s.CreatedAt), "deletedAt": optionalStamp(s.DeletedAt),
		"project":          lazy(func(map[string]any) (any, error) { return v.project(v.w.Projects[s.ProjectID]), nil }),
		"serviceInstances": graphql.Connection(in, func(e *environment) node { return v.instance(e, s.ID) }),
		"deployments": graphql.Connection(sortedBy(v.w.deploymentsIn(s.ProjectID), func(d *deployment) (bool, time.Time, string) {
			return d.ServiceID == s.ID && v.reaches(d.EnvironmentID), d.CreatedAt, d.ID
		}), v.deployment),
	}
}

type instanceOf struct{ serviceID string }

func (v view) instances(e *environment) []instanceOf {
	list := []instanceOf{}
	for _, s := range v.w.everyServiceOf(e.ProjectID) {
		if e.Instances[s.ID] != nil {
			list = append(list, instanceOf{s.ID})
		}
	}
	return list
}

func (v view) instance(e *environment, serviceID string) node {
	s, i := v.w.Services[serviceID], e.Instances[serviceID]
	config := v.w.effective(deepCopy(sub(e.Config, "services", serviceID)))
	deploy, build, source := sub(config, "deploy"), sub(config, "build"), sub(config, "source")
	n := node{
		"__typename": "ServiceInstance", "id": i.ID, "serviceId": serviceID, "serviceName": s.Name, "environmentId": e.ID,
		"createdAt": stamp(i.CreatedAt), "updatedAt": stamp(i.UpdatedAt), "deletedAt": optionalStamp(i.DeletedAt), "isUpdatable": true,
		"railwayConfigFile": optional(text(config, "configFile")), "watchPatterns": listOf(build["watchPatterns"]),
		"builder": build["builder"], "buildCommand": build["buildCommand"], "dockerfilePath": build["dockerfilePath"],
		"nixpacksPlan": build["nixpacksPlan"], "rootDirectory": source["rootDirectory"], "upstreamUrl": source["upstreamUrl"],
		"startCommand": deploy["startCommand"], "preDeployCommand": deploy["preDeployCommand"], "cronSchedule": deploy["cronSchedule"],
		"healthcheckPath": deploy["healthcheckPath"], "healthcheckTimeout": deploy["healthcheckTimeout"],
		"restartPolicyType": deploy["restartPolicyType"], "restartPolicyMaxRetries": deploy["restartPolicyMaxRetries"],
		"sleepApplication": deploy["sleepApplication"], "overlapSeconds": deploy["overlapSeconds"],
		"drainingSeconds": deploy["drainingSeconds"], "ipv6EgressEnabled": deploy["ipv6EgressEnabled"],
		"numReplicas": replicasOf(config), "region": onlyRegion(deploy), "source": nil,
		"service": lazy(func(map[string]any) (any, error) { return v.service(s), nil }),
		"domains": lazy(func(map[string]any) (any, error) { return v.domains(e.ID, serviceID), nil }),
		"latestDeployment": lazy(func(map[string]any) (any, error) {
			if all := v.w.deploymentsOf(e.ID, serviceID); len(all) > 0 {
				return v.deployment(all[0]), nil
			}
			return nil, nil
		}),
		"activeDeployments": lazy(func(map[string]any) (any, error) {
			list := []any{}
			for _, d := range v.w.active(e.ID, serviceID, v.now) {
				list = append(list, v.deployment(d))
			}
			return list, nil
		}),
	}
	if source["image"] != nil || source["repo"] != nil {
		n["source"] = node{"image": source["image"], "repo": source["repo"]}
	}
	return n
}

// onlyRegion is the region of a service that runs in one.
func onlyRegion(deploy map[string]any) any {
	regions := sub(deploy, "multiRegionConfig")
	if len(regions) != 1 {
		return nil
	}
	return keys(regions)[0]
}

func limitOverride(c call, args map[string]any) (any, error) {
	e, s, err := c.at(c.view.w, argText(args, "environmentId"), argText(args, "serviceId"))
	if err != nil {
		return nil, err
	}
	containers := sub(e.Config, "services", s.ID, "deploy", "limitOverride", "containers")
	if containers == nil {
		containers = map[string]any{}
	}
	return map[string]any{"containers": containers}, nil
}
