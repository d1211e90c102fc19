// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package journal is the operator's memory of its writes to Railway: what it announced before it sent it, what Railway has
// accepted and does not show yet, what was written last, and how often a field was repaired. It decides whether a write may be
// sent, so that no crash, lost answer, late application or stale read makes anything twice. It is pure: values in, values out.
package journal

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// Journal is the memory of one object. Its methods change it; the caller stores it in the status before it sends what was
// announced.
type Journal struct {
	record v1alpha1.WorkingRecord
	commit *v1alpha1.Commit
	lag    time.Duration
	// again is true when the write that was announced last had been announced before, and its outcome never became known.
	again bool
	// foreseen are the writes among the awaited ones that this pass announces ahead and has not sent; true once they are stored.
	foreseen map[write]bool
}

// View is what a snapshot of Railway shows. An answer that must be newer is asked for by Wait.
type View struct {
	// ReadAt is when the snapshot was read. Whether something is late is judged by it, never by the clock.
	ReadAt time.Time
	// Shows reports whether what was announced is there.
	Shows func(*v1alpha1.PendingWrite) bool
	// Patch finds a commit by the operator's mark in Railway's history (railway-api.md, "Staged changes and history").
	Patch func(id string) (Patch, bool)
}

// Patch is a commit in Railway's history.
type Patch struct {
	// Error is why Railway could not apply it, empty when it could.
	Error string
	// Applied is true once Railway has applied it.
	Applied bool
}

// Open reads the memory out of a status. lag is how long reads of Railway may lag behind writes. A time that lies in
// the future, because another machine's clock was ahead, counts as now; of a write that was announced ahead, as the latest that is still.
func Open(status *v1alpha1.EngineEnvironmentStatus, lag time.Duration, now time.Time) *Journal {
	j := &Journal{lag: lag, commit: status.LastCommit.DeepCopy()}
	if status.WorkingRecord != nil {
		j.record = *status.WorkingRecord.DeepCopy()
	} else {
		j.record = fromOlderVersion(status)
	}
	j.record.RollbackRequest, j.record.Forced = redact.Identity(j.record.RollbackRequest), redact.Identity(j.record.Forced)
	for _, at := range j.times() {
		if at.After(now) {
			*at = metav1.NewTime(now)
		}
	}
	ahead := now.Add(Foresight)
	for i := range j.record.Awaited {
		if at := &j.record.Awaited[i].StartedAt; at.After(ahead) {
			*at = metav1.NewTime(ahead)
		}
	}
	return j
}

// times are all times by which something is judged.
func (j *Journal) times() []*metav1.Time {
	var all []*metav1.Time
	if j.commit != nil {
		all = append(all, &j.commit.Time)
	}
	if j.record.Pending != nil {
		all = append(all, &j.record.Pending.StartedAt)
	}
	if j.record.Refused != nil {
		all = append(all, &j.record.Refused.Time)
	}
	for i := range j.record.Repairs {
		all = append(all, &j.record.Repairs[i].LastTime)
	}
	return all
}

// fromOlderVersion takes the memory over from where older versions kept it.
func fromOlderVersion(status *v1alpha1.EngineEnvironmentStatus) v1alpha1.WorkingRecord {
	old := status.DeepCopy()
	record := v1alpha1.WorkingRecord{Pending: old.PendingWrite, Awaited: old.Awaited, Repairs: old.Repairs}
	if len(old.WrittenFields) > 0 {
		record.Written = pack(readLines(old.WrittenFields))
	}
	return record
}

// Record returns a copy of the memory for the status; nil when there is nothing to remember.
func (j *Journal) Record() *v1alpha1.WorkingRecord {
	record := j.record.DeepCopy()
	if equalRecords(record, &v1alpha1.WorkingRecord{}) {
		return nil
	}
	return record
}

// LastCommit returns a copy of the last commit that Railway accepted, nil when there was none.
func (j *Journal) LastCommit() *v1alpha1.Commit { return j.commit.DeepCopy() }

// Pending returns the write whose outcome is not known, nil when there is none.
func (j *Journal) Pending() *v1alpha1.PendingWrite { return j.record.Pending.DeepCopy() }

// Announced reports whether the outcome of such a write is not known.
func (j *Journal) Announced(kind v1alpha1.WriteKind, name string) bool {
	p := j.record.Pending
	return p != nil && p.Kind == kind && p.Name == name
}

// Outstanding returns how much newer a snapshot must be until it can prove that the write did not arrive; zero when it may be sent.
func (j *Journal) Outstanding(kind v1alpha1.WriteKind, name string, readAt time.Time) time.Duration {
	wait := time.Duration(0)
	if j.Announced(kind, name) {
		wait = j.left(j.record.Pending.StartedAt.Time, readAt)
	}
	for i := range j.record.Awaited {
		if w := &j.record.Awaited[i]; w.Kind == kind && w.Name == name && !j.unsent(*w) {
			wait = max(wait, j.left(w.StartedAt.Time, readAt))
		}
	}
	return wait
}

// AcceptedAt is when a write was sent that Railway has accepted and that is remembered, zero when there is none.
func (j *Journal) AcceptedAt(kind v1alpha1.WriteKind, name string) time.Time {
	var at time.Time
	for _, w := range j.record.Awaited {
		if w.Kind == kind && w.Name == name && w.StartedAt.After(at) {
			at = w.StartedAt.Time
		}
	}
	return at
}

// left is how long after readAt reads may still lag behind something sent then. The status keeps whole seconds: what it says was sent
// in a second may have been sent at its end.
func (j *Journal) left(sent, readAt time.Time) time.Duration {
	if sent.Nanosecond() == 0 {
		sent = sent.Add(time.Second)
	}
	return max(min(sent.Add(j.lag).Sub(readAt), j.lag), 0)
}

// Announce notes that a write is about to be sent; the caller stores it first. Another creation whose outcome is not known stays
// awaited: it may still arrive. It reports whether the same write was announced before and its outcome never became known.
func (j *Journal) Announce(intent v1alpha1.PendingWrite) (again bool) {
	j.again = j.Announced(intent.Kind, intent.Name)
	j.overtake(intent)
	j.dropAwaited(intent.StartedAt.Time)
	if before := j.record.Pending; before != nil && !j.again && before.Kind != v1alpha1.WriteCommit {
		j.await(*before)
	}
	j.record.Pending = &intent
	return j.again
}

// Postpone notes that the announced write is sent no earlier than now; the caller stores it first.
func (j *Journal) Postpone(now time.Time) {
	if j.record.Pending != nil {
		j.record.Pending.StartedAt = metav1.NewTime(now)
	}
}

// dropAwaited drops what no read can lag behind any more. It is done when something is announced, and not by itself: an object at
// rest has nothing to write.
func (j *Journal) dropAwaited(now time.Time) {
	j.record.Awaited = slices.DeleteFunc(j.record.Awaited, func(w v1alpha1.PendingWrite) bool {
		return j.left(w.StartedAt.Time, now) == 0
	})
}

// Again reports for the write that was announced last what Announce did.
func (j *Journal) Again() bool { return j.again }

// Withdraw drops the announced write, which was never sent, and what was foreseen after it.
func (j *Journal) Withdraw() {
	j.record.Pending = nil
	j.Forgo()
}

// Answer is what Railway said to a write.
type Answer int

const (
	// Accepted: Railway did it, or will.
	Accepted Answer = iota
	// Refused: it was not done.
	Refused
	// Unknown: it may or may not have been done.
	Unknown
)

// Answered notes Railway's answer to the announced write. before is what was pending before it, which a refusal leaves pending.
func (j *Journal) Answered(answer Answer, before *v1alpha1.PendingWrite, generation int64) {
	pending := j.record.Pending
	switch {
	case pending == nil || answer == Unknown:
	case answer == Refused:
		j.record.Pending = before.DeepCopy()
	case pending.Kind == v1alpha1.WriteCommit:
		j.committed(pending, generation)
		j.record.Pending = nil
	default:
		j.await(*pending)
		j.record.Pending = nil
	}
}

// awaitedAtMost bounds what is awaited: every service and domain of the largest spec, and the environment, fit in.
const awaitedAtMost = 128

func (j *Journal) await(w v1alpha1.PendingWrite) {
	j.record.Awaited = append(j.record.Awaited, w)
	j.record.Awaited = j.record.Awaited[max(0, len(j.record.Awaited)-awaitedAtMost):]
}

// committed notes that the announced commit reached Railway. Its fields count as written once it was applied.
func (j *Journal) committed(w *v1alpha1.PendingWrite, generation int64) {
	j.commit = &v1alpha1.Commit{
		ID: w.Name, Message: w.Message, Time: w.StartedAt, Services: w.Services, Generation: generation, Fields: w.Fields,
	}
}

// See takes over what a snapshot shows: it learns which announced write arrived, drops a commit that a snapshot new enough proves
// to be lost, and learns what Railway could not apply. What was created stays awaited until no read can lag behind it any more:
// one read that shows it does not keep the next one from being older.
func (j *Journal) See(view View, generation int64) {
	if j.record.Pending != nil {
		j.seePending(view, generation)
	}
	j.record.Awaited = slices.DeleteFunc(j.record.Awaited, func(w v1alpha1.PendingWrite) bool {
		return w.Kind == v1alpha1.WriteCommit && !j.unsent(w) && j.decided(&w, view, generation)
	})
	j.seeCommit(view)
}

// decided learns whether an announced commit arrived, and reports whether the view can tell.
func (j *Journal) decided(w *v1alpha1.PendingWrite, view View, generation int64) bool {
	if _, found := view.Patch(w.Name); found {
		j.committed(w, generation)
		return true
	}
	return j.left(w.StartedAt.Time, view.ReadAt) == 0 // it never arrived: the comparison that follows writes it again
}

// seePending learns whether the announced write arrived.
func (j *Journal) seePending(view View, generation int64) {
	pending := j.record.Pending
	if pending.Kind != v1alpha1.WriteCommit {
		if view.Shows(pending) {
			j.Answered(Accepted, nil, generation)
		}
		return
	}
	if j.decided(pending, view, generation) {
		j.record.Pending = nil
	}
}

// seeCommit learns whether the last commit was applied.
func (j *Journal) seeCommit(view View) {
	if j.commit == nil || len(j.commit.Fields) == 0 {
		return
	}
	patch, found := view.Patch(j.commit.ID)
	switch {
	case found && patch.Error != "":
		j.refuse(patch.Error, view.ReadAt)
	case found && patch.Applied, !found && j.left(j.commit.Time.Time, view.ReadAt) == 0:
		fields := splitLines(j.commit.Fields)
		j.SetWritten(plan.After(j.Written(), fields))
		j.commit.Fields = nil
		j.retryRefused(fields)
	}
}

// retryRefused lets what was refused be sent again once a commit that brought another value for one of its fields was applied: that
// one may have been the cause.
func (j *Journal) retryRefused(applied map[string]plan.Applied) {
	if j.record.Refused == nil {
		return
	}
	for path := range hashesOf(j.record.Refused.Fields) {
		if _, ok := applied[path]; ok {
			j.record.Refused = nil
			return
		}
	}
}

// refuse notes that Railway could not apply the last commit. The record keeps what was written before, and so do the values that
// other commits brought and Railway could not apply either. It deploys nothing.
func (j *Journal) refuse(message string, at time.Time) {
	fields := j.RefusedFields(at, false)
	if fields == nil {
		fields = map[string]string{}
	}
	sent := hashesOf(j.commit.Fields)
	maps.Copy(fields, sent)
	j.record.Refused = &v1alpha1.RefusedCommit{
		ID: j.commit.ID, Message: message, Time: metav1.NewTime(at), Fields: joinLines(fields), Attempts: j.attempt(sent),
	}
	j.commit.Fields, j.commit.Services = nil, nil
}

// A refused value is not sent again for refusedFor, then for twice as long each time it is refused again, up to refusedAtMost: what
// Railway could not apply once it may apply in a minute, and each attempt is a failed commit in its history.
const (
	refusedFor    = time.Minute
	refusedAtMost = 10 * time.Minute
)

// attempt is which attempt it was that Railway has just refused: the first, unless all that was sent was refused last time, too.
func (j *Journal) attempt(sent map[string]string) int32 {
	last := j.record.Refused
	if last == nil {
		return 1
	}
	before := hashesOf(last.Fields)
	for path, hash := range sent {
		if refused, ok := before[path]; !ok || refused != hash {
			return 1
		}
	}
	return last.Attempts + 1
}

// RefusedUntil is when what Railway could not apply is sent again, zero when there is nothing.
func (j *Journal) RefusedUntil() time.Time {
	refused := j.record.Refused
	if refused == nil {
		return time.Time{}
	}
	wait := refusedFor
	if refused.Attempts == 0 { // written by a version that waited for so long and did not count
		wait = refusedAtMost
	}
	for n := refused.Attempts; n > 1 && wait < refusedAtMost; n-- {
		wait = min(2*wait, refusedAtMost)
	}
	return refused.Time.Add(wait)
}

// RefusedFields are the values that Railway could not apply, by path, while they are not to be sent again. A person who forces a
// pass has all of them tried again.
func (j *Journal) RefusedFields(now time.Time, forced bool) map[string]string {
	if forced || !now.Before(j.RefusedUntil()) {
		return nil
	}
	return hashesOf(j.record.Refused.Fields)
}

// RefuseField notes one more value that Railway did not take, so that it is not sent again for a while. What was refused long ago
// is forgotten: it was tried again.
func (j *Journal) RefuseField(path, hash, message string, at time.Time) {
	if j.RefusedFields(at, false) == nil {
		j.record.Refused = &v1alpha1.RefusedCommit{Message: message, Time: metav1.NewTime(at), Attempts: j.attempt(map[string]string{path: hash})}
	}
	if line := path + "=" + hash; !slices.Contains(j.record.Refused.Fields, line) {
		j.record.Refused.Fields = append(j.record.Refused.Fields, line)
	}
}

// Retries reports whether something that Railway could not apply is among the values by path: it is sent again, and how often it was
// refused still counts.
func (j *Journal) Retries(sent map[string]string) bool {
	if j.record.Refused == nil {
		return false
	}
	for path, hash := range hashesOf(j.record.Refused.Fields) {
		if again, ok := sent[path]; ok && again == hash {
			return true
		}
	}
	return false
}

// Refused returns the commit that Railway could not apply, nil when there is none.
func (j *Journal) Refused() *v1alpha1.RefusedCommit { return j.record.Refused.DeepCopy() }

// ForgetRefused drops it: everything it wrote is as declared by now, or is declared no more.
func (j *Journal) ForgetRefused() { j.record.Refused = nil }

// Wait is what must be awaited before Railway's config can be compared with what is declared.
type Wait struct {
	// For is why: Nothing, CommitUnknown or CommitNotShown.
	For Awaiting
	// Left is how much newer a snapshot must be until it decides.
	Left time.Duration
}

// Awaiting is what is waited for.
type Awaiting int

const (
	// Nothing: go on.
	Nothing Awaiting = iota
	// CommitUnknown: nobody knows whether the announced commit reached Railway.
	CommitUnknown
	// CommitNotShown: Railway accepted the last commit and its history does not show it.
	CommitNotShown
)

// Waits reports what the snapshot leaves open. Reads lag behind writes, and a stale read is not drift
// (railway-api.md, "Consistency").
func (j *Journal) Waits(view View) Wait {
	for _, w := range j.commitsUnderWay() {
		if left := j.left(w.StartedAt.Time, view.ReadAt); left > 0 {
			return Wait{CommitUnknown, left}
		}
	}
	if c := j.commit; c != nil {
		_, found := view.Patch(c.ID)
		if left := j.left(c.Time.Time, view.ReadAt); !found && left > 0 {
			return Wait{CommitNotShown, left}
		}
	}
	return Wait{}
}

// commitsUnderWay are the commits that were announced and whose outcome is not known. One that was foreseen by this pass is not sent yet.
func (j *Journal) commitsUnderWay() []v1alpha1.PendingWrite {
	var all []v1alpha1.PendingWrite
	if p := j.record.Pending; p != nil && p.Kind == v1alpha1.WriteCommit {
		all = append(all, *p)
	}
	for _, w := range j.record.Awaited {
		if w.Kind == v1alpha1.WriteCommit && !j.unsent(w) {
			all = append(all, w)
		}
	}
	return all
}

// SinceLastWrite returns how much newer than readAt a snapshot must be until it shows the last write of any kind.
func (j *Journal) SinceLastWrite(readAt time.Time) time.Duration {
	wait := time.Duration(0)
	if j.record.Pending != nil {
		wait = j.left(j.record.Pending.StartedAt.Time, readAt)
	}
	for i := range j.record.Awaited {
		wait = max(wait, j.left(j.record.Awaited[i].StartedAt.Time, readAt))
	}
	if j.commit != nil {
		wait = max(wait, j.left(j.commit.Time.Time, readAt))
	}
	return wait
}

// ForgetEnvironment drops what is about an environment that is no more. An announced creation of an environment stays.
func (j *Journal) ForgetEnvironment() {
	pending := j.record.Pending
	if pending != nil && pending.Kind != v1alpha1.WriteEnvironment {
		pending = nil
	}
	j.record = v1alpha1.WorkingRecord{
		Pending: pending, HashKey: j.record.HashKey, Forced: j.record.Forced, RollbackRequest: j.record.RollbackRequest,
		ApprovedPlan: j.record.ApprovedPlan.DeepCopy(),
		ServiceIDs:   j.record.ServiceIDs, // services belong to the project, and outlive the environment
	}
	if j.record.ApprovedPlan != nil {
		j.record.ApprovedPlan.Changes = nil // it was for the environment that is no more, and counts as carried out
	}
	j.commit, j.foreseen = nil, nil
}
