// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// TestFaults sends one commit through each fault: what the client gets, and whether it was applied.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault   railwaysim.Fault
		applied bool
		broken  bool // the connection ends without an answer
		status  int
		body    string // part of the body
	}{
		{fault: railwaysim.Fault{Kind: railwaysim.Fault429, RetryAfter: 7}, status: 429, body: "RATE_LIMITED"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultEdge}, status: 429, body: "error code: 1015"},
		{fault: railwaysim.Fault{Kind: railwaysim.Fault500}, status: 500, body: "Internal Server Error"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultHTML}, status: 502, body: "<html>"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultTimeoutBefore}, broken: true},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultTimeoutAfter}, broken: true, applied: true},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultResetAfter}, broken: true, applied: true},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultTruncated}, status: 200, body: `{"data"`, applied: true},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultError, Message: "Problem processing request", Code: "OOPS"}, status: 200, body: "OOPS"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultPartial}, status: 200, body: `"environmentPatchCommit":null`, applied: true},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultUnauthorized}, status: 200, body: "Not Authorized"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultNotAuthorized}, status: 200, body: "Not Authorized"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultNotFound}, status: 200, body: "NOT_FOUND"},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultErrorAfter, Message: "Something odd"}, status: 200, body: "Something odd", applied: true},
		{fault: railwaysim.Fault{Kind: railwaysim.FaultSlow, DelayMS: 20}, status: 200, body: `"environmentPatchCommit":"`, applied: true},
	} {
		t.Run(test.fault.Kind, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			require.NoError(t, l.sim.AddFault(railwaysim.Fault{
				RootField: "environmentPatchCommit", Ordinal: 1, Kind: test.fault.Kind, RetryAfter: test.fault.RetryAfter,
				DelayMS: test.fault.DelayMS, Message: test.fault.Message, Code: test.fault.Code,
			}))
			began := time.Now()
			a, err := l.try(account, commit, vars{"e": staging, "p": image("acme/engine:2.0")})
			assert.GreaterOrEqual(t, time.Since(began), time.Duration(test.fault.DelayMS)*time.Millisecond)
			if test.broken {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				assert.Equal(t, test.status, a.Status)
				assert.Contains(t, a.Raw, test.body)
			}
			if test.fault.RetryAfter > 0 {
				assert.Equal(t, "7", a.Header.Get("Retry-After"))
			}
			if test.fault.Kind == railwaysim.FaultTruncated {
				assert.False(t, json.Valid([]byte(a.Raw)))
			}
			log := l.sim.Requests()
			require.Len(t, log, 1)
			assert.Equal(t, test.fault.Kind, log[0].Fault)
			assert.Equal(t, test.applied, log[0].Applied, "the log tells whether it ran")
			got := dig(l.config(true), "services", engine, "source", "image")
			assert.Equal(t, map[bool]string{true: "acme/engine:2.0", false: "acme/engine:1.0"}[test.applied], got, "the fault hits once, the next read is well")
		})
	}
}

// TestBlips holds that one read can fail in every way, whatever its token, and the next is well.
func TestBlips(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   railwaysim.Fault
		message string
		code    string
	}{
		"not authorized": {railwaysim.Fault{Kind: railwaysim.FaultNotAuthorized}, "Not Authorized", "INTERNAL_SERVER_ERROR"},
		"bad token":      {railwaysim.Fault{Kind: railwaysim.FaultUnauthorized}, "Project Token not found", "INTERNAL_SERVER_ERROR"},
		"not found":      {railwaysim.Fault{Kind: railwaysim.FaultNotFound}, "Environment not found", "NOT_FOUND"},
		"other":          {railwaysim.Fault{Kind: railwaysim.FaultNotFound, Message: "ServiceInstance not found", Code: "INTERNAL_SERVER_ERROR"}, "ServiceInstance not found", "INTERNAL_SERVER_ERROR"},
		"unknown":        {railwaysim.Fault{Kind: railwaysim.FaultError, Message: "Gremlins", Code: "ODD"}, "Gremlins", "ODD"},
		"unknown after":  {railwaysim.Fault{Kind: railwaysim.FaultErrorAfter, Message: "Gremlins", Code: "ODD"}, "Gremlins", "ODD"},
		"long 429":       {railwaysim.Fault{Kind: railwaysim.Fault429, RetryAfter: 1800}, "Too Many Requests", "RATE_LIMITED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			test.fault.Operation, test.fault.Ordinal = "Read", 1
			require.NoError(t, l.sim.AddFault(test.fault))
			const read = `query Read($e: String!) { environment(id: $e) { id } }`
			a := l.ask(scoped, read, vars{"e": staging})
			assert.Equal(t, test.message, a.message())
			assert.Equal(t, test.code, a.code())
			assert.Nil(t, a.at("environment"))
			if test.fault.RetryAfter > 0 {
				assert.Equal(t, "1800", a.Header.Get("Retry-After"))
			}
			assert.Empty(t, l.ask(scoped, read, vars{"e": staging}).Errors)
		})
	}
}

func TestFaultsChooseRequests(t *testing.T) {
	t.Parallel()
	const other, reading = `query Other { projects { pageInfo { hasNextPage } } }`, `query Reading { apiToken { workspaces { id } } }`
	for name, test := range map[string]struct {
		fault railwaysim.Fault
		want  []int // the status of Reading, Other, Reading, Reading, Reading
	}{
		"the next":         {railwaysim.Fault{Ordinal: 1}, []int{500, 200, 200, 200, 200}},
		"the second":       {railwaysim.Fault{Ordinal: 2}, []int{200, 500, 200, 200, 200}},
		"two from second":  {railwaysim.Fault{Ordinal: 2, Count: 2}, []int{200, 500, 500, 200, 200}},
		"every":            {railwaysim.Fault{}, []int{500, 500, 500, 500, 500}},
		"by operation":     {railwaysim.Fault{Operation: "Other"}, []int{200, 500, 200, 200, 200}},
		"second of a kind": {railwaysim.Fault{Operation: "Reading", Ordinal: 2}, []int{200, 200, 500, 200, 200}},
		"by root field":    {railwaysim.Fault{RootField: "projects"}, []int{200, 500, 200, 200, 200}},
		"mutations only":   {railwaysim.Fault{Mutations: true}, []int{200, 200, 200, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			test.fault.Kind = railwaysim.Fault500
			plan, err := json.Marshal([]railwaysim.Fault{test.fault})
			require.NoError(t, err)
			status, text := l.console("POST", "/_sim/faults", string(plan))
			require.Equal(t, 200, status, text)
			var got []int
			for _, query := range []string{reading, other, reading, reading, reading} {
				got = append(got, l.ask(account, query, nil).Status)
			}
			assert.Equal(t, test.want, got)
			l.console("DELETE", "/_sim/faults", "")
			assert.Equal(t, 200, l.ask(account, reading, nil).Status, "cleared")
		})
	}
	status, text := start(t).console("POST", "/_sim/faults", `[{"kind":"flood"}]`)
	assert.Equal(t, 400, status)
	assert.Contains(t, text, "flood")
}

func TestIntercept(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []any
	var l *local
	l = start(t, func(o *railwaysim.Options) {
		o.Intercept = func(r railwaysim.Request, phase railwaysim.Phase) {
			image, err := l.sim.Config(railwaysim.Place{Environment: "staging", Service: "engine"})
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r.Operation, phase, dig(image, "source", "image"))
		}
	})
	l.patch(image("acme/engine:2.0"))
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, []any{
		"Commit", railwaysim.PhaseBefore, "acme/engine:1.0",
		"Commit", railwaysim.PhaseAfter, "acme/engine:2.0",
	}, seen, "called before anything changed, and when all has changed")
}

func TestLag(t *testing.T) {
	t.Parallel()
	const lag = 30 * time.Second
	l := start(t, func(o *railwaysim.Options) { o.Lag = lag })
	created := l.must(`mutation($p: String!, $e: String!) { serviceCreate(input: {projectId: $p, environmentId: $e, name: "late"}) { id name } }`, vars{"p": project, "e": staging})
	assert.Equal(t, "late", created.at("serviceCreate", "name"), "a mutation's own answer does not lag")
	id, _ := created.at("serviceCreate", "id").(string)
	l.patch(service(id, map[string]any{"variables": map[string]any{"A": map[string]any{"value": "1"}}}))

	read := `query($s: String!) { service(id: $s) { id } }`
	assert.Equal(t, "Not Authorized", l.ask(account, read, vars{"s": id}).message(), "what was just written is not to be seen yet")
	assert.Nil(t, dig(l.config(true), "services", id))
	assert.Contains(t, l.ask(account, `mutation($p: String!) { serviceCreate(input: {projectId: $p, name: "late"}) { id } }`, vars{"p": project}).message(),
		"already exists in this project", "writes know it nevertheless")

	l.advance(lag)
	assert.Empty(t, l.ask(account, read, vars{"s": id}).Errors)
	assert.Equal(t, "1", dig(l.config(true), "services", id, "variables", "A", "value"))

	l.patch(service(id, map[string]any{"variables": map[string]any{"A": map[string]any{"value": "2"}}}))
	assert.Equal(t, "1", dig(l.config(true), "services", id, "variables", "A", "value"), "reads return the older version, whole")
	l.advance(lag)
	assert.Equal(t, "2", dig(l.config(true), "services", id, "variables", "A", "value"))
}

func TestRateBudget(t *testing.T) {
	t.Parallel()
	l := start(t, func(o *railwaysim.Options) { o.Seed.Tokens[0].RequestsPerHour = 3 })
	const query = `{ apiToken { workspaces { id } } }`
	for left := 2; left >= 0; left-- {
		a := l.ask(account, query, nil)
		assert.Equal(t, 200, a.Status)
		assert.Equal(t, "3", a.Header.Get("X-RateLimit-Limit"))
		assert.Equal(t, `"default";q=3;w=3600`, a.Header.Get("RateLimit-Policy"))
		assert.Equal(t, []string{"2", "1", "0"}[2-left], a.Header.Get("X-RateLimit-Remaining"))
	}
	a := l.ask(account, query, nil)
	assert.Equal(t, 429, a.Status)
	assert.NotEmpty(t, a.Header.Get("Retry-After"))
	assert.NotEmpty(t, a.Header.Get("X-RateLimit-Reset"))
	assert.Equal(t, 200, l.ask(stranger, query, nil).Status, "each token has its own budget")
	l.advance(time.Hour)
	assert.Equal(t, 200, l.ask(account, query, nil).Status, "the next hour has a new one")
}

func TestCreateThrottle(t *testing.T) {
	t.Parallel()
	l := start(t)
	create := func(name string) answer {
		return l.ask(account, `mutation($p: String!, $n: String!) { environmentCreate(input: {projectId: $p, name: $n}) { serviceInstances { edges { node { id } } } } }`, vars{"p": project, "n": name})
	}
	first := create("one")
	require.Empty(t, first.Errors)
	assert.Equal(t, []any{}, first.at("environmentCreate", "serviceInstances", "edges"), "without a source it is empty")
	assert.Contains(t, create("two").message(), "Only one environment can be created per user every 30s")
	assert.Contains(t, create("one").message(), "already exists", "a taken name is told before the throttle")
	l.advance(30 * time.Second)
	assert.Empty(t, create("two").Errors)
}
