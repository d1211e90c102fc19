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
	metrics.Registry.MustRegister(readyGauge, driftGauge, commitCounter)
}

func setMetrics(key string, object *v1alpha1.EngineEnvironment) {
	namespace, name, _ := strings.Cut(key, "/")
	ready := 0.0
	if meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionReady) {
		ready = 1
	}
	readyGauge.WithLabelValues(namespace, name, string(object.Spec.Tier)).Set(ready)
	driftGauge.WithLabelValues(namespace, name).Set(float64(len(object.Status.Drift)))
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
	driftGauge.DeletePartialMatch(labels)
	commitCounter.DeletePartialMatch(labels)
}
