// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package railway is everything that speaks to Railway, and the only package that does.
//
// A Pool hands out one Client per token; all clients share one transport, and everybody who uses a token shares its request
// Budget. A Client reads an environment in one request and writes with exactly one mutation per method, which it never
// repeats: whoever called it observes first. Errors are sorted into classes by what to do about them (Error, ClassOf). A
// Watch keeps one snapshot per followed environment and says when it changed, so that its readers need no request of their
// own.
//
// Values are those of package model; the types that genqlient generates (package gql) stay inside. Nothing here knows
// Kubernetes, and no token, variable or body ever reaches a log, an error or a metric.
package railway
