// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hour is a limit of which some was used, as Railway tells it, until that long after noon.
func hour(remaining int, end time.Duration) quota {
	return quota{limit: 1000, remaining: remaining, known: true, reset: noon.Add(end)}
}

// reach lets the clients reach the workspace, of whose limit Railway says that.
func reach(id string, limit quota, clients ...*Client) {
	for _, c := range clients {
		for _, ask := range c.workspaces.unasked(c, id) {
			c.workspaces.judge(ask, id, limit, true)
		}
	}
}

// sharing are clients of the tokens that share the limit of w1 and poll as much as they say.
func sharing(t *testing.T, pool *Pool, polled map[string]int) map[string]*Client {
	t.Helper()
	clients := map[string]*Client{}
	var first *Client
	for token, n := range polled {
		c := pool.Client(Credentials{Token: token})
		c.gql.learn(hour(900, time.Hour))
		c.gql.setPolled(n)
		reach("w1", hour(900, time.Hour), c)
		clients[token] = c
		if first == nil {
			first = c
		}
	}
	for token, c := range clients {
		require.Same(t, first.Budget(), c.Budget(), token)
	}
	return clients
}

// Nothing is kept of tokens that are gone, nor of workspaces that none reaches.
func TestPoolForgetsWorkspaces(t *testing.T) {
	pool, c := clockedPool(t)
	clients := sharing(t, pool, map[string]int{"gone": 1, "kept": 1})
	gone, kept := clients["gone"], clients["kept"]
	assert.Equal(t, 2, kept.Budget().allPolled())
	gone.gql.setPolled(0)
	c.advance(unused + time.Minute)
	pool.Client(Credentials{Token: "new"})
	require.Len(t, pool.workspaces.byID["w1"].asked, 1)
	assert.Equal(t, 1, kept.Budget().allPolled())
	assert.False(t, kept.Budget().isShared(), "it is alone")

	reach("w1", hour(900, time.Hour), gone) // the last read of an object that is being deleted
	c.advance(unused)
	pool.Client(Credentials{Token: "new"})
	assert.Len(t, pool.workspaces.byID["w1"].asked, 1, "it comes back for no longer than that")

	kept.gql.setPolled(0)
	c.advance(unused + time.Minute)
	pool.Client(Credentials{Token: "new"})
	assert.Empty(t, pool.workspaces.byID)
}

// A token that has another limit by now has a budget of its own, and can share that of its new workspace.
func TestBudgetFollowsItsToken(t *testing.T) {
	pool, c := clockedPool(t)
	clients := sharing(t, pool, map[string]int{"stays": 1, "too": 2, "moves": 4})
	stays, too, moves := clients["stays"], clients["too"], clients["moves"]
	there := pool.Client(Credentials{Token: "there"})

	c.advance(10 * time.Minute)
	moves.gql.learn(hour(700, 90*time.Minute))
	assert.NotSame(t, stays.Budget(), moves.Budget())
	assert.Same(t, stays.Budget(), too.Budget())
	assert.Equal(t, 3, stays.Budget().allPolled())
	assert.Equal(t, 4, moves.Budget().allPolled(), "its polls went along")
	left, _ := stays.Budget().Remaining()
	assert.Equal(t, 900, left)
	left, _ = moves.Budget().Remaining()
	assert.Equal(t, 700, left)

	there.gql.learn(hour(700, 90*time.Minute))
	reach("w2", hour(700, 90*time.Minute), there, moves)
	assert.Same(t, there.Budget(), moves.Budget())
	reach("w1", hour(900, time.Hour), stays)
	assert.NotSame(t, stays.Budget(), moves.Budget())
}

// The one that moved may be the one whose limit the budget knows: those who stay part from it, and find each other again.
func TestThoseWhoStayFindEachOther(t *testing.T) {
	pool, c := clockedPool(t)
	clients := sharing(t, pool, map[string]int{"stays": 1, "too": 1, "moves": 1})
	stays, too, moves := clients["stays"], clients["too"], clients["moves"]
	c.advance(70 * time.Minute)
	moves.gql.learn(hour(700, 100*time.Minute)) // nobody else has asked anything since the hour ended
	for _, client := range []*Client{stays, too} {
		client.gql.learn(hour(900, 2*time.Hour))
		assert.NotSame(t, moves.Budget(), client.Budget())
	}
	reach("w1", hour(900, 2*time.Hour), stays)
	assert.Same(t, stays.Budget(), too.Budget())
	assert.NotSame(t, moves.Budget(), too.Budget())
}

// What does not prove another limit leaves a budget shared: that only slows down.
func TestBudgetStaysShared(t *testing.T) {
	for reason, says := range map[string]quota{
		"nothing is said":               {},
		"the same hour":                 hour(500, time.Hour),
		"the same hour, told otherwise": hour(500, time.Hour+sameInstant),
		"an hour that has ended":        hour(3, 9*time.Minute),
	} {
		t.Run(reason, func(t *testing.T) {
			pool, c := clockedPool(t)
			clients := sharing(t, pool, map[string]int{"a": 1, "b": 1})
			c.advance(10 * time.Minute)
			clients["a"].gql.learn(says)
			assert.Same(t, clients["b"].Budget(), clients["a"].Budget())
		})
	}
	t.Run("the next hour", func(t *testing.T) {
		pool, c := clockedPool(t)
		clients := sharing(t, pool, map[string]int{"a": 1, "b": 1})
		c.advance(61 * time.Minute)
		clients["a"].gql.learn(hour(999, 2*time.Hour))
		clients["b"].gql.learn(hour(998, 2*time.Hour))
		assert.Same(t, clients["b"].Budget(), clients["a"].Budget())
	})
	t.Run("nobody shares it", func(t *testing.T) {
		pool, _ := clockedPool(t)
		alone := pool.Client(Credentials{Token: "a"})
		before := alone.Budget()
		alone.gql.learn(hour(900, time.Hour))
		alone.gql.learn(hour(900, 30*time.Minute))
		assert.Same(t, before, alone.Budget(), "what it knows of its pauses stays")
	})
}
