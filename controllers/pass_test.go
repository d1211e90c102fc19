// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func TestFirstConvergence(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	o := l.settled("dev")
	assert.Equal(t, "1.4.2", o.Status.Engine.Revision)
	assert.Equal(t, map[string]int{"CreateEnvironment": 1, "CreateService": 1, "CreateRailwayDomain": 1, "CommitPatch": 1}, l.mutations())
	variables, err := l.sim.Variables(railwaysim.Place{Environment: "dev", Service: "ai-engine"})
	require.NoError(t, err)
	assert.Equal(t, "dev", variables["DB_SCHEMA"])
	assert.Len(t, l.sim.Deployments(), 1)
}

// TestLevels: what went wrong with an engine is a warning in the log, whatever else happens is none.
func TestLevels(t *testing.T) {
	core, logged := observer.New(zapcore.DebugLevel)
	recorder := events.NewFakeRecorder(9)
	p := &pass{object: &v1alpha1.EngineEnvironment{}, tell: teller{events: recorder, log: zapr.NewLogger(zap.New(core)).WithValues("name", "dev")}}
	p.event(normal, "Committed", "Commit", "Committed to Railway: 1")
	before := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSucceeded}
	p.object.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonCrashed, Message: "ai-engine crashed",
	}}
	p.tellTransition(before)
	entries := logged.AllUntimed()
	require.Len(t, entries, 2)
	assert.Equal(t, zapcore.InfoLevel, entries[0].Level)
	assert.Equal(t, zapcore.WarnLevel, entries[1].Level, "a crash is no info")
	assert.Equal(t, "ai-engine crashed", entries[1].Message)
	assert.Equal(t, map[string]any{"name": "dev", "reason": v1alpha1.ReasonCrashed}, entries[1].ContextMap())
}

// mutations counts what Railway applied.
func (l *loop) mutations() map[string]int {
	counts := map[string]int{}
	for _, r := range l.sim.Requests() {
		if r.Kind == "mutation" && r.Applied {
			counts[r.Operation]++
		}
	}
	return counts
}

// TestASettledPassCostsNothing holds that nothing is asked and nothing is written while nothing changes.
func TestASettledPassCostsNothing(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.pass("dev")
	l.kubernetesWrites()
	before := l.mark()
	for range 3 {
		assert.Zero(t, l.pass("dev").RequeueAfter, "the watch wakes it")
		l.advance(time.Second)
	}
	assert.Empty(t, l.requests(before))
	assert.Empty(t, l.kubernetesWrites())
}

// TestEveryWriteIsAnnounced holds that the status names what is sent before it is sent, and that Ready does not hold meanwhile.
func TestEveryWriteIsAnnounced(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	known := l.mark()
	for range 40 {
		_, _ = l.tryPass("dev")
		for _, r := range l.sim.Requests()[known:] {
			if r.Kind == "mutation" {
				record := l.get("dev").Status.WorkingRecord
				require.NotNil(t, record, r.Operation)
				assert.NotEqual(t, "True", string(ready(l.get("dev")).Status))
			}
		}
		known = l.mark()
		l.advance(time.Second)
		l.poll("dev")
	}
	// A store that refuses the announcement keeps the write from being sent.
	l.apply("dev", loopDev, "value: dev", "value: next")
	before := l.mark()
	l.onWrite = func(verb string, _ client.Object) error {
		if verb == "patch status" {
			return apierrors.NewConflict(schema.GroupResource{}, "dev", errors.New("somebody was faster"))
		}
		return nil
	}
	_, _ = l.tryPass("dev")
	assert.Zero(t, l.requests(before)["CommitPatch"], "nothing is sent that is not stored")
	l.onWrite = nil
	l.settled("dev")
	assert.Equal(t, 1, l.requests(before)["CommitPatch"])
}

func TestResults(t *testing.T) {
	broken := errors.New("broken")
	conflict := apierrors.NewConflict(schema.GroupResource{}, "dev", broken)
	missing := apierrors.NewNotFound(schema.GroupResource{}, "dev")
	for _, tt := range []struct {
		reason string
		err    error
		want   ctrl.Result
		fails  bool
	}{
		{"the next pass sees the newer object", conflict, ctrl.Result{RequeueAfter: outcome.ConflictDelay}, false},
		{"the object is gone, and so is the work", missing, ctrl.Result{}, false},
		{"the queue backs off", broken, ctrl.Result{}, true},
	} {
		result, err := outcome.ResultOfStore(tt.err)
		assert.Equal(t, tt.want, result, tt.reason)
		assert.Equal(t, tt.fails, err != nil, tt.reason)
	}
	result, err := (&outcome.Outcome{Err: broken}).Result()
	assert.Error(t, err, "the queue backs off by itself")
	assert.Zero(t, result)
	result, err = (&outcome.Outcome{Err: broken, After: time.Minute}).Result()
	require.NoError(t, err, "who knows when to try again needs no back-off")
	assert.Equal(t, time.Minute, result.RequeueAfter)
}

func TestObjectsThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	assert.Zero(t, l.pass("nothing"))
	l.apply("dev", loopDev)
	l.settled("dev")
	object := l.get("dev")
	object.Finalizers = nil // a person took it off
	require.NoError(t, l.client.Update(t.Context(), object))
	require.NoError(t, l.client.Delete(t.Context(), object))
	assert.Zero(t, l.pass("dev"))
	_, known := l.watch.Latest("team/dev")
	assert.False(t, known, "nothing is followed any more")
	assert.Nil(t, l.reader.tokens.LastOf("team/dev"))
}

func TestSuspended(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.settled("dev")
	l.apply("dev", "suspend: true\n"+loopDev)
	before := l.mark()
	assert.Zero(t, l.pass("dev").RequeueAfter, "until a person resumes")
	o := l.get("dev")
	assert.Equal(t, v1alpha1.ReasonSuspended, ready(o).Reason)
	assert.Equal(t, v1alpha1.VerdictPending, o.Status.Verdict)
	assert.Empty(t, l.requests(before), "nothing is read or written")
	l.apply("dev", loopDev)
	l.settled("dev")
	assert.Zero(t, l.requests(before)["CommitPatch"])
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, reason, says string
		secret             map[string]string
	}{
		{"no key", v1alpha1.ReasonKeyNotFound, "RAILWAY_TOKEN (project token): set one of them; there is TOKEN", map[string]string{"TOKEN": loopToken}},
		{"empty", v1alpha1.ReasonKeyNotFound, "no value", map[string]string{"RAILWAY_API_TOKEN": " \n"}},
		{"two lines", v1alpha1.ReasonTokenRejected, "a line break in it", map[string]string{"RAILWAY_API_TOKEN": "one\ntwo"}},
		{"unknown to Railway", v1alpha1.ReasonTokenRejected, `(a project token goes under RAILWAY_TOKEN instead)`, map[string]string{"RAILWAY_API_TOKEN": "nonsense"}},
		{"of another environment", v1alpha1.ReasonTokenScope, `is for environment "production"`, map[string]string{"RAILWAY_TOKEN": loopProjToken}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			l.secret("railway", tt.secret)
			l.apply("dev", loopDev)
			_, _ = l.tryPass("dev")
			o := l.get("dev")
			assert.Equal(t, tt.reason, ready(o).Reason)
			assert.Contains(t, ready(o).Message, tt.says)
			assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
			assert.Empty(t, l.mutations())
			l.secret("railway", map[string]string{"RAILWAY_API_TOKEN": loopToken})
			l.settled("dev")
		})
	}
	t.Run("no Secret", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		l.apply("dev", loopDev, "name: railway}", "name: nope}")
		l.pass("dev")
		assert.Equal(t, v1alpha1.ReasonSecretNotFound, ready(l.get("dev")).Reason)
	})
	t.Run("no Secret at first, of a tier whose environment another one holds", func(t *testing.T) {
		t.Parallel()
		l := newLoop(t)
		l.apply("dev", loopDev)
		l.settled("dev")
		l.apply("twin", loopDev, "railway: {", "railway: {environment: dev, ", "name: railway}", "name: later}")
		l.pass("twin")
		credentials := func() metav1.Condition {
			return *meta.FindStatusCondition(l.get("twin").Status.Conditions, v1alpha1.ConditionCredentialsValid)
		}
		require.Equal(t, v1alpha1.ReasonSecretNotFound, credentials().Reason)
		l.secret("later", map[string]string{"RAILWAY_API_TOKEN": loopToken})
		l.pass("twin")
		require.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get("twin")).Reason)
		assert.Equal(t, metav1.ConditionUnknown, credentials().Status, "Railway was not asked with it: %s", credentials().Message)
	})
}

func TestLocalTier(t *testing.T) {
	t.Parallel()
	const spec = "tier: Local\nengine: {name: ai-engine, variables: [{name: KEY, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}]}\n"
	l := newLoop(t)
	l.secret("local-env", map[string]string{"MINE": "keep"})
	l.apply("local", spec)
	l.pass("local")
	assert.Equal(t, v1alpha1.ReasonNameTaken, ready(l.get("local")).Reason, "a Secret of somebody else stays")

	secret := &corev1.Secret{}
	at := types.NamespacedName{Namespace: "team", Name: "local-env"}
	require.NoError(t, l.client.Get(t.Context(), at, secret))
	require.NoError(t, l.client.Delete(t.Context(), secret))
	l.pass("local")
	assert.Equal(t, v1alpha1.VerdictGo, l.get("local").Status.Verdict)
	require.NoError(t, l.client.Get(t.Context(), at, secret))
	assert.Equal(t, loopSecret, string(secret.Data["KEY"]))
	l.kubernetesWrites()
	l.pass("local")
	assert.Empty(t, l.kubernetesWrites(), "nothing changed")
	assert.Empty(t, l.sim.Requests(), "the Local tier never calls Railway")

	l.apply("round", spec, "name: openai, key: api-key", "name: local-env, key: KEY")
	l.pass("round")
	assert.Equal(t, v1alpha1.ReasonInvalidVariable, ready(l.get("round")).Reason, "values must not go round in a circle")
}

// TestResumeOfWhatWasRejected: the rollback is over, since something newer was promoted; what failed may be promoted again.
func TestResumeOfWhatWasRejected(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	object := &v1alpha1.EngineEnvironment{}
	object.Status.Promotion = &v1alpha1.PromotionStatus{Rejected: []string{"app:1", "app:2"}, Resume: "1"}
	p := &pass{object: object, tell: teller{events: l.events, log: logr.Discard()}}
	p.tellResumed(promotion.Decision{Promotion: &v1alpha1.PromotionStatus{Rejected: []string{"app:1", "app:2"}, Resume: "1"}})
	p.tellDecided()
	assert.Empty(t, l.toldOf("Resumed"))
	resumed := &v1alpha1.PromotionStatus{Resume: "2"}
	p.tellResumed(promotion.Decision{Promotion: resumed, Resumed: "a person resumed it"})
	p.tellDecided()
	assert.Empty(t, l.toldOf("Resumed"), "the end of the rollback tells it")
	p.tellResumed(promotion.Decision{Promotion: resumed})
	assert.Empty(t, l.toldOf("Resumed"), "nothing is told before it is stored")
	p.tellDecided()
	assert.Equal(t, []string{"Normal Resumed A person resumed it: 2 sources that failed here may be promoted again"}, l.toldOf("Resumed"))
	object.Status.Promotion = resumed
	p.tellResumed(promotion.Decision{Promotion: resumed})
	p.tellDecided()
	assert.Empty(t, l.toldOf("Resumed"))
}

// TestManyCreations: the API server refuses an event whose note is longer, and what was created would be told to nobody.
func TestManyCreations(t *testing.T) {
	t.Parallel()
	recorder := events.NewFakeRecorder(10)
	p := &pass{object: &v1alpha1.EngineEnvironment{}, tell: teller{events: recorder, log: logr.Discard()}}
	for i := range 40 {
		p.made("the domain https://service-%d-%s.up.railway.app of the service %q", i, strings.Repeat("x", 30), "service")
	}
	p.event(normal, "Committed", "Commit", "Committed to Railway: 100%%")
	p.tellCreated()
	require.Len(t, recorder.Events, 2)
	created := strings.TrimPrefix(<-recorder.Events, "Normal Created ")
	assert.True(t, strings.HasPrefix(created, "Created on Railway: the domain https://service-0-"))
	assert.Len(t, created, eventAtMost)
	assert.Equal(t, "Normal Committed Committed to Railway: 100%", <-recorder.Events, "what was created comes first")
}

// TestPriority: the queue keeps the priority of a pass for the next one, unless the pass names it. Objects that were woken once and are
// tried again, as all are while Railway does not answer, would stay in front of every edit.
func TestPriority(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	result, err := l.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "team", Name: "dev"}})
	require.NoError(t, err)
	require.NotNil(t, result.Priority)
	assert.Zero(t, *result.Priority)
}
