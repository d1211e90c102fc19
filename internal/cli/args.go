// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// tiers wants the names of so many tiers.
func tiers(n int) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		what := "the tier"
		if n > 1 {
			what = fmt.Sprintf("%d tiers", n)
		}
		switch {
		case len(args) < n:
			return fmt.Errorf("name %s: %s", what, command.UseLine())
		case len(args) > n:
			return fmt.Errorf("%q is one too many: %s", args[n], command.UseLine())
		}
		return nil
	}
}

// oneTier wants the name of one tier at most.
func oneTier(command *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%q is one too many: %s", args[1], command.UseLine())
	}
	return nil
}

// noTier wants no name: files or flags say what the command is about.
func noTier(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is one too many: %s", args[0], command.UseLine())
	}
	return nil
}

// noCommand refuses what is none of the commands, and guesses which was meant.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	root.SuggestionsMinimumDistance = 2
	meant := ""
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		meant = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("there is no command %q%s (%s --help lists them)", args[0], meant, root.CommandPath())
}
