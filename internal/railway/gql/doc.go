// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gql holds the GraphQL operations that the operator sends to Railway and what genqlient generates from them and from
// our slice of Railway's schema. Only package railway uses it.
//
// Three habits keep the generated code safe to use. Every input object is written out in the operation, with scalars as
// variables, so that no Go struct can send a null that clears something (railway-api.md, "Errors"). Patches go as raw
// JSON, so that explicit nulls, which delete, survive. Enums are strings, so that a value of tomorrow does not break
// decoding.
package gql
