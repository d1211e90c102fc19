// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
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
)

// Indexes returns for each field how its values are found in an object.
func Indexes() map[string]client.IndexerFunc {
	return map[string]client.IndexerFunc{
		IndexProject:    func(o client.Object) []string { return nonEmpty(ProjectOf(o.(*v1alpha1.EngineEnvironment))) },
		IndexSecrets:    func(o client.Object) []string { return secretsOf(o.(*v1alpha1.EngineEnvironment)) },
		IndexUpstream:   func(o client.Object) []string { return nonEmpty(UpstreamOf(o.(*v1alpha1.EngineEnvironment))) },
		IndexConfigMaps: func(o client.Object) []string { return configMapsOf(o.(*v1alpha1.EngineEnvironment)) },
	}
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
