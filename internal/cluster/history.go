// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

// LabelOwner marks the ControllerRevisions of an object.
const LabelOwner = "railway.engine-operator.dev/engine-environment"

// History keeps the verified revisions of objects as ControllerRevisions. Their number says which was verified last. Its client reads from
// a cache with the indexes of AddIndexes; the API server refuses to select by them.
type History struct{ Client client.Client }

// List returns the stored revisions of the object, as far as the cache has them. One that cannot be read is left out.
func (h History) List(ctx context.Context, object *v1alpha1.EngineEnvironment) ([]promotion.Stored, error) {
	return revisions(ctx, h.Client, object, client.MatchingFields{indexOwner: string(object.UID)})
}

// LiveRevisions is History.List for a reader without a cache.
func LiveRevisions(ctx context.Context, live client.Reader, object *v1alpha1.EngineEnvironment) ([]promotion.Stored, error) {
	return revisions(ctx, live, object, client.MatchingLabels{LabelOwner: string(object.UID)})
}

func revisions(ctx context.Context, r client.Reader, object *v1alpha1.EngineEnvironment, own client.ListOption) ([]promotion.Stored, error) {
	var list appsv1.ControllerRevisionList
	if err := r.List(ctx, &list, client.InNamespace(object.Namespace), own); err != nil {
		return nil, fmt.Errorf("list ControllerRevisions: %w", err)
	}
	stored := make([]promotion.Stored, 0, len(list.Items))
	for i := range list.Items {
		r := &list.Items[i]
		content, err := promotion.ReadContent(r.Data.Raw)
		if err != nil || content.Engine.Source == nil {
			continue
		}
		stored = append(stored, promotion.Stored{Name: r.Name, Order: r.Revision, Content: content, Since: r.CreationTimestamp.Time})
	}
	return stored, nil
}

// Keep stores the revision, or puts it first again, and drops those beyond the limit.
func (h History) Keep(ctx context.Context, object *v1alpha1.EngineEnvironment, revision promotion.Stored, stored []promotion.Stored) error {
	kept := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: revision.Name, Namespace: object.Namespace, Labels: map[string]string{LabelOwner: string(object.UID)},
		},
		Data: runtime.RawExtension{Raw: revision.Content.Raw()}, Revision: revision.Order,
	}
	if err := controllerutil.SetControllerReference(object, kept, h.Client.Scheme()); err != nil {
		return fmt.Errorf("own ControllerRevision: %w", err)
	}
	err := h.Client.Create(ctx, kept)
	if apierrors.IsAlreadyExists(err) {
		err = h.putFirst(ctx, kept)
	}
	if err != nil {
		return fmt.Errorf("store ControllerRevision: %w", err)
	}
	return h.drop(ctx, object, revision, stored)
}

func (h History) putFirst(ctx context.Context, kept *appsv1.ControllerRevision) error {
	known := &appsv1.ControllerRevision{}
	if err := h.Client.Get(ctx, client.ObjectKeyFromObject(kept), known); err != nil {
		return err
	}
	owner, own := metav1.GetControllerOf(known), metav1.GetControllerOf(kept)
	before := known.DeepCopy()
	switch {
	case owner == nil || owner.Kind != own.Kind || owner.Name != own.Name:
		return fmt.Errorf("ControllerRevision %s belongs to another object", kept.Name)
	case owner.UID != own.UID: // the object was deleted and made again, and the garbage collector has not come by yet
		known.Labels, known.OwnerReferences, known.Revision = kept.Labels, kept.OwnerReferences, kept.Revision
	default:
		known.Revision = max(kept.Revision, known.Revision)
	}
	return h.Client.Patch(ctx, known, client.MergeFrom(before))
}

// drop keeps as many as the spec asks for. The one that runs, and one that a rollback holds, stay.
func (h History) drop(ctx context.Context, object *v1alpha1.EngineEnvironment, kept promotion.Stored, stored []promotion.Stored) error {
	keep := []string{kept.Name}
	if held := object.Status.Rollback; held != nil {
		keep = append(keep, held.RevisionName)
	}
	all := append([]promotion.Stored{kept}, stored...)
	for _, name := range promotion.Surplus(all, object.Spec.EffectiveRevisionHistoryLimit(), keep...) {
		gone := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: object.Namespace}}
		if err := h.Client.Delete(ctx, gone); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ControllerRevision: %w", err)
		}
	}
	return nil
}
