// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// autoDeploys finds the triggers that deploy every push to a service which is pinned to a commit. Without a commit, auto-deploy
// is what a branch means. Writing a source may make a trigger again (railway-api.md, "Auto-deploy"): what is known of
// the triggers ends with it.
func (p *Plan) autoDeploys(in Input) {
	for _, service := range in.Desired.Services {
		instance, found := in.Observed.Instance(service.Name)
		if !service.Pinned || !found {
			continue
		}
		l := triggerLeaf(service, instance)
		newSource := slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Service == service.Name && ofSource(c) })
		l.fresh = newSource || fresh(in.Observed, instance)
		switch {
		case len(l.triggers) > 0 || (!l.fresh && runs(instance, service.Commit)):
			p.judge(in, l)
		default: // the trigger that comes with the source may not show yet
			p.keep(in, l.path)
		}
		if l.fresh {
			delete(p.Record, l.path)
		}
	}
}

func triggerLeaf(service desired.Service, instance model.ServiceInstance) leaf {
	l := leaf{
		path: service.Name + ".source.autoDeploy", service: service.Name, triggers: instance.Triggers,
		want: "off", have: "off", present: true, occupied: true,
	}
	var from []string
	for _, t := range instance.Triggers {
		from = append(from, t.Repository+"@"+t.Branch)
	}
	if len(from) > 0 {
		l.have = fmt.Sprintf("on (%s)", strings.Join(from, ", "))
	}
	return l
}

// runs reports whether a deployment of the commit exists. Railway makes the trigger before it builds, so that one which does not
// show by then was never made, or was deleted.
func runs(instance model.ServiceInstance, commit string) bool {
	return instance.Latest != nil && instance.Latest.Meta.CommitHash == commit
}

func (p *Plan) keep(in Input, path string) {
	if applied, known := in.Applied[path]; known {
		p.Record[path] = applied
	}
}

func (p *Plan) deleteTriggers(in Input, l leaf, change Change) {
	if refused(in, l.path, change.Hash) {
		p.HeldBack = append(p.HeldBack, l.path)
		return
	}
	for _, t := range l.triggers {
		p.Triggers = append(p.Triggers, TriggerChange{Service: l.service, ID: t.ID, Path: l.path, Hash: change.Hash})
	}
}
