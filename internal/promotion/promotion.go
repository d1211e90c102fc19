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
	"github.com/engine-operator/engine-operator/internal/shell"
)

// Upstream is the tier whose verified source is taken, as far as the decision depends on it.
type Upstream struct {
	// Name of its object.
	Name string
	// Found is false when there is no such object.
	Found bool
	// Local is true for a Local tier, which never verifies anything.
	Local bool
	// Verified is what it verified last, nil while nothing was.
	Verified *v1alpha1.VerifiedStatus
	// GoSince is since when it has been GO without a break for its newest spec, zero while it is not.
	GoSince time.Time
	// Circle is true when the upstream tiers lead back to this one.
	Circle bool
	// Unread is true while nobody has read the upstream tier's environment lately, for instance since the operator started: its
	// verdict may be old.
	Unread bool
}

// UpstreamOf takes out of an object what a decision depends on. Whoever waits is woken when it changes.
func UpstreamOf(object *v1alpha1.EngineEnvironment) Upstream {
	up := Upstream{Name: object.Name, Found: true, Local: object.Spec.Tier == v1alpha1.TierLocal, Verified: object.Status.Verified.DeepCopy()}
	if since := object.Status.GoSince; since != nil && object.Status.ObservedGeneration == object.Generation {
		up.GoSince = since.Time
	}
	return up
}

// Same reports whether a decision that depends on the upstream tier comes out the same for both.
func (u Upstream) Same(other Upstream) bool {
	if !u.GoSince.Equal(other.GoSince) || u.Verified == nil || other.Verified == nil {
		return u.GoSince.Equal(other.GoSince) && u.Verified == other.Verified
	}
	return u.source() == other.source() && u.Verified.Since.Equal(&other.Verified.Since)
}

// source identifies what upstream has verified, empty while nothing was.
func (u Upstream) source() Source {
	if u.Verified == nil {
		return ""
	}
	return SourceOf(&u.Verified.Source)
}

// Input is all that the decision of a pass depends on.
type Input struct {
	// Namespace and Name are the object's, for the commands in messages.
	Namespace, Name string
	Spec            *v1alpha1.EngineEnvironmentSpec
	Annotations     map[string]string
	// Previous and Rollback are from the status.
	Previous *v1alpha1.PromotionStatus
	Rollback *v1alpha1.RollbackStatus
	// Held is the stored content that Rollback names, nil when it is gone.
	Held *Content
	// Stored are the revisions that were verified here, RollbackRequest the value of the annotation that was carried out last.
	Stored          []Stored
	RollbackRequest string
	// Runs is what serves.
	Runs     Running
	Upstream Upstream
	// Mask takes secret values out of what a person wrote; nil masks nothing.
	Mask func(string) string `json:"-"`
	// Gate says why nothing new may be promoted now, empty when it may.
	Gate string
	Now  time.Time
}

// Decision is what a pass works on.
type Decision struct {
	// Spec is what counts: the declared one, with the promoted source, or with a held revision in place.
	Spec *v1alpha1.EngineEnvironmentSpec
	// Promotion and Rollback are the next states.
	Promotion *v1alpha1.PromotionStatus
	Rollback  *v1alpha1.RollbackStatus
	// Reason and Message are for the condition Promoted, with spec.promotion; UpToDate says whether it holds.
	UpToDate        bool
	Reason, Message string
	// Quoted is what a person wrote, masked and of any length: Told puts it behind the message.
	Quoted string
	// Wake is when to decide again although nothing that can be watched may have changed by then: when the soak ends, or soon while
	// it waits for the upstream tier to be read or for the gate. Zero when a change wakes it.
	Wake time.Time
	// Taken is the revision that this decision promotes, Resumed why a hold has ended; for events.
	Taken, Resumed string
	// RollbackRequest is the value of the annotation that is carried out by now, Refused why it cannot be; for an event.
	RollbackRequest, Refused string
	// Stuck says why there is nothing to work on, empty when there is; Invalid is true when a person must change the spec.
	Stuck   string
	Invalid bool
}

// Told is the message, and what a person wrote behind it: however long that is, the command in the message stays whole.
func (d Decision) Told() string {
	if d.Quoted == "" {
		return d.Message
	}
	return fmt.Sprintf("%s (%s)", d.Message, d.Quoted)
}

// Decide says what a pass works on.
func Decide(in Input) Decision {
	d := Decision{Spec: in.Spec, Rollback: in.Rollback.DeepCopy()}
	if in.Spec.Promotion != nil {
		d.Promotion = in.previous()
	}
	in.endHold(&d)
	in.rollBackOnRequest(&d)
	if d.Promotion != nil {
		if in.Upstream.Circle {
			d.Invalid = true
			d.Stuck = fmt.Sprintf("spec.promotion.from: the promotion from %s goes round in a circle: give one of the tiers an engine.source",
				in.Spec.Promotion.From)
			return d
		}
		in.promote(&d)
	}
	in.place(&d)
	return d
}

// previous is the state of the promotion so far. After a lost status what runs is what was promoted.
func (in *Input) previous() *v1alpha1.PromotionStatus {
	status := in.Previous.DeepCopy()
	if status == nil {
		status = &v1alpha1.PromotionStatus{Source: in.Runs.asConfigured(), Resume: ResumeOf(in.Annotations)}
	}
	if ResumeOf(in.Annotations) != redact.Identity(status.Resume) {
		status.Rejected = nil
	}
	status.Resume, status.Approval = ResumeOf(in.Annotations), in.approval(status.Approval)
	for i := range status.History {
		status.History[i].ApprovedBy = cutName(status.History[i].ApprovedBy)
	}
	return status
}

// ResumeOf is what the annotation resume says, as the status remembers it.
func ResumeOf(annotations map[string]string) string {
	return redact.Identity(annotations[v1alpha1.AnnotationResume])
}

// HeldEvent is how the event of a person's hold begins; the reason follows.
const HeldEvent = "A person holds what runs: "

// approval is the approval that is there, and who gave it: a name belongs to the approval that it came with. One that was withdrawn
// leaves its name, so that nobody gets it who approves the same again.
func (in *Input) approval(before *v1alpha1.Approval) *v1alpha1.Approval {
	approved := redact.Identity(in.Annotations[v1alpha1.AnnotationApprove])
	switch {
	case before == nil && approved == "":
		return nil
	case before == nil:
		return &v1alpha1.Approval{Source: approved, By: in.approver("")}
	case approved == "" || redact.Identity(before.Source) == approved:
		return &v1alpha1.Approval{Source: approved, By: cutName(before.By)}
	default:
		return &v1alpha1.Approval{Source: approved, By: in.approver(before.By)}
	}
}

// asBefore marks a name that stood there with the approval before: it may be another person's.
const asBefore = " (as in the approval before)"

// approver is who gave an approval that is new, when that name gave the one before. A name is an identity and stays as it is, also where a
// part of it happens to be the value of a Secret.
func (in *Input) approver(before string) string {
	name := in.Annotations[v1alpha1.AnnotationApprovedBy]
	by, known := cutName(name), strings.TrimSuffix(cutName(before), asBefore)
	switch {
	case name == "":
		return "(not named)"
	case known == by:
		return by + asBefore
	default:
		return by
	}
}

// nameAtMost is how many bytes the status keeps of a name, and asBefore behind it.
const nameAtMost = 480

func cutName(name string) string {
	if bare, marked := strings.CutSuffix(name, asBefore); marked {
		return redact.Cut(bare, nameAtMost) + asBefore
	}
	return redact.Cut(name, nameAtMost)
}

func (in *Input) mask(text string) string {
	if in.Mask == nil {
		return text
	}
	return in.Mask(text)
}

// promote decides whether the tier takes what upstream has verified.
func (in *Input) promote(d *Decision) {
	state, reason, message := in.judge(d)
	d.Promotion.State, d.Reason, d.Message = state, reason, message
	d.Promotion.Candidate, d.Promotion.CandidateRevision, d.Promotion.SoakedAt = "", "", nil
	if candidate := in.Upstream.source(); candidate != "" && state != v1alpha1.PromotionUpToDate {
		d.Promotion.Candidate, d.Promotion.CandidateRevision = string(candidate), in.Upstream.Verified.Revision
		d.Message = d.Promotion.CandidateRevision + ": " + message
	}
	if state == v1alpha1.PromotionSoaking {
		at := metav1.NewTime(d.Wake)
		d.Promotion.SoakedAt = &at
	}
	d.UpToDate = state == v1alpha1.PromotionUpToDate
	if state == v1alpha1.PromotionPromoting {
		in.take(d)
	}
	d.Promotion.Revision = Revision(d.Promotion.Source)
}

// judge says how far the promotion is, and why.
func (in *Input) judge(d *Decision) (state v1alpha1.PromotionState, reason, message string) {
	up, candidate := in.Upstream, in.Upstream.source()
	waiting := func(message string) (v1alpha1.PromotionState, string, string) {
		return v1alpha1.PromotionWaiting, v1alpha1.ReasonAwaitingPromotion, message
	}
	blocked := func(message string) (v1alpha1.PromotionState, string, string) {
		return v1alpha1.PromotionBlocked, v1alpha1.ReasonPromotionBlocked, message
	}
	switch {
	case candidate == "":
		return waiting(in.nothingVerified())
	case rejects(d.Promotion, &up.Verified.Source):
		return blocked("it was rolled back here: verify another revision in " + up.Name + ", or try this one again with " + in.ResumeCommand())
	case candidate == SourceOf(d.Promotion.Source), candidate == in.current(d.Promotion.Source):
		return v1alpha1.PromotionUpToDate, v1alpha1.ReasonSucceeded, fmt.Sprintf("runs what %s has verified", up.Name)
	case in.Spec.Tier == v1alpha1.TierProduction && moving(&up.Verified.Source):
		return blocked("Railway does not tell its digest, and its tag may be pushed again at any time: give it a tag of its own")
	case up.GoSince.IsZero():
		return waiting(fmt.Sprintf("%s is not GO at the moment", up.Name))
	}
	if hold := in.Annotations[v1alpha1.AnnotationHold]; hold != "" {
		d.Quoted = "the reason: " + in.mask(hold)
		return v1alpha1.PromotionBlocked, v1alpha1.ReasonPromotionHeld, fmt.Sprintf(
			"a person holds what runs: end the hold with kubectl annotate eenv -n %s %s %s-", in.Namespace, in.Name, v1alpha1.AnnotationHold)
	}
	since := up.GoSince
	if up.Verified.Since.After(since) {
		since = up.Verified.Since.Time
	}
	if end := since.Add(in.Spec.Promotion.EffectiveSoak()); end.After(in.Now) {
		d.Wake = end
		return v1alpha1.PromotionSoaking, v1alpha1.ReasonSoaking,
			fmt.Sprintf("%s must be GO for %s without a break", up.Name, in.Spec.Promotion.EffectiveSoak())
	}
	switch {
	case in.Gate != "":
		d.Wake = in.Now.Add(gateRetry)
		return blocked(in.Gate)
	case in.Spec.Promotion.Approval == v1alpha1.ApprovalManual && !approves(d.Promotion, candidate):
		return v1alpha1.PromotionAwaitingApproval, v1alpha1.ReasonAwaitingApproval, in.askApproval(d, candidate)
	case up.Unread:
		d.Wake = in.Now.Add(unreadRetry)
		return waiting(fmt.Sprintf("%s has not been read since the operator started", up.Name))
	}
	return v1alpha1.PromotionPromoting, v1alpha1.ReasonProgressing, fmt.Sprintf("%s has verified it", up.Name)
}

// nothingVerified says why the upstream tier has nothing to promote.
func (in *Input) nothingVerified() string {
	up := in.Upstream
	switch {
	case !up.Found:
		return fmt.Sprintf("there is no EngineEnvironment %q in namespace %s: create it, or name another in spec.promotion.from", up.Name, in.Namespace)
	case up.Local:
		return fmt.Sprintf("%s is a Local tier, which runs nothing: name another in spec.promotion.from", up.Name)
	default:
		return up.Name + " has no verified revision yet"
	}
}

const (
	// gateRetry is how soon the gate is asked again, unreadRetry how soon the upstream tier must have been read.
	gateRetry   = 10 * time.Minute
	unreadRetry = 5 * time.Second
)

// rejects reports whether the source was rolled back here. One that was rejected before its digest was known is rejected by its
// reference.
func rejects(status *v1alpha1.PromotionStatus, source *v1alpha1.Source) bool {
	reference, _, _ := strings.Cut(source.Image, "@")
	return slices.Contains(status.Rejected, string(SourceOf(source))) ||
		source.Image != "" && slices.Contains(status.Rejected, reference)
}

// current identifies what the tier was promoted to. What was taken before its digest was known is what runs under that name.
func (in *Input) current(source *v1alpha1.Source) Source {
	return SourceOf(Pin(source, in.Runs))
}

// approves reports whether a person approved just this source.
func approves(status *v1alpha1.PromotionStatus, candidate Source) bool {
	return status.Approval != nil && status.Approval.Source == redact.Identity(string(candidate))
}

// whoami is how a shell names the user that the API server authenticates, which the approval policy asks for.
const whoami = `"$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`

// askApproval says how a person approves the candidate. Whoever edits the tier before chooses the text that names it.
func (in *Input) askApproval(d *Decision, candidate Source) string {
	if a := d.Promotion.Approval; a != nil && a.Source != "" {
		d.Quoted = "the approval so far is for another source, " + in.mask(a.Source)
	}
	return fmt.Sprintf("a person must approve it: kubectl annotate eenv -n %s %s --overwrite %s=%s %s=%s",
		in.Namespace, in.Name, v1alpha1.AnnotationApprove, shell.Word(string(candidate)), v1alpha1.AnnotationApprovedBy, whoami)
}

// ResumeCommand is the command that ends a hold.
func (in *Input) ResumeCommand() string {
	return fmt.Sprintf("kubectl annotate eenv -n %s %s --overwrite %s=$(date +%%s)", in.Namespace, in.Name, v1alpha1.AnnotationResume)
}

// take makes upstream's verified source the promoted one. What was held before is replaced.
func (in *Input) take(d *Decision) {
	verified := in.Upstream.Verified
	status := d.Promotion
	status.Source, status.Candidate, status.CandidateRevision = verified.Source.DeepCopy(), "", ""
	End(status, v1alpha1.PromotionSuperseded)
	record := v1alpha1.PromotionRecord{
		Revision: verified.Revision, From: in.Upstream.Name, At: metav1.NewTime(in.Now), Outcome: v1alpha1.PromotionUnderWay,
	}
	if in.Spec.Promotion.Approval == v1alpha1.ApprovalManual {
		record.ApprovedBy = status.Approval.By
	}
	status.History = append([]v1alpha1.PromotionRecord{record}, status.History...)
	status.History = status.History[:min(len(status.History), historyAtMost)]
	d.UpToDate, d.Reason, d.Message = true, v1alpha1.ReasonSucceeded, fmt.Sprintf("runs what %s has verified", in.Upstream.Name)
	d.Taken = verified.Revision
	if d.Rollback != nil {
		d.Resumed = fmt.Sprintf("%s has verified %s", in.Upstream.Name, verified.Revision)
		d.Rollback = nil
	}
}

// historyAtMost bounds what the status remembers of promotions and rejections.
const historyAtMost = 10

// End writes the outcome of the promotion that is under way, if one is.
func End(status *v1alpha1.PromotionStatus, outcome v1alpha1.PromotionOutcome) {
	if status != nil && len(status.History) > 0 && status.History[0].Outcome == v1alpha1.PromotionUnderWay {
		status.History[0].Outcome = outcome
	}
}
