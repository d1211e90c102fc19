// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/internal/options"
)

const operatorHelp = `Keep Railway environments in line with EngineEnvironment objects.

Without a command it runs the operator, which needs a Kubernetes API server: the one around it, or that of the
kubeconfig. The commands are for people at a terminal; installed as kubectl-engine the binary is kubectl's
plugin and has only them.`

// addOperator lets the root, and the command run, run the operator.
func addOperator(root *cobra.Command, world World) {
	root.Long = operatorHelp
	operates(root, world)
	run := &cobra.Command{Use: "run", Short: "Run the operator, as without a command", Args: cobra.NoArgs, GroupID: groupOther}
	operates(run, world)
	root.AddCommand(run)
}

// operates makes the command the operator. Its flags are of this command alone.
func operates(command *cobra.Command, world World) {
	o := &options.Options{}
	o.Bind(command.Flags())
	version := command.Flags().Bool("version", false, "print the version and exit")
	command.RunE = func(*cobra.Command, []string) error {
		if *version {
			_, err := fmt.Fprintln(world.Out, world.Version)
			return err
		}
		if err := o.Complete(); err != nil {
			return err
		}
		return world.Operate(o)
	}
	command.SetUsageFunc(operatorUsage(command))
}

// operatorUsage shows the flags by what they are about. Commands below use cobra's own.
func operatorUsage(of *cobra.Command) func(*cobra.Command) error {
	usual := (&cobra.Command{}).UsageFunc()
	return func(command *cobra.Command) error {
		if command != of {
			return usual(command)
		}
		out := command.OutOrStderr()
		_, err := fmt.Fprintf(out, "Usage:\n  %s [flags]\n", command.CommandPath())
		if command.HasAvailableSubCommands() && err == nil {
			_, err = fmt.Fprintf(out, "  %s COMMAND\n%s", command.CommandPath(), commandsOf(command))
		}
		if err == nil {
			_, err = fmt.Fprint(out, "\nFlags of the operator\n", options.Usages(command.Flags()))
		}
		return err
	}
}

// commandsOf lists the commands by group.
func commandsOf(command *cobra.Command) string {
	text := ""
	for _, group := range command.Groups() {
		text += "\n" + group.Title + "\n"
		for _, sub := range command.Commands() {
			if sub.GroupID == group.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				text += fmt.Sprintf("  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	return text
}
