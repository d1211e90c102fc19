// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// versioned answers every Get with an object of that version, and counts.
type versioned struct {
	client.Client
	version string
	// untouched is true of an object without finalizer, deleted of one that is being deleted.
	untouched, deleted bool
	reads              int
}

func (v *versioned) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	v.reads++
	into.SetName(key.Name)
	into.SetNamespace(key.Namespace)
	into.SetResourceVersion(v.version)
	if !v.untouched {
		into.SetFinalizers([]string{v1alpha1.Finalizer})
	}
	if v.deleted {
		into.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
	}
	return nil
}

// TestNoPassWorksOnAnOlderObject: a pass on a cache older than the last write would find nothing to write, and leave a wrong status on
// the server for good.
func TestNoPassWorksOnAnOlderObject(t *testing.T) {
	cache, live := &versioned{version: "90"}, &versioned{version: "100"}
	o := NewObjects(cache, live, nil)
	name := types.NamespacedName{Namespace: "team", Name: "dev"}
	get := func() string {
		object, err := o.Get(t.Context(), name)
		require.NoError(t, err)
		return object.ResourceVersion
	}
	assert.Equal(t, "100", get(), "the first time another operator may have written it a moment ago")
	assert.Equal(t, "100", get(), "the cache is still behind")
	assert.Equal(t, 2, live.reads)
	cache.version = "100"
	assert.Equal(t, "100", get())
	assert.Equal(t, 2, live.reads, "a cache that has caught up is enough")
	changed := &v1alpha1.EngineEnvironment{}
	changed.ResourceVersion = "1000" // versions are numbers, not texts
	o.note(name.String(), changed.ResourceVersion)
	live.version = "1000"
	assert.Equal(t, "1000", get(), "older than what was just written")
	o.Forget(name.String())
	cache.version = "1000"
	assert.Equal(t, "1000", get())
	assert.Equal(t, 4, live.reads, "nothing is kept of an object that is gone")
}

// TestWhatNobodyTouchedIsNotReadTwice: the first thing that is written is the finalizer, and the API server refuses it for an older version.
func TestWhatNobodyTouchedIsNotReadTwice(t *testing.T) {
	for reason, c := range map[string]struct {
		cache *versioned
		live  int
	}{
		"nothing was done for it":                {&versioned{version: "90", untouched: true}, 0},
		"another operator works for it":          {&versioned{version: "90"}, 1},
		"it goes: who let it go may have more":   {&versioned{version: "90", untouched: true, deleted: true}, 1},
		"another operator works on its deletion": {&versioned{version: "90", deleted: true}, 1},
	} {
		live := &versioned{version: "100"}
		_, err := NewObjects(c.cache, live, nil).Get(t.Context(), types.NamespacedName{Namespace: "team", Name: "dev"})
		require.NoError(t, err)
		assert.Equal(t, c.live, live.reads, reason)
	}
}

// listing answers every List with the objects given, and keeps what was asked for.
type listing struct {
	client.Client
	items []v1alpha1.EngineEnvironment
	asked []client.ListOptions
	// unselectable is true of an API server that cannot select by a field.
	unselectable bool
}

func (l *listing) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	asked := client.ListOptions{}
	asked.ApplyOptions(options)
	l.asked = append(l.asked, asked)
	if l.unselectable && asked.FieldSelector != nil {
		return apierrors.NewBadRequest("field label not supported: " + asked.FieldSelector.String())
	}
	into.(*v1alpha1.EngineEnvironmentList).Items = l.items
	return nil
}

// TestClaimsAskForOneProject: a fleet in which each object lists all of them costs the square of its size.
func TestClaimsAskForOneProject(t *testing.T) {
	held := func(name string, since time.Time) v1alpha1.EngineEnvironment {
		at := metav1.NewMicroTime(since)
		object := v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}
		object.Spec.Railway = &v1alpha1.Railway{ProjectID: "p1"}
		object.Status.Railway = &v1alpha1.RailwayStatus{ProjectID: "p1", EnvironmentID: "e1", Since: &at}
		return object
	}
	first, second := held("first", time.Unix(100, 0)), held("second", time.Unix(200, 0))
	cache, live := &listing{}, &listing{items: []v1alpha1.EngineEnvironment{first, second}}
	o := NewObjects(cache, live, []string{"a", "b"})

	holder, came, err := o.Rival(t.Context(), &second)
	require.NoError(t, err)
	assert.True(t, came)
	require.NotNil(t, holder, "the cache does not know the other claim yet")
	assert.Equal(t, "first", holder.Name)
	require.Len(t, live.asked, 2, "each namespace that is watched")
	for i, namespace := range o.namespaces {
		assert.Equal(t, namespace, live.asked[i].Namespace)
		require.NotNil(t, live.asked[i].FieldSelector)
		assert.Equal(t, "spec.railway.projectID=p1", live.asked[i].FieldSelector.String(), "the selectable field of the resource")
	}
	assert.Empty(t, cache.asked)

	live.unselectable = true
	holder, _, err = o.Rival(t.Context(), &second)
	require.NoError(t, err, "an older CRD has no selectable fields")
	require.NotNil(t, holder)
	assert.Equal(t, "first", holder.Name)

	holder, err = o.Holder(t.Context(), &second)
	require.NoError(t, err)
	assert.Nil(t, holder)
	require.Len(t, cache.asked, 1)
	assert.Equal(t, "spec.railway.projectID=p1", cache.asked[0].FieldSelector.String())
	require.NotNil(t, cache.asked[0].UnsafeDisableDeepCopy)
	assert.True(t, *cache.asked[0].UnsafeDisableDeepCopy, "it is only read")
}

// patched keeps the patches that were sent, and answers with the next version.
type patched struct {
	client.Client
	patches []string
}

func (p *patched) Patch(_ context.Context, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
	text, err := patch.Data(object)
	p.patches = append(p.patches, string(text))
	object.SetResourceVersion("8")
	return err
}

func (p *patched) Status() client.SubResourceWriter { return patchedStatus{p: p} }

type patchedStatus struct {
	client.SubResourceWriter
	p *patched
}

func (s patchedStatus) Patch(ctx context.Context, object client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.p.Patch(ctx, object, patch)
}

// TestWritesCarryOnePartAndTheVersion: a patch without the version would overwrite what somebody else wrote meanwhile, one with the spec
// would be most of what a pass costs.
func TestWritesCarryOnePartAndTheVersion(t *testing.T) {
	p := &patched{}
	o := NewObjects(p, p, nil)
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team", Name: "dev", ResourceVersion: "7", Generation: 3, Finalizers: []string{"example.com/other"},
	}, Spec: v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev}}

	held, err := o.AddFinalizer(t.Context(), object)
	require.NoError(t, err)
	assert.Equal(t, []string{"example.com/other", v1alpha1.Finalizer}, held.Finalizers)
	assert.Equal(t, []string{"example.com/other"}, object.Finalizers, "a cached object is never changed")

	at := time.Date(2026, 5, 1, 12, 0, 0, 700_000_000, time.UTC)
	next := v1alpha1.EngineEnvironmentStatus{Conditions: []metav1.Condition{{Type: "Ready", LastTransitionTime: metav1.NewTime(at)}}}
	written, err := o.WriteStatus(t.Context(), held, next)
	require.NoError(t, err)
	assert.Equal(t, "8", written.ResourceVersion)
	assert.EqualValues(t, 3, written.Generation)
	assert.Equal(t, v1alpha1.TierDev, written.Spec.Tier)
	assert.Zero(t, written.Status.Conditions[0].LastTransitionTime.Nanosecond(), "as the API server keeps it")

	require.Len(t, p.patches, 2)
	assert.JSONEq(t, `[{"op":"add","path":"/metadata/resourceVersion","value":"7"},
		{"op":"add","path":"/metadata/finalizers","value":["example.com/other","`+v1alpha1.Finalizer+`"]}]`, p.patches[0])
	assert.Contains(t, p.patches[1], `{"op":"add","path":"/metadata/resourceVersion","value":"8"},{"op":"add","path":"/status","value":{"conditions":`)
	assert.NotContains(t, p.patches[1], "spec")
}
