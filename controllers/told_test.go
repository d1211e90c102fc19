// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// TestWhatWasDecidedIsToldOnce: what is told is stored by then, also in the middle of a rollout, when the status may wait. Another process
// would decide it again.
func TestWhatWasDecidedIsToldOnce(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.patience(time.Minute)
	l.apply("dev", loopDev)
	l.pass("dev")
	_, waits := l.store.Due("team/dev")
	require.True(t, waits)
	l.annotate("dev", v1alpha1.AnnotationRollback, "9.9.9")
	l.advance(time.Second)
	l.pass("dev")
	assert.Len(t, l.toldOf("RollbackRefused"), 1)
	l.crash()
	l.settled("dev")
	assert.Empty(t, l.toldOf("RollbackRefused"))
}

// TestWhatStaysIsToldOnceTheObjectIsGone: a deletion policy that was edited meanwhile decides anew, and a finalizer that could not be taken
// off is tried again.
func TestWhatStaysIsToldOnceTheObjectIsGone(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*loop){
		"edited": func(l *loop) { l.apply("dev", "deletionPolicy: Delete\n"+loopDev) },
		"failed": func(*loop) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", "deletionPolicy: Retain\n"+loopDev)
			l.settled("dev")
			require.NoError(t, l.client.Delete(t.Context(), l.get("dev")))
			failed := false
			l.onWrite = func(verb string, _ client.Object) error {
				if verb != "patch" || failed {
					return nil
				}
				failed = true
				meanwhile(l)
				return errors.New("no answer")
			}
			l.gone("dev")
			told := l.toldOf("Retained", "Deleted")
			require.Len(t, told, 1)
			_, stays := l.sim.State()["ai-engine"]["dev"]
			assert.Equal(t, stays, told[0] == "Normal Retained deletionPolicy is Retain: everything stays on Railway", told[0])
		})
	}
}
