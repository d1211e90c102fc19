// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// declared is the content that counts without a hold: with the promoted source in place.
func (in *Input) declared(d *Decision) Content {
	if d.Promotion != nil {
		return ContentOf(WithSource(in.Spec, d.Promotion.Source))
	}
	return ContentOf(in.Spec)
}

// endHold ends the hold: it belongs to the rejected content, and ends when that changes or when a person says resume. Then the
// source that was rejected with it may be tried again.
func (in *Input) endHold(d *Decision) {
	rollback := d.Rollback
	switch {
	case rollback == nil:
		return
	case redact.Identity(rollback.Resume) != ResumeOf(in.Annotations):
		d.Resumed = "a person resumed it"
	case rollback.Content != "" && rollback.Content != in.declared(d).Hash():
		d.Resumed = "what is declared has changed"
	default:
		rollback.Resume = ResumeOf(in.Annotations)
		return
	}
	d.Rollback = nil
	if d.Promotion != nil {
		source := string(SourceOf(d.Promotion.Source))
		d.Promotion.Rejected = slices.DeleteFunc(d.Promotion.Rejected, func(s string) bool { return s == source })
	}
}

// place puts what counts in place: the held revision, else the promoted source. Without the stored revision there is nothing to
// put in place, and what was rejected is not put back either.
func (in *Input) place(d *Decision) {
	switch {
	case d.Rollback != nil && in.Held == nil:
		d.Stuck, d.Invalid = fmt.Sprintf("%s was rolled back, and the ControllerRevision %s that holds %s is gone: change the spec, or try it again with %s",
			d.Rollback.From, d.Rollback.RevisionName, d.Rollback.To, in.ResumeCommand()), true
	case d.Rollback != nil:
		d.Spec = in.Held.ApplyTo(in.Spec)
	case d.Promotion == nil:
	case d.Promotion.Source == nil:
		d.Stuck = "nothing to run yet: " + d.Told()
	default:
		d.Spec = WithSource(in.Spec, d.Promotion.Source)
	}
}

// waysOut says how a hold can end, behind what is held.
func (in *Input) waysOut(d *Decision) string {
	resume := fmt.Sprintf("try %s again with %s", Replaced(d.Rollback), in.ResumeCommand())
	if d.Promotion == nil {
		return ": change settings, engine, services or sharedVariables, or " + resume
	}
	if d.Promotion.Candidate != "" && !rejects(d.Promotion, &in.Upstream.Verified.Source) {
		next := d.Promotion.CandidateRevision
		return fmt.Sprintf(", until %s is promoted: %s", next, strings.TrimPrefix(d.Message, next+": "))
	}
	return fmt.Sprintf(": verify another revision in %s, or %s", in.Upstream.Name, resume)
}

// HeldMessage says what is held, how it ends, and why: the reason may be the last lines of a log, and comes behind the command.
func HeldMessage(in Input, d Decision) string {
	switch {
	case d.Rollback.Requested:
		return fmt.Sprintf("%s%s (%s)", Replacement(d.Rollback), in.waysOut(&d), d.Rollback.Reason)
	case d.Rollback.To == d.Rollback.From:
		return fmt.Sprintf("%s failed as declared now, what was verified before runs instead%s (what failed: %s)",
			d.Rollback.From, in.waysOut(&d), d.Rollback.Reason)
	default:
		return fmt.Sprintf("%s failed, %s runs instead%s (what failed: %s)", d.Rollback.From, d.Rollback.To, in.waysOut(&d), d.Rollback.Reason)
	}
}

// Replacement says what runs in place of what. Both can be the same revision, with other settings or variables.
func Replacement(r *v1alpha1.RollbackStatus) string {
	if r.To == r.From {
		return r.To + " runs as it was verified before, not as declared now"
	}
	return fmt.Sprintf("%s runs in place of %s", r.To, r.From)
}

// Standing says what is held in place of what, as far as it runs: it does not yet while a plan waits or a deployment is under way.
func Standing(object *v1alpha1.EngineEnvironment) string {
	r, engine := object.Status.Rollback, object.Status.Engine
	if r.To != r.From && engine != nil && engine.Revision == r.From {
		return fmt.Sprintf("%s is to run in place of %s", r.To, r.From)
	}
	return Replacement(r)
}

// Replaced is what the hold keeps from running.
func Replaced(r *v1alpha1.RollbackStatus) string {
	if r.To == r.From {
		return r.From + " as declared"
	}
	return r.From
}

// FromTo says what was rolled back to what.
func FromTo(r *v1alpha1.RollbackStatus) string {
	if r.To == r.From {
		return r.From + " to how it was verified before"
	}
	return fmt.Sprintf("%s to %s", r.From, r.To)
}

// Stored is a revision that was verified here.
type Stored struct {
	Name string
	// Order is higher the later it was verified last.
	Order   int64
	Content Content
	// Since is when it was verified first, zero until it is stored.
	Since time.Time
}

// Tried is what a pass found out about the revision that runs.
type Tried struct {
	// Object is the object's name, with which the names of its stored revisions begin.
	Object string
	// Decision is what the pass worked on.
	Decision Decision
	// Runs is what the newest deployment was made from: it is what serves when InPlace, and what failed when Failed.
	Runs Running
	// InPlace is true when Railway is as declared, and every declared service serves what was declared.
	InPlace bool
	// Passed is true when every check that blames the revision has passed.
	Passed bool
	// Failed says why the revision is to blame, empty when it is not.
	Failed string
	// ReadAt is when the snapshot behind InPlace and Failed was read, CheckedAt when the newest result was found.
	ReadAt, CheckedAt time.Time
	// Stored are the revisions that were verified here, RollsBack whether a new one that fails is rolled back.
	Stored    []Stored
	RollsBack bool
	Previous  *v1alpha1.VerifiedStatus
	// Resume is what ResumeOf says.
	Resume string
	Now    time.Time
}

// Conclusion is what follows from it.
type Conclusion struct {
	// Read is true when the decision needs a newer snapshot: nothing is verified or rolled back by an old one.
	Read bool
	// Verified is what was verified in this pass, nil when nothing was. Keep is the revision to store, or to put first again.
	Verified *v1alpha1.VerifiedStatus
	Keep     *Stored
	// Promotion and Rollback are the next states when the revision is rolled back, or its promotion ended.
	Promotion *v1alpha1.PromotionStatus
	Rollback  *v1alpha1.RollbackStatus
	// NoTarget is true when it would be rolled back and no verified revision is known.
	NoTarget bool
}

// Conclude decides what was verified, and whether to roll back. Verified means: this content, these bytes, as declared on Railway,
// with every check passed that blames the revision, found no later than the snapshot was read.
func Conclude(t Tried) Conclusion {
	c := Conclusion{Promotion: t.Decision.Promotion.DeepCopy(), Rollback: t.Decision.Rollback.DeepCopy()}
	if t.Decision.Rollback != nil || t.Decision.Spec.Engine.Source == nil {
		return c
	}
	name, content := t.revision()
	switch {
	case t.InPlace && t.Passed && t.Failed == "":
		t.verify(&c, name, content)
	case t.Failed != "" && t.RollsBack && !t.verifiedBefore(name, content):
		t.rollBack(&c, name)
	}
	return c
}

// revision is the content that runs, pinned, and its name.
func (t Tried) revision() (name string, content Content) {
	content = t.with(Pin(t.Decision.Spec.Engine.Source, t.Runs))
	return t.name(content), content
}

// name is that of the revision with the content. Objects of one namespace may have equal contents, and each stores its own.
func (t Tried) name(content Content) string {
	if t.Object == "" {
		return content.Hash()
	}
	return t.Object + "-" + content.Hash()
}

// is reports whether the stored revision is the named one. One that was stored before its digest was known is what runs under its
// reference.
func (t Tried) is(s Stored, name string) bool {
	if s.Name == name {
		return true
	}
	pinned := ContentOf(WithSource(s.Content.ApplyTo(t.Decision.Spec), Pin(s.Content.Engine.Source, t.Runs)))
	return t.name(pinned) == name
}

// verifiedBefore reports whether the revision was verified here before: it is not to blame. While Railway does not tell what was
// deployed, for instance because the image cannot be pulled any more, it may be any that was verified with the source as declared.
func (t Tried) verifiedBefore(name string, content Content) bool {
	if slices.ContainsFunc(t.Stored, func(s Stored) bool { return t.is(s, name) }) {
		return true
	}
	return slices.ContainsFunc(t.Stored, func(s Stored) bool {
		return !Pinned(content.Engine.Source) && Pinned(s.Content.Engine.Source) &&
			t.name(t.with(unpinned(s.Content.Engine.Source))) == name && t.with(s.Content.Engine.Source).Hash() == s.Content.Hash()
	})
}

// with is the content that the pass worked on, with another source.
func (t Tried) with(source *v1alpha1.Source) Content {
	return ContentOf(WithSource(t.Decision.Spec, source))
}

func (t Tried) verify(c *Conclusion, name string, content Content) {
	source := content.Engine.Source
	if source.Repo != "" && source.Commit == "" {
		return // Railway does not say which commit runs: nothing that could be pinned
	}
	last, known := newest(t.Stored)
	same := t.Previous != nil && SourceOf(&t.Previous.Source) == SourceOf(source)
	if same && known && last.Name == name {
		End(c.Promotion, v1alpha1.PromotionVerified)
		c.Verified = t.Previous.DeepCopy()
		return
	}
	if t.ReadAt.Before(t.CheckedAt) {
		c.Read = true
		return
	}
	End(c.Promotion, v1alpha1.PromotionVerified)
	c.Keep = &Stored{Name: name, Order: last.Order + 1, Content: content}
	c.Verified = t.Previous.DeepCopy()
	if !same {
		c.Verified = &v1alpha1.VerifiedStatus{Revision: Revision(source), Source: *source.DeepCopy(), Since: metav1.NewTime(t.Now)}
	}
}

func (t Tried) rollBack(c *Conclusion, name string) {
	if t.ReadAt.Before(t.Now) {
		c.Read = true
		return
	}
	target, ok := newest(slices.DeleteFunc(slices.Clone(t.Stored), func(s Stored) bool { return t.is(s, name) }))
	if !ok {
		c.NoTarget = true
		return
	}
	c.reject()
	c.Rollback = &v1alpha1.RollbackStatus{
		From: Revision(Pin(t.Decision.Spec.Engine.Source, t.Runs)), To: Revision(target.Content.Engine.Source), RevisionName: target.Name,
		Reason: t.Failed, At: metav1.NewTime(t.Now), Content: ContentOf(t.Decision.Spec).Hash(), Resume: t.Resume,
	}
}

// reject keeps a promoted source that failed from being promoted here again.
func (c *Conclusion) reject() {
	if c.Promotion == nil || c.Promotion.Source == nil {
		return
	}
	End(c.Promotion, v1alpha1.PromotionRolledBack)
	source := string(SourceOf(c.Promotion.Source))
	if !slices.Contains(c.Promotion.Rejected, source) {
		c.Promotion.Rejected = append(c.Promotion.Rejected, source)
		c.Promotion.Rejected = c.Promotion.Rejected[max(0, len(c.Promotion.Rejected)-historyAtMost):]
	}
}

// newest is the revision that was verified last.
func newest(all []Stored) (found Stored, ok bool) {
	for _, s := range all {
		if !ok || s.Order > found.Order {
			found, ok = s, true
		}
	}
	return found, ok
}

// Surplus are the revisions beyond the limit, the oldest first to go. What is kept now and what is held stays.
func Surplus(all []Stored, limit int, keep ...string) []string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Stored) int { return int(b.Order - a.Order) })
	var names []string
	left := limit
	for _, s := range all {
		if slices.Contains(keep, s.Name) {
			left--
		}
	}
	for _, s := range all {
		switch {
		case slices.Contains(keep, s.Name):
		case left > 0:
			left--
		default:
			names = append(names, s.Name)
		}
	}
	return names
}
