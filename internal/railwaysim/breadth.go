// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"cmp"
	"strings"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// How much one request may ask for (railway-api.md, "Rate limits"): root fields have costs, and a request that is too
// wide fails as a whole.

// maxBreadth is what a request's root fields may cost together, unless the seed says otherwise.
const maxBreadth = 500

func (s *Sim) tooWide(operation *graphql.Operation) bool {
	total, environments := 0, 0
	for _, field := range operation.RootFields() {
		total += breadth(field.Name)
		if field.Name == "environment" {
			environments++
		}
	}
	limits := s.options.Seed.Limits
	return total > cmp.Or(limits.Breadth, maxBreadth) ||
		(limits.EnvironmentsPerRequest > 0 && environments > limits.EnvironmentsPerRequest)
}

// breadth is the cost of a root field. That of an environment is not known: this one lets 50 through with their history.
func breadth(root string) int {
	switch {
	case strings.HasSuffix(root, "Logs"):
		return 13
	case root == "metrics", root == "usage":
		return 12
	case root == "environment":
		return 8
	case strings.HasPrefix(root, "httpMetrics"), root == "httpDurationMetrics":
		return 5
	default:
		return 1
	}
}
