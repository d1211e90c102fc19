// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// watch follows the objects of a namespace, or of all, until ctx is done: a list, then a watch, and both again after a failure.
// The feed hears of every answer, so that the page can say since when it is no longer live.
func watch(ctx context.Context, kube client.WithWatch, namespace string, feed *feed) {
	ctx = klog.NewContext(ctx, logr.Discard()) // failures are shown on the page
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list := &v1alpha1.EngineEnvironmentList{}
			err := kube.List(ctx, list, client.InNamespace(namespace), &client.ListOptions{Raw: &o})
			feed.heard(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			w, err := kube.Watch(ctx, &v1alpha1.EngineEnvironmentList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &o})
			feed.heard(ctx, err)
			return w, err
		},
	}
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(source, kube), &v1alpha1.EngineEnvironment{},
		store{feed}, cache.ReflectorOptions{Name: "board"})
	reflector.RunWithContext(ctx)
}

// store hands what the reflector finds to the feed.
type store struct{ feed *feed }

// Add implements cache.ReflectorStore.
func (s store) Add(object any) error {
	if o, ok := object.(*v1alpha1.EngineEnvironment); ok {
		s.feed.set(o)
	}
	return nil
}

// Update implements cache.ReflectorStore.
func (s store) Update(object any) error { return s.Add(object) }

// Delete implements cache.ReflectorStore.
func (s store) Delete(object any) error {
	if o, ok := object.(*v1alpha1.EngineEnvironment); ok {
		s.feed.remove(o)
	}
	return nil
}

// Replace implements cache.ReflectorStore.
func (s store) Replace(list []any, _ string) error {
	objects := make([]*v1alpha1.EngineEnvironment, 0, len(list))
	for _, object := range list {
		if o, ok := object.(*v1alpha1.EngineEnvironment); ok {
			objects = append(objects, o)
		}
	}
	s.feed.replace(objects)
	return nil
}

// Resync implements cache.ReflectorStore; there is nothing to do again.
func (s store) Resync() error { return nil }
