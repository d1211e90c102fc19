// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster reads and writes what the loop needs in Kubernetes: the objects and their status, what their specs name, and the
// verified revisions. It decides nothing, and knows nothing of Railway.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/claim"
)

// Objects reads and writes EngineEnvironments. It knows the version that it wrote last of each, so that no pass works on an older
// one: such a pass would find nothing to write, and leave a wrong status on the server for good.
type Objects struct {
	client     client.Client
	live       client.Reader
	namespaces []string

	mu sync.Mutex
	// seen is the version of each object that was read past the cache or written last.
	seen map[string]string
	// judged are the objects whose status says what a pass of this process found.
	judged map[string]bool
	// kept are the statuses that wait to be written.
	kept map[string]kept
}

// NewObjects reads by the cache of c and past it by live, in the namespaces given; none means all.
func NewObjects(c client.Client, live client.Reader, namespaces []string) *Objects {
	return &Objects{client: c, live: live, namespaces: namespaces, seen: map[string]string{}, judged: map[string]bool{}, kept: map[string]kept{}}
}

// Get returns the object, never older than it was last written, with the status that waits to be written. The first time it is read
// past the cache: another operator may have written it a moment ago. Where there is no finalizer yet, none has done anything for it, or
// the finalizer, which is written before all else, will be refused.
func (o *Objects) Get(ctx context.Context, name types.NamespacedName) (*v1alpha1.EngineEnvironment, error) {
	object, err := o.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return o.withKept(object), nil
}

func (o *Objects) get(ctx context.Context, name types.NamespacedName) (*v1alpha1.EngineEnvironment, error) {
	object := &v1alpha1.EngineEnvironment{}
	if err := o.client.Get(ctx, name, object); err != nil {
		return nil, err
	}
	if o.current(name.String(), object) {
		return object, nil
	}
	object = &v1alpha1.EngineEnvironment{}
	if err := o.live.Get(ctx, name, object); err != nil {
		return nil, err
	}
	o.note(name.String(), object.ResourceVersion)
	return object, nil
}

// current reports whether a pass may work on this version: it is at least the one that was seen last, or the first of all.
func (o *Objects) current(key string, object *v1alpha1.EngineEnvironment) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen, known := o.seen[key]
	if !known {
		return object.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(object, v1alpha1.Finalizer)
	}
	order, err := resourceversion.CompareResourceVersion(object.ResourceVersion, seen)
	return err == nil && order >= 0
}

func (o *Objects) note(key, version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[key] = version
}

// Forget drops what is kept about an object that is gone.
func (o *Objects) Forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, key)
	delete(o.judged, key)
	delete(o.kept, key)
}

// Judge notes that the status of the object says what a pass of this process found.
func (o *Objects) Judge(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judged[key] = true
}

// IsJudged reports whether the status of the object is more than what another process left behind.
func (o *Objects) IsJudged(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.judged[key]
}

// WriteStatus writes the status when it differs, and returns the object as the API server has it then. The optimistic lock refuses
// the write when somebody wrote the object meanwhile.
func (o *Objects) WriteStatus(
	ctx context.Context, object *v1alpha1.EngineEnvironment, next v1alpha1.EngineEnvironmentStatus,
) (*v1alpha1.EngineEnvironment, error) {
	stored := o.Stored(object)
	if equality.Semantic.DeepEqual(&stored.Status, &next) {
		o.drop(object)
		return stored, nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("write status: %w", err)
	}
	changed, err := o.send(ctx, o.client.Status().Patch, stored, "/status", text)
	if err != nil {
		return nil, fmt.Errorf("write status: %w", err)
	}
	o.drop(object)
	changed.Status = v1alpha1.EngineEnvironmentStatus{} // as the API server has it: with times of whole seconds
	if err := json.Unmarshal(text, &changed.Status); err != nil {
		return nil, fmt.Errorf("read the status that was written: %w", err)
	}
	return changed, nil
}

// AddFinalizer keeps the object until what it means for Railway is done. A status that waits to be written goes on to wait.
func (o *Objects) AddFinalizer(ctx context.Context, object *v1alpha1.EngineEnvironment) (*v1alpha1.EngineEnvironment, error) {
	changed, err := o.writeFinalizers(ctx, object, controllerutil.AddFinalizer)
	if err != nil {
		return nil, err
	}
	return o.withKept(changed), nil
}

// RemoveFinalizer lets the object go, and forgets it.
func (o *Objects) RemoveFinalizer(ctx context.Context, object *v1alpha1.EngineEnvironment) (*v1alpha1.EngineEnvironment, error) {
	changed, err := o.writeFinalizers(ctx, object, controllerutil.RemoveFinalizer)
	if err == nil {
		o.Forget(client.ObjectKeyFromObject(object).String())
	}
	return changed, err
}

func (o *Objects) writeFinalizers(
	ctx context.Context, object *v1alpha1.EngineEnvironment, edit func(client.Object, string) bool,
) (*v1alpha1.EngineEnvironment, error) {
	edited := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Finalizers: slices.Clone(object.Finalizers)}}
	edit(edited, v1alpha1.Finalizer)
	text, err := json.Marshal(edited.Finalizers)
	if err != nil {
		return nil, fmt.Errorf("write finalizer: %w", err)
	}
	changed, err := o.send(ctx, func(ctx context.Context, object client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
		return o.client.Patch(ctx, object, patch)
	}, o.Stored(object), "/metadata/finalizers", text)
	if err != nil {
		return nil, fmt.Errorf("write finalizer: %w", err)
	}
	changed.Finalizers = edited.Finalizers
	return changed, nil
}

// send sets one part of the object, and returns the object with its new version. Nothing else can have changed: the API server refuses
// the patch of an older version. So neither the patch nor the answer carries the spec, whose encoding and decoding would be much of what
// a pass costs.
func (o *Objects) send(
	ctx context.Context, patch func(context.Context, client.Object, client.Patch, ...client.SubResourcePatchOption) error,
	object *v1alpha1.EngineEnvironment, path string, value json.RawMessage,
) (*v1alpha1.EngineEnvironment, error) {
	version, err := json.Marshal(object.ResourceVersion)
	if err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, `[{"op":"add","path":"/metadata/resourceVersion","value":%s},{"op":"add","path":%q,"value":%s}]`, version, path, value)
	answer := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: object.Namespace, Name: object.Name}}
	answer.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("EngineEnvironment"))
	if err := patch(ctx, answer, client.RawPatch(types.JSONPatchType, text)); err != nil {
		return nil, err
	}
	o.note(client.ObjectKeyFromObject(object).String(), answer.ResourceVersion)
	changed := *object
	changed.ResourceVersion = answer.ResourceVersion
	return &changed, nil
}

// Holder returns the object that holds the Railway environment that this one claims, nil when it may have it. It is for reading, and
// as old as the cache.
func (o *Objects) Holder(ctx context.Context, object *v1alpha1.EngineEnvironment) (*v1alpha1.EngineEnvironment, error) {
	all, err := o.tiersOf(ctx, object)
	return claim.Holder(all, object), err
}

// Claimed returns an object that claims what this one is about to claim, nil when there is none. It is for reading, and as old as the
// cache: it spares a claim that would be withdrawn.
func (o *Objects) Claimed(ctx context.Context, object *v1alpha1.EngineEnvironment) (*v1alpha1.EngineEnvironment, error) {
	all, err := o.tiersOf(ctx, object)
	other, _ := claim.Other(all, object)
	return other, err
}

// Rival returns another object that claims what this one has just stored that it claims, and whether it came first; nil when this one
// may go on. It reads past the cache: of two objects that claim at the same time the later one must see the other.
func (o *Objects) Rival(ctx context.Context, object *v1alpha1.EngineEnvironment) (rival *v1alpha1.EngineEnvironment, first bool, err error) {
	all, err := o.list(ctx, ProjectOf(object))
	rival, first = claim.Other(all, object)
	return rival, first, err
}

// tiersOf are the objects of the same project as the cache has them.
func (o *Objects) tiersOf(ctx context.Context, object *v1alpha1.EngineEnvironment) ([]v1alpha1.EngineEnvironment, error) {
	var list v1alpha1.EngineEnvironmentList
	// Every pass of every object asks: copies of all tiers of a project would be its largest cost.
	err := o.client.List(ctx, &list, client.MatchingFields{IndexProject: ProjectOf(object)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list EngineEnvironments: %w", err)
	}
	return list.Items, nil
}

// list lists past the cache the objects of the project in every namespace that is watched.
func (o *Objects) list(ctx context.Context, project string) ([]v1alpha1.EngineEnvironment, error) {
	namespaces := o.namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var all []v1alpha1.EngineEnvironment
	for _, namespace := range namespaces {
		there, err := OfProject(ctx, o.live, namespace, project)
		if err != nil {
			return nil, err
		}
		all = append(all, there...)
	}
	return all, nil
}

// OfProject lists the objects of a Railway project in a namespace, or in all. The API server selects: a fleet that lists itself once per
// object costs the square of its size.
func OfProject(ctx context.Context, live client.Reader, namespace, project string) ([]v1alpha1.EngineEnvironment, error) {
	var list v1alpha1.EngineEnvironmentList
	err := live.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{IndexProject: project})
	if apierrors.IsBadRequest(err) { // an older version of the CRD cannot select by it
		err = live.List(ctx, &list, client.InNamespace(namespace))
	}
	if err != nil {
		return nil, fmt.Errorf("list EngineEnvironments: %w", err)
	}
	return list.Items, nil
}
