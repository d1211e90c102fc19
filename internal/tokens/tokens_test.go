// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/internal/railway"
)

// TestKnown: a Secret is read again when anything says that its token may be another one, and once for all objects that name it.
func TestKnown(t *testing.T) {
	pool, err := railway.NewPool(railway.Options{})
	require.NoError(t, err)
	tokens := New(pool)
	name := types.NamespacedName{Namespace: "ns", Name: "railway"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}, Data: map[string][]byte{keyAccountToken: []byte("one")}}
	first, kept, problem := tokens.Take("ns/dev", name, secret)
	require.Nil(t, problem)

	for _, object := range []string{"ns/dev", "ns/prod"} {
		same, where, ok := tokens.Known(object, name, "7")
		assert.True(t, ok)
		assert.Same(t, first, same)
		assert.Equal(t, kept, where)
		assert.Same(t, first, tokens.LastOf(object))
	}
	for _, unknown := range []struct {
		reason  string
		name    types.NamespacedName
		version string
	}{
		{"another Secret", types.NamespacedName{Namespace: "ns", Name: "other"}, "7"},
		{"one in another namespace", types.NamespacedName{Namespace: "other", Name: "railway"}, "7"},
		{"the Secret has changed", name, "8"},
		{"the cache knows an older one", name, "6"},
		{"the cache knows none", name, ""},
	} {
		_, _, ok := tokens.Known("ns/dev", unknown.name, unknown.version)
		assert.False(t, ok, unknown.reason)
	}

	tokens.Doubt("ns/dev")
	_, _, ok := tokens.Known("ns/prod", name, "7")
	assert.False(t, ok, "Railway refuses the token, whoever used it")
	assert.Same(t, first, tokens.LastOf("ns/dev"), "a deletion may still need it")
	tokens.Doubt("ns/never-seen")

	secret.ResourceVersion = ""
	_, _, problem = tokens.Take("ns/dev", name, secret)
	require.Nil(t, problem)
	_, _, ok = tokens.Known("ns/dev", name, "")
	assert.False(t, ok, "no version says nothing")
}

// TestNothingIsKeptOfWhatIsGone: a token goes with the last object that took it.
func TestNothingIsKeptOfWhatIsGone(t *testing.T) {
	pool, err := railway.NewPool(railway.Options{})
	require.NoError(t, err)
	tokens := New(pool)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}, Data: map[string][]byte{keyProjectToken: []byte("one")}}
	one, two := types.NamespacedName{Namespace: "ns", Name: "one"}, types.NamespacedName{Namespace: "ns", Name: "two"}
	for range 3 { // however often it is asked for
		for _, object := range []string{"ns/a", "ns/b"} {
			_, _, problem := tokens.Take(object, one, secret)
			require.Nil(t, problem)
		}
	}
	_, _, problem := tokens.Take("ns/b", two, secret)
	require.Nil(t, problem)
	assert.Len(t, tokens.read, 2)
	tokens.Forget("ns/a")
	assert.Len(t, tokens.read, 1, "nobody has the first any more")
	assert.Nil(t, tokens.LastOf("ns/a"))
	tokens.Forget("ns/a")
	tokens.Forget("ns/b")
	assert.Empty(t, tokens.read)
	assert.Empty(t, tokens.last)
}
