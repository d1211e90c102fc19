// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package claim says which object holds a Railway environment when more than one wants it. It is pure: values in, values out.
package claim

import (
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Claim is what an object whose token reached Railway holds there: an environment by its id, or one that it announced to create by
// its name. An object whose token reached nothing holds nothing.
type Claim struct {
	environmentID string
	// name is project/environment in lower case: names that differ only in case are the same to some of Railway's clients
	// (railway-api.md, "Object model").
	name  string
	since time.Time
	uid   string
}

// Of returns what the object holds; ok is false when it holds nothing.
func Of(o *v1alpha1.EngineEnvironment) (c Claim, ok bool) {
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
func (c Claim) excludes(other Claim) bool {
	if c.environmentID != "" && other.environmentID != "" {
		return c.environmentID == other.environmentID
	}
	return c.name == other.name
}

// before reports whether this claim came first. Who reached an environment came before whoever only announced to create it: the time of
// an announcement is stored in whole seconds.
func (c Claim) before(other Claim) bool {
	if reached := c.environmentID != ""; reached != (other.environmentID != "") {
		return reached
	}
	if !c.since.Equal(other.since) {
		return c.since.Before(other.since)
	}
	return c.uid < other.uid
}

// Holder returns the object that holds what the given one claims, nil when it may have it.
func Holder(all []v1alpha1.EngineEnvironment, object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	own, ok := Of(object)
	if !ok {
		return nil
	}
	for i := range all {
		other, held := Of(&all[i])
		if held && all[i].UID != object.UID && own.excludes(other) && other.before(own) {
			return &all[i]
		}
	}
	return nil
}
