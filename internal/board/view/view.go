// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package view turns EngineEnvironments into what the board shows: one Tier per object, placed in the chain that it is promoted
// along. It is pure: values in, values out. It takes the fields that it names out of the status and a few out of the spec, and never
// the value of a variable, so that nothing that a person put into a spec by mistake reaches a screen.
package view

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// VerdictUnknown is shown for an object whose newest spec the operator has not read: what the status says is about another one.
const VerdictUnknown = "UNKNOWN"

// Tier is one object as the page shows it. Every text is text, never markup.
type Tier struct {
	// Key is namespace/name. Chain is the key of the chain's first tier, Title what the chain is called: the engine's name.
	Key       string `json:"key"`
	UID       string `json:"uid"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Chain     string `json:"chain"`
	Title     string `json:"title"`
	// Column is the tier's place in the order of promotion, 0 to 3; Depth the number of tiers before it in its chain.
	Kind   string `json:"kind"`
	Column int    `json:"column"`
	Depth  int    `json:"depth"`
	From   string `json:"from,omitempty"`

	// Verdict is GO, NO-GO, PENDING or UNKNOWN, Since from when it has been GO, Summary one line on why it is not.
	Verdict string     `json:"verdict"`
	Since   *time.Time `json:"since,omitempty"`
	Reasons []string   `json:"reasons,omitempty"`
	Summary string     `json:"summary,omitempty"`

	Suspended bool `json:"suspended,omitempty"`
	Deleting  bool `json:"deleting,omitempty"`
	// Secret holds a Local tier's settings and variables.
	Secret string `json:"secret,omitempty"`

	Runs      Service   `json:"runs"`
	Companion []Service `json:"companions,omitempty"`

	Waits      []Wait      `json:"waits,omitempty"`
	Plan       *Plan       `json:"plan,omitempty"`
	Promotion  *Promotion  `json:"promotion,omitempty"`
	Hold       *Hold       `json:"hold,omitempty"`
	Checks     Checks      `json:"checks"`
	Drift      []Drift     `json:"drift,omitempty"`
	Cost       *Cost       `json:"cost,omitempty"`
	History    []Record    `json:"history,omitempty"`
	Notes      []Note      `json:"notes,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
	// Environment is the Railway environment's name, RailwayURL where it is on Railway's dashboard.
	Environment string `json:"environment,omitempty"`
	RailwayURL  string `json:"railwayURL,omitempty"`
}

// Service is a service as it runs: its revision in short, and the bytes it stands for.
type Service struct {
	Name     string `json:"name"`
	Revision string `json:"revision,omitempty"`
	// Short is the short digest of the image, or the short commit; Full what it is short for, with the image's name.
	Short  string `json:"short,omitempty"`
	Full   string `json:"full,omitempty"`
	Status string `json:"status,omitempty"`
	// Ready of Replicas run.
	Ready    int32  `json:"ready"`
	Replicas int32  `json:"replicas"`
	URL      string `json:"url,omitempty"`
}

// Wait is something that the tier waits for, and for whom.
type Wait struct {
	// For is person, time, upstream or operator.
	For  string `json:"for"`
	What string `json:"what"`
	// Until is when a wait for time ends, From when it began.
	From  *time.Time `json:"from,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Command ends a wait for a person when it is pasted into a shell. Action is what the board offers in its place.
	Command string `json:"command,omitempty"`
	Action  string `json:"action,omitempty"`
}

// Whom a tier waits for.
const (
	ForPerson   = "person"
	ForTime     = "time"
	ForUpstream = "upstream"
	ForOperator = "operator"
)

// Promotion is how far the promotion is.
type Promotion struct {
	State             string `json:"state"`
	Revision          string `json:"revision,omitempty"`
	Candidate         string `json:"candidate,omitempty"`
	CandidateRevision string `json:"candidateRevision,omitempty"`
	Manual            bool   `json:"manual,omitempty"`
	Soak              string `json:"soak,omitempty"`
}

// Hold says that another revision than the declared or promoted one is held in place.
type Hold struct {
	From   string     `json:"from,omitempty"`
	To     string     `json:"to,omitempty"`
	Reason string     `json:"reason"`
	At     *time.Time `json:"at,omitempty"`
	// Person is true when a person asked for it, false after a rollback.
	Person bool `json:"person,omitempty"`
}

// Checks are the results of the checks.
type Checks struct {
	Passed  int     `json:"passed"`
	Failed  int     `json:"failed"`
	Counted int     `json:"counted"`
	List    []Check `json:"list,omitempty"`
}

// Check is the last result of one check.
type Check struct {
	Name    string    `json:"name"`
	Result  string    `json:"result"`
	Since   time.Time `json:"since"`
	Message string    `json:"message,omitempty"`
	Blames  string    `json:"blames,omitempty"`
}

// Drift is a field that differs from what was last applied.
type Drift struct {
	Path      string    `json:"path"`
	Declared  string    `json:"declared,omitempty"`
	Actual    string    `json:"actual,omitempty"`
	Since     time.Time `json:"since"`
	ChangedBy string    `json:"changedBy,omitempty"`
}

// Cost is what the environment costs this month, in US dollars.
type Cost struct {
	MonthToDate string `json:"monthToDate"`
	Projected   string `json:"projected"`
	Budget      int32  `json:"budget,omitempty"`
	// Share is the projection as a share of the budget in percent, 0 without a budget.
	Share int       `json:"share,omitempty"`
	AsOf  time.Time `json:"asOf"`
	// Over is true when the operator has found the projection over the budget.
	Over bool `json:"over,omitempty"`
}

// Record is one entry of the history.
type Record struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	By   string    `json:"by,omitempty"`
	// Outcome is good, bad or empty.
	Outcome string `json:"outcome,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Note is something to know that is no reason for the verdict.
type Note struct {
	Title string   `json:"title"`
	Items []string `json:"items,omitempty"`
}

// Condition of the object.
type Condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
}

// Tiers turns objects into what the board shows, in the order of namespace, chain and promotion. It reads and keeps nothing of
// the objects' spec but names, policies and the budget.
func Tiers(objects []*v1alpha1.EngineEnvironment) []Tier {
	places := chains(objects)
	tiers := make([]Tier, 0, len(objects))
	for i, object := range objects {
		tiers = append(tiers, tierOf(object, places[i]))
	}
	sortTiers(tiers)
	return tiers
}

func tierOf(object *v1alpha1.EngineEnvironment, at place) Tier {
	spec, status := &object.Spec, &object.Status
	tier := Tier{
		Key: keyOf(object), UID: string(object.UID), Namespace: object.Namespace, Name: object.Name,
		Chain: at.chain, Title: spec.Engine.Name, Kind: string(spec.Tier), Column: at.column, Depth: at.depth, From: upstreamOf(object),
		Suspended: spec.Suspend, Deleting: object.DeletionTimestamp != nil, Secret: status.EnvSecret,
		Runs: engineOf(object), Companion: servicesOf(status.Services),
		Plan: planOf(object), Promotion: promotionOf(object), Hold: holdOf(object), Checks: checksOf(status.Checks), Drift: driftOf(status.Drift),
		Cost: costOf(object), History: historyOf(object), Notes: notesOf(object), Conditions: conditionsOf(status.Conditions),
	}
	if at := status.Railway; at != nil {
		tier.Environment, tier.RailwayURL = at.Environment, link(at.URL)
	}
	tier.judge(object)
	tier.Waits = waitsOf(object)
	return tier
}

// judge takes over the verdict when it is about the newest spec.
func (t *Tier) judge(object *v1alpha1.EngineEnvironment) {
	status := &object.Status
	t.Verdict, t.Reasons = string(status.Verdict), status.VerdictReasons
	switch {
	case status.Verdict == "":
		t.Verdict, t.Reasons = VerdictUnknown, []string{"the operator has not read this object yet"}
	case status.ObservedGeneration != object.Generation:
		t.Verdict = VerdictUnknown
		t.Reasons = []string{"the operator has not read the newest spec yet; before it the verdict was " + string(status.Verdict)}
	case status.Verdict == v1alpha1.VerdictGo:
		t.Since = timeOf(status.GoSince)
	}
	if len(t.Reasons) > 0 {
		t.Summary = t.Reasons[0]
	}
}

func timeOf(t *metav1.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
