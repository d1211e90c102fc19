// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// loopMany declares three services and two domains.
const loopMany = loopDev + `services:
- name: worker
  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
  domains: {railway: true, port: 9000}
- {name: cron, source: {image: "ghcr.io/acme/ai-engine:1.4.2"}}
`

// errDied answers a process that is dead.
var errDied = errors.New("the process is dead")

// death is the step at which a process dies: each write to Kubernetes and each mutation of Railway, before it and after it.
type death struct {
	at, steps atomic.Int32
	dead      atomic.Bool
	// where names the step, cancel ends the pass that takes it.
	where  atomic.Value
	cancel context.CancelFunc
}

// step counts a step, and reports whether the process is dead.
func (d *death) step(what string) bool {
	if !d.dead.Load() && d.steps.Add(1) == d.at.Load() {
		d.where.Store(what)
		d.dead.Store(true)
		d.cancel()
	}
	return d.dead.Load()
}

// mortal makes the loop die at the step.
func (l *loop) mortal(at int) *death {
	d := &death{}
	d.at.Store(int32(at))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onWrite = func(verb string, o client.Object) error {
		if d.step(fmt.Sprintf("before %s %T", verb, o)) {
			return errDied
		}
		return nil
	}
	l.onRequest = func(r railwaysim.Request, phase railwaysim.Phase) {
		if r.Kind == "mutation" {
			d.step(fmt.Sprintf("%d %s", phase, r.Operation))
		}
	}
	return d
}

// immortal ends what mortal and at began.
func (l *loop) immortal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onWrite, l.onRequest = nil, nil
}

// mortalPass is a pass that ends when the process dies.
func (l *loop) mortalPass(d *death, name string) {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	d.cancel = cancel
	_, _ = l.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "team", Name: name}})
}

// dies converges until the process dies, and begins a new one some time later.
func (l *loop) dies(name string, at int, after time.Duration) (where string, died bool) {
	d := l.mortal(at)
	for range 40 {
		l.mortalPass(d, name)
		if o := l.get(name); d.dead.Load() || o.Status.Verdict == v1alpha1.VerdictGo && o.Status.ObservedGeneration == o.Generation {
			break
		}
		l.advance(time.Second)
		l.poll(name)
		time.Sleep(2 * time.Millisecond)
	}
	l.immortal()
	died = d.dead.Load()
	l.advance(after)
	l.crash()
	where, _ = d.where.Load().(string)
	return where, died
}

// lastStep is more than a convergence takes.
const lastStep = 60

// TestDeathAtEveryStep: wherever a process dies, the next one makes nothing twice, ends GO, and its deletion leaves nothing behind.
func TestDeathAtEveryStep(t *testing.T) {
	t.Parallel()
	const spec = "deletionPolicy: Delete\n" + loopMany
	for _, tt := range []struct {
		reason, seed string
		before       bool
		environments int
		commits      int
	}{
		{"everything is new", "", false, 1, 1},
		{"the environment is there", "{id: d1, name: dev}, ", false, 0, 1},
		{"a service runs", "", true, 1, 2},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			for at := 1; at < lastStep; at++ {
				l := newLaggingLoop(t, 4*time.Second, "environments: [", "environments: ["+tt.seed)
				l.patience(time.Minute)
				if tt.before {
					l.apply("dev", loopDev)
					l.settled("dev")
				}
				l.apply("dev", spec)
				where, died := l.dies("dev", at, []time.Duration{0, 12 * time.Second}[at%2])
				if !died {
					require.Greater(t, at, 10)
					return
				}
				l.settled("dev")
				made := l.mutations()
				assert.Equal(t, tt.environments, made["CreateEnvironment"], "%d %s", at, where)
				assert.Equal(t, 3, made["CreateService"], "%d %s", at, where)
				assert.Equal(t, 2, made["CreateRailwayDomain"], "%d %s", at, where)
				assert.Equal(t, tt.commits, made["CommitPatch"], "%d %s", at, where)
				assert.Len(t, l.deploymentsIn("dev"), 3, "%d %s", at, where)
				l.leavesNothing("dev", tt.environments == 1)
			}
		})
	}
}

// leavesNothing deletes the object, and holds that its environment goes with it when it was made for it.
func (l *loop) leavesNothing(name string, made bool) {
	l.t.Helper()
	require.NoError(l.t, l.client.Delete(l.t.Context(), l.get(name)))
	l.gone(name)
	if made {
		assert.NotContains(l.t, l.sim.State()["ai-engine"], name)
	}
}

// at calls act once, at the step, and reports whether it was reached.
func (l *loop) at(step int, act func()) (reached *atomic.Bool) {
	var steps atomic.Int32
	reached = &atomic.Bool{}
	count := func() {
		if int(steps.Add(1)) == step {
			act()
			reached.Store(true)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onWrite = func(string, client.Object) error { count(); return nil }
	l.onRequest = func(r railwaysim.Request, _ railwaysim.Phase) {
		if r.Kind == "mutation" {
			count()
		}
	}
	return reached
}

// TestSomebodyActsAtEveryStep: whatever is done to the object in the middle of a first convergence, nothing is made twice, what was asked
// for comes, and deletion removes what was made.
func TestSomebodyActsAtEveryStep(t *testing.T) {
	t.Parallel()
	const spec = "deletionPolicy: Delete\n" + loopMany
	for _, tt := range []struct {
		reason  string
		act     func(*loop)
		commits int
	}{
		{"another value", func(l *loop) { l.apply("dev", spec, "value: dev", "value: next") }, 2},
		{"suspended", func(l *loop) { l.apply("dev", "suspend: true\n"+spec) }, 1},
		{"observed", func(l *loop) { l.apply("dev", "writePolicy: Observe\n"+spec) }, 1},
		{"another token", func(l *loop) { l.secret("railway", map[string]string{"RAILWAY_API_TOKEN": "nonsense"}) }, 1},
		{"asked for a pass", func(l *loop) { l.annotate("dev", v1alpha1.AnnotationRequestedAt, "now") }, 1},
		{"slow", func(l *loop) { l.advance(journal.Foresight + time.Second) }, 2},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			for at := 2; at < lastStep; at += 2 {
				l := newLaggingLoop(t, 4*time.Second)
				l.patience(time.Minute)
				l.apply("dev", spec)
				reached := l.at(at, func() { tt.act(l) })
				l.rest("dev", 2)
				if !reached.Load() {
					require.Greater(t, at, 10)
					return
				}
				l.immortal()
				if tt.reason == "suspended" || tt.reason == "observed" {
					l.apply("dev", spec)
				}
				l.secret("railway", map[string]string{"RAILWAY_API_TOKEN": loopToken})
				o := l.settled("dev")
				assert.Equal(t, o.Annotations[v1alpha1.AnnotationRequestedAt], o.Status.LastHandledReconcileAt)
				made := l.mutations()
				assert.LessOrEqual(t, made["CommitPatch"], tt.commits, at)
				delete(made, "CommitPatch")
				assert.Equal(t, map[string]int{"CreateEnvironment": 1, "CreateService": 3, "CreateRailwayDomain": 2}, made, at)
				l.leavesNothing("dev", true)
			}
		})
	}
}

// TestDeletionAtEveryStep: an object that is deleted in the middle leaves nothing behind, whether its process lives on or dies.
func TestDeletionAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprintf("dies %t", dies), func(t *testing.T) {
			t.Parallel()
			for at := 2; at < lastStep; at++ {
				l := newLaggingLoop(t, 4*time.Second)
				l.patience(time.Minute)
				l.apply("dev", "deletionPolicy: Delete\n"+loopMany)
				if dies {
					if _, died := l.dies("dev", at, 0); !died {
						return
					}
					l.leavesNothing("dev", true)
					continue
				}
				reached := l.at(at, func() { assert.NoError(t, l.client.Delete(t.Context(), l.get("dev"))) })
				l.pass("dev")
				l.immortal()
				if !reached.Load() {
					require.Greater(t, at, 10)
					return
				}
				l.gone("dev")
				assert.NotContains(t, l.sim.State()["ai-engine"], "dev", at)
			}
		})
	}
}

// TestResentIsAnnouncedAnew: after a crash reads are trusted once they are newer than the announcement by as much as they may lag, so what
// Railway refused for a moment is announced once more before it is sent once more.
func TestResentIsAnnouncedAnew(t *testing.T) {
	t.Parallel()
	for operation, kind := range map[string]v1alpha1.WriteKind{
		"CreateService": v1alpha1.WriteService, "CreateRailwayDomain": v1alpha1.WriteDomain, "CommitPatch": v1alpha1.WriteCommit,
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.apply("dev", loopDev)
			require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: operation, Kind: railwaysim.Fault429, Ordinal: 1}))
			var sent int
			l.mu.Lock()
			l.onRequest = func(r railwaysim.Request, phase railwaysim.Phase) {
				if r.Operation != operation || phase != railwaysim.PhaseBefore {
					return
				}
				switch sent++; sent {
				case 1:
					time.AfterFunc(500*time.Millisecond, func() { l.advance(20 * time.Second) })
				case 2:
					record := l.get("dev").Status.WorkingRecord
					assert.Equal(t, kind, record.Pending.Kind)
					assert.Equal(t, l.clock().UTC().Truncate(time.Second), record.Pending.StartedAt.UTC())
				}
			}
			l.mu.Unlock()
			l.settled("dev")
			assert.Equal(t, 2, sent)
		})
	}
}
