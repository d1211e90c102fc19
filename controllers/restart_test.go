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
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// TestAFinalizerThatIsRefusedIsNoError: the cache was behind, and there is nothing to report of an object that is not as it was read.
func TestAFinalizerThatIsRefusedIsNoError(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	l.onWrite = func(string, client.Object) error {
		return apierrors.NewConflict(schema.GroupResource{}, "dev", errors.New("somebody was faster"))
	}
	l.kubernetesWrites()
	assert.Equal(t, ctrl.Result{RequeueAfter: outcome.ConflictDelay}, l.pass("dev"))
	assert.Equal(t, []string{"patch EngineEnvironment"}, l.kubernetesWrites())
	l.onWrite = nil
	l.settled("dev")
}

// behind is a cache whose metadata never changes.
type behind struct{ client.Reader }

func (behind) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	into.SetName(key.Name)
	into.SetResourceVersion("1")
	return nil
}

// TestARefusedTokenIsReadAgain: the Secret may have another one by now, also when the cache does not know of it yet.
func TestARefusedTokenIsReadAgain(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.reader.sources.Metadata = behind{}
	require.NoError(t, l.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "railway"}}))
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "railway"}, Data: map[string][]byte{"RAILWAY_API_TOKEN": []byte("nonsense")}}
	require.NoError(t, l.client.Create(t.Context(), secret))
	require.Equal(t, "1", secret.ResourceVersion, "what the cache goes on to say")
	l.apply("dev", loopDev)
	l.pass("dev")
	require.Equal(t, v1alpha1.ReasonTokenRejected, ready(l.get("dev")).Reason)
	l.secret("railway", map[string]string{"RAILWAY_API_TOKEN": loopToken})
	l.settled("dev")
}

// TestAConflictCostsNothing: an announcement that was not stored was not sent, so nobody waits for it.
func TestAConflictCostsNothing(t *testing.T) {
	t.Parallel()
	for _, patience := range []time.Duration{0, 10 * time.Second} {
		l := newLoop(t)
		l.options.Settle = 45 * time.Second
		l.patience(patience)
		l.apply("dev", loopDev)
		l.settled("dev")
		l.advance(time.Hour)
		l.poll("dev")
		l.pass("dev")
		l.apply("dev", loopDev, "value: dev", "value: two")
		l.pass("dev")
		for range 3 {
			l.advance(time.Second)
			l.poll("dev")
			l.pass("dev")
		}
		l.secret("openai", map[string]string{"api-key": "another-key-of-theirs"})
		edited := false
		l.onWrite = func(verb string, _ client.Object) error {
			if verb == "patch status" && !edited {
				edited = true
				l.apply("dev", loopDev, "value: dev", "value: three")
			}
			return nil
		}
		l.pass("dev")
		l.onWrite = nil
		require.True(t, edited, "while the announcement was written")
		for range 10 {
			_, _ = l.tryPass("dev")
			l.advance(time.Second)
			l.poll("dev")
		}
		assert.Equal(t, "three", l.variable("DB_SCHEMA"), "patience %s", patience)
	}
}

// TestAnUncheckedClaimIsChecked: a process that died between storing its claim and looking for others writes nothing on top of theirs.
func TestAnUncheckedClaimIsChecked(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "environments: [", "environments: [{id: d1, name: dev}, ")
	passing := ""
	l.onList = func(cached bool, list *v1alpha1.EngineEnvironmentList) {
		if !cached {
			return
		}
		own := list.Items[:0:0] // each shard caches its own
		for _, o := range list.Items {
			if o.Name == passing {
				own = append(own, o)
			}
		}
		list.Items = own
	}
	l.apply("a", loopDev, "value: dev", "value: a", "interval: 30s", "interval: 30s\ndeletionPolicy: Delete")
	l.apply("b", loopDev, "value: dev", "value: b")
	both := func(names ...string) {
		for _, name := range names {
			passing = name
			_, _ = l.tryPass(name)
			l.poll(name)
		}
	}
	o := l.get("a")
	before := o.DeepCopy()
	o.Finalizers = []string{v1alpha1.Finalizer}
	require.NoError(t, l.client.Patch(t.Context(), o, client.MergeFrom(before)))
	both("b")
	o = l.get("a")
	before = o.DeepCopy()
	since := metav1.NewMicroTime(l.clock())
	o.Status.Railway = &v1alpha1.RailwayStatus{ProjectID: loopProject, EnvironmentID: "d1", Environment: "dev", Since: &since}
	o.Status.WorkingRecord = &v1alpha1.WorkingRecord{Claim: &v1alpha1.ClaimRecord{Unchecked: true}}
	require.NoError(t, l.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	for range 40 {
		l.advance(time.Second)
		both("a", "b")
		time.Sleep(2 * time.Millisecond)
	}
	assert.Equal(t, v1alpha1.ReasonEnvironmentClaimed, ready(l.get("a")).Reason)
	assert.Equal(t, v1alpha1.VerdictGo, l.get("b").Status.Verdict)
	assert.Equal(t, 1, l.mutations()["CommitPatch"])
}

// TestARestartWhileRateLimitedKeepsTheVerdict, however long it lasts: nothing was learnt.
func TestARestartWhileRateLimitedKeepsTheVerdict(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	since := l.settled("dev").Status.GoSince
	l.crash()
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Operation: "ReadEnvironment", Kind: railwaysim.Fault429, RetryAfter: 1800}))
	l.pass("dev")
	l.poll("dev")
	for range 4 {
		l.advance(10 * time.Minute)
		l.poll("dev")
		assert.Positive(t, l.pass("dev").RequeueAfter)
	}
	assert.Equal(t, v1alpha1.VerdictGo, l.get("dev").Status.Verdict)
	assert.Equal(t, since, l.get("dev").Status.GoSince)
}

// TestFirstReadWhilePollsAreHeld: after a restart with little of the limit left, what routine polls must leave serves the first reads.
func TestFirstReadWhilePollsAreHeld(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "plan: Pro", "plan: Hobby")
	l.apply("dev", loopDev)
	l.settled("dev")
	l.crash()
	before := l.mark()
	l.pass("dev")
	client := l.reader.tokens.LastOf("team/dev")
	require.Zero(t, l.requests(before)["ReadEnvironment"], "left to the polls")
	for client.Budget().Holds(railway.Write) || !client.Budget().Holds(railway.Poll) { // somebody else uses the limit up
		l.advance(200 * time.Millisecond)
		_, err := client.Project(railway.WithPriority(t.Context(), railway.Write), loopProject)
		require.NoError(t, err)
	}
	l.pass("dev")
	assert.Equal(t, 1, l.requests(before)["ReadEnvironment"])
}

// TestARestartOfAStretchedFleetWritesNothing: who follows few yet does not know how long the interval must be.
func TestARestartOfAStretchedFleetWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "plan: Pro", "plan: Hobby")
	endpoint, stop, err := l.sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	start := func() {
		l.options.Railway, err = railway.NewPool(railway.Options{
			MaxBatch: 1, Endpoint: endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 1e6, Burst: 1e6, Now: l.clock,
		})
		require.NoError(t, err)
		l.crash()
	}
	start()
	names := []string{"e0", "e1", "e2", "e3"}
	for _, n := range names {
		l.apply(n, loopDev, "interval: 30s", "interval: 10s", "tokenSecretRef: {name: railway}", "tokenSecretRef: {name: railway}, environment: "+n)
	}
	for _, n := range names {
		l.settled(n)
	}
	for range 12 {
		l.advance(10 * time.Second)
		for _, n := range names {
			l.poll(n)
			l.pass(n)
		}
	}
	for _, n := range names {
		require.NotNil(t, l.get(n).Status.Railway.Interval)
	}
	l.kubernetesWrites()
	start()
	for range 30 {
		for _, n := range names { // the first reads come as objects are followed
			l.pass(n)
			l.poll(n)
			l.pass(n)
		}
		l.advance(10 * time.Second)
	}
	assert.Empty(t, l.kubernetesWrites())
}

// TestAKeptStatusIsNotTakenForAStoredOne: somebody takes the finalizer away while a status waits to be written.
func TestAKeptStatusIsNotTakenForAStoredOne(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.apply("dev", loopDev)
	var due time.Time
	for range 50 {
		_, _ = l.tryPass("dev")
		if at, waits := l.store.Due("team/dev"); waits {
			due = at
			break
		}
		l.advance(time.Second)
		l.poll("dev")
	}
	require.False(t, due.IsZero(), "a status waits")
	o := l.get("dev")
	before := o.DeepCopy()
	o.Finalizers = nil
	require.NoError(t, l.client.Patch(t.Context(), o, client.MergeFrom(before)))
	_, err := l.tryPass("dev")
	require.NoError(t, err)
	have := l.get("dev")
	assert.NotEmpty(t, have.Finalizers)
	if stored, waits := l.store.Due("team/dev"); waits {
		assert.Equal(t, due, stored, "due when it was")
	}
	known := l.store.Stored(have)
	assert.True(t, equality.Semantic.DeepEqual(have.Status, known.Status), "what counts as stored is what the API server has")
}
