// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/plan"
)

// TestWrittenIsReadAsItWasWritten covers service names with dots and blanks, and names with the characters of the marks.
func TestWrittenIsReadAsItWasWritten(t *testing.T) {
	service := rapid.SampledFrom([]string{"engine", "my engine", "v1.2 worker", "a=b", "shared", " x ", "engine~", "é.日本"})
	rest := rapid.SampledFrom([]string{
		"variables.A", "variables.DB_URL", "variables.A=B", "variables.T~", "deploy.healthcheckPath", "source.image", "domains.railway", "domains.port",
	})
	path := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { return service.Draw(t, "service") + "." + rest.Draw(t, "rest") }),
		rapid.SampledFrom([]string{"shared.A", "shared.B", "plain"}),
	)
	applied := rapid.Custom(func(t *rapid.T) plan.Applied {
		return plan.Applied{
			Hash: rapid.StringMatching("[0-9a-f]{0,16}").Draw(t, "hash"), Adopted: rapid.Bool().Draw(t, "adopted"), Sealed: rapid.Bool().Draw(t, "sealed"),
		}
	})
	checkMany(t, 10_000, func(t *rapid.T) {
		record := rapid.MapOfN(path, applied, 0, 12).Draw(t, "record")
		j := empty()
		j.SetWritten(record)
		require.Equal(t, record, j.Written())
		require.Equal(t, record, reopened(j, 0).Written())
	})
}

func TestWrittenIsCompact(t *testing.T) {
	j := empty()
	j.SetWritten(map[string]plan.Applied{
		"my engine.variables.LOG_LEVEL": {Hash: "3c4d", Adopted: true}, "my engine.variables.DEBUG": {Hash: "1a2b"},
		"my engine.variables.KEY": {Hash: "5e", Adopted: true, Sealed: true}, "shared.X": {Hash: "6f", Sealed: true},
	})
	assert.Equal(t, map[string]string{"my engine.variables": "DEBUG=1a2b KEY=5e~! LOG_LEVEL=3c4d~", "shared": "X=6f!"}, j.Record().Written)
}

func TestLines(t *testing.T) {
	assert.Equal(t, []string{"a.b=1", "c.d="}, journal.Lines(map[string]plan.Applied{"a.b": {Hash: "1"}, "c.d": {}}))
	assert.Empty(t, journal.Lines(nil))
}

func TestRepairs(t *testing.T) {
	j := empty()
	for i := range 3 {
		assert.Empty(t, j.Contested(at(0)), "%d repairs are no contest", i)
		j.CountRepairs([]string{"a", "b"}, at(0))
		j.ForgetRepairs("b")
	}
	until := at(0).Add(time.Hour)
	assert.Equal(t, map[string]time.Time{"a": until}, j.Contested(at(0)), "b was declared anew each time")
	assert.NotEmpty(t, j.Contested(until.Add(-1)))
	assert.Empty(t, j.Contested(until), "it is tried again")
	assert.NotEmpty(t, reopened(j, 1).Contested(at(1)), "a restart changes nothing")
	j.CountRepairs([]string{"c"}, until)
	assert.Len(t, j.Record().Repairs, 1, "nothing is kept for ever")

	j.CountRepairs([]string{"a", "b"}, at(0))
	j.ForgetRepairs()
	assert.Nil(t, j.Record(), "no path means all")

	for i := range 2000 {
		j.CountRepairs([]string{fmt.Sprint(i)}, at(0))
	}
	assert.Len(t, j.Record().Repairs, 1024, "bounded")
	j.CountRepairs([]string{"0"}, at(1))
	assert.EqualValues(t, 2, j.Record().Repairs[0].Count, "what is on record is counted on")
}

func TestIdentity(t *testing.T) {
	j := empty()
	j.Bind(map[string]string{"engine": "s1", "worker": "s2", "other": "s9"}, []string{"engine", "worker"})
	assert.Equal(t, map[string]string{"engine": "s1", "worker": "s2"}, j.ServiceIDs(), "only what is declared")
	j.Bind(map[string]string{"worker": "s3"}, []string{"engine", "worker"})
	assert.Equal(t, map[string]string{"engine": "s1", "worker": "s3"}, j.ServiceIDs(), "a service that is not seen keeps its id")
	j.ServiceIDs()["engine"] = "changed"
	assert.Equal(t, "s1", j.ServiceIDs()["engine"])
	j.Bind(nil, []string{"engine"})
	assert.Equal(t, map[string]string{"engine": "s1"}, j.ServiceIDs(), "what is declared no more is forgotten")
	j.Unbind([]string{"engine"})
	assert.Nil(t, j.Record())

	assert.False(t, j.KeyLost("k1"), "nothing was hashed yet")
	j.UseKey("k1")
	assert.False(t, j.KeyLost("k1"))
	assert.True(t, reopened(j, 0).KeyLost("k2"))

	j.Verified("d1,d2", "2026")
	subject, forced := reopened(j, 0).Subject()
	assert.Equal(t, "d1,d2 2026", subject+" "+forced)
	j.Deleting(metav1.NewTime(epoch))
	assert.True(t, reopened(j, 0).DeletionAccepted())
}
