// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/redact"
	"github.com/engine-operator/engine-operator/internal/status"
)

const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning
)

// pass is one pass over one object: the object as it is stored, one clock, and what was found so far. It decides nothing.
type pass struct {
	// object is as the API server has it. Only what the store returns replaces it.
	object *v1alpha1.EngineEnvironment
	key    string
	now    time.Time
	// forced is the annotation's value that forces this pass, empty when none does.
	forced string
	// client is set by connect, and token says where its token is kept.
	client *railway.Client
	token  string
	// wantsTurn is true once the pass has asked for its turn to write to its project. release ends the turn, nil while it has none; project
	// is the project as it was read in the turn.
	wantsTurn bool
	release   func()
	project   *model.Project
	// unwritten is why the status could not be written: what the pass has announced is not stored, and nothing more is. erred is true
	// when the pass ends in an error.
	unwritten error
	erred     bool
	// journal is the object's memory of its writes, facts what the status is made of.
	journal *journal.Journal
	facts   status.Facts
	// wake is when the object must be passed again although nothing may have changed by then.
	wake time.Time
	// created is what the pass has created on Railway and not told yet.
	created []string
	// decided are the events of what the pass has decided and not stored yet.
	decided []func()
	tell    teller
}

// teller tells people about transitions, in the events and in the log.
type teller struct {
	events events.EventRecorder
	log    logr.Logger
}

func newPass(ctx context.Context, object *v1alpha1.EngineEnvironment, o Options) *pass {
	p := &pass{
		object: object, key: client.ObjectKeyFromObject(object).String(), now: o.Now(),
		tell: teller{events: o.Events, log: ctrl.LoggerFrom(ctx)},
	}
	p.journal = journal.Open(&object.Status, o.Settle, p.now)
	p.facts = status.Facts{Spec: &object.Spec, Generation: object.Generation, Findings: map[string]status.Finding{}}
	if !status.Handled(object) {
		p.forced = status.RequestedAt(object)
		if status.ReasonOf(&object.Status, v1alpha1.ConditionSynced) == v1alpha1.ReasonContested {
			p.journal.ForgetRepairs() // whoever asks for a pass then wants the repairs tried again
		}
	}
	return p
}

// refuseOldRollback refuses a rollback that was asked for before the object had a status: nobody knows whether it was carried out, and
// none is repeated by accident.
func (p *pass) refuseOldRollback() {
	if asked := p.object.Annotations[v1alpha1.AnnotationRollback]; asked != "" && status.Blank(&p.object.Status) {
		p.journal.RollbackRequested(asked)
		p.eventOnceStored(warning, "RollbackRefused", "Rollback",
			"Does not roll back: that was asked for before the object had a status. Set another value to ask again")
	}
}

// at is the environment that the object is located at, nil before.
func (p *pass) at() *v1alpha1.RailwayStatus {
	if p.facts.Railway != nil {
		return p.facts.Railway
	}
	return p.object.Status.Railway
}

// cost is what the environment costs as far as this pass knows.
func (p *pass) cost() *v1alpha1.CostStatus {
	if p.facts.Cost != nil {
		return p.facts.Cost
	}
	return p.object.Status.Cost
}

// find notes what was found out about a condition.
func (p *pass) find(kind string, finding status.Finding) { p.facts.Findings[kind] = finding }

// declares notes the environment that counts: texts from outside lose its secrets. The names that messages are made of are told, so
// that a command in one stays whole.
func (p *pass) declares(declared *desired.Environment) {
	declared.Name(p.names()...)
	p.facts.Redact = declared.Redact
}

// names are those that messages are made of.
func (p *pass) names() []string {
	names := []string{p.object.Namespace, p.object.Name}
	if promotion := p.object.Spec.Promotion; promotion != nil {
		names = append(names, promotion.From)
	}
	return names
}

// wakeAt asks for a pass at that time.
func (p *pass) wakeAt(at time.Time) {
	if !at.IsZero() && (p.wake.IsZero() || at.Before(p.wake)) {
		p.wake = at
	}
}

// wakeAfter asks for a pass once the error may have passed.
func (p *pass) wakeAfter(err error) {
	p.wakeAt(p.now.Add(max(railway.RetryAfter(err), outcome.BusyRetry)))
}

// next is the status that follows from what was found.
func (p *pass) next() v1alpha1.EngineEnvironmentStatus {
	p.facts.Record, p.facts.LastCommit = p.journal.Record(), p.journal.LastCommit()
	return status.Next(p.object.Status, p.facts, metav1.NewTime(p.now))
}

// stored takes over the object as the API server has it now.
func (p *pass) stored(object *v1alpha1.EngineEnvironment) {
	p.object = object
	p.facts.Spec = &object.Spec
}

// made notes what was created on Railway. It is told together, before anything that follows: each event is a write to the API server.
func (p *pass) made(format string, args ...any) {
	p.created = append(p.created, fmt.Sprintf(format, args...))
}

// tellCreated tells what was created.
func (p *pass) tellCreated() {
	if created := p.created; len(created) > 0 {
		p.created = nil
		p.event(normal, "Created", "Create", "Created on Railway: %s", strings.Join(created, ", "))
	}
}

// eventOnceStored tells people about what the pass has decided, once the status says so: a pass on an older object ends in a conflict, and
// the next one may decide otherwise. It may quote what a person wrote, so it loses secrets as the status does. What was done on Railway is
// told at once.
func (p *pass) eventOnceStored(kind, reason, action, format string, args ...any) {
	p.decided = append(p.decided, func() {
		message := fmt.Sprintf(format, args...)
		if p.facts.Redact != nil {
			message = p.facts.Redact(message)
		}
		p.event(kind, reason, action, "%s", message)
	})
}

// tellDecided tells what was decided and is stored now.
func (p *pass) tellDecided() {
	decided := p.decided
	p.decided = nil
	for _, tell := range decided {
		tell()
	}
}

// eventAtMost is how many bytes the API server takes as the note of an event; it refuses a longer one.
const eventAtMost = 1024

// event tells people about a transition. A warning among the events is one in the log: errors there are the operator's own.
func (p *pass) event(kind, reason, action, format string, args ...any) {
	p.tellCreated()
	message := redact.CutMessage(fmt.Sprintf(format, args...), eventAtMost)
	if kind == warning {
		warn(p.tell.log, message, reason)
	} else {
		p.tell.log.Info(message, "reason", reason)
	}
	p.tell.events.Eventf(p.object, nil, kind, reason, action, "%s", message)
}

// warn logs at zap's level between info and error, which logr does not have.
func warn(log logr.Logger, message, reason string) {
	if sink, ok := log.GetSink().(zapr.Underlier); ok {
		sink.GetUnderlying().Warn(message, zap.String("reason", reason))
		return
	}
	log.Error(nil, message, "reason", reason)
}

// tellTransition makes an event of a change of Ready. A pass that changes nothing makes none.
func (p *pass) tellTransition(before metav1.Condition) {
	after := status.Ready(&p.object.Status)
	if before.Status == after.Status && before.Reason == after.Reason {
		return
	}
	if after.Reason == v1alpha1.ReasonApplying || after.Reason == v1alpha1.ReasonCreating {
		return // the write itself is told
	}
	kind := normal
	if status.Holds(&p.object.Status, v1alpha1.ConditionStalled) || status.Wrong(after.Reason) {
		kind = warning
	}
	p.event(kind, after.Reason, "Reconcile", "%s", after.Message)
}
