// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
)

const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning

	// messageSize bounds a condition's message, in bytes.
	messageSize = 1024
	// entries bounds the lists of the status.
	entries = 64
)

// verdict is what a step found out about one condition.
type verdict struct {
	ok bool
	// unknown is true when nobody can tell.
	unknown         bool
	reason, message string
}

func passed(message string) *verdict {
	return &verdict{ok: true, reason: v1alpha1.ReasonSucceeded, message: message}
}

// report turns the outcome into conditions and writes the status when it changed. Nothing else writes conditions.
func (p *pass) report(ctx context.Context, out *Outcome) error {
	if out.Kind == outcomeGone {
		return nil
	}
	status := &p.object.Status
	before := meta.FindStatusCondition(p.base.Status.Conditions, v1alpha1.ConditionReady).DeepCopy()
	switch out.About {
	case v1alpha1.ConditionCredentialsValid:
		p.credentials = &verdict{reason: out.Reason, message: out.Message}
	case v1alpha1.ConditionSynced:
		p.synced = &verdict{reason: out.Reason, message: out.Message}
	case v1alpha1.ConditionPromoted:
		p.promoted = &verdict{reason: out.Reason, message: out.Message}
	}
	p.condition(v1alpha1.ConditionCredentialsValid, p.credentials)
	p.condition(v1alpha1.ConditionSynced, p.synced)
	p.condition(v1alpha1.ConditionHealthy, p.healthy)
	p.condition(v1alpha1.ConditionVerified, p.verified)
	p.condition(v1alpha1.ConditionPromoted, p.promoted)
	p.condition(v1alpha1.ConditionWithinBudget, p.budget)
	if p.object.Spec.Promotion == nil {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionPromoted)
	}
	p.summarise(out)
	p.describeChecks()
	p.sumUp(out)
	status.ObservedGeneration = p.object.Generation
	if p.forced != "" && out.Err == nil {
		status.LastHandledReconcileAt = p.forced
	}
	if err := p.persist(ctx); err != nil {
		return err
	}
	p.tellTransition(before) // only once it is written: a pass on an old status ends in a conflict
	setMetrics(p.key, p.object)
	return nil
}

// intend stores what is about to be written to Railway before it is sent, and that the object is not Ready meanwhile: a
// write that shows on Railway is never seen beside a Ready of before.
func (p *pass) intend(ctx context.Context, write *v1alpha1.PendingWrite, reason, message string) error {
	p.object.Status.PendingWrite = write
	out := progressing(reason, message, 0)
	p.summarise(out)
	p.sumUp(out)
	p.object.Status.ObservedGeneration = p.object.Generation
	return p.persist(ctx)
}

func (p *pass) condition(kind string, found *verdict) {
	if found == nil {
		return
	}
	value := metav1.ConditionFalse
	switch {
	case found.ok:
		value = metav1.ConditionTrue
	case found.unknown:
		value = metav1.ConditionUnknown
	}
	p.set(kind, value, found.reason, found.message)
}

func (p *pass) set(kind string, value metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&p.object.Status.Conditions, metav1.Condition{
		Type: kind, Status: value, Reason: reason, Message: bounded(p.redact(message)), ObservedGeneration: p.object.Generation,
	})
}

// summarise sets Ready, Reconciling and Stalled as kstatus reads them.
func (p *pass) summarise(out *Outcome) {
	conditions := &p.object.Status.Conditions
	meta.RemoveStatusCondition(conditions, v1alpha1.ConditionReconciling)
	meta.RemoveStatusCondition(conditions, v1alpha1.ConditionStalled)
	switch out.Kind {
	case outcomeDone:
		reason, message := v1alpha1.ReasonSucceeded, p.doneMessage()
		if p.synced != nil && !p.synced.ok { // drift that the policy leaves alone
			reason, message = p.synced.reason, p.synced.message
		}
		p.set(v1alpha1.ConditionReady, metav1.ConditionTrue, reason, message)
	case outcomeSuspended:
		p.set(v1alpha1.ConditionReady, metav1.ConditionUnknown, out.Reason, out.Message)
	case outcomeProgressing:
		p.set(v1alpha1.ConditionReady, metav1.ConditionFalse, out.Reason, out.Message)
		p.set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, out.Reason, out.Message)
	case outcomeGone: // report has returned before
	case outcomeStalled:
		p.set(v1alpha1.ConditionReady, metav1.ConditionFalse, out.Reason, out.Message)
		p.set(v1alpha1.ConditionStalled, metav1.ConditionTrue, out.Reason, out.Message)
	}
}

// redact masks secret values in what came from outside.
func (p *pass) redact(text string) string {
	if p.declared == nil {
		return text
	}
	return p.declared.Redact(text)
}

func (p *pass) doneMessage() string {
	if p.object.Spec.Tier == v1alpha1.TierLocal {
		return fmt.Sprintf("Secret %s is as declared", p.object.EnvSecretName())
	}
	return p.synced.message + "; " + p.healthy.message
}

// tellTransition makes an event of a change of Ready. A pass that changes nothing makes none.
func (p *pass) tellTransition(before *metav1.Condition) {
	after := meta.FindStatusCondition(p.object.Status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Status == after.Status && before.Reason == after.Reason {
		return
	}
	if after.Reason == v1alpha1.ReasonApplying || after.Reason == v1alpha1.ReasonCreating {
		return // the write itself is told
	}
	kind := normal
	if meta.IsStatusConditionTrue(p.object.Status.Conditions, v1alpha1.ConditionStalled) || after.Reason == v1alpha1.ReasonDrifted {
		kind = warning
	}
	p.event(kind, after.Reason, "Reconcile", "%s", after.Message)
}

// book writes what the comparison found into the status: the record of applied fields, drift, and what was left alone.
func (p *pass) book(made *plan.Plan) {
	status := &p.object.Status
	status.WrittenFields = listWritten(made.Record)
	status.Drift = p.drift(made.Drift)
	status.UnmanagedVariables = boundedList(made.Unmanaged)
	status.StagedChanges = boundedList(p.stagedPaths())
	status.Repairs = recentRepairs(status.Repairs, p.now)
}

// judgeSync says whether Railway's config is as declared, once there is nothing left to write.
func (p *pass) judgeSync(made *plan.Plan) {
	left, until := p.foughtOver()
	switch drift := p.object.Status.Drift; {
	case len(made.Blocked) > 0:
		p.synced = &verdict{reason: v1alpha1.ReasonConfigFileOwned, message: "a railway.json or railway.toml of the repository overrides " +
			list(made.Blocked) + ": remove the file, or these fields from the spec"}
	case len(left) > 0:
		p.synced = &verdict{reason: v1alpha1.ReasonContested, message: "something keeps undoing the operator's repairs of " +
			list(left) + ": find out what writes them, or remove them from the spec. The operator tries again after " +
			until.UTC().Format("15:04") + " UTC, or when a pass is forced by annotation"}
	case len(drift) > 0:
		p.synced = &verdict{reason: v1alpha1.ReasonDrifted, message: "changed on Railway, and driftPolicy is Warn: " + list(driftPaths(drift))}
	default:
		p.synced = passed("Railway's config is as declared" + p.mentions())
	}
}

// mentions names what people should know of and the operator leaves alone.
func (p *pass) mentions() string {
	text := ""
	if n := len(p.object.Status.UnmanagedVariables); n > 0 {
		text += fmt.Sprintf("; %d variables that nobody declared: status.unmanagedVariables lists them", n)
	}
	if n := len(p.object.Status.StagedChanges); n > 0 {
		text += fmt.Sprintf("; %d changes staged on the dashboard and not deployed: status.stagedChanges lists them", n)
	}
	return text
}

// conclude ends a pass in which every step went through. What only a person can mend stalls the object even though its
// services are healthy.
func (p *pass) conclude() *Outcome {
	if p.synced == nil || p.synced.ok {
		return &Outcome{Kind: outcomeDone}
	}
	switch p.synced.reason {
	case v1alpha1.ReasonConfigFileOwned:
		return stalled(v1alpha1.ConditionSynced, p.synced.reason, p.synced.message)
	case v1alpha1.ReasonContested:
		out := stalled(v1alpha1.ConditionSynced, p.synced.reason, p.synced.message)
		_, until := p.foughtOver()
		out.After = max(until.Sub(p.now), time.Second)
		return out
	default: // drift that the policy leaves alone
		return &Outcome{Kind: outcomeDone}
	}
}

// foughtOver returns the fields that differ now and were repaired too often, and until when they are left alone.
func (p *pass) foughtOver() (paths []string, until time.Time) {
	for _, drift := range p.object.Status.Drift {
		for _, repair := range recentRepairs(p.object.Status.Repairs, p.now) {
			if repair.Path != drift.Path || repair.Count < repairLimit {
				continue
			}
			paths = append(paths, repair.Path)
			if end := repair.LastTime.Add(repairWindow); until.IsZero() || end.Before(until) {
				until = end
			}
		}
	}
	return paths, until
}

// stagedPaths names the changes that people staged, with service names instead of ids.
func (p *pass) stagedPaths() []string {
	paths := make([]string, 0, len(p.environment.Staged))
	for _, path := range p.environment.Staged {
		paths = append(paths, p.readable(path))
	}
	slices.Sort(paths)
	return paths
}

// readable turns services.<id>.variables.X into <name>.variables.X, and sharedVariables.X into shared.X.
func (p *pass) readable(path string) string {
	if name, ok := strings.CutPrefix(path, "sharedVariables."); ok {
		return "shared." + name
	}
	rest, ok := strings.CutPrefix(path, "services.")
	if !ok {
		return path
	}
	for _, service := range p.environment.Services {
		if tail, ok := strings.CutPrefix(rest, service.ServiceID); ok {
			return service.Name + tail
		}
	}
	return path
}

// drift lists what differs, and keeps since when.
func (p *pass) drift(found []plan.Change) []v1alpha1.Drift {
	var drift []v1alpha1.Drift
	for _, change := range found {
		entry := v1alpha1.Drift{
			Path: change.Path, Declared: change.Declared, Actual: change.Actual,
			FirstSeen: metav1.NewTime(p.now), ChangedBy: p.changedBy(change.Path),
		}
		for _, known := range p.object.Status.Drift {
			if known.Path == change.Path {
				entry.FirstSeen = known.FirstSeen
			}
		}
		if len(drift) < entries {
			drift = append(drift, entry)
		}
	}
	return drift
}

// changedBy returns who made the newest commit that touches the field, when Railway says.
func (p *pass) changedBy(path string) string {
	for _, patch := range p.environment.Patches {
		for _, touched := range patch.Paths {
			touched = p.readable(touched)
			if touched == path || strings.HasPrefix(touched, path+".") {
				return patch.AppliedBy
			}
		}
	}
	return ""
}

func driftPaths(drift []v1alpha1.Drift) []string {
	paths := make([]string, 0, len(drift))
	for _, entry := range drift {
		paths = append(paths, entry.Path)
	}
	return paths
}

func boundedList(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	return all[:min(len(all), entries)]
}

// bounded cuts a condition's message.
func bounded(message string) string { return boundedTo(message, messageSize) }

// boundedTo cuts a text without cutting a character in half.
func boundedTo(message string, size int) string {
	if len(message) <= size {
		return message
	}
	cut := size - len("…")
	for !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

func equalStatus(a, b *v1alpha1.EngineEnvironmentStatus) bool {
	return equality.Semantic.DeepEqual(a, b)
}

// repairEntries bounds the record of repairs. It is far above what people or other tools fight over.
const repairEntries = 1024

// repairWindow is how far back repairs count, and repairLimit how many make a fight. A field that is fought over is left
// alone until the window has passed.
const (
	repairWindow = time.Hour
	repairLimit  = 3
)

func recentRepairs(repairs []v1alpha1.Repair, now time.Time) []v1alpha1.Repair {
	var recent []v1alpha1.Repair
	for _, repair := range repairs {
		if now.Sub(repair.LastTime.Time) < repairWindow {
			recent = append(recent, repair)
		}
	}
	return recent
}

// contested returns the fields that were repaired too often lately.
func contested(repairs []v1alpha1.Repair, now time.Time) map[string]bool {
	paths := map[string]bool{}
	for _, repair := range recentRepairs(repairs, now) {
		if repair.Count >= repairLimit {
			paths[repair.Path] = true
		}
	}
	return paths
}

func countRepairs(repairs []v1alpha1.Repair, paths []string, now time.Time) []v1alpha1.Repair {
	counted := recentRepairs(repairs, now)
	for _, path := range paths {
		i := slices.IndexFunc(counted, func(r v1alpha1.Repair) bool { return r.Path == path })
		if i < 0 {
			if len(counted) == repairEntries {
				continue
			}
			counted = append(counted, v1alpha1.Repair{Path: path})
			i = len(counted) - 1
		}
		counted[i].Count++
		counted[i].LastTime = metav1.NewTime(now)
	}
	return counted
}
