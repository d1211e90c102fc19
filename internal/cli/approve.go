// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

const (
	approveExamples = `  # approve what waits, after a look at what it is
  kubectl engine approve -n ai-engine production

  # approve one source and no other, for scripts
  kubectl engine approve -n ai-engine production --yes \
    --source ghcr.io/acme/ai-engine@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945`
	approveHelp = `Approve the promotion that waits for a person. An approval is for the source that it names and for no other:
what is pushed under the same tag later is not approved. It takes the verb approve on the object (ClusterRole
engine-operator-approver) where the approval policy is installed.`
)

func approveCommand(world World) *cobra.Command {
	a, source := &actor{}, ""
	command := &cobra.Command{Use: "approve NAME", Short: "Approve what waits for a person", Long: approveHelp, Example: approveExamples}
	command.Flags().StringVar(&source, "source", "", "the source to approve, as status.promotion.candidate names it; another candidate is an error")
	return a.command(world, command, func(ctx context.Context, s *session, object *v1alpha1.EngineEnvironment) (*act, error) {
		who, err := s.user(ctx)
		if err != nil {
			return nil, err
		}
		return approval(object, source, who)
	})
}

// approval approves the candidate of a promotion.
func approval(object *v1alpha1.EngineEnvironment, source, who string) (*act, error) {
	p := object.Status.Promotion
	switch {
	case object.Spec.Promotion == nil:
		return nil, fmt.Errorf("%s takes nothing by promotion: there is nothing to approve", object.Name)
	case p == nil || p.Candidate == "":
		return nil, fmt.Errorf("%s has no candidate: nothing newer was verified in %s", object.Name, object.Spec.Promotion.From)
	case source != "" && source != p.Candidate:
		return nil, fmt.Errorf("the candidate of %s is %s and not %s", object.Name, p.Candidate, source)
	case object.Spec.Promotion.Approval != v1alpha1.ApprovalManual:
		return nil, fmt.Errorf("%s is promoted to without an approval (spec.promotion.approval is Automatic): it is %s", object.Name, p.State)
	}
	when := "at once"
	if p.State != v1alpha1.PromotionAwaitingApproval {
		when = fmt.Sprintf("once it may: it is %s", p.State)
	}
	return &act{
		tells: []string{
			fmt.Sprintf("%s runs %s. Approve %s from %s, as %s:", object.Name, orNothing(p.Revision), p.CandidateRevision, object.Spec.Promotion.From, who),
			"  " + p.Candidate,
			"The operator promotes it " + when + ".",
		},
		change: annotate(v1alpha1.AnnotationApprove, p.Candidate, v1alpha1.AnnotationApprovedBy, who),
		done:   fmt.Sprintf("approved %s for %s as %s", p.CandidateRevision, object.Name, who),
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
