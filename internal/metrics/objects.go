// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics holds what Prometheus may ask about EngineEnvironments, and about the program itself. docs/monitoring.md lists
// every metric. What goes to Railway is counted in internal/railway.
package metrics

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Objects is a collector of one small record per object. The series are made from the records when they are asked for, so that
// setting and forgetting an object costs the same however many there are.
type Objects struct {
	mu      sync.Mutex
	records map[string]*record
}

// record is what one object tells. It is replaced, never changed, so that a scrape holds no lock while it writes.
type record struct {
	namespace, name string
	// reported is false for an object that has committed and whose status was not reported yet.
	reported                                 bool
	tier, revision, reason                   string
	ready, stalled, suspended, held          bool
	verdict                                  v1alpha1.Verdict
	goSince                                  int64
	promotion                                v1alpha1.PromotionState
	checks                                   []check
	drift                                    int
	priced                                   bool
	monthToDate, projected                   float64
	budget                                   int32
	specCommits, driftCommits, lastCommitted int64
}

type check struct {
	name    string
	passed  bool
	seconds float64
}

// NewObjects returns a collector that knows no object. A nil registerer leaves it unregistered.
func NewObjects(registerer prometheus.Registerer) (*Objects, error) {
	o := &Objects{records: map[string]*record{}}
	if registerer == nil {
		return o, nil
	}
	return o, registerer.Register(o)
}

// Set takes over what the object's spec and status say.
func (o *Objects) Set(object *v1alpha1.EngineEnvironment) {
	key, next := object.Namespace+"/"+object.Name, recordOf(object)
	o.mu.Lock()
	defer o.mu.Unlock()
	if before := o.records[key]; before != nil {
		next.specCommits, next.driftCommits = before.specCommits, before.driftCommits
	}
	o.records[key] = next
}

// Committed counts a commit to Railway for the object of that key, namespace/name. It repairs drift when any of its changes does.
func (o *Objects) Committed(key string, changes []plan.Change) {
	drift := slices.ContainsFunc(changes, func(c plan.Change) bool {
		return c.Cause == plan.CauseDrift || c.Cause == plan.CauseUnmanaged
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	next := record{}
	next.namespace, next.name, _ = strings.Cut(key, "/")
	if before := o.records[key]; before != nil {
		next = *before
	}
	if drift {
		next.driftCommits++
	} else {
		next.specCommits++
	}
	o.records[key] = &next
}

// Forget drops all series of an object that is gone, by its key, namespace/name.
func (o *Objects) Forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.records, key)
}

// all returns the records as they are now, in the order in which most series are sorted: sorting is the dearest part of a scrape.
func (o *Objects) all() []*record {
	o.mu.Lock()
	records := slices.Collect(maps.Values(o.records))
	o.mu.Unlock()
	slices.SortFunc(records, func(a, b *record) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.namespace, b.namespace))
	})
	return records
}

func recordOf(object *v1alpha1.EngineEnvironment) *record {
	s := &object.Status
	r := &record{
		namespace: object.Namespace, name: object.Name, reported: true,
		tier: string(object.Spec.Tier), reason: reasonOf(s),
		ready: status.Holds(s, v1alpha1.ConditionReady), stalled: status.Holds(s, v1alpha1.ConditionStalled),
		suspended: object.Spec.Suspend, held: s.Rollback != nil,
		verdict: s.Verdict, drift: len(s.Drift), checks: checksOf(s.Checks),
	}
	if s.Engine != nil {
		r.revision = s.Engine.Revision
	}
	if s.GoSince != nil {
		r.goSince = s.GoSince.Unix()
	}
	if s.Promotion != nil {
		r.promotion = s.Promotion.State
	}
	if s.LastCommit != nil {
		r.lastCommitted = s.LastCommit.Time.Unix()
	}
	if object.Spec.Budget != nil && s.Cost != nil {
		r.price(s.Cost, object.Spec.Budget)
	}
	return r
}

// reasonOf is the reason of Ready: one of the API's constants.
func reasonOf(s *v1alpha1.EngineEnvironmentStatus) string {
	for i := range s.Conditions {
		if s.Conditions[i].Type == v1alpha1.ConditionReady {
			return s.Conditions[i].Reason
		}
	}
	return ""
}

// checksOf keeps the checks that are decided.
func checksOf(all []v1alpha1.CheckStatus) (decided []check) {
	for i := range all {
		if c := &all[i]; c.Result == v1alpha1.CheckPassed || c.Result == v1alpha1.CheckFailed {
			decided = append(decided, check{c.Name, c.Result == v1alpha1.CheckPassed, float64(c.DurationMs) / 1000})
		}
	}
	return decided
}

// price takes over the cost, unless its figures cannot be read.
func (r *record) price(known *v1alpha1.CostStatus, budget *v1alpha1.Budget) {
	monthToDate, err := strconv.ParseFloat(known.MonthToDateUSD, 64)
	if err != nil {
		return
	}
	projected, err := strconv.ParseFloat(known.ProjectedUSD, 64)
	if err != nil {
		return
	}
	r.priced, r.monthToDate, r.projected, r.budget = true, monthToDate, projected, budget.MonthlyUSD
}
