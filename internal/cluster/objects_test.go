// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// versioned answers every Get with an object of that version, and counts.
type versioned struct {
	client.Client
	version string
	reads   int
}

func (v *versioned) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	v.reads++
	into.SetName(key.Name)
	into.SetNamespace(key.Namespace)
	into.SetResourceVersion(v.version)
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
