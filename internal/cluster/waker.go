// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// begun is the priority of a pass over an object that was woken: what was begun is ended before something new is. A fleet that is applied
// at once then becomes ready one object after the other, and not all at the end. New and changed objects, and those that are tried again,
// have 0, those of a restart less.
const begun = 1

// Waker lets others wake an object: the watch when its Railway environment changed, the verifier when the result of a check did. It is
// a source of the controller; before that has started nobody needs to be woken, because every object is passed at the start.
type Waker struct {
	mu    sync.Mutex
	queue priorityqueue.PriorityQueue[reconcile.Request]
}

// Start takes the controller's queue.
func (w *Waker) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	ordered, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request])
	if !ok {
		return fmt.Errorf("the controller's queue has no priorities: %T", queue)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = ordered
	return nil
}

// Wake asks for a pass over the object with the key namespace/name. It never blocks.
func (w *Waker) Wake(key string) {
	w.mu.Lock()
	queue := w.queue
	w.mu.Unlock()
	if queue == nil {
		return
	}
	namespace, name, _ := strings.Cut(key, "/")
	request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
	queue.AddWithOpts(priorityqueue.AddOpts{Priority: new(begun)}, request)
}
