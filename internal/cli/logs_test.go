// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/cli"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// logsSeed is an engine that was deployed an hour ago and ended with an error 23 minutes later, and a worker.
const logsSeed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
projects:
- id: ` + projectID + `
  name: ai-engine
  workspace: ws
  environments:
  - {id: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, name: production}
  - {id: 7d2f1c3a-1111-4f0a-9c47-b5d8f0a1e202, name: dev}
  services:
  - id: 5e1f0000-0000-4000-8000-000000000001
    name: ai-engine
    environments: {dev: {source: {image: "acme/engine:dying"}, variables: {LOG_LINES: {value: "300"}}}}
  - id: 5e1f0000-0000-4000-8000-000000000002
    name: worker
    environments: {dev: {source: {image: "acme/engine:2"}, variables: {PORT: {value: "\e[31m9000\e[2J"}}}}
tokens:
- {name: account, kind: workspace, workspace: ws, value: ` + accountToken + `}
`

// logStage is a tier dev on a local Railway whose clock stands still until it is turned: a deployment goes on a step each minute.
type logStage struct {
	*stage
	sim      *railwaysim.Sim
	endpoint string
	clock    atomic.Int64
}

func newLogStage(t *testing.T) *logStage {
	t.Helper()
	l := &logStage{stage: newStage(t)}
	l.clock.Store(l.now.UnixNano())
	seed, err := railwaysim.ParseSeed([]byte(logsSeed))
	require.NoError(t, err)
	l.sim, err = railwaysim.New(railwaysim.Options{Seed: seed, Step: time.Minute, Now: func() time.Time { return time.Unix(0, l.clock.Load()) }})
	require.NoError(t, err)
	endpoint, stop, err := l.sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	l.endpoint, l.env["RAILWAY_API_TOKEN"] = "--railway-endpoint="+endpoint, accountToken
	source := func(name string) map[string]any {
		return map[string]any{"name": name, "source": map[string]any{"image": "acme/engine:2"}}
	}
	l.apply("dev", map[string]any{
		"tier": "Dev", "railway": map[string]any{"projectID": projectID, "tokenSecretRef": map[string]any{"name": "railway"}},
		"engine": source("ai-engine"), "services": []any{source("worker")},
	})
	return l
}

// steps turns the clock so many steps.
func (l *logStage) steps(n int) { l.clock.Add(int64(n) * int64(time.Minute)) }

// logs are the messages that the command prints.
func (l *logStage) logs(args ...string) []string {
	l.t.Helper()
	return messages(l.ok(append([]string{"logs", "dev", l.endpoint}, args...)...))
}

// messages are the lines without time and severity.
func messages(printed string) []string {
	all := []string{}
	for line := range strings.Lines(printed) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, strings.TrimSpace(strings.TrimLeft(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")))
	}
	return all
}

func TestLogs(t *testing.T) {
	l := newLogStage(t)
	started := []string{"Starting engine with Python 3.13", "Security middleware disabled", "Listening on port 8000"}
	const died = "MemoryError: engine died: out of memory"
	assert.Equal(t, append(started, died), l.logs())
	assert.Equal(t, []string{started[2], died}, l.logs("--tail", "2"))
	assert.Equal(t, []string{died}, l.logs("--since", "45m"))
	assert.Equal(t, []string{died}, l.logs("--filter", "@level:error"))
	assert.Equal(t, "Listening on port \x1b[31m9000␛[2J\x1b[0m", l.logs("--service", "worker")[2], "colours stay, within the line")
	for args, want := range map[string]string{
		"--tail=0":       "--tail 0: it must be from 1 to 5000",
		"--tail=5001":    "--tail 5001: it must be from 1 to 5000",
		"--since=-1m":    "--since -1m0s: it must not be negative",
		"--service=none": `dev declares no service "none"; there is ai-engine, worker`,
	} {
		r := l.run("logs", "dev", l.endpoint, args)
		assert.Equal(t, 1, r.code, args)
		assert.Contains(t, r.err, want)
		assert.Empty(t, r.out)
	}
}

// TestLogsFollow: whatever is written after the command started is printed once: by a deployment that replaces the one that ran, even
// with times before that one's last line, and more of it in a moment than --tail names.
func TestLogsFollow(t *testing.T) {
	l := newLogStage(t)
	f := l.follow()
	out, errs, until := &f.out, &f.errs, f.until
	until("the last line", out, "MemoryError", 1)

	l.steps(-50) // the next one starts before that
	engine := railwaysim.Place{Project: projectID, Environment: "dev", Service: "ai-engine"}
	require.NoError(t, l.sim.EditSettings(railwaysim.SettingsEdit{
		Place: engine, Config: map[string]any{"source": map[string]any{"image": "acme/engine:chatty"}},
	}))
	l.steps(20)
	until("the start of the new deployment", out, "Listening on port", 1)
	l.steps(10)
	until("its burst", out, " line 300\n", 1)
	assert.NotContains(t, errs.String(), "missing")
	want := []string{
		"MemoryError: engine died: out of memory", "Starting engine with Python 3.13", "Security middleware disabled", "Listening on port 8000",
	}
	assert.Equal(t, want, messages(out.String())[:len(want)])
	assert.Len(t, messages(out.String()), len(want)+300)

	lines := "5200"
	require.NoError(t, l.sim.EditVariable(railwaysim.VariableEdit{Place: engine, Name: "LOG_LINES", Value: &lines}))
	until("the next deployment", errs, "Follows deployment ", 2)
	l.steps(40)
	until("the end of its burst", out, " line 5200\n", 1)
	assert.Contains(t, errs.String(), "the last 5000 lines at most: lines before the next one are missing")
	assert.Zero(t, f.end())
}

// TestLogsOutlastsFaults: while Railway fails it is asked again, and nothing is lost; what cannot pass ends the command.
func TestLogsOutlastsFaults(t *testing.T) {
	l := newLogStage(t)
	f := l.follow()
	f.until("the last line", &f.out, "MemoryError", 1)
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Kind: railwaysim.Fault500, Ordinal: 1, Count: 20})) // polls, and a look for a newer one
	f.until("what fails", &f.errs, "; tries again\n", 1)
	require.NoError(t, l.sim.EditSettings(railwaysim.SettingsEdit{
		Place:  railwaysim.Place{Project: projectID, Environment: "dev", Service: "ai-engine"},
		Config: map[string]any{"source": map[string]any{"image": "acme/engine:3"}},
	}))
	l.steps(20)
	f.until("the start of the new deployment", &f.out, "Listening on port", 1)
	assert.Less(t, strings.Count(f.errs.String(), "tries again"), 10, "it is not told at every poll")
	require.NoError(t, l.sim.AddFault(railwaysim.Fault{Kind: railwaysim.FaultUnauthorized}))
	assert.Equal(t, 1, <-f.ended)
	assert.Contains(t, f.errs.String(), "check the token")
}

// follower is logs -f at work.
type follower struct {
	t         *testing.T
	out, errs locked
	cancel    context.CancelFunc
	ended     chan int
}

func (l *logStage) follow() *follower {
	f := &follower{t: l.t, ended: make(chan int, 1)}
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(l.t.Context())
	go func() {
		world := cli.World{Out: &f.out, Err: &f.errs, Now: time.Now, After: soon, Getenv: func(name string) string { return l.env[name] }}
		f.ended <- cli.Main(ctx, world, []string{"kubectl-engine", "logs", "dev", "-f", "--tail=1", l.endpoint})
	}()
	return f
}

func (f *follower) until(what string, from *locked, text string, times int) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return strings.Count(from.String(), text) >= times }, 20*time.Second, 10*time.Millisecond, what)
}

// end stops it and returns the code that it exits with.
func (f *follower) end() int {
	f.cancel()
	return <-f.ended
}
