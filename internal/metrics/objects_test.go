// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/plan"
)

// object is a tier that has everything a metric tells.
func object(name string) *v1alpha1.EngineEnvironment {
	o := &v1alpha1.EngineEnvironment{}
	o.Namespace, o.Name = "ai-engine", name
	o.Spec = v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierPreview, Budget: &v1alpha1.Budget{MonthlyUSD: 570}}
	since := metav1.NewTime(time.Unix(1_700_000_000, 0))
	o.Status = v1alpha1.EngineEnvironmentStatus{
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSucceeded}},
		Verdict:    v1alpha1.VerdictGo, GoSince: &since,
		Engine:    &v1alpha1.ServiceStatus{Name: "ai-engine", Revision: "1.4.2"},
		Promotion: &v1alpha1.PromotionStatus{State: v1alpha1.PromotionUpToDate},
		Checks: []v1alpha1.CheckStatus{
			{Name: "health", Result: v1alpha1.CheckPassed, DurationMs: 250},
			{Name: "mode-1", Result: v1alpha1.CheckFailed, DurationMs: 1500},
			{Name: "metrics", Result: v1alpha1.CheckPending},
		},
		Cost:       &v1alpha1.CostStatus{MonthToDateUSD: "31.05", ProjectedUSD: "62.10"},
		LastCommit: &v1alpha1.Commit{Time: since},
	}
	return o
}

func newObjects(tb testing.TB) *metrics.Objects {
	tb.Helper()
	objects, err := metrics.NewObjects(nil)
	require.NoError(tb, err)
	return objects
}

// TestSeries holds all series of one object, as they are scraped.
func TestSeries(t *testing.T) {
	objects := newObjects(t)
	objects.Set(object("preview"))
	objects.Committed("ai-engine/preview", []plan.Change{{}, {Cause: plan.CauseDrift}})
	want := `
engine_operator_check_duration_seconds{check="health",name="preview",namespace="ai-engine"} 0.25
engine_operator_check_duration_seconds{check="mode-1",name="preview",namespace="ai-engine"} 1.5
engine_operator_check_passed{check="health",name="preview",namespace="ai-engine"} 1
engine_operator_check_passed{check="mode-1",name="preview",namespace="ai-engine"} 0
engine_operator_commits_total{cause="drift",name="preview",namespace="ai-engine"} 1
engine_operator_commits_total{cause="spec",name="preview",namespace="ai-engine"} 0
engine_operator_environment_budget_usd{name="preview",namespace="ai-engine"} 570
engine_operator_environment_cost_month_to_date_usd{name="preview",namespace="ai-engine"} 31.05
engine_operator_environment_cost_projected_usd{name="preview",namespace="ai-engine"} 62.1
engine_operator_environment_drift_fields{name="preview",namespace="ai-engine"} 0
engine_operator_environment_go_since_timestamp_seconds{name="preview",namespace="ai-engine"} 1.7e+09
engine_operator_environment_held{name="preview",namespace="ai-engine"} 0
engine_operator_environment_info{name="preview",namespace="ai-engine",revision="1.4.2",tier="Preview"} 1
engine_operator_environment_last_commit_timestamp_seconds{name="preview",namespace="ai-engine"} 1.7e+09
engine_operator_environment_promotion{name="preview",namespace="ai-engine",state="AwaitingApproval"} 0
engine_operator_environment_promotion{name="preview",namespace="ai-engine",state="Blocked"} 0
engine_operator_environment_promotion{name="preview",namespace="ai-engine",state="Promoting"} 0
engine_operator_environment_promotion{name="preview",namespace="ai-engine",state="Soaking"} 0
engine_operator_environment_promotion{name="preview",namespace="ai-engine",state="UpToDate"} 1
engine_operator_environment_promotion{name="preview",namespace="ai-engine",state="Waiting"} 0
engine_operator_environment_ready_reason{name="preview",namespace="ai-engine",reason="Succeeded"} 1
engine_operator_environment_ready{name="preview",namespace="ai-engine",tier="Preview"} 1
engine_operator_environment_stalled{name="preview",namespace="ai-engine",tier="Preview"} 0
engine_operator_environment_suspended{name="preview",namespace="ai-engine"} 0
engine_operator_environment_verdict{name="preview",namespace="ai-engine",tier="Preview",verdict="GO"} 1
engine_operator_environment_verdict{name="preview",namespace="ai-engine",tier="Preview",verdict="NO-GO"} 0
engine_operator_environment_verdict{name="preview",namespace="ai-engine",tier="Preview",verdict="PENDING"} 0
`
	assert.ElementsMatch(t, strings.Split(strings.TrimSpace(want), "\n"), scrape(t, objects))
}

// scrape returns the series as text, sorted by name, without HELP and TYPE.
func scrape(t *testing.T, collector prometheus.Collector) (series []string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(collector))
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		text, err := testutil.CollectAndFormat(collector, expfmt.TypeTextPlain, family.GetName())
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				series = append(series, strings.TrimSpace(line))
			}
		}
	}
	return series
}

// TestWhatEnds holds that a series ends with what it tells of.
func TestWhatEnds(t *testing.T) {
	cases := []struct {
		reason string
		change func(*v1alpha1.EngineEnvironment)
		gone   string
	}{
		{"a check that is not decided has no result", func(o *v1alpha1.EngineEnvironment) { o.Status.Checks[0].Result = v1alpha1.CheckPending }, `check="health"`},
		{"a check that is dropped from the spec", func(o *v1alpha1.EngineEnvironment) { o.Status.Checks = o.Status.Checks[1:] }, `check="health"`},
		{"a tier that takes no promotions", func(o *v1alpha1.EngineEnvironment) { o.Status.Promotion = nil }, `environment_promotion`},
		{"a tier without a budget", func(o *v1alpha1.EngineEnvironment) { o.Spec.Budget = nil }, `_usd`},
		{"a cost that cannot be read", func(o *v1alpha1.EngineEnvironment) { o.Status.Cost.ProjectedUSD = "?" }, `_usd`},
		{"a verdict that is not GO", func(o *v1alpha1.EngineEnvironment) { o.Status.GoSince = nil }, `go_since`},
		{"the reason before", func(o *v1alpha1.EngineEnvironment) { o.Status.Conditions[0].Reason = v1alpha1.ReasonDeploying }, `reason="Succeeded"`},
		{"the revision before", func(o *v1alpha1.EngineEnvironment) { o.Status.Engine.Revision = "1.5.0" }, `revision="1.4.2"`},
	}
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			objects := newObjects(t)
			objects.Set(object("preview"))
			require.Contains(t, strings.Join(scrape(t, objects), "\n"), tc.gone)
			changed := object("preview")
			tc.change(changed)
			objects.Set(changed)
			assert.NotContains(t, strings.Join(scrape(t, objects), "\n"), tc.gone)
		})
	}
}

// TestCommitsCount holds what a commit counts as, and that the count outlives the next report.
func TestCommitsCount(t *testing.T) {
	objects := newObjects(t)
	const key = "ai-engine/preview"
	objects.Committed(key, []plan.Change{{}}) // the first commit is made before the first report
	assert.Contains(t, scrape(t, objects), `engine_operator_commits_total{cause="spec",name="preview",namespace="ai-engine"} 1`)
	objects.Set(object("preview"))
	objects.Committed(key, []plan.Change{{Cause: plan.CauseUnmanaged}})
	objects.Committed(key, []plan.Change{{Cause: plan.CauseDrift}, {}})
	series := scrape(t, objects)
	assert.Contains(t, series, `engine_operator_commits_total{cause="spec",name="preview",namespace="ai-engine"} 1`)
	assert.Contains(t, series, `engine_operator_commits_total{cause="drift",name="preview",namespace="ai-engine"} 2`)
}

// TestForget holds that one object leaves and the others stay.
func TestForget(t *testing.T) {
	objects := newObjects(t)
	objects.Set(object("preview"))
	objects.Set(object("production"))
	objects.Forget("ai-engine/preview")
	objects.Forget("ai-engine/never-there")
	text := strings.Join(scrape(t, objects), "\n")
	assert.NotContains(t, text, `name="preview"`)
	assert.Contains(t, text, `name="production"`)
}

// TestConventions holds the names and help texts against Prometheus' own linter.
func TestConventions(t *testing.T) {
	objects := newObjects(t)
	objects.Set(object("preview"))
	problems, err := testutil.CollectAndLint(objects)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestBuild holds that the program tells what it is.
func TestBuild(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, metrics.Build(registry, "v1.2.3"))
	families, err := registry.Gather()
	require.NoError(t, err)
	labels := map[string]string{}
	for _, pair := range families[0].GetMetric()[0].GetLabel() {
		labels[pair.GetName()] = pair.GetValue()
	}
	assert.Equal(t, "engine_operator_build_info", families[0].GetName())
	assert.Equal(t, "v1.2.3", labels["version"])
	assert.NotEmpty(t, labels["goversion"])
	assert.NotEmpty(t, labels["revision"])
}

// BenchmarkSet reports one object of many: the number of the others must not matter.
func BenchmarkSet(b *testing.B) {
	for _, others := range []int{100, 10_000} {
		b.Run(fmt.Sprint(others), func(b *testing.B) {
			objects := fleet(b, others)
			reported := object("preview")
			for b.Loop() {
				objects.Set(reported)
			}
		})
	}
}

// BenchmarkForget drops one object of many.
func BenchmarkForget(b *testing.B) {
	for _, others := range []int{100, 10_000} {
		b.Run(fmt.Sprint(others), func(b *testing.B) {
			objects := fleet(b, others)
			for b.Loop() {
				objects.Forget("ai-engine/preview")
			}
		})
	}
}

// BenchmarkScrape makes the series of 10,000 objects.
func BenchmarkScrape(b *testing.B) {
	registry := prometheus.NewRegistry()
	require.NoError(b, registry.Register(fleet(b, 10_000)))
	for b.Loop() {
		_, err := registry.Gather()
		require.NoError(b, err)
	}
}

func fleet(b *testing.B, size int) *metrics.Objects {
	b.Helper()
	objects := newObjects(b)
	for i := range size {
		objects.Set(object(fmt.Sprintf("tier-%05d", i)))
	}
	return objects
}
