// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// secretMark is part of every secret value in these tests, so that a leak is found wherever it goes.
const secretMark = "s3cr3t"

// checkStatus holds the invariants that a status keeps at every moment, as kstatus reads it.
func checkStatus(t *testing.T, o *v1alpha1.EngineEnvironment) {
	t.Helper()
	is := func(kind string) bool { return meta.IsStatusConditionTrue(o.Status.Conditions, kind) }
	require.LessOrEqual(t, o.Status.ObservedGeneration, o.Generation)
	require.False(t, is(v1alpha1.ConditionReady) && is(v1alpha1.ConditionStalled), "Ready and Stalled")
	require.False(t, is(v1alpha1.ConditionReady) && is(v1alpha1.ConditionReconciling), "Ready and Reconciling")
	require.False(t, is(v1alpha1.ConditionStalled) && is(v1alpha1.ConditionReconciling), "Stalled and Reconciling")
	if o.Status.ObservedGeneration > 0 {
		require.NotNil(t, meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady), "Ready is always there")
	}
	for _, c := range o.Status.Conditions {
		require.LessOrEqual(t, c.ObservedGeneration, o.Status.ObservedGeneration, c.Type)
		require.LessOrEqual(t, len(c.Message), 1024, c.Type)
		require.NotEmpty(t, c.Message, c.Type)
		if c.Type == v1alpha1.ConditionStalled || c.Type == v1alpha1.ConditionReconciling {
			require.Equal(t, metav1.ConditionTrue, c.Status, "%s is only there while it is True", c.Type)
		}
	}
	if o.Status.Verdict != "" {
		require.Equal(t, o.Status.Verdict != v1alpha1.VerdictGo, len(o.Status.VerdictReasons) > 0, "NO-GO and PENDING say why")
	}
	if o.Status.Verdict == v1alpha1.VerdictGo {
		require.True(t, is(v1alpha1.ConditionReady), "GO means Ready")
		for _, c := range o.Status.Checks {
			require.Contains(t, []v1alpha1.CheckResult{v1alpha1.CheckPassed, v1alpha1.CheckSkipped}, c.Result, c.Name)
		}
	}
	raw, err := json.Marshal(o.Status)
	require.NoError(t, err)
	require.NotContains(t, string(raw), secretMark, "the status shows no secret")
	checkKstatus(t, o)
}

func checkKstatus(t *testing.T, o *v1alpha1.EngineEnvironment) {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	require.NoError(t, err)
	result, err := status.Compute(&unstructured.Unstructured{Object: fields})
	require.NoError(t, err)
	if result.Status == status.CurrentStatus {
		require.True(t, isReady(o), "kstatus says Current, so the newest generation must be Ready")
	}
	if isReady(o) && o.DeletionTimestamp.IsZero() {
		require.Equal(t, status.CurrentStatus, result.Status, result.Message)
	}
}

// checkInvariants holds what must be true at the end of every test.
func (w *world) checkInvariants() {
	var list v1alpha1.EngineEnvironmentList
	require.NoError(w.t, w.client.List(context.Background(), &list, client.InNamespace(w.namespace)))
	for i := range list.Items {
		checkStatus(w.t, &list.Items[i])
	}
	var events eventsv1.EventList
	require.NoError(w.t, w.client.List(context.Background(), &events, client.InNamespace(w.namespace)))
	for _, event := range events.Items {
		assert.NotContains(w.t, event.Note, secretMark, "events show no secret")
	}
	requests, err := json.Marshal(w.sim.Requests())
	require.NoError(w.t, err)
	assert.NotContains(w.t, string(requests), secretMark, "the request log shows no secret")
	for _, r := range w.sim.Requests() {
		assert.Equal(w.t, "engine-operator", r.Source)
	}
}

// writeCounter counts what the operator writes to Kubernetes, without events and leases.
type writeCounter struct{ n atomic.Int64 }

func (c *writeCounter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") && !strings.Contains(r.URL.Path, "/leases") {
			c.n.Add(1)
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
