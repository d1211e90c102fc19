// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import _ "sigs.k8s.io/controller-runtime/pkg/envtest"
