// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package oldest pins the oldest Kubernetes that the documents promise (config/versions_test.go): its test holds the CRD against that
// version's own code, and hack/kube/assets.sh builds its kube-apiserver when KUBE_VERSION asks for it.
// It is a module of its own, because two versions of Kubernetes cannot be in one.
package oldest

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
)
