// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/plan"
)

const (
	lag = time.Minute
	// Railway applies a write at most applyAtMost after it was sent, and a read is at most staleAtMost old: together, the lag.
	applyAtMost = 30 * time.Second
	staleAtMost = 30 * time.Second
	// retryAfter is how long a value that Railway could not apply is left alone.
	retryAfter = time.Minute
)

// epoch is no whole second, and the status keeps those only.
var epoch = time.Date(2026, 11, 23, 12, 0, 0, 999_999_999, time.UTC)

// sent is a write that reached the model of Railway. Everything that Railway knows follows from the writes and the time.
type sent struct {
	kind    v1alpha1.WriteKind
	name    string
	fields  map[string]string
	visible time.Time
	applied time.Time
	refused bool
}

// snapshot is one read of Railway: what was true at a time that lies up to staleAtMost before it.
type snapshot struct {
	readAt      time.Time // by the operator's clock
	environment bool
	services    map[string]bool
	domains     map[string]bool
	values      map[string]string
	patches     map[string]journal.Patch
	applying    bool
}

func (s *snapshot) view() journal.View {
	return journal.View{
		ReadAt: s.readAt,
		Shows: func(w *v1alpha1.PendingWrite) bool {
			return w.Kind == v1alpha1.WriteEnvironment && s.environment ||
				w.Kind == v1alpha1.WriteService && s.services[w.Name] || w.Kind == v1alpha1.WriteDomain && s.domains[w.Name]
		},
		Patch: func(id string) (journal.Patch, bool) {
			patch, found := s.patches[id]
			return patch, found
		},
	}
}

// world is Railway, the API server, the operator, and the people who change the spec.
type world struct {
	*rapid.T
	now    time.Time
	writes []sent
	ids    int

	// stored is the status on the API server, older the one before it, which a cache may still show.
	stored, older v1alpha1.EngineEnvironmentStatus
	version       int

	// unwritten is a status that the operator keeps in memory for a while instead of writing it, of the version that it follows. It
	// dies with the operator.
	unwritten   *v1alpha1.EngineEnvironmentStatus
	unwrittenOf int
	// unwrittenSeen are the snapshots that it tells of.
	unwrittenSeen []*snapshot

	// skew is how much the operator's clock is ahead. A later operator's clock is never ahead of an earlier one's.
	skew  time.Duration
	cache *snapshot
	// calm is true once nothing fails any more.
	calm bool

	worker    bool
	declared  map[string]string
	changedAt map[string]time.Time
	// refusedAt is when the operator stored that it saw a value refused, by path=hash.
	refusedAt map[string]time.Time
	judged    map[string]bool
}

func newWorld(t *rapid.T) *world {
	return &world{
		T: t, now: epoch, skew: time.Duration(rapid.IntRange(0, 7200).Draw(t, "skew")) * time.Second, worker: true,
		declared: map[string]string{"my engine.variables.A": "a1", "my engine.variables.S": "s1"}, changedAt: map[string]time.Time{},
		refusedAt: map[string]time.Time{}, judged: map[string]bool{},
	}
}

func (w *world) chance(percent int, what string) bool {
	return !w.calm && rapid.IntRange(1, 100).Draw(w.T, what) > 100-percent
}

func (w *world) seconds(most time.Duration, what string) time.Duration {
	const half = time.Second / 2 // the status keeps whole seconds only
	return time.Duration(rapid.IntRange(0, int(most/half)).Draw(w.T, what)) * half
}

func (w *world) clock() time.Time { return w.now.Add(w.skew) }

// paths are what people declare: one value that can be read, one sealed, one shared.
var paths = []string{"my engine.variables.A", "my engine.variables.S", "my engine.deploy.start", "shared.X"}

func sealed(path string) bool { return strings.HasSuffix(path, ".S") }

// bad values are accepted by Railway and cannot be applied.
func bad(hash string) bool { return strings.HasPrefix(hash, "bad") }

// read returns a snapshot. Services and domains lag apart from the rest (railway-api.md, "Consistency").
func (w *world) read() *snapshot {
	at, of := w.now.Add(-w.seconds(staleAtMost, "stale")), w.now.Add(-w.seconds(staleAtMost, "stale list"))
	s := &snapshot{
		readAt: w.clock(), services: map[string]bool{}, domains: map[string]bool{}, values: map[string]string{},
		patches: map[string]journal.Patch{},
	}
	for _, write := range w.writes {
		switch {
		case write.kind == v1alpha1.WriteEnvironment:
			s.environment = s.environment || !write.applied.After(of)
		case write.kind == v1alpha1.WriteService && !write.applied.After(of):
			s.services[write.name] = true
		case write.kind == v1alpha1.WriteDomain && !write.applied.After(of):
			s.domains[write.name] = true
		case write.kind == v1alpha1.WriteCommit && !write.visible.After(at):
			s.patches[write.name] = write.patch(at)
			s.applying = s.applying || write.applied.After(at)
		}
	}
	s.values = w.values(at)
	return s
}

func (s sent) patch(at time.Time) journal.Patch {
	switch {
	case s.applied.After(at):
		return journal.Patch{}
	case s.refused:
		return journal.Patch{Error: "start is no command"}
	default:
		return journal.Patch{Applied: true}
	}
}

// values are the fields as they were applied by then; the end of time tells what is under way, too.
func (w *world) values(at time.Time) map[string]string {
	values := map[string]string{}
	for _, write := range w.writes {
		if write.kind != v1alpha1.WriteCommit || write.refused || write.applied.After(at) {
			continue
		}
		for path, hash := range write.fields {
			if values[path] = hash; hash == "" {
				delete(values, path)
			}
		}
	}
	return values
}

func (w *world) underWay() map[string]string { return w.values(w.now.Add(24 * time.Hour)) }

// send is a write as Railway takes it: it answers or does not, and does it now, late, or never.
func (w *world) send(kind v1alpha1.WriteKind, name string, fields map[string]string) journal.Answer {
	outcome := 0
	if !w.calm {
		outcome = rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 3}).Draw(w.T, "outcome of "+string(kind))
	}
	switch outcome {
	case 2:
		return journal.Unknown // it got lost on its way
	case 3:
		return journal.Refused
	}
	w.notTwice(kind, name, fields)
	visible := w.now.Add(w.seconds(applyAtMost, "applied after"))
	write := sent{kind: kind, name: name, fields: fields, visible: visible, applied: visible}
	if kind == v1alpha1.WriteCommit {
		write.applied = visible.Add(w.seconds(2*time.Minute, "takes"))
		for _, hash := range fields {
			write.refused = write.refused || bad(hash)
		}
	}
	w.writes = append(w.writes, write)
	if outcome == 1 {
		return journal.Unknown // its answer got lost
	}
	return journal.Accepted
}

// notTwice is the property: nothing is made that is there or under way, and no value is sent that is there or under way.
func (w *world) notTwice(kind v1alpha1.WriteKind, name string, fields map[string]string) {
	for _, write := range w.writes {
		if write.kind == kind && write.name == name {
			w.Fatalf("%s %q is made twice", kind, name)
		}
	}
	there := w.underWay()
	for path, hash := range fields {
		if value, set := there[path]; value == hash && (set || hash == "") {
			w.Fatalf("%s is sent again although %q is there or on its way", path, hash)
		}
	}
}

// notRefusedAgain is the property of refused values: they are left alone for a while, unless they change, somebody forces it, or
// another value for one of the refused fields, which may have been the cause, was applied.
func (w *world) notRefusedAgain(fields map[string]string, forced bool) {
	for path, hash := range fields {
		at, refused := w.refusedAt[path+"="+hash]
		if refused && !forced && !w.changedAt[path].After(at) && !w.causeAppliedSince(at) && w.now.Sub(at) < retryAfter-2*time.Second {
			w.Fatalf("%s=%s is sent again %s after it was seen refused", path, hash, w.now.Sub(at))
		}
	}
}

// causeAppliedSince reports whether a commit for a field that was ever refused was applied since then.
func (w *world) causeAppliedSince(at time.Time) bool {
	for _, write := range w.writes {
		if write.kind != v1alpha1.WriteCommit || write.refused || write.applied.Before(at.Add(-2*time.Minute)) {
			continue
		}
		for key := range w.refusedAt {
			if _, touched := write.fields[key[:strings.LastIndexByte(key, '=')]]; touched {
				return true
			}
		}
	}
	return false
}

// change is people at work on the spec.
func (w *world) change() {
	if w.chance(20, "worker") {
		w.worker = !w.worker
		return
	}
	path := rapid.SampledFrom(paths).Draw(w.T, "path")
	value := rapid.SampledFrom([]string{"", "1", "2", "bad"}).Draw(w.T, "value")
	w.changedAt[path] = w.now
	if value == "" {
		delete(w.declared, path)
		return
	}
	w.declared[path] = value
}

// services are those that are declared. The worker comes and goes.
func (w *world) services() []string {
	if w.worker {
		return []string{"my engine", "worker"}
	}
	return []string{"my engine"}
}

// TestNoInterleavingSendsTwice walks random interleavings of crashes, lag, stale caches, lost answers, late application, refused
// values, clocks that are ahead, and people.
func TestNoInterleavingSendsTwice(t *testing.T) {
	checkMany(t, 6_000, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w.now = w.now.Add(w.seconds(40*time.Second, "time"))
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1:
				w.change()
			case 2:
				w.now = w.now.Add(w.seconds(15*time.Minute, "long time"))
			case 3:
				w.restart()
			default:
				w.pass()
			}
		}
		w.settles()
	})
}

// settles holds that nothing is forgotten: once all is quiet, what is declared is there, and nothing else that was written.
func (w *world) settles() {
	w.calm = true
	for path, hash := range w.declared {
		if bad(hash) {
			w.declared[path], w.changedAt[path] = "good", w.now
		}
	}
	for range 24 {
		w.now = w.now.Add(lag)
		w.pass()
	}
	if got := w.values(w.now); !maps.Equal(got, w.declared) {
		w.Fatalf("Railway has %v in the end, declared is %v", got, w.declared)
	}
	end := w.read()
	for _, name := range w.services() {
		if !end.services[name] || !end.domains[name] {
			w.Fatalf("the service %q or its domain was never made", name)
		}
	}
	w.atRest()
}

// atRest holds that the journal comes to rest: nothing is announced or awaited for ever.
func (w *world) atRest() {
	j := journal.Open(&w.stored, lag, w.clock())
	if p := j.Pending(); p != nil && (p.Name != "worker" || w.worker) {
		w.Fatalf("still announced: %+v", p)
	}
	if left := j.SinceLastWrite(w.clock()); left > 0 {
		w.Fatalf("still awaited: %+v", j.Record())
	}
	if commit := j.LastCommit(); commit != nil && len(commit.Fields) > 0 {
		w.Fatalf("still not known to be applied: %+v", commit)
	}
}

func (w *world) restart() {
	w.cache, w.unwritten = nil, nil
	w.skew -= w.seconds(time.Hour, "clock behind the one before")
}

// checkMany checks a property that many times; -rapid.checks multiplies it.
func checkMany(t *testing.T, cases int, property func(*rapid.T)) {
	t.Helper()
	for range cases / 100 {
		if rapid.Check(t, property); t.Failed() {
			return
		}
	}
}

// operator is one pass of the loop.
type operator struct {
	*world
	j       *journal.Journal
	base    v1alpha1.EngineEnvironmentStatus
	version int
	forced  bool
	view    *snapshot
	fresh   bool
	seen    []*snapshot
	// crashAt counts down to the point at which the operator dies; negative: it does not.
	crashAt int
}

// over ends a pass, and gone the whole operator.
type over struct{ gone bool }

// pass is one pass. It may work on the status before, which a cache still shows.
func (w *world) pass() {
	o := &operator{world: w, base: w.stored, version: w.version, forced: w.chance(5, "forced"), crashAt: -1}
	if w.version > 0 && w.chance(15, "stale cache") {
		o.base, o.version = w.older, w.version-1
	}
	if w.unwritten != nil && w.unwrittenOf == o.version {
		o.base, o.seen = *w.unwritten.DeepCopy(), w.unwrittenSeen
	}
	if w.chance(25, "crash") {
		o.crashAt = rapid.IntRange(0, 6).Draw(w.T, "crashes at")
	}
	defer func() {
		switch end := recover().(type) {
		case nil:
		case over:
			if end.gone {
				w.restart()
			}
		default:
			panic(end)
		}
	}()
	o.j = journal.Open(&o.base, lag, w.clock())
	o.base.Railway = o.base.Railway.DeepCopy()
	o.run()
}

func (o *operator) end() { panic(over{}) }

// step is a moment at which the operator may die.
func (o *operator) step() {
	if o.crashAt == 0 {
		panic(over{gone: true})
	}
	o.crashAt--
}

// report ends what was announced: it is written, or kept in memory for a while.
func (o *operator) report() {
	o.j.Forgo()
	if !o.chance(40, "kept in memory") {
		o.store()
		return
	}
	o.step()
	if o.version != o.world.version {
		o.end()
	}
	o.unwritten, o.unwrittenOf = &v1alpha1.EngineEnvironmentStatus{
		Railway: o.base.Railway, WorkingRecord: o.j.Record(), LastCommit: o.j.LastCommit(),
	}, o.version
	o.unwrittenSeen = o.seen
}

// store writes the status, unless somebody wrote it meanwhile.
func (o *operator) store() {
	o.step()
	if o.version != o.world.version {
		o.end()
	}
	o.older, o.unwritten = o.stored, nil
	o.stored = v1alpha1.EngineEnvironmentStatus{
		Railway: o.base.Railway, WorkingRecord: wholeSeconds(o.j.Record()), LastCommit: o.j.LastCommit(),
	}
	if o.stored.LastCommit != nil {
		o.stored.LastCommit.Time = truncated(o.stored.LastCommit.Time)
	}
	o.world.version++
	o.version++
	o.noteRefused()
	o.step()
}

func truncated(t metav1.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

// wholeSeconds is the record as JSON keeps it.
func wholeSeconds(record *v1alpha1.WorkingRecord) *v1alpha1.WorkingRecord {
	if record == nil {
		return nil
	}
	if record.Pending != nil {
		record.Pending.StartedAt = truncated(record.Pending.StartedAt)
	}
	if record.Refused != nil {
		record.Refused.Time = truncated(record.Refused.Time)
	}
	for i := range record.Awaited {
		record.Awaited[i].StartedAt = truncated(record.Awaited[i].StartedAt)
	}
	return record
}

// noteRefused notes which values the operator must know to be refused from now on.
func (o *operator) noteRefused() {
	for _, s := range o.seen {
		for _, write := range o.writes {
			if s.patches[write.name].Error == "" || o.judged[write.name] {
				continue
			}
			o.judged[write.name] = true
			for path, hash := range write.fields {
				o.refusedAt[path+"="+hash] = s.readAt.Add(-o.skew)
			}
		}
	}
}

// look reads Railway, or takes the last snapshot again, and has the journal see it.
func (o *operator) look(fresh bool) {
	if fresh || o.cache == nil {
		o.cache, fresh = o.read(), true
	}
	o.view, o.fresh = o.cache, fresh
	if o.base.Railway == nil {
		return
	}
	if !o.view.environment {
		if o.j.SinceLastWrite(o.view.readAt) == 0 {
			o.Fatalf("takes a new environment for one that was deleted, and makes it again")
		}
		o.report()
		o.end()
	}
	o.seen = append(o.seen, o.view)
	o.j.See(o.view.view(), 1)
}

// settle waits for what was written last.
func (o *operator) settle() {
	if o.j.Waits(o.view.view()).For != journal.Nothing && !o.fresh {
		o.look(true)
	}
	if o.j.Waits(o.view.view()).For != journal.Nothing || o.view.applying {
		o.report()
		o.end()
	}
}

func (o *operator) run() {
	o.locate()
	o.look(o.forced || o.calm || !o.chance(50, "old snapshot"))
	o.settle()
	if !o.fresh && o.needsWrite() {
		o.look(true)
		o.settle()
	}
	o.write()
	o.report()
}

func (o *operator) locate() {
	if o.base.Railway != nil {
		return
	}
	o.look(true)
	if !o.view.environment {
		o.foresee()
		o.create(v1alpha1.WriteEnvironment, "preview")
	} else if o.j.Announced(v1alpha1.WriteEnvironment, "preview") {
		o.j.Answered(journal.Accepted, nil, 1)
	}
	o.base.Railway = &v1alpha1.RailwayStatus{EnvironmentID: "preview"}
	if !o.view.environment {
		o.write() // an environment that was just made holds nothing
		o.report()
		o.end()
	}
	o.store() // the claim of an environment that was there
}

// create makes what is not there, once.
func (o *operator) create(kind v1alpha1.WriteKind, name string) {
	if o.j.Foreseen(kind, name, o.clock()) == nil && o.j.Outstanding(kind, name, o.view.readAt) > 0 {
		o.report()
		o.end()
	}
	o.announced(v1alpha1.PendingWrite{Kind: kind, Name: name}, nil)
}

// announced stores the intent, sends the write and notes the answer. A pass ends with a write that was not accepted.
func (o *operator) announced(intent v1alpha1.PendingWrite, fields map[string]string) {
	before := o.j.Pending()
	if !o.calm { // what was sent before took its time
		o.now = o.now.Add(o.seconds(20*time.Second, "between two writes"))
	}
	at := o.clock().Add(400 * time.Millisecond)
	ahead := o.j.Foreseen(intent.Kind, intent.Name, at)
	if intent.Kind == v1alpha1.WriteCommit {
		ahead = o.j.ForeseenCommit(intent.Fields, at)
	}
	if ahead != nil {
		intent = *ahead
	}
	intent.StartedAt = metav1.NewTime(at)
	o.j.Announce(intent)
	if ahead == nil {
		o.store()
	}
	answer := o.send(intent.Kind, intent.Name, fields)
	o.step()
	o.j.Answered(answer, before, 1)
	if answer != journal.Accepted {
		o.report()
		o.end()
	}
}

func (o *operator) needsWrite() bool {
	changes, _ := o.compare()
	for _, name := range o.services() {
		if !o.view.services[name] || !o.view.domains[name] {
			return true
		}
	}
	return len(changes) > 0
}

// foresee announces what the pass will send, together with what it announces next.
func (o *operator) foresee() {
	if !o.chance(60, "announced ahead") {
		return
	}
	var ahead []v1alpha1.PendingWrite
	for _, name := range o.services() {
		if !o.view.services[name] && o.j.Outstanding(v1alpha1.WriteService, name, o.view.readAt) == 0 {
			ahead = append(ahead, v1alpha1.PendingWrite{Kind: v1alpha1.WriteService, Name: name})
		}
		if !o.view.domains[name] && o.j.Outstanding(v1alpha1.WriteDomain, name, o.view.readAt) == 0 {
			ahead = append(ahead, v1alpha1.PendingWrite{Kind: v1alpha1.WriteDomain, Name: name})
		}
	}
	if changes, _ := o.compare(); len(changes) > 0 {
		ahead = append(ahead, o.commit(changes))
	}
	o.j.Foresee(ahead, o.clock())
}

func (o *operator) commit(changes map[string]string) v1alpha1.PendingWrite {
	o.ids++
	intent := v1alpha1.PendingWrite{Kind: v1alpha1.WriteCommit, Name: fmt.Sprintf("eo-%d", o.ids)}
	for _, path := range slices.Sorted(maps.Keys(changes)) {
		intent.Fields = append(intent.Fields, path+"="+changes[path])
	}
	return intent
}

func (o *operator) write() {
	if o.needsWrite() && o.view.environment {
		o.foresee()
	}
	for _, name := range o.services() {
		if !o.view.services[name] {
			o.create(v1alpha1.WriteService, name)
		}
	}
	for _, name := range o.services() {
		if !o.view.domains[name] {
			o.create(v1alpha1.WriteDomain, name)
		}
	}
	changes, record := o.compare()
	o.j.SetWritten(record)
	if len(changes) == 0 {
		return
	}
	o.notRefusedAgain(changes, o.forced)
	o.announced(o.commit(changes), changes)
	o.report()
	o.end()
}

// compare is what package plan does, as far as it depends on the journal.
func (o *operator) compare() (changes map[string]string, record map[string]plan.Applied) {
	written, refused := o.j.Written(), o.j.RefusedFields(o.clock(), o.forced)
	changes, record = map[string]string{}, map[string]plan.Applied{}
	propose := func(path, hash string) {
		if value, is := refused[path]; !is || value != hash {
			changes[path] = hash
		}
	}
	for path, want := range o.declared {
		have, shown := o.view.values[path]
		applied, known := written[path]
		if shown && (sealed(path) && applied.Hash == want || !sealed(path) && have == want) {
			record[path] = plan.Applied{Hash: want, Adopted: applied.Hash != want && (!known || applied.Adopted)}
			continue
		}
		if known {
			record[path] = applied
		}
		propose(path, want)
	}
	for path, applied := range written {
		have, shown := o.view.values[path]
		if _, still := o.declared[path]; !still && shown && !applied.Adopted && (sealed(path) || have == applied.Hash) {
			record[path] = applied
			propose(path, "")
		}
	}
	return changes, record
}
