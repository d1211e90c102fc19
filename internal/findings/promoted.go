// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package findings

import (
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Promoted is the finding about what the tier before this one has verified, by a decision that has a reason.
func Promoted(d promotion.Decision) status.Finding {
	if d.UpToDate {
		return status.Passed(d.Told())
	}
	return status.Failed(d.Reason, d.Told())
}
