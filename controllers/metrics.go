// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/status"
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
	verdictGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_verdict",
		Help: "1 for the verdict that holds, GO, NO-GO or PENDING, and 0 for the others.",
	}, []string{"namespace", "name", "tier", "verdict"})
	promotionGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "engine_operator_environment_promotion",
		Help: "1 for the state of the promotion, with spec.promotion.",
	}, []string{"namespace", "name", "state"})
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
	metrics.Registry.MustRegister(readyGauge, suspendedGauge, verdictGauge, promotionGauge, checkGauge, checkDuration, costGauge, driftGauge, commitCounter)
}

// setMetrics sets what the status tells; previous is the status before, whose checks may be gone.
func setMetrics(key string, object *v1alpha1.EngineEnvironment, previous *v1alpha1.EngineEnvironmentStatus) {
	namespace, name, _ := strings.Cut(key, "/")
	tier := string(object.Spec.Tier)
	readyGauge.WithLabelValues(namespace, name, tier).Set(one(status.Holds(&object.Status, v1alpha1.ConditionReady)))
	for _, verdict := range []v1alpha1.Verdict{v1alpha1.VerdictGo, v1alpha1.VerdictNoGo, v1alpha1.VerdictPending} {
		verdictGauge.WithLabelValues(namespace, name, tier, string(verdict)).Set(one(object.Status.Verdict == verdict))
	}
	if before := previous.Promotion; before != nil {
		promotionGauge.DeleteLabelValues(namespace, name, string(before.State))
	}
	if promotion := object.Status.Promotion; promotion != nil {
		promotionGauge.WithLabelValues(namespace, name, string(promotion.State)).Set(1)
	}
	setCheckMetrics(namespace, name, object.Status.Checks, previous.Checks)
	suspendedGauge.WithLabelValues(namespace, name).Set(one(object.Spec.Suspend))
	driftGauge.WithLabelValues(namespace, name).Set(float64(len(object.Status.Drift)))
}

func setCheckMetrics(namespace, name string, checks, previous []v1alpha1.CheckStatus) {
	told := map[string]bool{}
	for _, check := range checks {
		if check.Result == v1alpha1.CheckPassed || check.Result == v1alpha1.CheckFailed {
			told[check.Name] = true
			checkGauge.WithLabelValues(namespace, name, check.Name).Set(one(check.Result == v1alpha1.CheckPassed))
			checkDuration.WithLabelValues(namespace, name, check.Name).Set(float64(check.DurationMs) / 1000)
		}
	}
	for _, check := range previous {
		if !told[check.Name] {
			checkGauge.DeleteLabelValues(namespace, name, check.Name)
			checkDuration.DeleteLabelValues(namespace, name, check.Name)
		}
	}
}

func setCostMetrics(key string, known *v1alpha1.CostStatus, budget *v1alpha1.Budget) {
	namespace, name, _ := strings.Cut(key, "/")
	for kind, text := range map[string]string{"month_to_date": known.MonthToDateUSD, "projected": known.ProjectedUSD} {
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			costGauge.WithLabelValues(namespace, name, kind).Set(value)
		}
	}
	costGauge.WithLabelValues(namespace, name, "budget").Set(float64(budget.MonthlyUSD))
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
	verdictGauge.DeletePartialMatch(labels)
	promotionGauge.DeletePartialMatch(labels)
	checkGauge.DeletePartialMatch(labels)
	checkDuration.DeletePartialMatch(labels)
	costGauge.DeletePartialMatch(labels)
	driftGauge.DeletePartialMatch(labels)
	commitCounter.DeletePartialMatch(labels)
}
