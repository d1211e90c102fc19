// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"fmt"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Gate is what decides whether a proposal may be written.
type Gate struct {
	Policy v1alpha1.WritePolicy
	// Namespace and Name are the object's, for the command in the message.
	Namespace, Name string
	// Annotation is the hash that a person approved, empty when nobody did.
	Annotation string
	// Approved is the plan that is being carried out; without changes it was carried out before, and nil when there was none.
	Approved *v1alpha1.ApprovedPlan
	// Refused is why Railway could not apply some of what differs when it was sent last; empty when there is nothing.
	Refused string
}

// Decision is whether the proposal may be written, and what people are told.
type Decision struct {
	Write bool
	// Approved is what the next decision takes as Gate.Approved.
	Approved *v1alpha1.ApprovedPlan
	// Plan is for the status; nil with the policy Apply, and when there is nothing to write.
	Plan *v1alpha1.PlanStatus
	// Reason and Message say why nothing is written, empty when it is.
	Reason, Message string
}

// Decide applies the policy. With Approve exactly what was approved is written: a plan that has changed since needs another approval,
// what is left of an approved one does not.
func (g Gate) Decide(p Proposal) Decision {
	switch {
	case p.Empty():
		return Decision{Write: true, Approved: CarriedOut(g.Approved)}
	case g.Policy == v1alpha1.WritePolicyApply:
		return Decision{Write: true, Approved: g.spent()}
	case g.Policy == v1alpha1.WritePolicyObserve:
		return Decision{
			Approved: g.spent(), Plan: p.Status(false), Reason: v1alpha1.ReasonObserving,
			Message: fmt.Sprintf("would write: %s. Set writePolicy to Apply or Approve to have it written%s", p.Message(), g.before("")),
		}
	case g.Annotation == p.Hash():
		return Decision{Write: true, Approved: p.Approved(), Plan: p.Status(true)}
	case p.CoveredBy(g.Approved):
		return Decision{Write: true, Approved: g.Approved, Plan: p.Status(true)}
	default:
		return Decision{Approved: g.spent(), Plan: p.Status(false), Reason: v1alpha1.ReasonAwaitingPlanApproval, Message: g.ask(p)}
	}
}

// CarriedOut is what stays of an approval once nothing of its plan is left to write: its hash, see After.
func CarriedOut(approved *v1alpha1.ApprovedPlan) *v1alpha1.ApprovedPlan {
	if approved == nil {
		return nil
	}
	return &v1alpha1.ApprovedPlan{Hash: approved.Hash}
}

// spent is an approval that was carried out before; nil when there is none.
func (g Gate) spent() *v1alpha1.ApprovedPlan {
	if g.Approved == nil || len(g.Approved.Changes) > 0 {
		return nil
	}
	return g.Approved
}

// After is what was written last, as far as it makes the same changes another plan later: the last commit, and the approval that was
// carried out last, because domains, deployments and environments are created without a commit.
func After(last *v1alpha1.Commit, approved *v1alpha1.ApprovedPlan) string {
	after := ""
	if last != nil {
		after = last.ID
	}
	if approved != nil && len(approved.Changes) == 0 {
		after += "/" + approved.Hash
	}
	return after
}

func (g Gate) ask(p Proposal) string {
	return fmt.Sprintf("would write: %s. A person must approve it: kubectl engine approve -n %s %s, or kubectl annotate eenv -n %s %s --overwrite %s=%s%s",
		p.Message(), g.Namespace, g.Name, g.Namespace, g.Name, v1alpha1.AnnotationApprovePlan, p.Hash(), g.before(g.Annotation))
}

// before says why the last attempt failed, and that an approval is for another plan. It ends a message: both texts are others', and may
// be long.
func (g Gate) before(approved string) string {
	var parts []string
	if g.Refused != "" {
		parts = append(parts, "Railway could not apply what was sent last: "+strings.TrimSuffix(g.Refused, "."))
	}
	if approved != "" {
		parts = append(parts, "the approval so far is for another plan, "+approved)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// OnceApproved says, at the end of what is told of a write, that it waits for the approval of its plan; empty when it does not.
func OnceApproved(spec *v1alpha1.EngineEnvironmentSpec) string {
	if spec.EffectiveWritePolicy() == v1alpha1.WritePolicyApprove {
		return ", once the plan is approved"
	}
	return ""
}
