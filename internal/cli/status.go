// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/document"
)

const statusExamples = `  # the whole chain, each tier below the one that it takes its source from
  kubectl engine status -n ai-engine

  # one tier on one screen: what runs, why it is not GO, what it waits for
  kubectl engine status -n ai-engine production

  # follow it
  kubectl engine status -n ai-engine production --watch

  # for scripts
  kubectl engine status -n ai-engine production -o json | jq .status.verdict`

// statusFlags are the flags of status.
type statusFlags struct {
	cluster
	output string
	watch  bool
}

func statusCommand(world World) *cobra.Command {
	f := &statusFlags{}
	command := &cobra.Command{
		Use: "status [NAME]", Short: "Show a tier on one screen, or all tiers as a tree", Args: oneTier,
		Example: statusExamples, ValidArgsFunction: f.completeTiers(1),
		Long: "Show one tier on one screen: what runs, the verdict and why, checks, drift, the promotion with the command that it\n" +
			"waits for, and cost. Without NAME it shows all tiers, each below the one that it takes its source from.",
	}
	f.bind(command, true)
	bindOutput(command, &f.output, "json", "yaml")
	command.Flags().BoolVarP(&f.watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := f.connect()
		if err != nil {
			return err
		}
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		if f.watch {
			return watchStatus(cmd.Context(), world, s, f, name)
		}
		return f.once(cmd.Context(), world, s, name)
	}
	return command
}

// bindOutput adds -o with the formats.
func bindOutput(command *cobra.Command, into *string, formats ...string) {
	usage := "output: " + formats[0]
	for _, format := range formats[1:] {
		usage += " or " + format
	}
	command.Flags().StringVarP(into, "output", "o", "", usage+"; default: text for people")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	before := command.PreRunE
	command.PreRunE = func(cmd *cobra.Command, args []string) error {
		known := *into == ""
		for _, format := range formats {
			known = known || format == *into
		}
		if !known {
			return fmt.Errorf("-o %s is no output format of this command: it takes %s", *into, strings.Join(formats, ", "))
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

func (f *statusFlags) once(ctx context.Context, world World, s *session, name string) error {
	if name != "" {
		object, err := s.tier(ctx, name)
		if err != nil {
			return err
		}
		if f.output != "" {
			object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("EngineEnvironment"))
			return write(world.Out, f.output, object)
		}
		return say(world.Out, show.Tier(object, world.Now(), world.paint(), s.flags))
	}
	tiers, err := s.tiers(ctx)
	switch {
	case err != nil:
		return err
	case f.output != "":
		return write(world.Out, f.output, &v1alpha1.EngineEnvironmentList{Items: tiers})
	case len(tiers) == 0 && s.namespace == "":
		return say(world.Out, "There is no EngineEnvironment. Bring what is on Railway with: kubectl engine import\n")
	case len(tiers) == 0:
		return say(world.Out, show.Visible("There is no EngineEnvironment in namespace "+s.namespace)+". Name another with -n, or all with -A.\n")
	}
	return say(world.Out, show.Chain(tiers, world.Now(), s.namespace == "", world.paint(), s.flags))
}

// paint is on where a person reads at a terminal that shows colours.
func (w World) paint() show.Paint {
	return show.NewPaint(w.Terminal && w.Getenv("NO_COLOR") == "" && w.Getenv("TERM") != "dumb")
}

// clearScreen empties a terminal's screen.
const clearScreen = "\x1b[H\x1b[2J"

// watchStatus shows it again whenever one of the objects changes.
func watchStatus(ctx context.Context, world World, s *session, f *statusFlags, name string) error {
	options := []client.ListOption{client.InNamespace(s.namespace)}
	if name != "" {
		if _, err := s.tier(ctx, name); err != nil {
			return err
		}
		options = append(options, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", name)})
	}
	for ctx.Err() == nil {
		watcher, err := s.Watch(ctx, &v1alpha1.EngineEnvironmentList{}, options...)
		if err != nil {
			return err
		}
		for range watcher.ResultChan() {
			if world.Terminal && f.output == "" {
				_ = say(world.Out, clearScreen) // the next write tells
			}
			if err := f.once(ctx, world, s, name); err != nil {
				watcher.Stop()
				return ended(ctx, err)
			}
		}
	}
	return nil
}

// ended is no error when the person ended the command.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// say writes a text for people.
func say(out io.Writer, text show.Text) error {
	_, err := io.WriteString(out, string(text))
	return err
}

// write writes a value as JSON or YAML.
func write(out io.Writer, format string, value any) error {
	as := document.JSON
	if format == "yaml" {
		as = document.YAML
	}
	text, err := as(value)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text+"\n")
	return err
}
