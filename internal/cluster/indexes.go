// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// Fields by which the cache finds objects. The API server selects by IndexProject too: it is a selectable field of the resource.
const (
	IndexProject    = "spec.railway.projectID"
	IndexSecrets    = "secrets"
	IndexConfigMaps = "configMaps"
	IndexUpstream   = "upstream"
	// indexOwner finds the revisions of an object by its uid.
	indexOwner = "owner"
)

// AddIndexes calls add for each field by which the cache must find objects, with how its values are found in one.
func AddIndexes(add func(object client.Object, field string, values client.IndexerFunc) error) error {
	object := &v1alpha1.EngineEnvironment{}
	return errors.Join(
		add(object, IndexProject, func(o client.Object) []string { return nonEmpty(ProjectOf(o.(*v1alpha1.EngineEnvironment))) }),
		add(object, IndexSecrets, func(o client.Object) []string { return secretsOf(o.(*v1alpha1.EngineEnvironment)) }),
		add(object, IndexUpstream, func(o client.Object) []string { return nonEmpty(UpstreamOf(o.(*v1alpha1.EngineEnvironment))) }),
		add(object, IndexConfigMaps, func(o client.Object) []string { return configMapsOf(o.(*v1alpha1.EngineEnvironment)) }),
		add(&appsv1.ControllerRevision{}, indexOwner, func(o client.Object) []string { return nonEmpty(o.GetLabels()[LabelOwner]) }),
	)
}

// ProjectOf names the project that the object declares, empty for the Local tier.
func ProjectOf(object *v1alpha1.EngineEnvironment) string {
	if object.Spec.Railway == nil {
		return ""
	}
	return object.Spec.Railway.ProjectID
}

// UpstreamOf names the tier that the object takes its source from, empty when it declares its own.
func UpstreamOf(object *v1alpha1.EngineEnvironment) string {
	if object.Spec.Promotion == nil {
		return ""
	}
	return object.Spec.Promotion.From
}

func secretsOf(object *v1alpha1.EngineEnvironment) []string {
	secrets, _ := desired.References(&object.Spec)
	if object.Spec.Railway != nil {
		secrets = append(secrets, object.Spec.Railway.TokenSecretRef.Name)
	}
	return secrets
}

func configMapsOf(object *v1alpha1.EngineEnvironment) []string {
	_, configMaps := desired.References(&object.Spec)
	return configMaps
}

func nonEmpty(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
