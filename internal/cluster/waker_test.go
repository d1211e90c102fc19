// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestWhatWasBegunComesFirst: with a fleet that was applied at once, what a rollout waits for would come after the first pass of every
// other object.
func TestWhatWasBegunComesFirst(t *testing.T) {
	request := func(name string) reconcile.Request {
		return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "team", Name: name}}
	}
	queue := priorityqueue.New[reconcile.Request]("test")
	defer queue.ShutDown()
	waker := &Waker{}
	waker.Wake("team/early") // nobody to wake yet
	require.NoError(t, waker.Start(t.Context(), queue))
	for _, name := range []string{"new", "newer", "newest"} {
		queue.Add(request(name))
	}
	waker.Wake("team/begun")
	waker.Wake("team/newest")
	var order []string
	for range 4 {
		next, _, _ := queue.GetWithPriority()
		order = append(order, next.Name)
	}
	assert.ElementsMatch(t, []string{"begun", "newest"}, order[:2])
	assert.ElementsMatch(t, []string{"new", "newer"}, order[2:])
}
