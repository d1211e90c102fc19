// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

// TestWhatARollbackNames: a tag goes before a number, and of one tag what was verified last.
func TestWhatARollbackNames(t *testing.T) {
	numbered := []promotion.Stored{
		kept("r/app:2@"+digest(2), 3), kept("r/app:1@"+digest(1), 2), kept("r/app:stable@"+digest(5), 4), kept("r/app:stable@"+digest(6), 5),
	}
	for _, tt := range []struct{ asked, to, reason string }{
		{"2", numbered[0].Name, "a tag that looks like a number"},
		{"1", numbered[1].Name, "another one"},
		{"3", numbered[0].Name, "a number that is no tag"},
		{"stable", numbered[3].Name, "what was verified last under it"},
		{"4", numbered[2].Name, "its number tells it apart"},
		{numbered[2].Name, numbered[2].Name, "so does its name"},
		{"previous", numbered[3].Name, "what was verified last"},
		{"9", "", "nothing is called so"},
	} {
		for _, reversed := range []bool{false, true} {
			all := append([]promotion.Stored(nil), numbered...)
			if reversed {
				all = []promotion.Stored{numbered[3], numbered[2], numbered[1], numbered[0]}
			}
			d := promotion.Decide(promotion.Input{
				Namespace: "team", Name: "dev", Spec: promotion.WithSource(devSpec(), source("r/app:7")), Now: epoch, Stored: all,
				Annotations: map[string]string{v1alpha1.AnnotationRollback: tt.asked},
			})
			if tt.to == "" {
				assert.Equal(t, "there is no such verified revision that differs from what is declared; there is 5 (stable), 4 (stable), 3 (2), 2 (1) "+
					`(asked for: "9")`, d.Refused, tt.reason)
				continue
			}
			require.NotNil(t, d.Rollback, tt.reason)
			assert.Equal(t, tt.to, d.Rollback.RevisionName, "%s: %s", tt.asked, tt.reason)
		}
	}
}

// TestARollbackNamesWhatItReplaces: right after a promotion the revision before it still runs, and it is not what is replaced.
func TestARollbackNamesWhatItReplaces(t *testing.T) {
	old, declared := kept("r/app:1.4.2@"+digest(1), 1), source("r/app:1.5.0")
	in := promotion.Input{
		Namespace: "team", Name: "dev", Spec: promotion.WithSource(devSpec(), declared), Now: epoch, Stored: []promotion.Stored{old},
		Annotations: map[string]string{v1alpha1.AnnotationRollback: "previous"}, Runs: promotion.Running{Image: "r/app:1.4.2", Digest: digest(1)},
	}
	d := promotion.Decide(in)
	require.NotNil(t, d.Rollback)
	assert.Equal(t, "1.4.2 to 1.5.0", d.Rollback.To+" to "+d.Rollback.From)
	assert.Contains(t, promotion.HeldMessage(in, d), "1.4.2 runs in place of 1.5.0: ")

	d.Rollback.From = "1.4.2" // other settings or variables
	assert.Contains(t, promotion.HeldMessage(in, d), "1.4.2 runs as it was verified before, not as declared now: ")
	assert.Contains(t, promotion.HeldMessage(in, d), " (a person asked for it)")
	assert.Equal(t, "1.4.2 to how it was verified before", promotion.FromTo(d.Rollback))
	d.Rollback.Requested = false
	assert.Contains(t, promotion.HeldMessage(in, d), "1.4.2 failed as declared now, what was verified before runs instead: ")
}
