// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTryLockKeepsTheOrder(t *testing.T) {
	pool, c := clockedPool(t)
	free, ok := pool.Client(Credentials{Token: "a"}).TryLock("p1", "ns/a")
	require.True(t, ok)
	other := pool.Client(Credentials{Token: "b"})
	_, ok = other.TryLock("p1", "ns/b")
	assert.False(t, ok, "whatever the token")
	_, ok = other.TryLock("p1", "ns/c")
	assert.False(t, ok)
	_, ok = other.TryLock("p2", "ns/c")
	assert.True(t, ok, "another project")
	free()
	free()
	_, ok = other.TryLock("p1", "ns/c")
	assert.False(t, ok, "b came first")
	_, ok = other.TryLock("p1", "ns/d")
	assert.False(t, ok)
	free, ok = other.TryLock("p1", "ns/b")
	require.True(t, ok)
	free()
	c.advance(absence + time.Second)
	_, ok = other.TryLock("p1", "ns/d")
	assert.True(t, ok, "c stayed away")
}

func TestWhoLeavesHoldsNobodyUp(t *testing.T) {
	pool, _ := clockedPool(t)
	client := pool.Client(Credentials{Token: "a"})
	free, ok := client.TryLock("p1", "ns/a")
	require.True(t, ok)
	client.TryLock("p1", "ns/b")
	client.TryLock("p1", "ns/c")
	pool.Leave("ns/a")
	_, ok = client.TryLock("p1", "ns/b")
	assert.False(t, ok, "who has it keeps it")
	free()
	pool.Leave("ns/b")
	free, ok = client.TryLock("p1", "ns/c")
	require.True(t, ok, "at once")
	client.TryLock("p1", "ns/d")
	free()
	pool.Leave("ns/d")
	assert.Empty(t, pool.lines.keys)
}

func TestTryLockKeepsNothing(t *testing.T) {
	pool, c := clockedPool(t)
	client := pool.Client(Credentials{Token: "a"})
	free, ok := client.TryLock("p1", "ns/a")
	require.True(t, ok)
	free()
	assert.Empty(t, pool.lines.keys)
	free, _ = client.TryLock("p1", "ns/a")
	client.TryLock("p1", "ns/b")
	free()
	c.advance(time.Hour)
	pool.Client(Credentials{Token: "a"})
	assert.Empty(t, pool.lines.keys, "who never came back is forgotten")
}

// Clients of tokens that nobody uses any more go, with their metrics; those that are followed stay.
func TestPoolForgetsTokens(t *testing.T) {
	pool, c := clockedPool(t)
	kept, dropped := pool.Client(Credentials{Token: "followed"}), pool.Client(Credentials{Token: "gone"})
	kept.Budget().setPolled(kept.Key(), 1)
	c.advance(unused - time.Minute)
	assert.Same(t, dropped, pool.Client(Credentials{Token: "gone"}), "used again")
	c.advance(unused + time.Minute)
	pool.Client(Credentials{Token: "new"})
	assert.Len(t, pool.clients, 2)
	assert.Same(t, kept, pool.Client(Credentials{Token: "followed"}))
	assert.NotSame(t, dropped, pool.Client(Credentials{Token: "gone"}))
}

// clockedPool is a pool whose time is a clock's.
func clockedPool(t *testing.T) (*Pool, *clock) {
	t.Helper()
	c := &clock{at: noon}
	pool, err := NewPool(Options{Now: c.now})
	require.NoError(t, err)
	return pool, c
}
