// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what goes to Railway. Labels are bounded: operations are ours, classes are ours, tokens appear as their key.
type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	remaining *prometheus.GaugeVec
	throttled prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "engine_operator_railway_requests_total",
			Help: "Requests sent to Railway, by GraphQL operation and error class (OK without an error).",
		}, []string{"operation", "class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "engine_operator_railway_request_duration_seconds",
			Help:    "Time from sending a request to Railway to having its whole answer.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation"}),
		remaining: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "engine_operator_railway_rate_limit_remaining",
			Help: "Requests left in Railway's current window, by key of the token.",
		}, []string{"token"}),
		throttled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "engine_operator_railway_throttled_total",
			Help: "Requests that Railway refused as too many, or that were held back to keep within its limits.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.requests), registerer.Register(m.duration),
		registerer.Register(m.remaining), registerer.Register(m.throttled))
}
