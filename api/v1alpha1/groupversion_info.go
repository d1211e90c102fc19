// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the contract of engine-operator: the EngineEnvironment resource, its conditions and the tier table.
//
// +kubebuilder:object:generate=true
// +groupName=railway.engine-operator.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of this package.
	GroupVersion = schema.GroupVersion{Group: "railway.engine-operator.dev", Version: "v1alpha1"}

	// SchemeBuilder registers the types of this package.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds the types of this package to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &EngineEnvironment{}, &EngineEnvironmentList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
