// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"time"
)

var storageMutations = map[string]mutation{
	"volumeCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		p, err := c.project(c.w(), argText(input, "projectId"))
		if err != nil {
			return nil, err
		}
		x := &volume{ID: c.s.id(), ProjectID: p.ID, CreatedAt: c.s.now(), Instances: map[string]*volumeInstance{}}
		x.Name = "volume-" + x.ID[:4]
		for _, e := range c.w().environmentsOf(p.ID) {
			if only := argText(input, "environmentId"); only == "" || only == e.ID {
				x.Instances[e.ID] = &volumeInstance{ID: c.s.id(), ServiceID: argText(input, "serviceId"), MountPath: argText(input, "mountPath"), Region: argText(input, "region"), CreatedAt: c.s.now()}
			}
		}
		c.w().Volumes[x.ID] = x
		return c.fresh().volume(x), nil
	},
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
		for id, i := range x.Instances {
			if only := argText(args, "environmentId"); only == "" || only == id {
				i.MountPath = orElse(argText(input, "mountPath"), i.MountPath)
				if _, given := input["serviceId"]; given {
					i.ServiceID = argText(input, "serviceId")
				}
			}
		}
		return true, nil
	},
}

func (c call) volume(id string) (*volume, error) {
	x := c.w().Volumes[id]
	if x == nil || x.DeletedAt != nil {
		return nil, notFound("Volume")
	}
	_, err := c.project(c.w(), x.ProjectID)
	return x, err
}

func at(t time.Time) *time.Time { return &t }
