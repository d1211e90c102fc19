// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package kube pins the etcd and kube-apiserver that tests and the demo run on; assets.sh builds them.
// It is a module of its own, so that Kubernetes' dependencies stay out of the operator's.
package kube

import (
	_ "go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
)
