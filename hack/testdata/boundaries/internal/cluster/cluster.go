// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	_ "net/http" // want depguard

	_ "sigs.k8s.io/controller-runtime/pkg/client"

	_ "github.com/engine-operator/engine-operator/internal/railway" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/railway/model"
)
