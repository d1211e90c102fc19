// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	owned "github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

const holdHelp = `Keep a tier that takes its source by promotion at what it runs, until somebody ends the hold with "resume".
Its spec is still applied, and drift repaired. The reason is in the status for others to read.`

var errNoReason = errors.New("say why, with --reason: others will read it in the status")

func holdCommand(world World) *cobra.Command {
	a, reason := &actor{}, ""
	command := &cobra.Command{
		Use: "hold NAME --reason WHY", Short: "Keep what a tier runs: promote nothing to it", Long: holdHelp,
		Example: "  kubectl engine hold -n ai-engine production --reason 'demo on Friday'\n  kubectl engine resume -n ai-engine production",
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for others to read")
	return a.command(world, command, func(_ context.Context, s *session, object *v1alpha1.EngineEnvironment) (*act, error) {
		return s.holding(object, strings.TrimSpace(reason))
	})
}

// holding keeps a promoted tier at what it runs.
func (s *session) holding(object *v1alpha1.EngineEnvironment, reason string) (*act, error) {
	switch before := object.Annotations[v1alpha1.AnnotationHold]; {
	case object.Spec.Promotion == nil:
		return nil, fmt.Errorf("%s takes nothing by promotion: what it runs is in its spec, and stays", object.Name)
	case reason == "":
		return nil, errNoReason
	case before == reason:
		return nil, fmt.Errorf("%s is held already: %s", object.Name, show.Visible(before))
	}
	tells := []string{fmt.Sprintf("Nothing is promoted from %s to %s until somebody ends the hold.", object.Spec.Promotion.From, object.Name)}
	if before := object.Annotations[v1alpha1.AnnotationHold]; before != "" {
		tells = append(tells, "It takes the place of the hold in force: "+before)
	}
	return &act{
		tells:  tells,
		change: annotate(v1alpha1.AnnotationHold, reason),
		done:   object.Name + " is held; to end that: " + s.flags.Command(object, "resume"),
	}, nil
}

const (
	rollbackExamples = `  # what was verified here before
  kubectl engine rollback -n ai-engine production

  # a certain revision, as history shows it: its number, its name, or its source
  kubectl engine rollback -n ai-engine production --to 1.5.0`
	rollbackHelp = `Put back a revision that was verified in this tier, with its settings, engine, services and shared variables, in one
commit. It runs in place of what is declared until that changes, upstream has verified something newer, or somebody
resumes the tier.`
)

func rollbackCommand(world World) *cobra.Command {
	a, to := &actor{}, ""
	command := &cobra.Command{Use: "rollback NAME", Short: "Put back a verified revision", Long: rollbackHelp, Example: rollbackExamples}
	command.Flags().StringVar(&to, "to", promotion.PreviousRevision,
		"revision: a number, a ControllerRevision's name, a tag, a source, or previous: of those that differ from what is declared, the one verified last")
	return a.command(world, command, func(ctx context.Context, s *session, object *v1alpha1.EngineEnvironment) (*act, error) {
		stored, err := owned.LiveRevisions(ctx, s, object)
		if err != nil {
			return nil, err
		}
		return s.returning(object, stored, to)
	})
}

// returning asks for a rollback.
func (s *session) returning(object *v1alpha1.EngineEnvironment, stored []promotion.Stored, to string) (*act, error) {
	targets := promotion.Targets(object, stored)
	target, found := promotion.Target(object, stored, to)
	held := promotion.Held(object)
	switch {
	case object.Spec.Tier == v1alpha1.TierLocal:
		return nil, fmt.Errorf("%s is a Local tier: nothing of it runs on Railway, and nothing is verified to go back to", object.Name)
	case object.Spec.Suspend:
		return nil, fmt.Errorf("%[1]s is suspended, and nothing is written: resume it first with %[2]s", object.Name, s.flags.Command(object, "resume"))
	case object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyObserve:
		return nil, fmt.Errorf("%s is only observed: set spec.writePolicy to Approve or Apply to have a rollback written", object.Name)
	case len(stored) == 0:
		return nil, fmt.Errorf("nothing was verified in %s yet: there is nothing to go back to", object.Name)
	case len(targets) == 0:
		return nil, fmt.Errorf("nothing but what %s declares was verified in it: there is nothing to go back to", object.Name)
	case !found:
		return nil, fmt.Errorf("%s has no verified revision %s that differs from what is declared; there is %s", object.Name, to, promotion.Called(targets))
	case held != nil && held.RevisionName == target.Name:
		others := slices.DeleteFunc(targets, func(s promotion.Stored) bool { return s.Name == target.Name })
		if len(others) == 0 {
			return nil, fmt.Errorf("%s holds revision %s already, and no other was verified in it", object.Name, target.Called())
		}
		return nil, fmt.Errorf("%s holds revision %s already; name another with --to: there is %s", object.Name, target.Called(), promotion.Called(others))
	}
	name := promotion.Ask(object, stored, target)
	if name == "" {
		return nil, fmt.Errorf("a rollback of %s to revision %s was asked for by each of its names; %s", object.Name, target.Called(), s.follow(object))
	}
	return &act{
		tells: []string{
			fmt.Sprintf("The operator puts revision %s of %s back, settings and all, in place of %s.", target.Called(), object.Name, orNothing(runs(object))),
			"It is held until " + until(object) + ".",
		},
		change: annotate(v1alpha1.AnnotationRollback, name),
		done:   fmt.Sprintf("asked for a rollback of %s to revision %s; %s", object.Name, target.Called(), s.follow(object)),
	}, nil
}

// until is what ends a hold after a rollback.
func until(object *v1alpha1.EngineEnvironment) string {
	if p := object.Spec.Promotion; p != nil {
		return fmt.Sprintf("%s has verified a newer one, what is declared changes, or somebody resumes the tier", p.From)
	}
	return "what is declared changes, or somebody resumes the tier"
}

func runs(object *v1alpha1.EngineEnvironment) string {
	if object.Status.Engine == nil {
		return ""
	}
	return object.Status.Engine.Revision
}
