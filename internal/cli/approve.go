// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/proposal"
)

const (
	approveExamples = `  # show what waits, and approve it after a yes
  kubectl engine approve -n ai-engine production

  # approve one plan and no other, or one source, for scripts
  kubectl engine approve -n ai-engine dev --yes --plan 3f1c8a745d3e
  kubectl engine approve -n ai-engine production --yes \
    --source ghcr.io/acme/ai-engine@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945`
	approveHelp = `Approve what waits for a person: the plan in status.plan with writePolicy Approve, else the candidate of the
promotion. An approval is for what it names and for nothing else: another value makes another plan, and what is
pushed under the same tag later is not approved. Where the approval policy is installed, it needs the verb approve on
the object (ClusterRole engine-operator-approver).`
)

// approves are the flags that name what is approved. Empty is whatever waits.
type approves struct{ source, plan string }

func approveCommand(world World) *cobra.Command {
	a, what := &actor{}, approves{}
	command := &cobra.Command{Use: "approve NAME", Short: "Approve what waits for a person", Long: approveHelp, Example: approveExamples}
	command.Flags().StringVar(&what.source, "source", "", "the source to approve, as status.promotion.candidate names it; another candidate is an error")
	command.Flags().StringVar(&what.plan, "plan", "", "the plan to approve, as status.plan.hash names it; another plan is an error")
	return a.command(world, command, func(ctx context.Context, s *session, object *v1alpha1.EngineEnvironment) (*act, error) {
		if what.plan != "" && what.source != "" {
			return nil, errors.New("--plan and --source cannot be used together: an approval is for one of them")
		}
		held := object.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyApply && object.Spec.Promotion == nil
		if what.plan != "" || what.source == "" && (held || proposal.StateOf(object) == proposal.Waits) {
			return s.planApproval(object, what.plan)
		}
		who, err := s.user(ctx)
		if err != nil {
			return nil, err
		}
		return s.approval(object, what.source, who)
	})
}

// planApproval approves what the operator would write.
func (s *session) planApproval(object *v1alpha1.EngineEnvironment, hash string) (*act, error) {
	p := object.Status.Plan
	switch {
	case p == nil:
		return nil, fmt.Errorf("%s has no plan: there is nothing to write, or nothing that waits for an approval", object.Name)
	case hash != "" && hash != p.Hash:
		return nil, fmt.Errorf("the plan of %s is %s and not %s: it has changed since", object.Name, p.Hash, hash)
	case p.Approved:
		return nil, fmt.Errorf("the plan %s of %s is approved already", p.Hash, object.Name)
	case object.Spec.EffectiveWritePolicy() != v1alpha1.WritePolicyApprove:
		return nil, fmt.Errorf("%s is only observed: set spec.writePolicy to Approve or Apply to have its plan written", object.Name)
	}
	next := s.follow(object)
	tells := append([]string{fmt.Sprintf("The operator writes this to Railway for %s, and nothing else:", object.Name)}, show.PlannedChanges(p, len(p.Changes))...)
	if object.Spec.Suspend {
		next = "it is written once the tier is no longer suspended: " + s.flags.Command(object, "resume")
		tells = append(tells, "It does so once the tier is no longer suspended:", "  "+s.flags.Command(object, "resume"))
	}
	return &act{
		tells: append(tells, "  "+p.Message), change: annotate(v1alpha1.AnnotationApprovePlan, p.Hash),
		done: fmt.Sprintf("approved plan %s of %s; %s", p.Hash, object.Name, next),
	}, nil
}

// approval approves the candidate of a promotion.
func (s *session) approval(object *v1alpha1.EngineEnvironment, source, who string) (*act, error) {
	p := object.Status.Promotion
	switch {
	case object.Spec.Promotion == nil:
		return nil, fmt.Errorf("%s takes nothing by promotion: there is nothing to approve", object.Name)
	case p == nil || p.Candidate == "":
		return nil, fmt.Errorf("%s has no candidate: nothing newer was verified in %s", object.Name, object.Spec.Promotion.From)
	case source != "" && source != p.Candidate:
		return nil, fmt.Errorf("the candidate of %s is %s and not %s", object.Name, p.Candidate, source)
	case slices.Contains(p.Rejected, p.Candidate):
		return nil, fmt.Errorf("%s was rolled back from %s, and an approval changes nothing: verify another revision in %s, or try it again with %s",
			object.Name, p.CandidateRevision, object.Spec.Promotion.From, s.flags.Command(object, "resume"))
	case object.Spec.Promotion.Approval != v1alpha1.ApprovalManual:
		return nil, fmt.Errorf("%s is promoted to without an approval (spec.promotion.approval is Automatic): it is %s", object.Name, p.State)
	}
	tells := []string{
		fmt.Sprintf("%s runs %s. Approve %s from %s, as %s:", object.Name, orNothing(p.Revision), p.CandidateRevision, object.Spec.Promotion.From, who),
		"  " + p.Candidate,
	}
	next := s.follow(object)
	switch {
	case object.Spec.Suspend:
		next = "it is promoted once the tier is no longer suspended: " + s.flags.Command(object, "resume")
		tells = append(tells, "The operator promotes it once the tier is no longer suspended:", "  "+s.flags.Command(object, "resume"))
	case object.Annotations[v1alpha1.AnnotationHold] != "":
		next = "it is promoted once the hold has ended: " + s.flags.Command(object, "resume")
		tells = append(tells, "The operator promotes it once the hold has ended:", "  "+s.flags.Command(object, "resume"))
	case p.State != v1alpha1.PromotionAwaitingApproval:
		tells = append(tells, fmt.Sprintf("The operator promotes it once it may: it is %s.", p.State))
	default:
		tells = append(tells, "The operator promotes it at once.")
	}
	return &act{
		tells:  tells,
		change: annotate(v1alpha1.AnnotationApprove, p.Candidate, v1alpha1.AnnotationApprovedBy, who),
		done:   fmt.Sprintf("approved %s for %s as %s; %s", p.CandidateRevision, object.Name, who, next),
	}, nil
}

func orNothing(text string) string {
	if text == "" {
		return "nothing yet"
	}
	return text
}

// user is who the API server takes this user for.
func (s *session) user(ctx context.Context) (string, error) {
	review := &authenticationv1.SelfSubjectReview{}
	if err := s.Create(ctx, review); err != nil {
		return "", fmt.Errorf("ask the API server who you are: %w", err)
	}
	return review.Status.UserInfo.Username, nil
}
