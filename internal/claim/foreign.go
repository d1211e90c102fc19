// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/view"
)

// clockSkew is how far Railway's clock may be from ours: what was committed right when the environment was taken over is the past.
const clockSkew = time.Minute

// SeeForeign notes commits of an operator in another cluster that were made since the environment was taken over.
func SeeForeign(j *journal.Journal, v *view.View, own view.Writer, since time.Time) {
	if known := j.Claim(); known.UID != "" && known.UID != own.UID { // a restored object
		j.TakeOver(own.UID, v.LastCommit())
	}
	after := since.Add(clockSkew)
	if taken := j.Claim().TakenOver; taken != nil && taken.After(after) {
		after = taken.Time
	}
	if foreign, found := v.ForeignCommit(own, after); found {
		j.SeeOther(foreign.ID, fmt.Sprintf("%s (uid %s…)", foreign.Object, foreign.UID), foreign.At)
	}
}
