// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// claim is what an object whose token reached Railway holds there: an environment by its id, or one that it announced to create by
// its name. An object whose token reached nothing holds nothing.
type claim struct {
	environmentID string
	// name is project/environment in lower case: names that differ only in case are the same to some of Railway's clients
	// (railway-api.md, "Object model").
	name  string
	since time.Time
	uid   string
}

// claimOf returns what the object holds; ok is false when it holds nothing.
func claimOf(o *v1alpha1.EngineEnvironment) (c claim, ok bool) {
	if o.Spec.Railway == nil {
		return c, false
	}
	c.uid = string(o.UID)
	if at := o.Status.Railway; at != nil {
		c.environmentID, c.since = at.EnvironmentID, o.CreationTimestamp.Time
		if at.Since != nil {
			c.since = at.Since.Time
		}
		c.name = strings.ToLower(at.ProjectID + "/" + at.Environment)
		return c, true
	}
	if record := o.Status.WorkingRecord; record != nil && record.Pending != nil && record.Pending.Kind == v1alpha1.WriteEnvironment {
		c.name, c.since = strings.ToLower(o.Spec.Railway.ProjectID+"/"+record.Pending.Name), record.Pending.StartedAt.Time
		return c, true
	}
	return c, false
}

// excludes reports whether both cannot hold what they claim. Environments are told apart by id; a name counts only while one of
// them has no id yet.
func (c claim) excludes(other claim) bool {
	if c.environmentID != "" && other.environmentID != "" {
		return c.environmentID == other.environmentID
	}
	return c.name == other.name
}

// before reports whether this claim came first.
func (c claim) before(other claim) bool {
	if !c.since.Equal(other.since) {
		return c.since.Before(other.since)
	}
	return c.uid < other.uid
}

// holderAmong returns the object that holds what the given one claims, nil when it may have it.
func holderAmong(all []v1alpha1.EngineEnvironment, object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	own, ok := claimOf(object)
	if !ok {
		return nil
	}
	for i := range all {
		other, held := claimOf(&all[i])
		if held && all[i].UID != object.UID && own.excludes(other) && other.before(own) {
			return &all[i]
		}
	}
	return nil
}

// holder returns the object that holds what this one claims, nil when it may have it. A claim that was just made is compared past the
// cache: two objects that make theirs at the same time must both see it.
func (o *objects) holder(ctx context.Context, object *v1alpha1.EngineEnvironment, fresh bool) (*v1alpha1.EngineEnvironment, error) {
	if fresh {
		all, err := o.list(ctx)
		return holderAmong(all, object), err
	}
	var list v1alpha1.EngineEnvironmentList
	if err := o.client.List(ctx, &list, client.MatchingFields{indexProject: projectOf(object)}); err != nil {
		return nil, fmt.Errorf("list EngineEnvironments: %w", err)
	}
	return holderAmong(list.Items, object), nil
}

// projectOf names the project that the object declares, empty for the Local tier.
func projectOf(object *v1alpha1.EngineEnvironment) string {
	if object.Spec.Railway == nil {
		return ""
	}
	return object.Spec.Railway.ProjectID
}

// yield gives up what another object holds. Nothing was written to it.
func (r *Reconciler) yield(p *pass, holder *v1alpha1.EngineEnvironment) *outcome {
	r.idle(p.key)
	p.journal.ForgetEnvironment()
	p.journal.Withdraw()
	p.facts.Gone, p.facts.Railway = true, nil
	return stalled(v1alpha1.ConditionSynced, v1alpha1.ReasonEnvironmentClaimed, fmt.Sprintf(
		"EngineEnvironment %s holds the Railway environment %q: delete one of the two", client.ObjectKeyFromObject(holder),
		p.object.Spec.RailwayEnvironment()))
}
