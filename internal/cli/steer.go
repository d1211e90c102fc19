// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/status"
)

const resumeHelp = `Let the operator work again: end a suspension (spec.suspend), a person's hold, and the hold after a rollback, so
that what was rejected is tried again. Where a GitOps tool owns spec.suspend, change it there, or the tool sets it back.`

func resumeCommand(world World) *cobra.Command {
	a := &actor{}
	command := &cobra.Command{
		Use: "resume NAME", Short: "End a suspension or a hold", Long: resumeHelp,
		Example: "  # try again what was rolled back\n  kubectl engine resume -n ai-engine preview",
	}
	return a.command(world, command, func(_ context.Context, s *session, object *v1alpha1.EngineEnvironment) (*act, error) {
		return s.resumption(object, world.Now())
	})
}

// written is what the operator writes.
func written(object *v1alpha1.EngineEnvironment) string {
	switch policy := object.Spec.EffectiveWritePolicy(); {
	case object.Spec.Tier == v1alpha1.TierLocal:
		return "its Secret"
	case policy == v1alpha1.WritePolicyObserve:
		return "nothing to Railway"
	case policy == v1alpha1.WritePolicyApprove:
		return "to Railway what is approved"
	default:
		return "what differs on Railway"
	}
}

// resumption ends whatever holds the operator back.
func (s *session) resumption(object *v1alpha1.EngineEnvironment, now time.Time) (*act, error) {
	todo := &act{done: object.Name + " resumed; " + s.follow(object)}
	var changes []func(*v1alpha1.EngineEnvironment)
	if object.Spec.Suspend {
		todo.tells = append(todo.tells, fmt.Sprintf("%s is suspended. The operator works on it again, and writes %s.", object.Name, written(object)))
		changes = append(changes, func(o *v1alpha1.EngineEnvironment) { o.Spec.Suspend = false })
	}
	again := annotate(v1alpha1.AnnotationResume, strconv.FormatInt(now.Unix(), 10))
	if r := object.Status.Rollback; r != nil {
		why := fmt.Sprintf("it failed (%s)", r.Reason)
		if r.Requested {
			why = "a person asked for it"
		}
		todo.tells = append(todo.tells,
			fmt.Sprintf("%s was rolled back in %s because %s: %s.", promotion.Replaced(r), object.Name, why, promotion.Standing(object)),
			fmt.Sprintf("The operator deploys %s again%s.", promotion.Replaced(r), proposal.OnceApproved(&object.Spec)))
		changes = append(changes, again)
	} else if p := object.Status.Promotion; p != nil && len(p.Rejected) > 0 {
		todo.tells = append(todo.tells, fmt.Sprintf("%s that failed in %s may be promoted to it again.",
			status.Count(len(p.Rejected), "source", "sources"), object.Name))
		changes = append(changes, again)
	}
	if why := object.Annotations[v1alpha1.AnnotationHold]; why != "" {
		todo.tells = append(todo.tells, fmt.Sprintf("%s is held by a person: %s. What is verified upstream is promoted to it again.", object.Name, why))
		changes = append(changes, annotate(v1alpha1.AnnotationHold, ""))
	}
	if len(changes) == 0 {
		return nil, fmt.Errorf("%s is neither suspended nor held: there is nothing to resume", object.Name)
	}
	todo.change = func(o *v1alpha1.EngineEnvironment) {
		for _, change := range changes {
			change(o)
		}
	}
	return todo, nil
}

const suspendHelp = `Stop all work of the operator on Railway for this tier (spec.suspend: true). What runs goes on running; deleting
the object still works. Where a GitOps tool owns spec.suspend, change it there, or the tool sets it back.`

func suspendCommand(world World) *cobra.Command {
	a := &actor{}
	command := &cobra.Command{
		Use: "suspend NAME", Short: "Stop the operator's work on a tier", Long: suspendHelp,
		Example: "  kubectl engine suspend -n ai-engine dev\n  kubectl engine resume -n ai-engine dev",
	}
	return a.command(world, command, func(_ context.Context, s *session, object *v1alpha1.EngineEnvironment) (*act, error) {
		if object.Spec.Suspend {
			return nil, fmt.Errorf("%s is suspended already", object.Name)
		}
		return &act{
			tells: []string{
				fmt.Sprintf("The operator stops all work on %s: no drift is repaired, nothing is promoted to it or verified, and its verdict is PENDING.", object.Name),
				"What runs goes on running.",
			},
			change: func(o *v1alpha1.EngineEnvironment) { o.Spec.Suspend = true },
			done:   object.Name + " suspended; to end that: " + s.flags.Command(object, "resume"),
		}, nil
	})
}

const reconcileHelp = `Start a pass now, read Railway and run the checks again, and wait until the operator has done it. Fields that
the operator has left alone because Railway refused them, or because somebody keeps changing them back, are
tried again.`

func reconcileCommand(world World) *cobra.Command {
	c, waits, patience := &cluster{}, true, time.Duration(0)
	command := &cobra.Command{
		Use: "reconcile NAME", Short: "Start a pass now", Long: reconcileHelp, Args: tiers(1), ValidArgsFunction: c.completeTiers(1),
		Example: "  kubectl engine reconcile -n ai-engine dev\n  kubectl engine reconcile -n ai-engine dev --wait=false",
	}
	c.bind(command, false)
	command.Flags().BoolVar(&waits, "wait", true, "wait until the operator has done it")
	command.Flags().DurationVar(&patience, "timeout", 2*time.Minute, "how long to wait")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := c.connect()
		if err != nil {
			return err
		}
		object, err := s.tier(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		mark := world.Now().UTC().Format(time.RFC3339Nano)
		todo := &act{verb: cmd.Name(), change: annotate(v1alpha1.AnnotationRequestedAt, mark), done: "asked for a pass of " + object.Name}
		if err := (&actor{}).carryOut(cmd.Context(), world, s, object, todo); err != nil || !waits {
			return err
		}
		return awaitPass(cmd.Context(), world, s, args[0], mark, patience)
	}
	return command
}

// readPatience is how long one read may take while a command waits.
const readPatience = 10 * time.Second

// awaitPass waits until the operator says that it has done what was asked for.
func awaitPass(ctx context.Context, world World, s *session, name, mark string, patience time.Duration) error {
	var object *v1alpha1.EngineEnvironment
	defer world.whileWaiting("waits for the operator")()
	err := wait.PollUntilContextTimeout(ctx, time.Second, patience, true, func(context.Context) (bool, error) {
		reading, cancel := context.WithTimeout(ctx, readPatience) // not the poll's deadline: the client's limiter has an error of its own for it
		defer cancel()
		var err error
		object, err = s.tier(reading, name)
		if err != nil {
			return false, err
		}
		asked := object.Annotations[v1alpha1.AnnotationRequestedAt] != ""
		return object.Status.LastHandledReconcileAt == mark || asked && status.Handled(object), nil // a later request counts, too
	})
	switch {
	case wait.Interrupted(err) && ctx.Err() == nil:
		return fmt.Errorf("the operator has not done it within %s: does it run, and does it watch this namespace? "+
			"kubectl get pods%s -A -l app.kubernetes.io/name=engine-operator", patience, s.flags)
	case err != nil:
		return ended(ctx, err)
	}
	if object.Status.Verdict == v1alpha1.VerdictGo {
		return say(world.Out, show.Visible(name)+" is GO\n")
	}
	reason := ""
	if len(object.Status.VerdictReasons) > 0 {
		reason = ": " + s.flags.Message(object.Status.VerdictReasons[0])
	}
	next := s.follow(object)
	if object.Spec.Suspend { // there is nothing to follow
		next = "to end that: " + s.flags.Command(object, "resume")
	}
	return say(world.Out, show.Visible(fmt.Sprintf("%s is %s%s", name, object.Status.Verdict, reason))+"\n"+show.Visible(next)+"\n")
}
