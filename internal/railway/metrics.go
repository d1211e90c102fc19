// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what goes to Railway. Labels are bounded: operations are ours, classes are ours, tokens appear as their key.
type metrics struct {
	requests     *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	environments *prometheus.CounterVec
	throttled    prometheus.Counter
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
		environments: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "engine_operator_railway_environment_reads_total",
			Help: "Environments read, by error class (OK without an error); many share a request.",
		}, []string{"class"}),
		throttled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "engine_operator_railway_throttled_total",
			Help: "Requests that Railway refused as too many, or that were held back to keep within its limits.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.requests), registerer.Register(m.duration),
		registerer.Register(m.environments), registerer.Register(m.throttled))
}

// tokenMetrics are what is known of each token in use, read when they are asked for: nothing is left of a token that is gone.
type tokenMetrics struct{ pool *Pool }

func tokenDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"token"}, nil)
}

var (
	remainingDesc = tokenDesc("engine_operator_railway_rate_limit_remaining", "Requests left in Railway's current window, by key of the token.")
	intervalDesc  = tokenDesc("engine_operator_railway_poll_interval_floor_seconds",
		"The shortest time between two polls of an environment that the token's limit allows, by key of the token.")
	pausedDesc = tokenDesc("engine_operator_railway_paused_seconds", "How long nothing may be sent because Railway refused a request as too many, by key of the token.")
	batchDesc  = tokenDesc("engine_operator_railway_batch_size", "Environments that are read in one request at most, by key of the token.")
)

// Describe is for package prometheus.
func (m tokenMetrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{remainingDesc, intervalDesc, pausedDesc, batchDesc} {
		descriptions <- d
	}
}

// Collect is for package prometheus.
func (m tokenMetrics) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range m.pool.all() {
		gauge := func(d *prometheus.Desc, value float64) {
			metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, c.key)
		}
		s := c.Budget().state()
		if s.known {
			gauge(remainingDesc, float64(s.remaining))
		}
		gauge(intervalDesc, s.interval.Seconds())
		gauge(pausedDesc, s.paused.Seconds())
		gauge(batchDesc, float64(c.batch.now()))
	}
}
