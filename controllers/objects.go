// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/status"
)

// objects reads and writes EngineEnvironments. It knows the version that it wrote last of each, so that no pass works on an older
// one: such a pass would find nothing to write, and leave a wrong status on the server for good.
type objects struct {
	client     client.Client
	live       client.Reader
	namespaces []string
	now        func() time.Time

	mu sync.Mutex
	// seen is the version of each object that was read past the cache or written last.
	seen map[string]string
	// judged are the objects whose status says what a pass of this process found.
	judged map[string]bool
}

func newObjects(o Options) *objects {
	return &objects{client: o.Client, live: o.Live, namespaces: o.Namespaces, now: o.Now, seen: map[string]string{}, judged: map[string]bool{}}
}

// get returns the object, never older than it was last written. The first time it is read past the cache: another operator may
// have written it a moment ago.
func (o *objects) get(ctx context.Context, name types.NamespacedName) (*v1alpha1.EngineEnvironment, error) {
	object := &v1alpha1.EngineEnvironment{}
	if err := o.client.Get(ctx, name, object); err != nil {
		return nil, err
	}
	if o.current(name.String(), object.ResourceVersion) {
		return object, nil
	}
	object = &v1alpha1.EngineEnvironment{}
	if err := o.live.Get(ctx, name, object); err != nil {
		return nil, err
	}
	o.note(name.String(), object.ResourceVersion)
	return object, nil
}

// current reports whether the version is at least the one that was seen last.
func (o *objects) current(key, version string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen, known := o.seen[key]
	if !known {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(version, seen)
	return err == nil && order >= 0
}

func (o *objects) note(key, version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[key] = version
}

func (o *objects) forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, key)
	delete(o.judged, key)
}

// judge notes that the status of the object says what a pass of this process found.
func (o *objects) judge(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judged[key] = true
}

// isJudged reports whether the status of the object is more than what another process left behind.
func (o *objects) isJudged(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.judged[key]
}

// report writes the status that follows from the pass's facts, when it differs. The optimistic lock refuses it when somebody
// wrote the object meanwhile.
func (o *objects) report(ctx context.Context, p *pass) error {
	p.facts.Record, p.facts.LastCommit = p.journal.Record(), p.journal.LastCommit()
	next := status.Next(p.object.Status, p.facts, metav1.NewTime(p.now))
	if equality.Semantic.DeepEqual(&p.object.Status, &next) {
		return nil
	}
	changed := p.object.DeepCopy()
	changed.Status = next
	patch := client.MergeFromWithOptions(p.object, client.MergeFromWithOptimisticLock{})
	if err := o.client.Status().Patch(ctx, changed, patch); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	o.wrote(p, changed)
	return nil
}

// announce stores what is about to be written to Railway before it is sent, and that the object is not Ready meanwhile: a write
// that shows on Railway is never seen beside a Ready of before.
func (o *objects) announce(ctx context.Context, p *pass, reason, message string) error {
	p.facts.Outcome = status.Outcome{Kind: status.Progressing, Reason: reason, Message: message}
	return o.report(ctx, p)
}

func (o *objects) addFinalizer(ctx context.Context, p *pass) error {
	changed := p.object.DeepCopy()
	controllerutil.AddFinalizer(changed, v1alpha1.Finalizer)
	return o.patch(ctx, p, changed)
}

func (o *objects) removeFinalizer(ctx context.Context, p *pass) error {
	changed := p.object.DeepCopy()
	controllerutil.RemoveFinalizer(changed, v1alpha1.Finalizer)
	return o.patch(ctx, p, changed)
}

func (o *objects) patch(ctx context.Context, p *pass, changed *v1alpha1.EngineEnvironment) error {
	patch := client.MergeFromWithOptions(p.object, client.MergeFromWithOptimisticLock{})
	if err := o.client.Patch(ctx, changed, patch); err != nil {
		return fmt.Errorf("write finalizer: %w", err)
	}
	o.wrote(p, changed)
	return nil
}

// wrote takes over the object as the API server has it now.
func (o *objects) wrote(p *pass, changed *v1alpha1.EngineEnvironment) {
	p.object = changed
	p.facts.Spec = &changed.Spec
	o.note(p.key, changed.ResourceVersion)
}

// list lists past the cache the objects of every namespace that is watched.
func (o *objects) list(ctx context.Context) ([]v1alpha1.EngineEnvironment, error) {
	namespaces := o.namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var all []v1alpha1.EngineEnvironment
	for _, namespace := range namespaces {
		var list v1alpha1.EngineEnvironmentList
		if err := o.live.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("list EngineEnvironments: %w", err)
		}
		all = append(all, list.Items...)
	}
	return all, nil
}

// conflictDelay is how soon to pass again after somebody else wrote the object: the next pass sees the newer one.
const conflictDelay = 200 * time.Millisecond

// resultOfStore turns a failed write of the object into a result.
func resultOfStore(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}
