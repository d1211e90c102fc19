// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/internal/railway"
)

// TestUnchanged: a Secret is read again when anything says that its token may be another one.
func TestUnchanged(t *testing.T) {
	pool, err := railway.NewPool(railway.Options{})
	require.NoError(t, err)
	tokens := New(pool)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}, Data: map[string][]byte{keyAccountToken: []byte("one")}}
	first, kept, problem := tokens.Take("ns/dev", "railway", secret)
	require.Nil(t, problem)

	same, where, ok := tokens.Unchanged("ns/dev", "railway", "7")
	assert.True(t, ok)
	assert.Same(t, first, same)
	assert.Equal(t, kept, where)
	for reason, asked := range map[string][3]string{
		"another object":               {"ns/prod", "railway", "7"},
		"another Secret":               {"ns/dev", "other", "7"},
		"the Secret has changed":       {"ns/dev", "railway", "8"},
		"the cache knows an older one": {"ns/dev", "railway", "6"},
		"the cache knows none":         {"ns/dev", "railway", ""},
	} {
		_, _, ok := tokens.Unchanged(asked[0], asked[1], asked[2])
		assert.False(t, ok, reason)
	}

	tokens.Doubt("ns/dev")
	_, _, ok = tokens.Unchanged("ns/dev", "railway", "7")
	assert.False(t, ok, "Railway refuses the token")
	assert.Same(t, first, tokens.LastOf("ns/dev"), "a deletion may still need it")
	tokens.Doubt("ns/never-seen")
	tokens.Forget("ns/dev")
	assert.Nil(t, tokens.LastOf("ns/dev"))

	secret.ResourceVersion, secret.Data[keyAccountToken] = "", []byte("two")
	_, _, problem = tokens.Take("ns/dev", "railway", secret)
	require.Nil(t, problem)
	_, _, ok = tokens.Unchanged("ns/dev", "railway", "")
	assert.False(t, ok, "no version says nothing")
}
