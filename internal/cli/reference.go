// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Reference is the help of all commands as one Markdown document.
func Reference() string {
	root := New(World{}, true)
	var out strings.Builder
	out.WriteString("# kubectl engine\n\nThe help of each command, generated from it. What the commands are for: [cli.md](../cli.md).\n")
	for _, command := range root.Commands() {
		if command.IsAvailableCommand() && command.Name() != "help" && command.Name() != "completion" {
			describe(&out, command)
		}
	}
	return out.String()
}

func describe(out *strings.Builder, command *cobra.Command) {
	fmt.Fprintf(out, "\n## %s\n\n", command.Name())
	text := command.Long
	if text == "" {
		text = command.Short + "."
	}
	fmt.Fprintf(out, "%s\n\n```\nkubectl engine %s\n\n%s```\n", text, command.Use, command.LocalFlags().FlagUsages())
	if command.Example != "" {
		fmt.Fprintf(out, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(command.Example, "  "), "\n  ", "\n"))
	}
}
