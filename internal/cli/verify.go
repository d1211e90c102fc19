// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
)

const verifyHelp = `Run a tier's checks now, from this machine, and print the results. The operator does not see them: its verdict comes
from its own runs ("reconcile" starts one).

` + tokenHelp + `, or the right to read the token's Secret. It exits with 0 when every check passes, 2 when one does not,
1 on an error.`

// verifyFlags are the flags of verify.
type verifyFlags struct {
	cluster
	reach
	options.Probe
	output   string
	patience time.Duration
}

func verifyCommand(world World) *cobra.Command {
	f := &verifyFlags{}
	command := &cobra.Command{
		Use: "verify NAME", Short: "Run a tier's checks now, from this machine", Long: verifyHelp, Args: tiers(1), ValidArgsFunction: f.completeTiers(1),
		Example: "  kubectl engine verify -n ai-engine dev",
	}
	f.cluster.bind(command, false)
	f.reach.bind(command)
	f.Probe.Bind(command.Flags())
	bindOutput(command, &f.output, "json", "yaml")
	command.Flags().DurationVar(&f.patience, "timeout", 3*time.Minute, "how long all checks may take together")
	command.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), world, args[0]) }
	return command
}

func (f *verifyFlags) run(ctx context.Context, world World, name string) error {
	s, err := f.connect()
	if err != nil {
		return err
	}
	world.progress("reads %s", name)
	job, guard, err := f.job(ctx, world, s, name)
	if err != nil {
		return err
	}
	announcement := fmt.Sprintf("Runs %s; the check %s is what Railway reports of the deployment: see status\n",
		status.Count(len(job.Checks), "check", "checks"), v1alpha1.CheckRevision)
	if err := say(world.Err, show.Lines(announcement)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	end := world.whileWaiting("waits for the checks")
	report := runChecks(ctx, job, guard, f.LogGrace)
	end()
	if !report.Done && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		if err := say(world.Err, show.Lines(fmt.Sprintf("Not every check was decided within %s: --timeout allows more\n", f.patience))); err != nil {
			return err
		}
	}
	if f.output != "" {
		err = write(world.Out, f.output, show.Results(report))
	} else {
		err = say(world.Out, show.ResultTable(report, world.paint()))
	}
	if err != nil {
		return err
	}
	for _, result := range report.Results {
		if result.Outcome == verify.Failed || result.Outcome == verify.Pending {
			return exit(2)
		}
	}
	return nil
}

// job is what there is to check.
func (f *verifyFlags) job(ctx context.Context, world World, s *session, name string) (verify.Job, verify.GuardOptions, error) {
	var job verify.Job
	guard, err := f.Guard()
	if err != nil {
		return job, guard, err
	}
	found, err := (&source{cluster: f.cluster}).fromCluster(ctx, []string{name})
	if err != nil {
		return job, guard, err
	}
	tier := found[0].tier
	client, environment, err := f.running(ctx, world, s, tier)
	if err != nil {
		return job, guard, err
	}
	declared, _, err := found[0].built()
	if err != nil {
		return job, guard, err
	}
	targets := map[string]verify.Target{}
	for _, service := range declared.Services {
		instance, _ := environment.Instance(service.Name)
		targets[service.Name] = verify.TargetOf(instance)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	checks, err := verify.Build(verify.BuildInput{
		Spec: &tier.Spec, Sources: found[0].sources, Targets: targets, AllowedHosts: guard.AllowHosts, Key: key,
	})
	return verify.Job{
		Subject: "now", Checks: checks, Interval: 24 * time.Hour, Logs: client, Redact: declared.Redact,
	}, guard, err
}

// runChecks runs the checks once, until each is decided or ctx ends.
func runChecks(ctx context.Context, job verify.Job, guard verify.GuardOptions, grace time.Duration) verify.Report {
	const key = "here"
	changed := make(chan struct{}, 1)
	verifier := verify.New(verify.Options{Guard: guard, LogGrace: grace, Changed: func(string) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	report, stopped := verifier.Want(key, job), make(chan struct{})
	go func() {
		defer close(stopped)
		_ = verifier.Start(ctx) // it returns no error
	}()
	for !report.Done && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-changed:
		}
		report = verifier.Want(key, job)
	}
	cancel()
	<-stopped
	return verifier.Want(key, job) // what was found last
}
