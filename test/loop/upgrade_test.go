// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// TestStatusOfAnOlderVersionIsTakenOver: an upgrade from the version that kept its record in status.writtenFields changes nothing on
// Railway, sealed values included, and the verdict stays.
func TestStatusOfAnOlderVersionIsTakenOver(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, nil)
	time.Sleep(500 * time.Millisecond)
	w.stop()
	o := w.get("dev")
	before := o.DeepCopy()
	asOlderVersion(&o.Status)
	require.NoError(t, w.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	requests := w.mark()
	w.stop = w.start(w.settings)
	o = w.until("dev", "taken over", func(o *v1alpha1.EngineEnvironment) bool {
		require.Equal(t, v1alpha1.VerdictGo, o.Status.Verdict, "the upgrade is no news: %v", o.Status.VerdictReasons)
		return o.Status.WorkingRecord != nil
	})
	assert.Empty(t, o.Status.WrittenFields, "the record has one place")
	assert.Equal(t, before.Status.GoSince, o.Status.GoSince)
	w.poke("dev")
	assert.Zero(t, w.count(requests)["CommitPatch"], "nothing is written to Railway")
	assert.Equal(t, 1, w.deployments("dev", "ai-engine"))
}

// asOlderVersion writes the record as the version before workingRecord did.
func asOlderVersion(s *v1alpha1.EngineEnvironmentStatus) {
	for prefix, packed := range s.WorkingRecord.Written {
		for entry := range strings.FieldsSeq(packed) {
			line := strings.TrimRight(entry, "!?~")
			if strings.Contains(entry, "~") {
				line += " (adopted)"
			}
			s.WrittenFields = append(s.WrittenFields, prefix+"."+line)
		}
	}
	s.WorkingRecord = nil
	s.Railway.Since = nil
	for i := range s.Checks {
		s.Checks[i].Fingerprint = ""
	}
}
