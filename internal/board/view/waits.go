// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/status"
)

// holdOf says what is held in place of what is declared, by a rollback or by a person.
func holdOf(object *v1alpha1.EngineEnvironment) *Hold {
	if heldByPerson(object) {
		return &Hold{Reason: object.Annotations[v1alpha1.AnnotationHold], To: engineOf(object).Revision, Person: true}
	}
	if r := object.Status.Rollback; r != nil {
		return &Hold{From: r.From, To: r.To, Reason: r.Reason, At: timeOf(&r.At)}
	}
	return nil
}

// waitsOf lists what the tier waits for, people first: they are who can be asked.
func waitsOf(object *v1alpha1.EngineEnvironment) []Wait {
	var waits []Wait
	for _, find := range []func(*v1alpha1.EngineEnvironment) []Wait{
		waitsForHold, waitsForPlan, waitsForPromotion, waitsForResume, waitsForHelp, waitsForOperator,
	} {
		waits = append(waits, find(object)...)
	}
	return waits
}

func waitsForHold(object *v1alpha1.EngineEnvironment) []Wait {
	var waits []Wait
	if object.Spec.Suspend {
		waits = append(waits, Wait{For: ForPerson, What: "nothing is read or written until somebody resumes the tier", Action: ActionUnsuspend, Command: commandOf(object, ActionUnsuspend)})
	}
	switch hold := holdOf(object); {
	case hold == nil:
	case hold.Person:
		waits = append(waits, Wait{
			For: ForPerson, What: "held by a person: " + hold.Reason, Action: ActionRelease, Command: commandOf(object, ActionRelease),
		})
	default:
		what := fmt.Sprintf("%s is held until what is declared changes, or somebody resumes the tier", hold.To)
		if from := upstreamOf(object); from != "" {
			what = fmt.Sprintf("%s is held until %s has verified another revision, or somebody resumes the tier", hold.To, from)
		}
		waits = append(waits, Wait{For: ForPerson, What: what, Action: ActionResume, Command: commandOf(object, ActionResume)})
	}
	return waits
}

func waitsForPromotion(object *v1alpha1.EngineEnvironment) []Wait {
	p := object.Status.Promotion
	if p == nil || object.Spec.Promotion == nil {
		return nil
	}
	next, message := cmp.Or(p.CandidateRevision, p.Candidate), messageOf(object, v1alpha1.ConditionPromoted)
	switch p.State {
	case v1alpha1.PromotionAwaitingApproval:
		if approved(object) {
			return []Wait{{For: ForOperator, What: fmt.Sprintf("%s is approved and taken next", next)}}
		}
		return []Wait{{
			For: ForPerson, What: next + " waits for an approval", Action: ActionApprove, Command: commandOf(object, ActionApprove),
		}}
	case v1alpha1.PromotionSoaking:
		return []Wait{soak(object, next)}
	case v1alpha1.PromotionWaiting:
		return []Wait{{For: ForUpstream, What: cmp.Or(message, "nothing is verified in "+object.Spec.Promotion.From)}}
	case v1alpha1.PromotionBlocked:
		if object.Status.Rollback != nil {
			return nil // the hold says what it waits for
		}
		return []Wait{{For: ForPerson, What: cmp.Or(message, "the promotion of "+next+" is blocked")}}
	case v1alpha1.PromotionUpToDate, v1alpha1.PromotionPromoting:
	}
	return nil
}

func soak(object *v1alpha1.EngineEnvironment, next string) Wait {
	wait := Wait{For: ForTime, What: fmt.Sprintf("%s soaks in %s", next, object.Spec.Promotion.From), Until: timeOf(object.Status.Promotion.SoakedAt)}
	if wait.Until != nil {
		wait.From = pointer(wait.Until.Add(-object.Spec.Promotion.EffectiveSoak()))
	}
	return wait
}

// waitsForResume is a candidate that was rejected here while nothing is held any more.
func waitsForResume(object *v1alpha1.EngineEnvironment) []Wait {
	p := object.Status.Promotion
	if p == nil || object.Status.Rollback != nil || p.State != v1alpha1.PromotionBlocked || len(p.Rejected) == 0 {
		return nil
	}
	return []Wait{{
		For: ForPerson, What: "a revision that was rolled back here is not promoted again before somebody resumes the tier",
		Action: ActionResume, Command: commandOf(object, ActionResume),
	}}
}

// waitsForHelp is what only a person can fix. What is held or suspended is said elsewhere.
func waitsForHelp(object *v1alpha1.EngineEnvironment) []Wait {
	stalled := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionStalled)
	if stalled == nil || object.Spec.Suspend || object.Status.Rollback != nil || !meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionStalled) {
		return nil
	}
	return []Wait{{For: ForPerson, What: stalled.Reason + ": " + stalled.Message}}
}

func waitsForOperator(object *v1alpha1.EngineEnvironment) []Wait {
	var waits []Wait
	if !status.Handled(object) && !object.Spec.Suspend {
		waits = append(waits, Wait{For: ForOperator, What: "a pass was asked for and has not run yet"})
	}
	if at := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReconciling); at != nil && waitsToFinish[at.Reason] {
		waits = append(waits, Wait{For: ForOperator, What: at.Reason + ": " + at.Message})
	}
	return waits
}

// waitsToFinish are the reasons of work that ends by itself.
var waitsToFinish = map[string]bool{
	v1alpha1.ReasonProgressing: true, v1alpha1.ReasonCreating: true, v1alpha1.ReasonApplying: true, v1alpha1.ReasonDeploying: true,
	v1alpha1.ReasonVerifyingWrite: true, v1alpha1.ReasonVerifying: true, v1alpha1.ReasonDeleting: true,
	v1alpha1.ReasonRateLimited: true, v1alpha1.ReasonRailwayUnavailable: true,
}

func messageOf(object *v1alpha1.EngineEnvironment, kind string) string {
	if c := meta.FindStatusCondition(object.Status.Conditions, kind); c != nil {
		return c.Message
	}
	return ""
}

// approved reports whether the candidate has its approval, and the operator has not taken it yet.
func approved(object *v1alpha1.EngineEnvironment) bool {
	candidate := object.Status.Promotion.Candidate
	return candidate != "" && object.Annotations[v1alpha1.AnnotationApprove] == candidate
}
