// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	owned "github.com/engine-operator/engine-operator/internal/cluster"
)

const historyHelp = `Show what happened to a tier, newest first: who deployed, promoted, approved and rolled back what, and when.
It is put together from the status, the annotations that people have set, the revisions that were verified, the
events that Kubernetes still has, and, with --railway, Railway's own history of the environment, which also names
people who edit on the dashboard. For an annotation, Kubernetes keeps the last value, the program that set it, and when
that program last changed the object; an approval also names who gave it.`

func historyCommand(world World) *cobra.Command {
	c, r, output, asksRailway := &cluster{}, &reach{}, "", false
	command := &cobra.Command{
		Use: "history NAME", Short: "Show who deployed, promoted, approved and rolled back what", Long: historyHelp,
		Args: tiers(1), ValidArgsFunction: c.completeTiers(1),
		Example: "  kubectl engine history -n ai-engine production\n  kubectl engine history -n ai-engine production --railway",
	}
	c.bind(command, false)
	r.bind(command)
	bindOutput(command, &output, "json", "yaml")
	command.Flags().BoolVar(&asksRailway, "railway", false, "read Railway's history, too; needs a Railway token, or the right to read its Secret")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if !asksRailway && cmd.Flags().Changed("railway-endpoint") {
			return errors.New("--railway-endpoint says where Railway's history is read from, and needs --railway")
		}
		s, err := c.connect()
		if err != nil {
			return err
		}
		object, err := s.tier(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		past, problems := s.past(cmd.Context(), object)
		if asksRailway {
			_, environment, err := r.running(cmd.Context(), world, s, object)
			if err != nil {
				return err
			}
			past.Patches = environment.Patches
		}
		for _, problem := range problems {
			_ = say(world.Err, show.Lines("not complete: "+explain(problem)+"\n")) // the rest is worth more
		}
		entries := show.History(past)
		if output != "" {
			return write(world.Out, output, entries)
		}
		return say(world.Out, show.HistoryTable(entries, world.paint()))
	}
	return command
}

// past reads what the cluster knows of the object's past. What may not be read is left out and told.
func (s *session) past(ctx context.Context, object *v1alpha1.EngineEnvironment) (show.Past, []error) {
	var problems []error
	revisions, err := owned.LiveRevisions(ctx, s, object)
	if err != nil {
		problems = append(problems, fmt.Errorf("the verified revisions: %w", err))
	}
	var events corev1.EventList
	err = s.List(ctx, &events, client.InNamespace(object.Namespace), client.MatchingFields{"involvedObject.uid": string(object.UID)})
	if err != nil {
		problems = append(problems, fmt.Errorf("the events: %w", err))
	}
	return show.Past{Object: object, Revisions: revisions, Events: events.Items}, problems
}
