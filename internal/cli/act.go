// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// fieldOwner begins the names of the commands in managedFields. Each has its own, so that Kubernetes keeps when each was given.
const fieldOwner = "kubectl-engine-"

// act is what a command that changes an object wants to do.
type act struct {
	// verb is the command's name.
	verb string
	// tells are the lines that say what will happen.
	tells []string
	// change changes the object; done says it afterwards.
	change func(*v1alpha1.EngineEnvironment)
	done   string
}

// actor is a command that changes one object after a confirmation.
type actor struct {
	cluster
	yes bool
}

// command makes a command for one tier. decide looks at the object and says what to do.
func (a *actor) command(world World, command *cobra.Command, decide func(context.Context, *session, *v1alpha1.EngineEnvironment) (*act, error)) *cobra.Command {
	command.Args = tiers(1)
	command.ValidArgsFunction = a.completeTiers(1)
	a.bind(command, false)
	command.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := a.connect()
		if err != nil {
			return err
		}
		object, err := s.tier(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		todo, err := decide(cmd.Context(), s, object)
		if err != nil {
			return err
		}
		todo.verb = cmd.Name()
		if !a.yes {
			if err := confirm(world, todo.tells); err != nil {
				return err
			}
		}
		return a.carryOut(cmd.Context(), world, s, object, todo)
	}
	return command
}

func (a *actor) carryOut(ctx context.Context, world World, s *session, object *v1alpha1.EngineEnvironment, todo *act) error {
	before := object.DeepCopy()
	todo.change(object)
	if err := s.Patch(ctx, object, client.MergeFrom(before), client.FieldOwner(fieldOwner+todo.verb)); err != nil {
		return err
	}
	return say(world.Out, show.Visible(todo.done)+"\n")
}

// follow is how to see what the operator does next.
func (s *session) follow(object *v1alpha1.EngineEnvironment) string {
	return "follow it with: " + s.flags.Command(object, "status") + " --watch"
}

var errDeclined = errors.New("nothing was done")

// confirm says what will happen and asks for a yes.
func confirm(world World, tells []string) error {
	for _, line := range tells {
		if err := say(world.Err, show.Visible(line)+"\n"); err != nil {
			return err
		}
	}
	if err := say(world.Err, "Do it? [y/N] "); err != nil {
		return err
	}
	answer, err := bufio.NewReader(world.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	case "":
		if errors.Is(err, errInterrupted) {
			return errDeclined
		}
		if err != nil { // nobody is there to ask
			return fmt.Errorf("%w: no answer on standard input; confirm it with --yes", errDeclined)
		}
	}
	return errDeclined
}

// annotate returns a change that sets annotations; an empty value removes one.
func annotate(pairs ...string) func(*v1alpha1.EngineEnvironment) {
	return func(object *v1alpha1.EngineEnvironment) {
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] == "" {
				delete(annotations, pairs[i])
				continue
			}
			annotations[pairs[i]] = pairs[i+1]
		}
		object.SetAnnotations(annotations)
	}
}
