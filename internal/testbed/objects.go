// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Apply applies every object of the YAML by server-side apply, after change.
func (b *Bed) Apply(ctx context.Context, text string, change func(*unstructured.Unstructured)) error {
	for document := range strings.SplitSeq(text, "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return fmt.Errorf("read manifest: %w", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if change != nil {
			change(object)
		}
		if err := b.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// ApplyFile applies the objects of a file.
func (b *Bed) ApplyFile(ctx context.Context, path string, change func(*unstructured.Unstructured)) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	return b.Apply(ctx, string(raw), change)
}

// Get reads an EngineEnvironment.
func (b *Bed) Get(ctx context.Context, namespace, name string) (*v1alpha1.EngineEnvironment, error) {
	object := &v1alpha1.EngineEnvironment{}
	err := b.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, object)
	return object, err
}

// Ready reports whether the object is Ready for its newest generation.
func Ready(object *v1alpha1.EngineEnvironment) bool {
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Status == metav1.ConditionTrue && object.Status.ObservedGeneration == object.Generation
}

// Go reports whether the object is Ready for its newest generation and its verdict is GO.
func Go(object *v1alpha1.EngineEnvironment) bool {
	return Ready(object) && object.Status.Verdict == v1alpha1.VerdictGo
}

// Until waits until the condition holds, at most for the timeout.
func Until(ctx context.Context, timeout time.Duration, holds func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		ok, err := holds(ctx)
		if ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("gave up after %s", timeout), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
