// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// The values of the labels verdict and state.
var (
	verdicts = []v1alpha1.Verdict{v1alpha1.VerdictGo, v1alpha1.VerdictNoGo, v1alpha1.VerdictPending}
	states   = []v1alpha1.PromotionState{
		v1alpha1.PromotionUpToDate, v1alpha1.PromotionWaiting, v1alpha1.PromotionSoaking,
		v1alpha1.PromotionAwaitingApproval, v1alpha1.PromotionBlocked, v1alpha1.PromotionPromoting,
	}
)

var described []*prometheus.Desc

// describe declares a metric of every object. Each of the labels has few values, or few per object.
func describe(name, help string, labels ...string) *prometheus.Desc {
	desc := prometheus.NewDesc("engine_operator_"+name, help, append([]string{"namespace", "name"}, labels...), nil)
	described = append(described, desc)
	return desc
}

var (
	infoDesc = describe("environment_info",
		"1 for each EngineEnvironment, with its tier and the engine's revision that runs, in short.", "tier", "revision")
	readyDesc = describe("environment_ready",
		"1 when the EngineEnvironment is Ready, else 0.", "tier")
	reasonDesc = describe("environment_ready_reason",
		"1 for the reason of the Ready condition.", "reason")
	stalledDesc = describe("environment_stalled",
		"1 while the condition Stalled is True and a person has to act, else 0.", "tier")
	suspendedDesc = describe("environment_suspended",
		"1 while the EngineEnvironment is suspended, else 0.")
	heldDesc = describe("environment_held",
		"1 while a verified revision is held in place of what is declared, after a rollback, else 0.")
	verdictDesc = describe("environment_verdict",
		"1 for the verdict that holds, GO, NO-GO or PENDING, and 0 for the others.", "tier", "verdict")
	goSinceDesc = describe("environment_go_since_timestamp_seconds",
		"Since when the verdict has been GO without a break, in seconds since the epoch. No value while it is not GO.")
	promotionDesc = describe("environment_promotion",
		"1 for the state of the promotion, and 0 for the others, with spec.promotion.", "state")
	checkDesc = describe("check_passed",
		"1 when the check passes, 0 when it fails. Undecided and skipped checks have no value.", "check")
	checkDurationDesc = describe("check_duration_seconds",
		"How long the run took that brought the check's result, retries and all.", "check")
	driftDesc = describe("environment_drift_fields",
		"Fields that differ from what was last applied, as listed in status.drift.")
	monthToDateDesc = describe("environment_cost_month_to_date_usd",
		"What the environment has cost in this calendar month, in US dollars, with spec.budget.")
	projectedDesc = describe("environment_cost_projected_usd",
		"What the environment will have cost at the end of the month at the rate so far, in US dollars, with spec.budget.")
	budgetDesc = describe("environment_budget_usd",
		"The most that the environment may cost in a calendar month, in US dollars, with spec.budget.")
	commitDesc = describe("commits_total",
		"Commits made to Railway, by cause: drift when the commit undoes a change made on Railway, else spec.", "cause")
	lastCommitDesc = describe("environment_last_commit_timestamp_seconds",
		"When the operator last committed to Railway, in seconds since the epoch.")
)

// Describe implements prometheus.Collector.
func (o *Objects) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range described {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (o *Objects) Collect(out chan<- prometheus.Metric) {
	for _, r := range o.all() {
		s := sink{out: out, namespace: r.namespace, name: r.name}
		if r.reported {
			r.state(s)
			r.promotionAndChecks(s)
			r.cost(s)
		}
		r.commits(s)
	}
}

// sink writes the series of one object.
type sink struct {
	out             chan<- prometheus.Metric
	namespace, name string
}

func (s sink) gauge(desc *prometheus.Desc, value float64, labels ...string) {
	s.put(desc, prometheus.GaugeValue, value, labels)
}

func (s sink) put(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels []string) {
	s.out <- prometheus.MustNewConstMetric(desc, kind, value, append([]string{s.namespace, s.name}, labels...)...)
}

func (r *record) state(s sink) {
	s.gauge(infoDesc, 1, r.tier, r.revision)
	s.gauge(readyDesc, one(r.ready), r.tier)
	if r.reason != "" {
		s.gauge(reasonDesc, 1, r.reason)
	}
	s.gauge(stalledDesc, one(r.stalled), r.tier)
	s.gauge(suspendedDesc, one(r.suspended))
	s.gauge(heldDesc, one(r.held))
	for _, verdict := range verdicts {
		s.gauge(verdictDesc, one(r.verdict == verdict), r.tier, string(verdict))
	}
	if r.goSince != 0 {
		s.gauge(goSinceDesc, float64(r.goSince))
	}
	s.gauge(driftDesc, float64(r.drift))
}

func (r *record) promotionAndChecks(s sink) {
	for _, state := range states {
		if r.promotion != "" {
			s.gauge(promotionDesc, one(r.promotion == state), string(state))
		}
	}
	for _, c := range r.checks {
		s.gauge(checkDesc, one(c.passed), c.name)
		s.gauge(checkDurationDesc, c.seconds, c.name)
	}
}

func (r *record) cost(s sink) {
	if !r.priced {
		return
	}
	s.gauge(monthToDateDesc, r.monthToDate)
	s.gauge(projectedDesc, r.projected)
	s.gauge(budgetDesc, float64(r.budget))
}

// commits are there from the start, so that the first one is an increase.
func (r *record) commits(s sink) {
	s.put(commitDesc, prometheus.CounterValue, float64(r.specCommits), []string{"spec"})
	s.put(commitDesc, prometheus.CounterValue, float64(r.driftCommits), []string{"drift"})
	if r.lastCommitted != 0 {
		s.gauge(lastCommitDesc, float64(r.lastCommitted))
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
