// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// kept is a status that waits to be written, so that one write tells several steps. It is lost with the process, as what a pass found is
// that dies before its end.
type kept struct {
	// stored is the status that the API server has, in the version.
	stored  v1alpha1.EngineEnvironmentStatus
	version string
	next    v1alpha1.EngineEnvironmentStatus
	// due is when it must be written.
	due time.Time
}

// Keep keeps the status in memory until it is written together with a later one, or due, and returns the object with it. The first
// status that is kept says when it is due. ok is false when the time has come: the status must be written.
func (o *Objects) Keep(
	object *v1alpha1.EngineEnvironment, next v1alpha1.EngineEnvironmentStatus, now, due time.Time,
) (with *v1alpha1.EngineEnvironment, at time.Time, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := client.ObjectKeyFromObject(object).String()
	k, known := o.kept[key]
	if !known {
		k = kept{stored: object.Status, version: object.ResourceVersion, due: due}
	}
	if !now.Before(k.due) {
		return object, k.due, false
	}
	k.next = next
	o.kept[key] = k
	return withStatus(object, &next), k.due, true
}

// Due returns when the status of the object must be written that waits for it; ok is false when none does.
func (o *Objects) Due(key string) (due time.Time, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, ok := o.kept[key]
	return k.due, ok
}

// Stored returns the object as the API server has it.
func (o *Objects) Stored(object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, known := o.kept[client.ObjectKeyFromObject(object).String()]
	if !known {
		return object
	}
	return withStatus(object, &k.stored)
}

// withKept returns the object with the status that waits to be written. One that follows another status than the API server has is
// dropped: somebody else wrote it.
func (o *Objects) withKept(object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := client.ObjectKeyFromObject(object).String()
	k, known := o.kept[key]
	switch {
	case !known:
		return object
	case k.version != object.ResourceVersion && !equality.Semantic.DeepEqual(&k.stored, &object.Status):
		delete(o.kept, key)
		return object
	default:
		return withStatus(object, &k.next)
	}
}

func (o *Objects) drop(object *v1alpha1.EngineEnvironment) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.kept, client.ObjectKeyFromObject(object).String())
}

func withStatus(object *v1alpha1.EngineEnvironment, status *v1alpha1.EngineEnvironmentStatus) *v1alpha1.EngineEnvironment {
	with := *object
	with.Status = *status.DeepCopy()
	return &with
}
