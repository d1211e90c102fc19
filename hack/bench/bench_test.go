// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[99-i] = time.Duration(i+1) * time.Second
	}
	cases := []struct {
		name, reason string
		values       []time.Duration
		p, want      float64
	}{
		{"none", "nothing was measured", nil, 0.99, 0},
		{"one", "it is every percentile", hundred[:1], 0.5, 100},
		{"median", "half do not exceed it", hundred, 0.5, 50},
		{"p99", "one of a hundred exceeds it", hundred, 0.99, 99},
		{"all", "the largest", hundred, 1, 100},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			assert.InDelta(t, tc.want, percentile(tc.values, tc.p), 1e-9, tc.reason)
		})
	}
	assert.Equal(t, 100*time.Second, hundred[0], "the values keep their order")
}

func TestSharesAddUp(t *testing.T) {
	for _, total := range []int{0, 1, 99, 100, 101, 830} {
		given := 0
		for i := range 100 {
			given += share(total, i, 100)
		}
		assert.Equal(t, total, given)
	}
}

func TestIntervalFitsAProToken(t *testing.T) {
	assert.Equal(t, 30*time.Second, intervalFor(100), "the API allows no shorter one")
	assert.Equal(t, 30*time.Second, intervalFor(1000))
	assert.Equal(t, 4*time.Minute, intervalFor(10_000))
}

func TestTraffic(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	read := func(traffic *traffic, seconds int, ids ...string) {
		r := railwaysim.Request{Operation: "ReadEnvironment", Time: at(seconds)}
		traffic.observe(r, railwaysim.PhaseBefore)
		r.Environments = ids
		traffic.observe(r, railwaysim.PhaseAfter)
	}
	tr := newTraffic()
	tr.settle("a")
	read(tr, 0, "a", "b")
	tr.follow([]string{"b"}, at(5))
	read(tr, 10, "a")
	read(tr, 20, "a", "b")
	read(tr, 23, "b")
	commit := railwaysim.Request{Operation: "CommitPatch", Time: at(30), Variables: map[string]any{"environmentId": "a"}}
	tr.observe(commit, railwaysim.PhaseBefore)
	tr.observe(commit, railwaysim.PhaseAfter)

	c := tr.counted()
	assert.Equal(t, map[string]int{"ReadEnvironment": 4, "CommitPatch": 1}, c.requests)
	assert.Equal(t, map[string]int{"ReadEnvironment": 3, "CommitPatch": 1}, c.needed, "the second read was a poll of what is settled")
	assert.Equal(t, 5, c.total)
	assert.Equal(t, 6, c.reads, "a batch counts as many as it reads")
	assert.Equal(t, 2, c.twice)
	assert.Equal(t, []time.Duration{3 * time.Second}, c.gaps, "b's first gap began before it was followed")
	assert.Equal(t, []time.Duration{20 * time.Second, 20 * time.Second}, tr.ages([]string{"a", "b"}, at(40)), "until now, or the longest gap")
	assert.Equal(t, []time.Duration{20 * time.Second, 17 * time.Second}, tr.unread([]string{"a", "b"}, at(40)))
	assert.True(t, tr.readAll([]string{"a", "b"}))
	assert.False(t, tr.readAll([]string{"a", "c"}))
	_, ok := tr.committed("a", at(31))
	assert.False(t, ok)
	when, ok := tr.committed("a", at(29))
	assert.True(t, ok)
	assert.Equal(t, at(30), when)

	tr.reset()
	assert.Zero(t, tr.counted().total)
	assert.Equal(t, []time.Duration{20 * time.Second}, tr.ages([]string{"a"}, at(40)), "when it was read last is still known")
}

func TestProcFiguresOfThisProcess(t *testing.T) {
	used, err := cpuTime(os.Getpid())
	require.NoError(t, err)
	for begin := time.Now(); time.Since(begin) < 100*time.Millisecond; {
		_ = strings.Repeat("x", 1000)
	}
	after, err := cpuTime(os.Getpid())
	require.NoError(t, err)
	assert.Greater(t, after, used)
	now, peak, err := memory(os.Getpid())
	require.NoError(t, err)
	assert.Greater(t, now, int64(1<<20))
	assert.GreaterOrEqual(t, peak, now)
}

func TestChildren(t *testing.T) {
	command := exec.CommandContext(t.Context(), "sleep", "60")
	require.NoError(t, command.Start())
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	found, err := children()
	require.NoError(t, err)
	assert.Equal(t, command.Process.Pid, found["sleep"])
	assert.NotContains(t, found, "bash", "only its own")
}

// TestBeside: what another run has measured stands beside what this one measures, and never replaces it.
func TestBeside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.json")
	require.NoError(t, report{Sizes: measured()}.write(file))
	out, err := setup{Sizes: []int{300, 1000}, Beside: file}.begin()
	require.NoError(t, err)
	require.Len(t, out.Sizes, 1)
	assert.Equal(t, measured()[0].Objects, out.Sizes[0].Objects)
	_, err = setup{Beside: file + ".none"}.begin()
	require.Error(t, err)
}

// TestEnvironmentOfTheManifests: what is measured runs with the bounds that people install.
func TestEnvironmentOfTheManifests(t *testing.T) {
	env, err := environmentOf("../../config/manager/manager.yaml")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(env, " "), "GOMEMLIMIT=")
	assert.Contains(t, strings.Join(env, " "), "GOMAXPROCS=")
	assert.NotContains(t, strings.Join(env, " "), "POD_NAMESPACE", "only a cluster knows it")
	env, err = environmentOf("")
	require.NoError(t, err)
	assert.Empty(t, env, "an operator without bounds")
	_, err = environmentOf("../../config/manager/kustomization.yaml")
	require.ErrorContains(t, err, "holds no Deployment")
}

func measured() []result {
	return []result{
		{Objects: 100, ReadySeconds: 10, ObjectsPerSecond: 10, BareClientObjectsPerSecond: 12, OperatorCPUSecondsPerObject: 0.02, Goroutines: 100},
		{Objects: 300, ReadySeconds: 30, ObjectsPerSecond: 10, BareClientObjectsPerSecond: 12, OperatorCPUSecondsPerObject: 0.02, Goroutines: 120,
			RequestsPerObjectFirst: 5.5, BatchesPerObjectFirst: 0.4},
	}
}

// TestPlotLeavesOutWhatWasNotMeasured: its 0 is no figure.
func TestPlotLeavesOutWhatWasNotMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.svg")
	for missing, want := range map[string]int{"": 2, "goroutines": 1} {
		results := measured()
		results[1].Missing = []string{missing}
		require.NoError(t, writePlot(file, results))
		svg, err := os.ReadFile(file)
		require.NoError(t, err)
		_, panel, found := strings.Cut(string(svg), ">goroutines</text>")
		require.True(t, found)
		panel, _, _ = strings.Cut(panel, "font-weight")
		assert.Equal(t, want, strings.Count(panel, "<circle"), missing)
	}
}

func TestPlotIsWellFormed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.svg")
	for _, results := range [][]result{measured(), measured()[:1]} {
		require.NoError(t, writePlot(file, results))
		svg, err := os.Open(file)
		require.NoError(t, err)
		decoder, panels := xml.NewDecoder(svg), 0
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "polyline" {
				panels++
				assert.NotContains(t, start.Attr[0].Value, "NaN")
				assert.NotContains(t, start.Attr[0].Value, "Inf")
			}
		}
		require.NoError(t, svg.Close())
		assert.Equal(t, len(rows), panels)
	}
}

func TestRanges(t *testing.T) {
	_, err := loadRanges("ranges.yaml")
	require.NoError(t, err, "the ranges in git are whole")
	cases := []struct {
		name, reason, ranges, want string
	}{
		{"within", "bounds are inclusive", "- {figure: goroutines, min: 100, max: 120, reason: x}", ""},
		{"above", "the message names the reason", "- {figure: goroutines, max: 110, reason: one per object}", "goroutines is 120 with 300 objects: one per object"},
		{"below", "", "- {figure: objectsPerSecond, min: 11, reason: x}", "objectsPerSecond is 10 with 100 objects"},
		{"ratio", "it is one figure of all sizes", "- {figure: goroutines per object, min: 0.1, max: 0.1, reason: x}", ""},
		{"ratio outside", "", "- {figure: objectsPerSecond/bareClientObjectsPerSecond, min: 0.9, reason: x}", "with all objects"},
		{"without batches", "5.5 requests of which 0.4 are batches", "- {figure: requestsPerObjectFirst - batchesPerObjectFirst, max: 5, reason: x}", "is 5.1"},
		{"unknown", "a range of nothing would hold for ever", "- {figure: gorutines, max: 1, reason: x}", "needs a known figure"},
		{"no reason", "each says why", "- {figure: goroutines, max: 1}", "a reason"},
		{"no bound", "it would bound nothing", "- {figure: goroutines, reason: x}", "min or max"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "ranges.yaml")
			require.NoError(t, os.WriteFile(file, []byte(tc.ranges), 0o600))
			err := check(file, measured())
			if tc.want == "" {
				require.NoError(t, err, tc.reason)
				return
			}
			require.ErrorContains(t, err, tc.want, tc.reason)
		})
	}
}

func TestFigureThatWasNotMeasuredIsInNoRange(t *testing.T) {
	one := 1.0
	nan := ratios["objectsPerSecond/bareClientObjectsPerSecond"]([]result{{}})
	assert.False(t, bounds{Max: &one}.holds(nan))
	assert.False(t, bounds{Min: &one}.holds(nan))
	left := figures("goroutines", []result{{Objects: 100, Missing: []string{"goroutines"}}})
	require.Len(t, left, 1)
	assert.False(t, bounds{Max: &one}.holds(left[0].value), "its 0 is no figure")
}

func TestTableJudges(t *testing.T) {
	cases := []struct {
		name, reason, figure string
		of                   result
		text, verdict        string
	}{
		{"holds", "3 is at most 4", "kubernetesWritesPerObjectFirst", result{KubernetesWritesPerObjectFirst: 3}, "3", "holds"},
		{"misses", "", "kubernetesWritesPerObjectFirst", result{KubernetesWritesPerObjectFirst: 4.5}, "4.5", "misses"},
		{"share", "batches are not counted", "requestsPerObjectFirst", result{RequestsPerObjectFirst: 5.5, BatchesPerObjectFirst: 0.5}, "5.5", "holds"},
		{"slow", "a part of the bare client's rate", "objectsPerSecond", result{ObjectsPerSecond: 5, BareClientObjectsPerSecond: 10}, "5", "misses"},
		{"no target", "nothing to hold", "goroutines", result{Goroutines: 9}, "9", ""},
		{"lower bound", "it ended before it was reached", "viewAgeP99Seconds",
			result{ViewAgeP99Seconds: 9, Incomplete: []string{"viewAgeP99Seconds"}}, "≥ 9", "misses"},
		{"missing", "0 would hold", "restartWritesPerObject", result{Missing: []string{"restartWritesPerObject"}}, "not measured", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			at := slices.IndexFunc(rows, func(r row) bool { return r.name == tc.figure })
			require.GreaterOrEqual(t, at, 0)
			assert.Equal(t, tc.text, rows[at].text(tc.of), tc.reason)
			assert.Equal(t, tc.verdict, rows[at].verdict(tc.of), tc.reason)
		})
	}
	for _, figure := range rows {
		assert.Equal(t, figure.target == "", figure.holds == nil, "%s: a target is a text and a condition", figure.name)
		assert.NotEmpty(t, figure.phase, figure.name)
	}
}
