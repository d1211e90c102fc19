// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objects holds how statuses, finalizers and events are written, against a real API server.
package objects

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/controlplane"
)

var config *rest.Config

func TestMain(m *testing.M) { os.Exit(controlplane.ForTests(m, &config)) }

func kube(t *testing.T) (client.Client, string) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	c, err := client.New(controlplane.Need(t, config), client.Options{Scheme: scheme})
	require.NoError(t, err)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "objects-"}}
	require.NoError(t, c.Create(t.Context(), namespace))
	return c, namespace.Name
}

func made(t *testing.T, c client.Client, namespace, name string, finalizers ...string) *v1alpha1.EngineEnvironment {
	t.Helper()
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: finalizers}}
	require.NoError(t, yaml.UnmarshalStrict([]byte("tier: Local\nengine: {name: ai-engine}\n"), &object.Spec))
	require.NoError(t, c.Create(t.Context(), object))
	return object
}

func onServer(t *testing.T, c client.Client, o client.Object) *v1alpha1.EngineEnvironment {
	t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(o), object))
	return object
}

func full() v1alpha1.EngineEnvironmentStatus {
	at := metav1.NewTime(time.Date(2026, 5, 1, 12, 0, 0, 700_000_000, time.UTC))
	return v1alpha1.EngineEnvironmentStatus{
		ObservedGeneration: 1,
		Conditions: []metav1.Condition{{
			Type: "Ready", Status: "False", Reason: "Applying", LastTransitionTime: at, ObservedGeneration: 1,
			Message: "\"quotes\" \\ back <b>&amp; \u2028\u2029 ~1 ~0 %s %!d(MISSING) \t 日本 \U0001F600 \x7f",
		}},
		WorkingRecord: &v1alpha1.WorkingRecord{
			Pending: &v1alpha1.PendingWrite{Kind: v1alpha1.WriteCommit, Name: "eo-1", StartedAt: at, Fields: []string{"a.variables.A=1"}},
			Refused: &v1alpha1.RefusedCommit{ID: "eo-0", Message: "no", Time: at, Attempts: 3, Fields: []string{"a=1"}},
		},
	}
}

func same(t *testing.T, c client.Client, have *v1alpha1.EngineEnvironment) {
	t.Helper()
	want := onServer(t, c, have)
	a, b := want.DeepCopy(), have.DeepCopy()
	a.ManagedFields, b.ManagedFields = nil, nil
	x, err := json.MarshalIndent(a, "", " ")
	require.NoError(t, err)
	y, err := json.MarshalIndent(b, "", " ")
	require.NoError(t, err)
	assert.Equal(t, string(x), string(y), "the copy is as the server has it")
}

func TestTheVersionIsALock(t *testing.T) {
	c, namespace := kube(t)
	o := cluster.NewObjects(c, c, nil)
	old := onServer(t, c, made(t, c, namespace, "dev"))
	newer := old.DeepCopy()
	newer.Spec.Suspend = true
	require.NoError(t, c.Patch(t.Context(), newer, client.MergeFrom(old)))
	start := time.Now()
	_, err := o.WriteStatus(t.Context(), old, full())
	require.Error(t, err)
	assert.True(t, apierrors.IsConflict(err), "status: %v", err)
	_, err = o.AddFinalizer(t.Context(), old)
	require.Error(t, err)
	assert.True(t, apierrors.IsConflict(err), "finalizers: %v", err)
	_, err = o.RemoveFinalizer(t.Context(), old) // changes nothing, and yet
	assert.True(t, apierrors.IsConflict(err), "no-op: %v", err)
	t.Log("three conflicts took", time.Since(start))
	assert.Empty(t, onServer(t, c, old).Status.Conditions)
	assert.Empty(t, onServer(t, c, old).Finalizers)
}

func TestTheCopyIsAsTheServerHasIt(t *testing.T) {
	c, namespace := kube(t)
	o := cluster.NewObjects(c, c, nil)
	object := onServer(t, c, made(t, c, namespace, "dev", "example.com/other"))
	object, err := o.AddFinalizer(t.Context(), object)
	require.NoError(t, err)
	same(t, c, object)
	object, err = o.WriteStatus(t.Context(), object, full())
	require.NoError(t, err)
	same(t, c, object)
	before := object.ResourceVersion
	object, err = o.WriteStatus(t.Context(), object, object.Status)
	require.NoError(t, err)
	assert.Equal(t, before, object.ResourceVersion)
	object, err = o.WriteStatus(t.Context(), object, v1alpha1.EngineEnvironmentStatus{})
	require.NoError(t, err)
	same(t, c, object)
	require.NoError(t, c.Delete(t.Context(), object))
	object = onServer(t, c, object)
	object, err = o.WriteStatus(t.Context(), object, full())
	require.NoError(t, err, "an object that is being deleted")
	same(t, c, object)
	object, err = o.RemoveFinalizer(t.Context(), object)
	require.NoError(t, err)
	same(t, c, object)
	assert.Equal(t, []string{"example.com/other"}, object.Finalizers)
}

func TestAnObjectMadeAgain(t *testing.T) {
	c, namespace := kube(t)
	o := cluster.NewObjects(c, c, nil)
	old := onServer(t, c, made(t, c, namespace, "dev"))
	require.NoError(t, c.Delete(t.Context(), old))
	_, err := o.WriteStatus(t.Context(), old, full())
	assert.True(t, apierrors.IsNotFound(err), "%v", err)
	made(t, c, namespace, "dev")
	_, err = o.WriteStatus(t.Context(), old, full())
	assert.True(t, apierrors.IsConflict(err), "%v", err)
}

func TestLastFinalizer(t *testing.T) {
	c, namespace := kube(t)
	o := cluster.NewObjects(c, c, nil)
	object := onServer(t, c, made(t, c, namespace, "dev", v1alpha1.Finalizer))
	require.NoError(t, c.Delete(t.Context(), object))
	object = onServer(t, c, object)
	_, err := o.RemoveFinalizer(t.Context(), object)
	require.NoError(t, err)
	err = c.Get(t.Context(), client.ObjectKeyFromObject(object), object)
	assert.True(t, apierrors.IsNotFound(err))
}

// TestHugeStatus: how the server refuses it, and that the error is not taken for another.
func TestHugeStatus(t *testing.T) {
	c, namespace := kube(t)
	o := cluster.NewObjects(c, c, nil)
	object := onServer(t, c, made(t, c, namespace, "dev"))
	next := full()
	for range 2000 {
		next.WorkingRecord.Refused.Fields = append(next.WorkingRecord.Refused.Fields, strings.Repeat("x", 1000))
	}
	_, err := o.WriteStatus(t.Context(), object, next)
	require.Error(t, err)
	assert.False(t, apierrors.IsConflict(err), "%.300v", err)
}

// TestAKeptStatusWaitsOn: "A status that waits to be written goes on to wait" (AddFinalizer).
func TestAKeptStatusWaitsOn(t *testing.T) {
	c, namespace := kube(t)
	o := cluster.NewObjects(c, c, nil)
	object := onServer(t, c, made(t, c, namespace, "dev"))
	now := time.Now()
	object, _, ok := o.Keep(object, full(), now, now.Add(time.Minute))
	require.True(t, ok)
	next := *object.Status.DeepCopy()
	object, err := o.AddFinalizer(t.Context(), object)
	require.NoError(t, err)
	_, waits := o.Due(client.ObjectKeyFromObject(object).String())
	assert.True(t, waits, "the status waits on")
	_, err = o.WriteStatus(t.Context(), object, next)
	require.NoError(t, err)
	assert.NotEmpty(t, onServer(t, c, object).Status.Conditions, "it is written when it is due")
}

// TestALongNote: the API server refuses an event whose note is longer than what the operator cuts it to.
func TestALongNote(t *testing.T) {
	c, namespace := kube(t)
	object := made(t, c, namespace, "dev")
	note := func(n int) error {
		return c.Create(context.Background(), &eventsv1.Event{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "dev-", Namespace: namespace}, EventTime: metav1.NowMicro(),
			ReportingController: "engine-operator", ReportingInstance: "engine-operator-1", Action: "Create", Reason: "Created",
			Regarding: corev1.ObjectReference{Kind: "EngineEnvironment", Namespace: namespace, Name: object.Name}, Type: "Normal",
			Note: strings.Repeat("n", n),
		})
	}
	require.NoError(t, note(1024))
	assert.True(t, apierrors.IsInvalid(note(1025)))
}
