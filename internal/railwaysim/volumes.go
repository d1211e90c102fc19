// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Volumes (railway-api.md, "Object model").

var volumeQueries = map[string]query{
	"volumeInstance": func(c call, args map[string]any) (any, error) {
		for _, id := range sortedKeys(c.view.w.Volumes) {
			for environmentID, i := range c.view.w.Volumes[id].Instances {
				if i.ID == argText(args, "id") && i.DeletedAt == nil {
					if _, err := c.environment(c.view.w, environmentID); err != nil {
						return nil, err
					}
					return c.view.volumeInstance(c.view.w.Volumes[id], environmentID), nil
				}
			}
		}
		return nil, notFound("VolumeInstance")
	},
}

var volumeMutations = map[string]mutation{
	"volumeCreate": createVolume,
	"volumeUpdate": func(c call, args map[string]any) (any, error) {
		x, err := c.volume(argText(args, "volumeId"))
		if err != nil {
			return nil, err
		}
		x.Name = orElse(argText(args, "input", "name"), x.Name)
		return c.fresh().volume(x), nil
	},
	"volumeDelete": func(c call, args map[string]any) (any, error) {
		x, err := c.volume(argText(args, "volumeId"))
		if err != nil {
			return nil, err
		}
		now := c.s.now()
		x.DeletedAt = &now
		return true, nil
	},
	"volumeInstanceUpdate": func(c call, args map[string]any) (any, error) {
		x, err := c.volume(argText(args, "volumeId"))
		if err != nil {
			return nil, err
		}
		input := sub(args, "input")
		places, err := c.volumePlaces(c.w().Projects[x.ProjectID], args, argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		for _, e := range places {
			if i := x.Instances[e.ID]; i != nil {
				i.MountPath = orElse(argText(input, "mountPath"), i.MountPath)
				if _, given := input["serviceId"]; given {
					i.ServiceID = argText(input, "serviceId")
				}
			}
		}
		return true, nil
	},
}

func createVolume(c call, args map[string]any) (any, error) {
	input := sub(args, "input")
	p, err := c.project(c.w(), argText(input, "projectId"))
	if err != nil {
		return nil, err
	}
	places, err := c.volumePlaces(p, input, argText(input, "serviceId"))
	if err != nil {
		return nil, err
	}
	region := argText(input, "region")
	if region != "" && !slices.Contains(c.w().regions(), region) {
		return nil, badInput("Invalid region %s", region)
	}
	limit := c.s.allowed(p.ID).volumes
	if len(c.w().volumesOf(p.ID)) >= limit {
		return nil, planLimit("Your plan allows %d volumes per project. Upgrade your plan to create more", limit)
	}
	if err := c.throttle("volumeCreate"); err != nil {
		return nil, err
	}
	x := &volume{ID: c.s.id(), ProjectID: p.ID, CreatedAt: c.s.now(), Instances: map[string]*volumeInstance{}}
	x.Name = "volume-" + x.ID[:4]
	for _, e := range places {
		x.Instances[e.ID] = &volumeInstance{
			ID: c.s.id(), ServiceID: argText(input, "serviceId"), MountPath: argText(input, "mountPath"), Region: region,
			SizeMB: c.s.allowed(p.ID).volumeSizeMB, CreatedAt: c.s.now(),
		}
	}
	c.w().Volumes[x.ID] = x
	return c.fresh().volume(x), nil
}

// volumePlaces are the environments that an input means: the one it names, none for null, and all of the project when it names
// none. The service must be the project's, and be in the environment that is named.
func (c call) volumePlaces(p *project, input map[string]any, serviceID string) ([]*environment, error) {
	id, given := input["environmentId"]
	if c.token.Kind == tokenProject && id != c.token.EnvironmentID {
		return nil, notAuthorized()
	}
	places := c.w().environmentsOf(p.ID)
	if given {
		places = nil
	}
	if name, named := id.(string); named {
		e, err := c.environment(c.w(), name)
		if err != nil || e.ProjectID != p.ID {
			return nil, notAuthorized()
		}
		places = []*environment{e}
	}
	if serviceID == "" {
		return places, nil
	}
	s, err := c.service(c.w(), serviceID)
	if err != nil || s.ProjectID != p.ID {
		return nil, notAuthorized()
	}
	if given && len(places) == 1 && !places[0].live(serviceID) {
		return nil, notFound("ServiceInstance")
	}
	return places, nil
}

func (w *world) volumesOf(projectID string) []*volume {
	return sortedBy(all(w.Volumes), func(x *volume) (bool, time.Time, string) {
		return x.ProjectID == projectID && x.DeletedAt == nil, x.CreatedAt, x.ID
	})
}

func (c call) volume(id string) (*volume, error) {
	x := c.w().Volumes[id]
	if x == nil || x.DeletedAt != nil {
		return nil, notFound("Volume")
	}
	_, err := c.project(c.w(), x.ProjectID)
	return x, err
}

func (v view) volume(x *volume) node {
	list := []node{}
	for _, id := range sortedKeys(x.Instances) {
		if x.Instances[id].DeletedAt == nil && v.reaches(id) {
			list = append(list, v.volumeInstance(x, id))
		}
	}
	return node{
		"__typename": "Volume", "id": x.ID, "name": x.Name, "projectId": x.ProjectID, "createdAt": stamp(x.CreatedAt),
		"project":         lazy(func(map[string]any) (any, error) { return v.project(v.w.Projects[x.ProjectID]), nil }),
		"volumeInstances": graphql.Connection(list, func(n node) node { return n }),
	}
}

func (v view) volumeInstance(x *volume, environmentID string) node {
	i := x.Instances[environmentID]
	return node{
		"__typename": "VolumeInstance", "id": i.ID, "volumeId": x.ID, "environmentId": environmentID, "serviceId": optional(i.ServiceID),
		"mountPath": i.MountPath, "region": optional(i.Region), "sizeMB": i.SizeMB, "currentSizeMB": 0.0, "state": "READY",
		"isPendingDeletion": false, "createdAt": stamp(i.CreatedAt), "deletedAt": optionalStamp(i.DeletedAt), "externalId": nil,
		"volume":      lazy(func(map[string]any) (any, error) { return v.volume(x), nil }),
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(v.w.Environments[environmentID]), nil }),
		"service": lazy(func(map[string]any) (any, error) {
			if s := v.w.Services[i.ServiceID]; s != nil {
				return v.service(s), nil
			}
			return nil, nil
		}),
	}
}

func (v view) volumeInstances(e *environment) []node {
	list := []node{}
	for _, id := range sortedKeys(v.w.Volumes) {
		x := v.w.Volumes[id]
		if i := x.Instances[e.ID]; i != nil && i.DeletedAt == nil && x.DeletedAt == nil {
			list = append(list, v.volumeInstance(x, e.ID))
		}
	}
	return list
}
