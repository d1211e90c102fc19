// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crd holds the custom resource definition for programs that have no API server to ask for it.
package crd

import _ "embed"

// EngineEnvironments is the custom resource definition as it is installed: YAML.
//
//go:embed bases/railway.engine-operator.dev_engineenvironments.yaml
var EngineEnvironments []byte
