// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// noLists is a cache that cannot list.
type noLists struct{ client.Client }

func (noLists) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("the cache is not there")
}

// TestWhatRailwayRefusedIsMaskedWhateverEndsThePass: while a rollback is asked for, what is declared is known late in a pass, and the pass
// may end before.
func TestWhatRailwayRefusedIsMaskedWhateverEndsThePass(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.apply("dev", loopDev, "1.4.2", "1.5.0", "value: dev", "value: next")
	l.settled("dev")
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{
		Operation: "CommitPatch", Kind: railwaysim.FaultApplyError, Message: "Invalid value " + loopSecret + " for it",
	}))
	before := l.mutations()["CommitPatch"]
	l.annotate("dev", v1alpha1.AnnotationRollback, "previous")
	for range 30 {
		if _, _ = l.tryPass("dev"); l.mutations()["CommitPatch"] > before {
			break
		}
		l.advance(time.Second)
	}
	require.Greater(t, l.mutations()["CommitPatch"], before, "the rollback was committed")
	l.chooser.history = cluster.History{Client: noLists{l.client}}
	l.advance(10 * time.Second)
	l.poll("dev")
	_, _ = l.tryPass("dev")
	refused := l.get("dev").Status.WorkingRecord.Refused
	require.NotNil(t, refused, "the pass has learnt of it, and ended early")
	assert.Equal(t, "Invalid value (secret) for it", refused.Message)
}
