// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"strings"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// How much one request may ask for (railway-api.md, "Rate limits"): root fields have costs, and a request that is too
// wide fails as a whole.

// maxBreadth is what a request's root fields may cost together.
const maxBreadth = 500

func tooWide(operation *graphql.Operation) bool {
	total := 0
	for _, field := range operation.RootFields() {
		total += breadth(field.Name)
	}
	return total > maxBreadth
}

func breadth(root string) int {
	switch {
	case strings.HasSuffix(root, "Logs"):
		return 13
	case root == "metrics", root == "usage":
		return 12
	case strings.HasPrefix(root, "httpMetrics"), root == "httpDurationMetrics":
		return 5
	default:
		return 1
	}
}
