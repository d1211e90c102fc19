// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// Answer sorts the error of a write by whether it may have been applied. Only what Railway refused for a known reason was not.
func Answer(err error) journal.Answer {
	switch railway.ClassOf(err) {
	case railway.None:
		return journal.Accepted
	case railway.Ambiguous, railway.Internal:
		return journal.Unknown
	default:
		return journal.Refused
	}
}
