// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/adopt"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/status"
)

const (
	importExamples = `  # what is on Railway, as it is
  kubectl engine import --project 0bb01547-570d-4109-a5e8-138691f6a2d1 --environment dev -n ai-engine >dev.yaml
  kubectl engine plan -f dev.yaml     # shows no change

  # several services: say which one is the engine; an unusual name: say which tier it is
  kubectl engine import --project 0bb01547-570d-4109-a5e8-138691f6a2d1 --environment blue --engine api --tier Production

  # the file that a team has today
  kubectl engine import --env-file .railway.env.dev --project 0bb01547-570d-4109-a5e8-138691f6a2d1 \
    --environment dev --image ghcr.io/acme/ai-engine:1.4.2`
	importHelp = `Write a live Railway environment, or a dotenv file, as an EngineEnvironment and Secrets. It reads Railway and
never writes. "plan" shows no change for the result, except for what is listed on standard error: what the tier sets
and Railway does not have. What an EngineEnvironment cannot express stays as it is, and is listed there, too.
With --env-file Railway is not read: what the tier sets and the file does not have is listed, and "plan" compares.

Variables whose name or value looks secret are referenced from a Secret, of which a skeleton is written that
names the keys. With --secret-values the Secrets hold the values in clear: keep such a file out of version
control.

` + tokenHelp + `.`
)

var writePolicies = []v1alpha1.WritePolicy{v1alpha1.WritePolicyApply, v1alpha1.WritePolicyApprove, v1alpha1.WritePolicyObserve}

// importFlags are the flags of import.
type importFlags struct {
	reach
	project, environment, envFile, image, tier, writes string
	adopt.Options
	values bool
}

func importCommand(world World) *cobra.Command {
	f := &importFlags{}
	command := &cobra.Command{
		Use: "import", Short: "Write what is on Railway, or a dotenv file, as an EngineEnvironment", Long: importHelp, Example: importExamples,
		Args: noTier, ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.reach.bind(command)
	flags := command.Flags()
	flags.StringVar(&f.project, "project", "", "the Railway project's id")
	flags.StringVar(&f.environment, "environment", "", "the Railway environment's name, or its id")
	flags.StringVar(&f.envFile, "env-file", "", "a dotenv file to read instead of Railway")
	flags.StringVar(&f.image, "image", "", "with --env-file: the image that the engine runs")
	flags.StringVar(&f.tier, "tier", "", "Local, Dev, Preview or Production; default: what the environment's name suggests")
	flags.StringVar(&f.Engine, "engine", "", "the engine's service; default: the only one with a source")
	flags.StringVar(&f.Name, "name", "", "name of the EngineEnvironment; default: the tier in lower case")
	flags.StringVarP(&f.Namespace, "namespace", "n", "", "namespace of the EngineEnvironment; default: none is written")
	flags.StringVar(&f.TokenSecret, "token-secret", "railway", "name of the Secret with Railway's token")
	flags.StringVar(&f.writes, "write-policy", "", "spec.writePolicy: Apply, Approve or Observe; default: none is written, which is Apply")
	flags.BoolVar(&f.values, "secret-values", false, "write the values into the Secrets, in clear")
	tiers := []string{string(v1alpha1.TierLocal), string(v1alpha1.TierDev), string(v1alpha1.TierPreview), string(v1alpha1.TierProduction)}
	_ = command.RegisterFlagCompletionFunc("tier", cobra.FixedCompletions(tiers, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	command.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), world) }
	return command
}

func (f *importFlags) run(ctx context.Context, world World) error {
	if f.Tier = v1alpha1.Tier(f.tier); f.tier != "" && !slices.Contains(v1alpha1.Tiers, f.Tier) {
		return fmt.Errorf("--tier %s: it must be one of %v", f.tier, v1alpha1.Tiers)
	}
	policy := v1alpha1.WritePolicy(f.writes)
	if f.writes != "" && !slices.Contains(writePolicies, policy) {
		return fmt.Errorf("--write-policy %s: it must be one of %v", f.writes, writePolicies)
	}
	result, err := f.read(ctx, world)
	if err != nil {
		return err
	}
	result.Tier.Spec.WritePolicy = policy
	text, err := result.YAML(f.values)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(world.Out, text); err != nil {
		return err
	}
	return say(world.Err, show.Lines(f.remarks(result)))
}

func (f *importFlags) read(ctx context.Context, world World) (*adopt.Result, error) {
	if f.envFile != "" {
		raw, err := os.ReadFile(f.envFile)
		if err != nil {
			return nil, fmt.Errorf("read --env-file: %w", err)
		}
		variables, err := adopt.ParseDotenv(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.envFile, err)
		}
		return adopt.Dotenv(variables, f.project, f.environment, f.image, f.Options)
	}
	if f.project == "" || f.environment == "" {
		return nil, errors.New("name the environment with --project and --environment, or a file with --env-file")
	}
	token, ok := credentials(world.Getenv)
	if !ok {
		return nil, errNoToken
	}
	pool, err := f.pool(world)
	if err != nil {
		return nil, err
	}
	world.progress("reads %s", f.environment)
	at, err := find(ctx, pool.Client(token), f.project, f.environment)
	switch {
	case err != nil:
		return nil, err
	case at.environment == nil:
		return nil, fmt.Errorf("the project has no environment %q; there is %s", f.environment, orNothing(strings.Join(at.names, ", ")))
	}
	return adopt.Environment(at.environment, f.Options)
}

// remarks are what a person must know of the result.
func (f *importFlags) remarks(result *adopt.Result) string {
	var out strings.Builder
	if len(result.Changes) > 0 {
		heading := "The operator would still change:\n"
		if f.envFile != "" {
			heading = "Not in the file, and set all the same:\n"
		}
		out.WriteString(heading)
		for _, path := range slices.Sorted(maps.Keys(result.Changes)) {
			fmt.Fprintf(&out, "  %s: %s\n", show.Visible(path), show.Visible(result.Changes[path]))
		}
	}
	if len(result.Left) > 0 {
		out.WriteString("Not expressed:\n")
		for _, line := range result.Left {
			fmt.Fprintf(&out, "  %s\n", show.Visible(line))
		}
	}
	keys := 0
	for _, secret := range result.Secrets {
		keys += len(secret.StringData)
	}
	switch {
	case keys > 0 && f.values:
		fmt.Fprintf(&out, "The Secrets hold %s in clear: keep this out of version control.\n", status.Count(keys, "value", "values"))
	case keys > 0:
		fmt.Fprintf(&out, "The Secrets are skeletons: fill in %s, or write them with --secret-values.\n", status.Count(keys, "value", "values"))
	}
	return out.String()
}
