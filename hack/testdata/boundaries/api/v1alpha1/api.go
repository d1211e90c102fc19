// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	_ "net/http" // want depguard

	_ "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "k8s.io/client-go/rest" // want depguard

	_ "github.com/engine-operator/engine-operator/internal/railway/model" // want depguard
)
