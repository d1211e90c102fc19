// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/manifest"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/verify"
)

const (
	planExamples = `  # what would change if I applied this file?
  kubectl engine plan -f dev.yaml

  # a directory, for the comment of a pull request
  kubectl engine plan -f deploy/ -o markdown

  # what kustomize makes
  kubectl kustomize overlays/dev | kubectl engine plan -f -

  # with the operator's record of the live object, so that dropped variables show too
  kubectl engine plan -f dev.yaml --cluster`
	planHelp = `Show what the operator would change on Railway if the files were applied, and which deployments that starts. It
reads Railway and never writes.

Secrets and ConfigMaps are taken from the same files. A value that is in none of them is not known and not
compared; one that Railway hides (sealed) cannot be compared either. Both are listed, and no value of a Secret
is ever printed.

It needs a Railway token, and no cluster: RAILWAY_API_TOKEN (account or workspace token) or RAILWAY_TOKEN
(project token) in the environment, or else the token's Secret in the files. Without a cluster it is not known what
the operator wrote before, and a variable that was dropped from the spec does not show. With --cluster the record of
the live object is used.

It exits with 0 when nothing would change, 2 when something would, 1 on an error.`
)

// planFlags are the flags of plan.
type planFlags struct {
	cluster
	reach
	files  []string
	output string
	live   bool
	// system is the operator's namespace.
	system string
}

// exitChanges is the exit code of a plan that would change something.
const exitChanges = exit(2)

func planCommand(world World) *cobra.Command {
	f := &planFlags{}
	command := &cobra.Command{
		Use: "plan -f FILE|DIR|-", Short: "Show what would change on Railway", Long: planHelp, Example: planExamples, Args: noTier,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.cluster.bind(command, false)
	f.reach.bind(command)
	flags := command.Flags()
	flags.StringSliceVarP(&f.files, "filename", "f", nil, "files or directories with EngineEnvironments, Secrets and ConfigMaps; - is standard input")
	flags.BoolVar(&f.live, "cluster", false, "use the record of the live object, and Secrets and ConfigMaps that the files lack, from the cluster")
	flags.StringVar(&f.system, "operator-namespace", options.DefaultNamespace, "with --cluster: where the operator keeps the key of its record")
	bindOutput(command, &f.output, "json", "markdown")
	command.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), world) }
	return command
}

func (f *planFlags) run(ctx context.Context, world World) error {
	if len(f.files) == 0 {
		return errors.New("name a file or a directory with -f")
	}
	set, err := manifest.Read(ctx, f.files, world.In, f.defaultNamespace())
	if err != nil {
		return err
	}
	if len(set.Tiers) == 0 {
		return errors.New("the files hold no EngineEnvironment")
	}
	planner, err := f.planner(world, set)
	if err != nil {
		return err
	}
	if err := set.Contested(); err != nil {
		return err
	}
	previews := make([]*preview.Preview, 0, len(set.Tiers))
	for i := range set.Tiers {
		world.progress("reads %s (%d of %d)", set.Tiers[i].Name, i+1, len(set.Tiers))
		made, err := planner.plan(ctx, &set.Tiers[i])
		if err != nil {
			return set.Tiers[i].Wrong(err)
		}
		previews = append(previews, made)
	}
	if err := f.tell(world, previews); err != nil {
		return err
	}
	for _, made := range previews {
		if !made.Empty() {
			return exitChanges
		}
	}
	return nil
}

func (f *planFlags) tell(world World, previews []*preview.Preview) error {
	switch f.output {
	case "json":
		return write(world.Out, f.output, previews)
	case "markdown":
		return say(world.Out, show.Markdown(previews))
	default:
		return say(world.Out, show.Plan(previews, world.paint()))
	}
}

// defaultNamespace is that of objects that name none: the flag's, else the kubeconfig's, else none.
func (f *planFlags) defaultNamespace() manifest.Namespace {
	if f.namespace != "" || !f.live {
		return f.given()
	}
	s, err := f.connect()
	if err != nil {
		return manifest.Namespace{}
	}
	return manifest.Namespace{Name: s.namespace}
}

// planner plans tiers: it knows where values, tokens and records come from.
type planner struct {
	world World
	pool  *railway.Pool
	set   *manifest.Set
	// session is nil without --cluster; system is the operator's namespace.
	session *session
	system  string
}

func (f *planFlags) planner(world World, set *manifest.Set) (*planner, error) {
	pool, err := f.pool(world)
	if err != nil {
		return nil, err
	}
	p := &planner{world: world, pool: pool, set: set, system: f.system}
	if f.live {
		if p.session, err = f.connect(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *planner) plan(ctx context.Context, declared *manifest.Tier) (*preview.Preview, error) {
	tier := &declared.EngineEnvironment
	in := preview.Input{Tier: tier, Sources: p.set.Sources(declared)}
	if p.session != nil {
		if err := p.live(ctx, &in); err != nil {
			return nil, err
		}
	}
	if _, err := preview.Make(in); err != nil { // what does not fit together is told before Railway is asked
		return nil, err
	}
	if err := p.checks(tier, in.Sources); err != nil {
		return nil, err
	}
	if tier.Spec.Tier == v1alpha1.TierLocal {
		return preview.Make(in)
	}
	found, err := p.token(ctx, tier)
	if err != nil {
		return nil, err
	}
	at, err := find(ctx, p.pool.Client(found), tier.Spec.Railway.ProjectID, tier.Spec.RailwayEnvironment())
	if err != nil {
		return nil, err
	}
	in.Environment, in.Services = at.environment, at.services
	return preview.Make(in)
}

// checks compiles the checks: what is wrong with an expression is told now and not by the operator.
func (p *planner) checks(tier *v1alpha1.EngineEnvironment, sources desired.Sources) error {
	targets := map[string]verify.Target{tier.Spec.Engine.Name: {}}
	for i := range tier.Spec.Services {
		targets[tier.Spec.Services[i].Name] = verify.Target{}
	}
	spec, filled, _ := preview.Known(&tier.Spec, sources)
	_, err := verify.Build(verify.BuildInput{Spec: spec, Sources: filled, Targets: targets, AllowedHosts: hosts(spec), Unobserved: true})
	return err
}

// hosts are those that checks name: which of them are allowed is for the operator's administrator to say.
func hosts(spec *v1alpha1.EngineEnvironmentSpec) []string {
	var all []string
	if spec.Verification == nil {
		return nil
	}
	for i := range spec.Verification.Checks {
		check := &spec.Verification.Checks[i]
		if check.HTTP != nil && check.HTTP.Host != "" {
			all = append(all, check.HTTP.Host)
		}
		if check.Load != nil && check.Load.Host != "" {
			all = append(all, check.Load.Host)
		}
	}
	return all
}

// token finds Railway's token: in the environment, in the files, or in the cluster.
func (p *planner) token(ctx context.Context, tier *v1alpha1.EngineEnvironment) (railway.Credentials, error) {
	if found, ok := credentials(p.world.Getenv); ok {
		return found, nil
	}
	name := tier.Spec.Railway.TokenSecretRef.Name
	data, ok := p.set.Secret(tier.Namespace, name)
	if !ok && p.session != nil {
		data, _ = p.session.secret(ctx, tier.Namespace, name)
	}
	if found, ok := credentials(func(key string) string { return data[key] }); ok {
		return found, nil
	}
	return railway.Credentials{}, fmt.Errorf("%w, or add the Secret %s to the files", errNoToken, name)
}
