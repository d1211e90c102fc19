// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
)

var (
	readyGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_ready",
		Help: "1 when the EngineEnvironment is Ready, else 0.",
	}, []string{"namespace", "name", "tier"})
	suspendedGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_suspended",
		Help: "1 while the EngineEnvironment is suspended, else 0.",
	}, []string{"namespace", "name"})
	goGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_go",
		Help: "1 when the verdict is GO, else 0.",
	}, []string{"namespace", "name", "tier"})
	checkGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_check_passed",
		Help: "1 when the check passes, 0 when it fails. Undecided and skipped checks have no value.",
	}, []string{"namespace", "name", "check"})
	checkDuration = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_check_duration_seconds",
		Help: "How long the run took that brought the check's result, retries and all.",
	}, []string{"namespace", "name", "check"})
	costGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_cost_usd",
		Help: "What the environment costs this month in US dollars, with spec.budget: month_to_date, projected and the budget itself.",
	}, []string{"namespace", "name", "kind"})
	driftGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_drift_fields",
		Help: "Fields that differ from what was last applied.",
	}, []string{"namespace", "name"})
	commitCounter = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "engine_operator_commits_total",
		Help: "Commits made to Railway, by cause: drift when the commit repairs drift, else spec.",
	}, []string{"namespace", "name", "cause"})
)

func init() {
	metrics.Registry.MustRegister(readyGauge, suspendedGauge, goGauge, checkGauge, checkDuration, costGauge, driftGauge, commitCounter)
}

func setMetrics(key string, object *v1alpha1.EngineEnvironment) {
	namespace, name, _ := strings.Cut(key, "/")
	ready := meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionReady)
	readyGauge.WithLabelValues(namespace, name, string(object.Spec.Tier)).Set(one(ready))
	goGauge.WithLabelValues(namespace, name, string(object.Spec.Tier)).Set(one(object.Status.Verdict == v1alpha1.VerdictGo))
	setCheckMetrics(namespace, name, object.Status.Checks)
	suspendedGauge.WithLabelValues(namespace, name).Set(one(object.Spec.Suspend))
	driftGauge.WithLabelValues(namespace, name).Set(float64(len(object.Status.Drift)))
}

func setCheckMetrics(namespace, name string, checks []v1alpha1.CheckStatus) {
	labels := prometheus.Labels{"namespace": namespace, "name": name}
	checkGauge.DeletePartialMatch(labels)
	checkDuration.DeletePartialMatch(labels)
	for _, check := range checks {
		if check.Result == v1alpha1.CheckPassed || check.Result == v1alpha1.CheckFailed {
			checkGauge.WithLabelValues(namespace, name, check.Name).Set(one(check.Result == v1alpha1.CheckPassed))
			checkDuration.WithLabelValues(namespace, name, check.Name).Set(float64(check.DurationMs) / 1000)
		}
	}
}

func setCostMetrics(key string, monthToDate, projected, budget float64) {
	namespace, name, _ := strings.Cut(key, "/")
	for kind, value := range map[string]float64{"month_to_date": monthToDate, "projected": projected, "budget": budget} {
		costGauge.WithLabelValues(namespace, name, kind).Set(value)
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func countCommit(key string, made *plan.Plan) {
	namespace, name, _ := strings.Cut(key, "/")
	cause := "spec"
	for _, change := range made.Changes {
		if change.Cause == plan.CauseDrift {
			cause = "drift"
		}
	}
	commitCounter.WithLabelValues(namespace, name, cause).Inc()
}

func deleteMetrics(key string) {
	namespace, name, _ := strings.Cut(key, "/")
	labels := prometheus.Labels{"namespace": namespace, "name": name}
	readyGauge.DeletePartialMatch(labels)
	suspendedGauge.DeletePartialMatch(labels)
	goGauge.DeletePartialMatch(labels)
	checkGauge.DeletePartialMatch(labels)
	checkDuration.DeletePartialMatch(labels)
	costGauge.DeletePartialMatch(labels)
	driftGauge.DeletePartialMatch(labels)
	commitCounter.DeletePartialMatch(labels)
}
