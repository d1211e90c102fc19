// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

const logsHelp = `Print the log of the newest deployment, from Railway: of one that failed, too, while an earlier one still serves.
With -f it goes on until Ctrl-C, and follows to the next deployment. The log is the engine's own: nothing in it is
masked.

` + tokenHelp + `, or the right to read the token's Secret.`

// logsFlags are the flags of logs.
type logsFlags struct {
	cluster
	reach
	service, filter string
	tail            int
	since           time.Duration
	follow          bool
	every           time.Duration
}

func logsCommand(world World) *cobra.Command {
	f := &logsFlags{every: 2 * time.Second}
	command := &cobra.Command{
		Use: "logs NAME", Short: "Print the engine's log from Railway", Long: logsHelp, Args: tiers(1), ValidArgsFunction: f.completeTiers(1),
		Example: "  kubectl engine logs -n ai-engine production -f\n" +
			"  kubectl engine logs -n ai-engine production --since 1h --filter '@level:error'",
	}
	f.cluster.bind(command, false)
	f.reach.bind(command)
	flags := command.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what is logged from now on")
	flags.StringVar(&f.service, "service", "", "the service; default: the engine")
	flags.StringVar(&f.filter, "filter", "", "in Railway's own syntax, for example '@level:error AND \"timeout\"'")
	flags.IntVar(&f.tail, "tail", 100, "how many of the last lines, at most 5000")
	flags.DurationVar(&f.since, "since", 0, "only lines newer than that, for example 10m")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		return ended(cmd.Context(), f.run(cmd.Context(), world, args[0]))
	}
	return command
}

func (f *logsFlags) run(ctx context.Context, world World, name string) error {
	s, err := f.connect()
	if err != nil {
		return err
	}
	tier, err := s.tier(ctx, name)
	if err != nil {
		return err
	}
	service, err := declaredService(tier, f.service)
	if err != nil {
		return err
	}
	client, environment, err := f.running(ctx, world, s, tier)
	if err != nil {
		return err
	}
	read := &tailer{logsFlags: f, world: world, client: client}
	if f.since > 0 {
		read.from = world.Now().Add(-f.since)
	}
	for {
		instance, _ := environment.Instance(service)
		deployment := rollout.Current(instance)
		if deployment == nil {
			return fmt.Errorf("nothing of %s runs yet", service)
		}
		if err := read.deployment(ctx, deployment.ID); err != nil || !f.follow {
			return err
		}
		if environment, err = client.Environment(ctx, environment.ProjectID, environment.ID); err != nil {
			return unreadable(err)
		}
		environment = environment.Named(recordOf(tier, world.Now()).ServiceIDs)
	}
}

// tailer prints lines once, in order.
type tailer struct {
	*logsFlags
	world  World
	client *railway.Client
	// from is the time of the newest line, told are the lines of that time.
	from time.Time
	told map[string]bool
	// of is the deployment that is read.
	of string
}

// pollsPerLook is how many polls of a log there are between two looks for a newer deployment.
const pollsPerLook = 15

// deployment prints a deployment's lines: once, or for a while when it follows.
func (t *tailer) deployment(ctx context.Context, id string) error {
	if t.of != "" && t.of != id {
		if err := say(t.world.Err, "A new deployment runs: "+id+"\n"); err != nil {
			return err
		}
	}
	t.of = id
	for range pollsPerLook {
		lines, err := t.client.Logs(ctx, id, model.LogQuery{Filter: t.filter, Start: t.from, Lines: t.tail})
		if err != nil {
			return unreadable(err)
		}
		if err := t.print(lines); err != nil || !t.follow {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(t.every):
		}
	}
	return nil
}

func (t *tailer) print(lines []model.LogLine) error {
	for _, line := range lines {
		text := fmt.Sprintf("%s %s %s\n", line.Time.UTC().Format(time.RFC3339Nano), severity(line.Severity), line.Message)
		if line.Time.Before(t.from) || t.told[text] {
			continue
		}
		if line.Time.After(t.from) || t.told == nil {
			t.from, t.told = line.Time, map[string]bool{}
		}
		t.told[text] = true
		if err := say(t.world.Out, text); err != nil {
			return err
		}
	}
	return nil
}

func severity(text string) string {
	if text == "" {
		text = "info"
	}
	return fmt.Sprintf("%-5s", strings.ToUpper(text))
}
