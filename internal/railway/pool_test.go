// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpoint(t *testing.T) {
	tests := []struct {
		reason, endpoint, want string
	}{
		{"the default", "", "https://backboard.railway.com/graphql/v2?source=engine-operator"},
		{"https anywhere", "https://railway.internal/graphql/v2", "https://railway.internal/graphql/v2?source=engine-operator"},
		{"a query of its own stays", "https://a.example/g?x=1", "https://a.example/g?source=engine-operator&x=1"},
		{"http on loopback", "http://127.0.0.1:8080/graphql/v2", "http://127.0.0.1:8080/graphql/v2?source=engine-operator"},
		{"http on loopback by name", "http://localhost/g", "http://localhost/g?source=engine-operator"},
		{"http on IPv6 loopback", "http://[::1]:80/g", "http://[::1]:80/g?source=engine-operator"},
		{"a token in the clear", "http://railway.internal/graphql/v2", ""},
		{"an address that only looks local", "http://127.0.0.1.example.com/g", ""},
		{"another scheme", "ftp://railway.com/", ""},
		{"no host", "graphql/v2", ""},
		{"a password in the URL", "https://me:hunter2@railway.com/g", ""},
		{"no URL at all", "https://me:hunter2@%zz", ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			pool, err := NewPool(Options{Endpoint: tt.endpoint})
			if tt.want == "" {
				require.Error(t, err)
				assert.NotContains(t, err.Error(), "hunter2")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, pool.wire.endpoint)
		})
	}
}

func TestPoolSharesByToken(t *testing.T) {
	pool, err := NewPool(Options{})
	require.NoError(t, err)
	a := pool.Client(Credentials{Token: "a-token"})
	assert.Same(t, a, pool.Client(Credentials{Token: "a-token"}))
	assert.Same(t, a.Budget(), pool.Client(Credentials{Token: "a-token"}).Budget())
	b := pool.Client(Credentials{Token: "b-token"})
	assert.NotSame(t, a, b)
	assert.NotEqual(t, a.Key(), b.Key())
	project := pool.Client(Credentials{Kind: TokenProject, Token: "a-token"})
	assert.NotSame(t, a, project, "the kind decides how the token is sent")
	assert.Equal(t, TokenProject, project.Kind())
	other, err := NewPool(Options{})
	require.NoError(t, err)
	assert.Equal(t, a.Key(), other.Client(Credentials{Token: "a-token"}).Key(), "stable between processes")
}

func TestPoolRefusesARegistererTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	_, err := NewPool(Options{Registerer: registry})
	require.NoError(t, err)
	_, err = NewPool(Options{Registerer: registry})
	assert.ErrorContains(t, err, "register metrics")
}
