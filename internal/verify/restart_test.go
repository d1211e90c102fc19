// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway"
)

// known is what the loop keeps of a report.
func known(subject string, report Report) Known {
	k := Known{Subject: subject, Results: map[string]KnownResult{}}
	for _, result := range report.Results {
		k.Results[result.Name] = KnownResult{Fingerprint: result.Fingerprint, Result: result}
	}
	return k
}

func (b *bench) complete(j Job) Job {
	j.Logs, j.Redact = b, b.redact
	if j.Interval == 0 {
		j.Interval = time.Hour
	}
	return j
}

// TestRestartedVerifierSendsNothing holds that a restart neither changes a verdict nor sends a request before its time.
func TestRestartedVerifierSendsNothing(t *testing.T) {
	old := newBench(t)
	old.log("Starting with Python 3.13.1")
	j := Job{Subject: "1", Forced: "then", Checks: []Check{old.health(), old.python()}}
	old.until(j, Passed)
	require.Eventually(t, func() bool { return old.Want("ns/dev", old.complete(j)).Done }, 30*time.Second, time.Millisecond)
	told := old.Want("ns/dev", old.complete(j))

	b := newBench(t)
	b.engine(broken)
	j.Known = known("1", told)
	j.Known.Forced = "then"
	assert.Equal(t, told, b.Want("ns/dev", b.complete(j)), "reported at once")
	time.Sleep(100 * time.Millisecond)
	assert.Equal(t, told, b.Want("ns/dev", b.complete(j)))
	assert.Zero(t, b.hits.Load(), "not before its time")
	assert.Empty(t, b.changed, "nobody is woken for what was known")

	j.Forced = "now"
	b.Want("ns/dev", b.complete(j))
	require.Eventually(t, func() bool { return b.hits.Load() == 1 }, 30*time.Second, time.Millisecond, "but on demand")
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Zero(t, b.reads, "what is settled stays settled")
}

func TestRestartedVerifierRunsInItsTime(t *testing.T) {
	b := newBench(t)
	j := Job{Subject: "1", Interval: 200 * time.Millisecond, Checks: []Check{b.health()}}
	j.Known = Known{Subject: "1", Results: map[string]KnownResult{"health": {Result: Result{Outcome: Passed, At: time.Now()}}}}
	b.Want("ns/dev", b.complete(j))
	require.Eventually(t, func() bool { return b.hits.Load() > 0 }, 30*time.Second, time.Millisecond, "within the interval")
}

// TestUnreadableLogRunsAlone holds that a log that cannot be read re-runs neither requests nor loads.
func TestUnreadableLogRunsAlone(t *testing.T) {
	b := newBench(t)
	b.refuses = &railway.Error{Class: railway.RateLimited, Message: "too many requests"}
	load := Check{
		Name: "load", Fingerprint: "1", Load: &Load{Request: Request{Method: "POST", Host: "example.com", Path: "/"}, Requests: 3, Concurrency: 1, Duration: time.Second},
		Expect: expect(t, KindLoad, "requests == 3"), Timeout: time.Second, Threshold: 1,
	}
	j := Job{Subject: "1", Checks: []Check{b.health(), load, b.python()}}
	b.until(j, Passed)
	require.Eventually(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.reads >= 3 }, 30*time.Second, time.Millisecond)
	assert.EqualValues(t, 4, b.hits.Load(), "one request and one load of three")

	b.mu.Lock()
	first := b.reads
	b.mu.Unlock()
	time.Sleep(500 * time.Millisecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.LessOrEqual(t, b.reads-first, 3, "at growing distances")
}

// TestChecksStayTogether holds that checks that run at the same pace run together and wake their object once.
func TestChecksStayTogether(t *testing.T) {
	b := newBench(t)
	second := b.health(func(c *Check) { c.Name, c.Fingerprint = "second", "2" })
	j := Job{Subject: "1", Interval: 50 * time.Millisecond, Checks: []Check{b.health(), second}}
	b.until(j, Passed)
	time.Sleep(200 * time.Millisecond)
	require.Len(t, b.changed, 1)
	before := b.hits.Load()
	require.Eventually(t, func() bool { hits := b.hits.Load(); return hits > before && hits%2 == 0 }, 30*time.Second, time.Millisecond)
	b.engine(broken) // between two runs
	b.until(j, Failed)
	require.Eventually(t, func() bool { return len(b.changed) >= 2 }, 30*time.Second, time.Millisecond)
	time.Sleep(200 * time.Millisecond)
	assert.Len(t, b.changed, 2)
	assert.Equal(t, Failed, b.Want("ns/dev", b.complete(j)).Results[1].Outcome)
}

// TestRefusedFilterFails holds that a filter that Railway refuses is a failure, and is not read for ever.
func TestRefusedFilterFails(t *testing.T) {
	b := newBench(t)
	b.refuses = &railway.Error{Class: railway.Invalid, Operation: "ReadLogs", Message: "bad filter"}
	c := b.python()
	c.Logs.Filter = "@level:("
	got := b.until(Job{Subject: "1", Checks: []Check{c}}, Failed)
	assert.Equal(t, "Railway refuses the filter: railway: ReadLogs: bad filter", got.Message)
	time.Sleep(200 * time.Millisecond)
	b.mu.Lock()
	assert.Equal(t, 1, b.reads)
	b.mu.Unlock()

	c.Logs.Filter = ""
	c.Fingerprint = "2"
	got = b.until(Job{Subject: "1", Checks: []Check{c}}, Pending)
	assert.NotContains(t, got.Message, "filter", "without a filter it is not the filter")
}

// TestInconclusive holds that an answer that tells nothing changes nothing.
func TestInconclusive(t *testing.T) {
	limited := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }
	b := newBench(t)
	check := b.health(func(c *Check) {
		c.Inconclusive = expect(t, KindHTTP, `status == 429 || json.error == "insufficient_quota"`)
		c.Retries = 2
	})
	j := Job{Subject: "1", Interval: 20 * time.Millisecond, Checks: []Check{check}}
	b.engine(limited)
	b.Want("ns/dev", b.complete(j))
	require.Equal(t, "ns/dev", <-b.changed)
	report := b.Want("ns/dev", b.complete(j))
	assert.False(t, report.Done)
	assert.Equal(t, Pending, report.Results[0].Outcome, "nothing was known before")
	assert.Contains(t, report.Results[0].Message, "GET /health answers 429, the answer is inconclusive")

	b.engine(ok)
	b.until(j, Passed)
	b.engine(limited)
	before := b.hits.Load()
	require.Eventually(t, func() bool { return b.hits.Load() >= before+3 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, Passed, b.Want("ns/dev", b.complete(j)).Results[0].Outcome, "what is known stays")

	b.engine(broken)
	b.until(j, Failed)
	b.engine(limited)
	before = b.hits.Load()
	require.Eventually(t, func() bool { return b.hits.Load() >= before+3 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, Failed, b.Want("ns/dev", b.complete(j)).Results[0].Outcome, "a failure, too")
}

// TestNoAddressHidesTheQuery holds that the error of a path that is none shows no secret of the query.
func TestNoAddressHidesTheQuery(t *testing.T) {
	p := &prober{client: newClient(GuardOptions{}), now: clock}
	for _, path := range []string{"/%zz?key=s3cr3t", "/a?key=s3cr3t%zz\x7f", "/\x01?key=s3cr3t"} {
		_, err := p.send(t.Context(), Request{Method: "GET", Host: "example.com", Path: path})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
}
