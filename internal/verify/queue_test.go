// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestQueueKnowsWhoIsDue holds the queue against what going through all objects finds, whatever changes in between.
func TestQueueKnowsWhoIsDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		objects := map[string]*object{}
		now := epoch
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := strconv.Itoa(rapid.IntRange(0, 6).Draw(t, "object"))
			switch rapid.SampledFrom([]string{"want", "again", "forget", "end", "time"}).Draw(t, "step") {
			case "want": // with another subject, or for the first time
				q.drop(objects[key])
				due := now.Add(time.Duration(rapid.IntRange(-5, 20).Draw(t, "due")) * time.Second)
				o := &object{key: key, known: map[string]*tracked{"a": {due: due}}}
				if rapid.Bool().Draw(t, "nothing to run") {
					o.known["a"].check.Unavailable = "no host"
				}
				objects[key] = o
				q.place(o)
			case "again":
				if o := objects[key]; o != nil {
					o.known["a"].due = now.Add(time.Duration(rapid.IntRange(-5, 20).Draw(t, "due")) * time.Second)
					q.place(o)
				}
			case "forget":
				q.drop(objects[key])
				delete(objects, key)
			case "end":
				if o := objects[key]; o != nil && o.running {
					o.running = false
					o.known["a"].due = now.Add(10 * time.Second)
					q.place(o)
				}
			case "time":
				now = now.Add(time.Duration(rapid.IntRange(0, 10).Draw(t, "seconds")) * time.Second)
				wanted, next := map[string]bool{}, time.Time{}
				for key, o := range objects {
					switch due, ok := o.next(); {
					case o.running || !ok:
					case !due.After(now):
						wanted[key] = true
					case next.IsZero() || due.Before(next):
						next = due
					}
				}
				due, wait, ok := q.take(now)
				got := map[string]bool{}
				for _, o := range due {
					o.running, got[o.key] = true, true
				}
				require.Equal(t, wanted, got)
				require.Equal(t, !next.IsZero(), ok)
				if ok {
					require.Equal(t, next, now.Add(wait))
				}
			}
		}
	})
}
