// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/admission"
	"github.com/engine-operator/engine-operator/internal/claim"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	owned "github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/fieldhash"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/operator"
)

// secret reads a Secret; ok is false when it does not exist or may not be read.
func (s *session) secret(ctx context.Context, namespace, name string) (data map[string]string, ok bool) {
	secret := &corev1.Secret{}
	if err := s.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		return nil, false
	}
	data = map[string]string{}
	for key, value := range secret.Data {
		data[key] = string(value)
	}
	return data, true
}

// addSources reads the Secrets and ConfigMaps that the spec names and that are not known yet. What does not exist, or may not be
// read, stays unknown.
func (s *session) addSources(ctx context.Context, tier *v1alpha1.EngineEnvironment, sources desired.Sources) {
	secrets, configMaps := desired.References(&tier.Spec)
	for _, name := range secrets {
		if _, known := sources.Secrets[name]; !known {
			if data, ok := s.secret(ctx, tier.Namespace, name); ok {
				sources.Secrets[name] = data
			}
		}
	}
	for _, name := range configMaps {
		configMap := &corev1.ConfigMap{}
		if _, known := sources.ConfigMaps[name]; !known && s.Get(ctx, client.ObjectKey{Namespace: tier.Namespace, Name: name}, configMap) == nil {
			sources.ConfigMaps[name] = configMap.Data
			sources.Binary[name] = slices.Sorted(maps.Keys(configMap.BinaryData))
		}
	}
}

// live adds what the cluster knows: values, and the operator's record of the object.
func (p *planner) live(ctx context.Context, in *preview.Input) error {
	p.session.addSources(ctx, in.Tier, in.Sources)
	object := &v1alpha1.EngineEnvironment{}
	err := p.session.Get(ctx, client.ObjectKeyFromObject(in.Tier), object)
	if apierrors.IsNotFound(err) {
		newcomer := in.Tier.DeepCopy()
		newcomer.UID = "" // a file that was copied from another object has that one's
		return p.claimed(ctx, in, newcomer)
	}
	if err == nil {
		err = p.claimed(ctx, in, object)
	}
	if err != nil {
		return err
	}
	if err := changeable(ctx, in.Tier, object); err != nil {
		return err
	}
	in.Record = recordOf(object, p.world.Now())
	if data, ok := p.session.secret(ctx, p.system, operator.HashKeySecret); ok {
		hasher := fieldhash.New([]byte(data[operator.HashKeyField]))
		if !journal.Open(&object.Status, 0, p.world.Now()).KeyLost(hasher.Name()) {
			in.Record.Hash = hasher.Field
		}
	}
	return nil
}

// claimed refuses what the operator would refuse: an object whose Railway environment another one holds, as far as the others may be
// listed.
func (p *planner) claimed(ctx context.Context, in *preview.Input, object *v1alpha1.EngineEnvironment) error {
	if object.Spec.Railway == nil {
		return nil
	}
	all, err := owned.OfProject(ctx, p.session, "", owned.ProjectOf(object))
	if apierrors.IsForbidden(err) {
		in.Unlisted = "of another namespace"
		all, err = owned.OfProject(ctx, p.session, object.Namespace, owned.ProjectOf(object))
	}
	if apierrors.IsForbidden(err) {
		in.Unlisted, err = "besides this one", nil
	}
	if err != nil {
		return err
	}
	if _, claims := claim.Of(object); !claims {
		object = claim.Newcomer(object)
	}
	if holder := claim.Holder(all, object); holder != nil {
		return fmt.Errorf("%s: %s", v1alpha1.ReasonEnvironmentClaimed, claim.Refusal(holder, object.Spec.RailwayEnvironment()))
	}
	return nil
}

// changeable says what kube-apiserver would refuse to change in the object that is there.
func changeable(ctx context.Context, declared, there *v1alpha1.EngineEnvironment) error {
	after, before := declared.DeepCopy(), there
	after.Status = before.Status // it is not changed by who declares
	var objects []map[string]any
	for _, object := range []*v1alpha1.EngineEnvironment{after, before} {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return err
		}
		objects = append(objects, fields)
	}
	return admission.Explain(admission.Check(ctx, objects[0], objects[1]))
}

// recordOf is the operator's record in the status. The key of its hashes is the operator's own: without it values that Railway hides
// cannot be compared.
func recordOf(object *v1alpha1.EngineEnvironment, now time.Time) *preview.Record {
	record := journal.Open(&object.Status, 0, now)
	return &preview.Record{Applied: record.Written(), ServiceIDs: record.ServiceIDs()}
}
