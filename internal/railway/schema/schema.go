// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package schema holds the part of Railway's GraphQL schema that the operator's client and the local Railway use.
package schema

import _ "embed"

// SDL is the slice in GraphQL's schema definition language.
//
//go:embed schema.graphql
var SDL string
