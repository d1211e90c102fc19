// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// deployment is what a tier runs on the model of Railway: a spec as it was committed, and the bytes that its image was then.
type deployment struct {
	id      int
	content string // hash of the committed content
	image   string
	digest  string
	values  string // the content apart from the source: values of the shared variable
}

// snapshot is what a pass sees of it.
type snapshot struct {
	readAt time.Time
	deployment
	fails bool
}

// results are those of the checks: they are run against what really runs, for what the operator last saw.
type results struct {
	subject int
	at      time.Time
	passed  bool
}

// tier is a tier as the loop keeps it.
type tier struct {
	object   v1alpha1.EngineEnvironment
	before   v1alpha1.EngineEnvironment // as a cache may still show it
	upstream *tier
	stored   []promotion.Stored

	runs     deployment
	snapshot *snapshot
	results  results
	unread   bool
	gate     string

	// passed are the bytes that passed the checks here, whatever the operator made of it.
	passed map[string]bool
	// verified are what was verified here, the newest last.
	verified []string
	// rejected are the contents, and for promoted tiers the sources, that were rolled back here and may not be deployed again.
	rejected map[string]bool
	// said is who approved what, as "person source".
	said map[string]bool
}

// world is dev, preview and production with the registries, the people and the clock.
type world struct {
	*rapid.T
	now   time.Time
	tiers []*tier
	bytes map[string]string // image → digest that the tag means now
	bad   map[string]string // digest → tier in which it fails its checks
	crash map[string]string // digest → tier in which it does not start
	tells bool              // whether Railway tells digests
	count int
	calm  bool
}

var images = []string{"r1/app:1.5", "r1/app:1.6", "r1/app:1.7", "r2/app:1.6", "r1/app:latest"}

func newWorld(t *rapid.T) *world {
	w := &world{T: t, now: epoch, bytes: map[string]string{}, bad: map[string]string{}, crash: map[string]string{}, tells: pick(t, 5, "tells") > 0}
	for i, image := range images {
		w.calm = i == 0 // the first is good
		w.push(image)
	}
	for i, kind := range []v1alpha1.Tier{v1alpha1.TierDev, v1alpha1.TierPreview, v1alpha1.TierProduction} {
		next := &tier{passed: map[string]bool{}, rejected: map[string]bool{}, said: map[string]bool{}}
		next.object.Name, next.object.Namespace, next.object.Generation = strings.ToLower(string(kind)), "team", 1
		next.object.Annotations = map[string]string{}
		spec := &next.object.Spec
		spec.Tier, spec.Engine.Name = kind, "engine"
		spec.SharedVariables = []v1alpha1.Variable{{Name: "V", Value: ptr("0")}}
		if i == 0 {
			spec.Engine.Source = &v1alpha1.Source{Image: images[0]}
		} else {
			next.upstream = w.tiers[i-1]
			spec.Services = []v1alpha1.Companion{{Service: v1alpha1.Service{Name: "worker"}}}
			spec.Promotion = &v1alpha1.Promotion{From: w.tiers[i-1].object.Name, Soak: &metav1.Duration{Duration: time.Duration(pick(t, 3, "soak")) * time.Hour}}
		}
		if kind == v1alpha1.TierProduction {
			spec.Promotion.Approval = v1alpha1.ApprovalManual
		}
		next.before = *next.object.DeepCopy()
		w.tiers = append(w.tiers, next)
	}
	return w
}

func ptr[T any](value T) *T { return &value }

// pick picks one of so many, each as likely: rapid's own ranges prefer small numbers, which rarely get far along a chain.
func pick(t *rapid.T, many int, what string) int {
	n := 0
	for range bits.Len(uint(many)) + 2 {
		if n *= 2; rapid.Bool().Draw(t, what) {
			n++
		}
	}
	return n % many
}

func oneOf[T any](t *rapid.T, what string, values ...T) T { return values[pick(t, len(values), what)] }

// chance is false once the world is calm.
func (w *world) chance(percent int, what string) bool {
	return !w.calm && pick(w.T, 100, what) >= 100-percent
}

// push gives a tag other bytes, which may be bad in some tier.
func (w *world) push(image string) {
	w.count++
	digest := fmt.Sprintf("sha256:%064d", w.count)
	w.bytes[image] = digest
	if !w.calm {
		in := oneOf(w.T, "bad how", w.bad, w.crash)
		in[digest] = oneOf(w.T, "bad in", "", "", "", "dev", "preview", "production")
	}
}

// fails tells whether the checks of what really runs fail here.
func (w *world) fails(t *tier) bool {
	return w.crashes(t) || w.bad[t.runs.digest] == t.object.Name || t.runs.values == "bad"
}

func (w *world) crashes(t *tier) bool { return w.crash[t.runs.digest] == t.object.Name }

// read takes a snapshot now.
func (w *world) read(t *tier) *snapshot {
	s := &snapshot{readAt: w.now, deployment: t.runs, fails: t.runs.id > 0 && w.crashes(t)}
	t.snapshot = s
	return s
}

// running is what Railway says of the deployment.
func (w *world) running(s *snapshot) promotion.Running {
	if s.id == 0 {
		return promotion.Running{}
	}
	running := promotion.Running{Image: s.image}
	if w.tells {
		running.Digest = s.digest
	}
	return running
}

// deploy has Railway run the spec. A tag means the bytes of that moment.
func (w *world) deploy(t *tier, spec *v1alpha1.EngineEnvironmentSpec) {
	image := spec.Engine.Source.Image
	_, digest, pinned := strings.Cut(image, "@")
	if !pinned {
		digest = w.bytes[image]
	}
	w.count++
	t.runs = deployment{
		id: w.count, content: promotion.ContentOf(spec).Hash(), image: image, digest: digest, values: *spec.SharedVariables[0].Value,
	}
}

// redeploy is somebody who restarts the tier on the dashboard: a tag is pulled again.
func (w *world) redeploy(t *tier) {
	if t.runs.id == 0 {
		return
	}
	w.count++
	t.runs.id = w.count
	if !strings.Contains(t.runs.image, "@") {
		t.runs.digest = w.bytes[t.runs.image]
	}
}

// check runs the checks of what really runs, for what the last snapshot showed.
func (w *world) check(t *tier) {
	if t.snapshot == nil || t.snapshot.id == 0 {
		return
	}
	passed := !w.fails(t)
	t.results = results{subject: t.snapshot.id, at: w.now, passed: passed}
	if passed {
		t.passed[t.runs.digest] = true
	}
}

// edit is somebody who edits a spec: its content, or something that is none.
func (w *world) edit(t *tier) {
	spec := &t.object.Spec
	t.object.Generation++
	switch {
	case w.chance(30, "no content"):
		spec.Interval = &metav1.Duration{Duration: time.Duration(w.count) * time.Minute}
		return
	case t.upstream == nil && w.chance(70, "image"):
		spec.Engine.Source = &v1alpha1.Source{Image: oneOf(w.T, "image", images...)}
	default:
		spec.SharedVariables[0].Value = ptr(oneOf(w.T, "value", "0", "1", "bad"))
	}
	clear(t.rejected)
}

func (w *world) resume(t *tier) {
	w.count++
	t.object.Annotations[v1alpha1.AnnotationResume] = fmt.Sprint(w.count)
	clear(t.rejected)
}

// approve is somebody who approves the candidate, or something else, with or without a name.
func (w *world) approve(t *tier) {
	source := string(promotion.SourceOf(&v1alpha1.Source{Image: oneOf(w.T, "approved", images...)}))
	if status := t.object.Status.Promotion; status != nil && status.Candidate != "" && w.chance(70, "the candidate") {
		source = status.Candidate
	}
	if w.chance(20, "withdrawn") {
		delete(t.object.Annotations, v1alpha1.AnnotationApprove)
		return
	}
	person := oneOf(w.T, "person", "", "dana", "eve")
	// A name that is left over is known to be: nobody can tell one that nobody saw with the approval before.
	known := t.object.Status.Promotion != nil && t.object.Status.Promotion.Approval != nil &&
		strings.HasPrefix(t.object.Status.Promotion.Approval.By, t.object.Annotations[v1alpha1.AnnotationApprovedBy])
	switch {
	case person != "":
		t.object.Annotations[v1alpha1.AnnotationApprovedBy] = person
	case !known || w.chance(50, "name removed"):
		delete(t.object.Annotations, v1alpha1.AnnotationApprovedBy)
	}
	t.object.Annotations[v1alpha1.AnnotationApprove] = source
	t.said[person+" "+source] = true
}

// lose loses what is kept: the status, or a stored revision.
func (w *world) lose(t *tier) {
	if w.chance(50, "status") || len(t.stored) == 0 {
		t.object.Status = v1alpha1.EngineEnvironmentStatus{}
		delete(t.object.Annotations, v1alpha1.AnnotationApprovedBy) // whose name it is went with the status
		clear(t.rejected)
		return
	}
	t.stored = slices.Delete(t.stored, 0, 1)
}

// TestChainsKeepTheirPromises walks random sequences of pushes, edits, passes, crashes, losses, approvals and people along a chain.
func TestChainsKeepTheirPromises(t *testing.T) {
	for range 40 { // 40 times rapid's 100 cases
		rapid.Check(t, func(t *rapid.T) {
			w := newWorld(t)
			for range pick(t, 3, "good times") {
				w.along()
			}
			for range pick(t, 24, "steps") {
				w.now = w.now.Add(time.Minute)
				w.step(oneOf(t, "tier", w.tiers...))
			}
			w.settles()
		})
	}
}

func (w *world) step(t *tier) {
	switch pick(w.T, 24, "step") {
	case 0:
		w.push(oneOf(w.T, "pushed", images...))
	case 1, 2:
		w.edit(t)
	case 3, 4:
		w.edit(w.tiers[0])
	case 5, 6:
		w.approve(w.tiers[2])
	case 7, 8:
		w.now = w.now.Add(time.Duration(pick(w.T, 150, "minutes")) * time.Minute)
	case 9:
		w.lose(t)
	case 10:
		w.resume(t)
	case 11:
		if t.runs.id > 0 && w.chance(60, "pushed before") {
			w.push(t.runs.image)
		}
		w.redeploy(t)
		w.check(t) // by what was seen before
	case 12:
		t.object.Spec.Suspend = w.chance(30, "suspended")
	case 13:
		t.unread, t.gate = w.chance(30, "unread"), oneOf(w.T, "gate", "", "", "over budget")
	case 14, 15, 16, 17:
		for range 2 {
			w.along()
		}
	case 18, 19:
		w.check(t)
	default:
		w.pass(t)
	}
}

// along is a while in which the whole chain works, and people do what they are asked.
func (w *world) along() {
	for _, t := range w.tiers {
		w.advance(t)
		w.asked(t)
	}
	w.now = w.now.Add(2 * time.Hour)
}

// advance lets the tier deploy and check what it is to run.
func (w *world) advance(t *tier) {
	w.pass(t)
	w.check(t)
	w.now = w.now.Add(time.Minute)
	w.pass(t)
}

// pass is one pass of the loop: decide, deploy, conclude. It may end before its status is stored.
func (w *world) pass(t *tier) {
	if t.object.Spec.Suspend {
		t.object.Status.GoSince = nil
		return
	}
	s := t.snapshot
	if s == nil || w.calm || w.chance(60, "fresh") {
		s = w.read(t)
	}
	in := w.input(t, s)
	d := promotion.Decide(in)
	w.decided(t, in, d)
	if w.chance(15, "crash before the decision is stored") {
		return
	}
	status := t.status(d)
	switch {
	case d.Stuck != "":
	case promotion.ContentOf(d.Spec).Hash() != t.runs.content:
		w.deploys(t, d)
		t.store(status)
		if !w.chance(15, "crash before it is sent") {
			w.deploy(t, d.Spec)
		}
		return
	default:
		w.conclude(t, d, s, &status)
	}
	if !w.chance(15, "crash before the outcome is stored") {
		t.store(status)
	}
}

func asJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// status is what follows from the decision alone.
func (t *tier) status(d promotion.Decision) v1alpha1.EngineEnvironmentStatus {
	status := *t.object.Status.DeepCopy()
	status.Promotion, status.Rollback, status.GoSince = d.Promotion, d.Rollback, nil
	status.ObservedGeneration = t.object.Generation
	return status
}

// store writes the status. What it says to be rejected is so from now on.
func (t *tier) store(status v1alpha1.EngineEnvironmentStatus) {
	if rollback := status.Rollback; rollback != nil && t.object.Status.Rollback == nil {
		t.rejected[rollback.Content] = true
		if status.Promotion != nil {
			t.rejected[string(promotion.SourceOf(status.Promotion.Source))] = true
		}
	}
	t.before = *t.object.DeepCopy()
	t.object.Status = status
}

func (w *world) input(t *tier, s *snapshot) promotion.Input {
	o := t.object.DeepCopy()
	in := promotion.Input{
		Namespace: o.Namespace, Name: o.Name, Spec: &o.Spec, Annotations: o.Annotations, Previous: o.Status.Promotion, Rollback: o.Status.Rollback,
		Runs: w.running(s), Gate: t.gate, Now: w.now,
	}
	if in.Rollback != nil {
		for i := range t.stored {
			if t.stored[i].Name == in.Rollback.RevisionName {
				in.Held = &t.stored[i].Content
			}
		}
	}
	if t.upstream != nil {
		up := &t.upstream.object
		if w.chance(15, "stale upstream") {
			up = &t.upstream.before
		}
		in.Upstream = promotion.UpstreamOf(up)
		in.Upstream.Unread = t.unread
	}
	return in
}

// decided holds what is true of every decision.
func (w *world) decided(t *tier, in promotion.Input, d promotion.Decision) {
	if d.Taken != "" {
		w.took(t, in, d)
	}
	if p := d.Promotion; p != nil {
		soaks := p.State == v1alpha1.PromotionSoaking
		if soaks != (p.SoakedAt != nil) || soaks && !d.Wake.After(w.now) {
			w.Fatalf("a soak, and nothing else, says when it ends: %+v, wake %s", p, d.Wake)
		}
		if d.UpToDate && d.Rollback != nil {
			w.Fatalf("a held tier is not up to date: %+v", p)
		}
		if p.State == v1alpha1.PromotionAwaitingApproval && (t.gate != "" || slices.Contains(p.Rejected, p.Candidate)) {
			w.Fatalf("a person is asked to approve what is blocked all the same")
		}
		if len(p.History) > 10 || len(p.Rejected) > 10 {
			w.Fatalf("the history is not bounded")
		}
	}
	if d.Rollback != nil && d.Stuck == "" && !endsHow.MatchString(promotion.HeldMessage(in, d)) {
		w.Fatalf("a hold says how it ends")
	}
}

// endsHow is in the message of a hold: what ends it, or what is promoted next.
var endsHow = regexp.MustCompile(` runs instead(: .|, until .+ is promoted: .)`)

// took holds what is true of every promotion.
func (w *world) took(t *tier, in promotion.Input, d promotion.Decision) {
	source := promotion.SourceOf(d.Promotion.Source)
	_, digest, pinned := strings.Cut(string(source), "@")
	if w.tells && (!pinned || !t.upstream.passed[digest]) {
		w.Fatalf("%s takes %s, whose bytes never passed in %s", t.object.Name, source, t.upstream.object.Name)
	}
	if !slices.ContainsFunc(t.upstream.verified, func(key string) bool { return strings.HasPrefix(key, string(source)+" ") }) {
		w.Fatalf("%s takes %s, which %s never verified", t.object.Name, source, t.upstream.object.Name)
	}
	if t.rejected[string(source)] {
		w.Fatalf("%s takes %s again, which was rolled back", t.object.Name, source)
	}
	if up := in.Upstream; up.GoSince.IsZero() || up.GoSince.Add(t.object.Spec.Promotion.Soak.Duration).After(w.now) {
		w.Fatalf("%s takes %s before the end of its soak", t.object.Name, source)
	}
	if t.gate != "" || t.unread {
		w.Fatalf("%s takes %s although its gate is shut or upstream was not read", t.object.Name, source)
	}
	if t.object.Spec.Tier == v1alpha1.TierProduction {
		w.approved(t, in, d, string(source))
	}
}

// approved holds that a person approved just this, and that nobody is named who did not.
func (w *world) approved(t *tier, in promotion.Input, d promotion.Decision, source string) {
	if in.Annotations[v1alpha1.AnnotationApprove] != source {
		w.Fatalf("%s takes %s without an approval", t.object.Name, source)
	}
	by := d.Promotion.History[0].ApprovedBy
	if !t.said[by+" "+source] && by != "(not named)" && !strings.Contains(by, "as in the approval before") {
		w.Fatalf("%q is named for the approval of %s, and did not give it", by, source)
	}
	if strings.Count(by, "as in the approval before") > 1 {
		w.Fatalf("the name grows: %q", by)
	}
}

// deploys holds what is true of everything that is deployed.
func (w *world) deploys(t *tier, d promotion.Decision) {
	hash := promotion.ContentOf(d.Spec).Hash()
	if t.rejected[hash] {
		w.Fatalf("%s deploys %s again, which was rolled back", t.object.Name, d.Spec.Engine.Source.Image)
	}
	if d.Spec.Services != nil && !slices.ContainsFunc(d.Spec.Services, func(c v1alpha1.Companion) bool { return c.Source != nil }) {
		w.Fatalf("services without a source of their own run the engine's")
	}
	if d.Rollback == nil && t.object.Spec.Tier == v1alpha1.TierProduction && strings.HasSuffix(d.Spec.Engine.Source.Image, ":latest") {
		w.Fatalf("production deploys latest without a digest")
	}
}

// key names a verified revision for the model: its source, and the rest of its content.
func key(source *v1alpha1.Source, values string) string {
	return string(promotion.SourceOf(source)) + " " + values
}

// conclude concludes, by a newer snapshot where that is asked for, and carries it out.
func (w *world) conclude(t *tier, d promotion.Decision, s *snapshot, status *v1alpha1.EngineEnvironmentStatus) {
	tried := w.tried(t, d, s)
	c := promotion.Conclude(tried)
	if c.Read && s.readAt.Before(w.now) {
		s = w.read(t)
		tried = w.tried(t, d, s)
		c = promotion.Conclude(tried)
	}
	if c.Read {
		w.Fatalf("a snapshot of now is not new enough to decide")
	}
	status.Promotion, status.Rollback = c.Promotion, c.Rollback
	if c.Rollback != nil && d.Rollback == nil {
		w.rolledBack(t, d, c, s)
	}
	if c.Verified != nil {
		w.wasVerified(t, s, d, c, status)
	}
	if tried.InPlace && tried.Passed && c.Rollback == nil {
		status.GoSince = t.object.Status.GoSince
		if status.GoSince == nil {
			status.GoSince = ptr(metav1.NewTime(w.now))
		}
		if status.Verified != nil && status.GoSince.Before(&status.Verified.Since) {
			status.GoSince = ptr(status.Verified.Since)
		}
	}
}

func (w *world) tried(t *tier, d promotion.Decision, s *snapshot) promotion.Tried {
	inPlace := s.id > 0 && s.content == promotion.ContentOf(d.Spec).Hash() && !s.fails
	tried := promotion.Tried{
		Decision: d, Runs: w.running(s), InPlace: inPlace, ReadAt: s.readAt, Stored: slices.Clone(t.stored), RollsBack: true,
		Previous: t.object.Status.Verified, Resume: t.object.Annotations[v1alpha1.AnnotationResume], Now: w.now,
	}
	switch {
	case s.fails:
		tried.Failed = "crashed"
	case inPlace && t.results.subject == s.id:
		tried.CheckedAt, tried.Passed = t.results.at, t.results.passed
		if !tried.Passed {
			tried.Failed = "check health failed"
		}
	}
	return tried
}

// wasVerified holds what is true of everything that is verified, and keeps it.
func (w *world) wasVerified(t *tier, s *snapshot, d promotion.Decision, c promotion.Conclusion, status *v1alpha1.EngineEnvironmentStatus) {
	if !t.passed[s.digest] && (w.tells || c.Keep != nil) { // without digests the same tag is the same source
		w.Fatalf("%s verifies %s, which never passed there", t.object.Name, s.digest)
	}
	source := c.Verified.Source
	if _, digest, _ := strings.Cut(source.Image, "@"); w.tells && digest != s.digest {
		w.Fatalf("%s verifies %s while it runs %s", t.object.Name, source.Image, s.digest)
	}
	status.Verified = c.Verified
	newest := key(&source, s.values)
	t.verified = append(slices.DeleteFunc(t.verified, func(k string) bool { return k == newest }), newest)
	if c.Keep == nil {
		return
	}
	t.stored = append(slices.DeleteFunc(slices.Clone(t.stored), func(s promotion.Stored) bool { return s.Name == c.Keep.Name }), *c.Keep)
	surplus := promotion.Surplus(t.stored, 3, c.Keep.Name)
	if slices.Contains(surplus, c.Keep.Name) || len(t.stored)-len(surplus) > 3 {
		w.Fatalf("3 revisions are kept, the new one among them: %v of %v go", surplus, t.stored)
	}
	t.stored = slices.DeleteFunc(t.stored, func(s promotion.Stored) bool { return slices.Contains(surplus, s.Name) })
}

// rolledBack holds that what is to blame goes, by what is true now, and that what was verified last before it comes.
func (w *world) rolledBack(t *tier, d promotion.Decision, c promotion.Conclusion, s *snapshot) {
	if s.id != t.runs.id {
		w.Fatalf("%s is rolled back by an old snapshot", t.object.Name)
	}
	at := slices.IndexFunc(t.stored, func(s promotion.Stored) bool { return s.Name == c.Rollback.RevisionName })
	if at < 0 {
		w.Fatalf("%s is rolled back to what is not stored", t.object.Name)
	}
	content := t.stored[at].Content
	target := key(content.Engine.Source, *content.SharedVariables[0].Value)
	last, found := "", false
	for _, k := range slices.Backward(t.verified) {
		if slices.ContainsFunc(t.stored, func(s promotion.Stored) bool {
			return key(s.Content.Engine.Source, *s.Content.SharedVariables[0].Value) == k
		}) {
			last, found = k, true
			break
		}
	}
	if !found || last != target {
		w.Fatalf("%s is rolled back to %q, and %q was verified last before", t.object.Name, target, last)
	}
	if c.Rollback.Content != promotion.ContentOf(d.Spec).Hash() || c.Rollback.Reason == "" || c.Rollback.From == "" || c.Rollback.To == "" {
		w.Fatalf("a hold says what was rejected, and why: %+v", c.Rollback)
	}
}

// settles holds that nothing waits for ever: a good revision reaches production when people only do what they are asked, and nobody
// has to say resume.
func (w *world) settles() {
	w.calm = true
	for _, t := range w.tiers {
		t.unread, t.gate, t.object.Spec.Suspend = false, "", false
		t.object.Spec.SharedVariables[0].Value = ptr("good")
		t.object.Generation++
		clear(t.rejected)
	}
	good := "r1/app:2.0"
	w.push(good)
	w.tiers[0].object.Spec.Engine.Source = &v1alpha1.Source{Image: good}
	for range 8 {
		w.along()
	}
	for _, t := range w.tiers {
		status := &t.object.Status
		if t.runs.digest != w.bytes[good] || status.Rollback != nil || status.GoSince == nil {
			w.Fatalf("%s does not run %s in the end but %s: %s", t.object.Name, good, t.runs.image, asJSON(status))
		}
		if t.upstream != nil && (status.Promotion.State != v1alpha1.PromotionUpToDate || status.Promotion.History[0].Outcome != v1alpha1.PromotionVerified) {
			w.Fatalf("%s does not know that it is up to date: %s", t.object.Name, asJSON(status.Promotion))
		}
	}
}

// asked does what the tier asks a person to do.
func (w *world) asked(t *tier) {
	if status := t.object.Status.Promotion; status != nil && status.State == v1alpha1.PromotionAwaitingApproval {
		maps.Copy(t.object.Annotations, map[string]string{v1alpha1.AnnotationApprove: status.Candidate, v1alpha1.AnnotationApprovedBy: "fay"})
		t.said["fay "+status.Candidate] = true
	}
}
