// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package claim says which object holds a Railway environment when more than one wants it. It is pure: values in, values out.
//
// An object stores its claim in its status, and then reads those of the others past every cache. It goes on when there is no other, and
// withdraws its claim when there is: for good when the other came first, and to try again when it did not. Of two that claim at the same
// time at least the one that stored last sees the other, whatever their clocks say, so that at most one goes on. The order of claims is
// no proof of that: who came first by the clock may have stored last.
package claim

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// announced is the end of a second: the time of an announcement is stored in whole seconds, and must not come before what was reached
// earlier in the same one.
const announced = time.Second - time.Microsecond

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
		c.name = strings.ToLower(o.Spec.Railway.ProjectID + "/" + record.Pending.Name)
		c.since = record.Pending.StartedAt.Truncate(time.Second).Add(announced)
		return c, true
	}
	return c, false
}

// Rivals reports whether both objects declare the same Railway environment, so that only one of them can hold it.
func Rivals(a, b *v1alpha1.EngineEnvironment) bool {
	return a.Spec.Railway != nil && b.Spec.Railway != nil && declares(a) == declares(b)
}

// declares is what the object declares, as a claim names it.
func declares(o *v1alpha1.EngineEnvironment) string {
	return strings.ToLower(o.Spec.Railway.ProjectID + "/" + o.Spec.RailwayEnvironment())
}

// excludes reports whether both cannot hold what they claim. Environments are told apart by id; a name counts only while one of
// them has no id yet.
func (c Claim) excludes(other Claim) bool {
	if c.environmentID != "" && other.environmentID != "" {
		return c.environmentID == other.environmentID
	}
	return c.name == other.name
}

// before reports whether this claim came first.
func (c Claim) before(other Claim) bool {
	if !c.since.Equal(other.since) {
		return c.since.Before(other.since)
	}
	return c.uid < other.uid
}

// last comes after every claim that is stored, whatever the clocks say.
var last = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Newcomer is the object as it stands when it announces to create its environment after all others.
func Newcomer(o *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	newcomer := o.DeepCopy()
	newcomer.Status = v1alpha1.EngineEnvironmentStatus{WorkingRecord: &v1alpha1.WorkingRecord{Pending: &v1alpha1.PendingWrite{
		Kind: v1alpha1.WriteEnvironment, Name: o.Spec.RailwayEnvironment(), StartedAt: metav1.NewTime(last),
	}}}
	return newcomer
}

// Refusal is why an object whose environment another holds does nothing.
func Refusal(holder *v1alpha1.EngineEnvironment, environment string) string {
	suspended := ""
	if holder.Spec.Suspend {
		suspended = " (it is suspended)"
	}
	return fmt.Sprintf("EngineEnvironment %s/%s%s holds the Railway environment %q: delete one of the two", holder.Namespace, holder.Name, suspended, environment)
}

// Other returns another object that claims what the given one claims, nil when there is none, and whether it came first. One that came
// first is returned before one that did not.
func Other(all []v1alpha1.EngineEnvironment, object *v1alpha1.EngineEnvironment) (other *v1alpha1.EngineEnvironment, first bool) {
	own, ok := Of(object)
	if !ok {
		return nil, false
	}
	for i := range all {
		theirs, held := Of(&all[i])
		switch {
		case !held || all[i].UID == object.UID || !own.excludes(theirs):
		case theirs.before(own):
			return &all[i], true
		default:
			other = &all[i]
		}
	}
	return other, false
}

// Holder returns the object that holds what the given one claims, nil when it may have it.
func Holder(all []v1alpha1.EngineEnvironment, object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	if other, first := Other(all, object); first {
		return other
	}
	return nil
}
