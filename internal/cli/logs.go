// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
)

const logsHelp = `Print the log of the newest deployment from Railway, even of one that failed while an earlier one still serves. With
-f it goes on until Ctrl-C, and with the next deployment when there is one. The log is the engine's own: nothing in it
is masked, and its colours stay, each within its message. Other control characters are shown as signs.

` + tokenHelp + `, or the right to read the token's Secret.`

// logsFlags are the flags of logs.
type logsFlags struct {
	cluster
	reach
	service, filter string
	tail            int
	since           time.Duration
	follow          bool
}

func logsCommand(world World) *cobra.Command {
	f := &logsFlags{}
	command := &cobra.Command{
		Use: "logs NAME", Short: "Print the engine's log from Railway", Long: logsHelp, Args: tiers(1), ValidArgsFunction: f.completeTiers(1),
		Example: "  kubectl engine logs -n ai-engine production -f\n" +
			"  kubectl engine logs -n ai-engine production --since 1h --filter '@level:error'",
	}
	f.cluster.bind(command, false)
	f.reach.bind(command)
	flags := command.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on, and print new lines as they are written")
	flags.StringVar(&f.service, "service", "", "the service; default: the engine")
	flags.StringVar(&f.filter, "filter", "", "only lines that match, in Railway's own syntax, for example '@level:error AND \"timeout\"'")
	flags.IntVar(&f.tail, "tail", 100, fmt.Sprintf("how many of the last lines, at most %d", railway.MaxLogLines))
	flags.DurationVar(&f.since, "since", 0, "only lines newer than this, for example 10m")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		return ended(cmd.Context(), f.run(cmd.Context(), world, args[0]))
	}
	return command
}

// check refuses what Railway would not answer.
func (f *logsFlags) check() error {
	switch {
	case f.tail < 1 || f.tail > railway.MaxLogLines:
		return fmt.Errorf("--tail %d: it must be from 1 to %d", f.tail, railway.MaxLogLines)
	case f.since < 0:
		return fmt.Errorf("--since %s: it must not be negative", f.since)
	}
	return nil
}

func (f *logsFlags) run(ctx context.Context, world World, name string) error {
	if err := f.check(); err != nil {
		return err
	}
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
		read.since = world.Now().Add(-f.since)
	}
	for {
		instance, _ := environment.Instance(service)
		deployment := rollout.Current(instance)
		if deployment == nil {
			return fmt.Errorf("nothing of %s runs yet", service)
		}
		if err := read.deployment(ctx, deployment); err != nil || !f.follow {
			return err
		}
		newer, err := client.Environment(ctx, environment.ProjectID, environment.ID)
		if err := read.outlast(ctx, err); err != nil {
			return err
		}
		if err == nil {
			environment = newer.Named(recordOf(tier, world.Now()).ServiceIDs)
		}
	}
}

// tailer prints lines once, in order.
type tailer struct {
	*logsFlags
	world  World
	client *railway.Client
	// since is the time of --since, zero without it.
	since time.Time
	// of is the deployment that is read.
	of string
	// from is the time of its newest line, told are the lines of that time: nil before the first.
	from time.Time
	told map[show.Text]bool
	// tails is true until the log was read for the first time, as --tail asks.
	tails bool
	// failing is true from the first read that failed until one succeeds.
	failing bool
}

const (
	// pollEvery is the time between two polls of a log.
	pollEvery = 2 * time.Second
	// pollsPerLook is how many polls of a log there are between two looks for a newer deployment.
	pollsPerLook = 15
)

// deployment prints a deployment's lines: once, or for a while when it follows.
func (t *tailer) deployment(ctx context.Context, d *model.Deployment) error {
	if t.of != d.ID {
		if err := t.turnTo(ctx, d); err != nil {
			return err
		}
	}
	for range pollsPerLook {
		if err := t.poll(ctx); err != nil || !t.follow {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.world.After(pollEvery):
		}
	}
	return nil
}

// turnTo goes on with another deployment, from its first line on: --tail is for the one that ran when the command started.
func (t *tailer) turnTo(ctx context.Context, d *model.Deployment) error {
	if t.tails = t.of == ""; !t.tails {
		err := t.poll(ctx) // what the last one has written since, unless it was removed with its log
		if err != nil && railway.ClassOf(err) != railway.NotFound {
			return err
		}
		if err := say(t.world.Err, show.Visible(fmt.Sprintf("Follows deployment %s (%s)", d.ID, d.Status))+"\n"); err != nil {
			return err
		}
	}
	t.of, t.from, t.told = d.ID, t.since, nil
	return nil
}

// poll prints what was written since the last poll.
func (t *tailer) poll(ctx context.Context) error {
	atMost := railway.MaxLogLines
	if t.tails {
		atMost = t.tail
	}
	lines, err := t.client.Logs(ctx, t.of, model.LogQuery{Filter: t.filter, Start: t.from, Lines: atMost})
	if err != nil {
		return t.outlast(ctx, err)
	}
	t.failing = false
	if !t.tails && len(lines) == atMost && !t.told[text(lines[0])] {
		missing := fmt.Sprintf("Railway returns the last %d lines at most: lines before the next one are missing here\n", atMost)
		if err := say(t.world.Err, show.Lines(missing)); err != nil {
			return err
		}
	}
	t.tails = false
	return t.print(lines)
}

// outlast returns the error of a read unless it may pass while the log is followed: then the next poll reads what was missed.
func (t *tailer) outlast(ctx context.Context, err error) error {
	class := railway.ClassOf(err)
	if !t.follow || t.tails || ctx.Err() != nil || class != railway.Transient && class != railway.RateLimited {
		return unreadable(err)
	}
	if t.failing {
		return nil
	}
	t.failing = true
	return say(t.world.Err, show.Visible(err.Error())+"; tries again\n")
}

func (t *tailer) print(lines []model.LogLine) error {
	for _, line := range lines {
		told := text(line)
		if line.Time.Before(t.from) || t.told[told] {
			continue
		}
		if line.Time.After(t.from) || t.told == nil {
			t.from, t.told = line.Time, map[show.Text]bool{}
		}
		t.told[told] = true
		if err := say(t.world.Out, told); err != nil {
			return err
		}
	}
	return nil
}

func text(line model.LogLine) show.Text {
	return show.Visible(line.Time.UTC().Format(time.RFC3339Nano)+" "+severity(line.Severity)+" ") + show.Log(line.Message) + "\n"
}

func severity(text string) string {
	if text == "" {
		text = "info"
	}
	return fmt.Sprintf("%-5s", strings.ToUpper(text))
}
