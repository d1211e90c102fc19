// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/internal/board"
)

const boardHelp = `Serve one live page on loopback, for a browser or a team display: the tiers as a pipeline, with verdict, what runs,
timers, what waits for whom, checks, drift and cost. It uses your kubeconfig and your rights, and asks before it
changes anything. The address that it prints holds the key of the session.`

func boardCommand(world World) *cobra.Command {
	c, o := &cluster{}, board.Options{}
	command := &cobra.Command{
		Use: "board", Short: "Serve the tiers as a live page on loopback", Long: boardHelp, Args: noTier,
		ValidArgsFunction: cobra.NoFileCompletions,
		Example:           "  kubectl engine board -n ai-engine --open\n  kubectl engine board -A --listen 127.0.0.1:9000",
	}
	c.bind(command, true)
	command.Flags().StringVar(&o.Listen, "listen", board.DefaultListen, "a loopback address with port; port 0 takes a free one")
	command.Flags().BoolVar(&o.Open, "open", false, "open the page in the browser")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := c.connect()
		if err != nil {
			return err
		}
		o.Config, o.Context, o.Namespace, o.AllNamespaces = s.config, c.context, s.namespace, c.everywhere
		return ended(cmd.Context(), board.Run(cmd.Context(), o, world.Out))
	}
	return command
}
