// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/manifest"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// declaration is a tier with the values that it names, from files or from the cluster.
type declaration struct {
	tier    *v1alpha1.EngineEnvironment
	sources desired.Sources
	// wrong names the object, and its file, in an error about it.
	wrong func(error) error
}

// source says where tiers come from: files, or the cluster when none are named.
type source struct {
	cluster
	files []string
}

func (f *source) bind(command *cobra.Command) {
	f.cluster.bind(command, false)
	command.Flags().StringSliceVarP(&f.files, "filename", "f", nil, "take the tiers from files or directories instead of the cluster; - is standard input")
}

// declare reads the tiers of those names. From a file with one tier the name may be left out.
func (f *source) declare(ctx context.Context, world World, names ...string) ([]declaration, error) {
	if len(f.files) == 0 {
		return f.fromCluster(ctx, names)
	}
	set, err := manifest.Read(ctx, f.files, world.In, manifest.Namespace{Name: f.namespace})
	if err != nil {
		return nil, err
	}
	tiers := slices.DeleteFunc(slices.Clone(set.Tiers), func(t manifest.Tier) bool { return f.namespace != "" && t.Namespace != f.namespace })
	if len(names) == 0 {
		if len(tiers) != 1 {
			return nil, f.notOne(set.Tiers, tiers)
		}
		names = []string{tiers[0].Name}
	}
	all := make([]declaration, 0, len(names))
	for _, name := range names {
		tier, err := f.one(set.Tiers, tiers, name)
		if err != nil {
			return nil, err
		}
		all = append(all, declaration{&tier.EngineEnvironment, set.Sources(tier), tier.Wrong})
	}
	return all, nil
}

// one finds the tier of that name among those to choose from. Of two in two namespaces it takes none.
func (f *source) one(all, tiers []manifest.Tier, name string) (*manifest.Tier, error) {
	var found *manifest.Tier
	for i := range tiers {
		tier := &tiers[i]
		switch {
		case tier.Name != name:
		case found != nil:
			return nil, fmt.Errorf("the files hold two EngineEnvironments %q, in %s and in %s: choose one with -n",
				name, namespaceOf(found), namespaceOf(tier))
		default:
			found = tier
		}
	}
	if found == nil {
		return nil, f.missing(all, fmt.Sprintf(" %q", name))
	}
	return found, nil
}

// notOne says why none is taken where no name is given.
func (f *source) notOne(all, tiers []manifest.Tier) error {
	if len(tiers) == 0 {
		return f.missing(all, "")
	}
	hint := "name one"
	if slices.ContainsFunc(tiers, func(t manifest.Tier) bool { return t.Namespace != tiers[0].Namespace }) {
		hint += ", or choose a namespace with -n"
	}
	return fmt.Errorf("the files hold %d EngineEnvironments, %s: %s", len(tiers), listed(tiers), hint)
}

// missing says that a tier is not there, and what is.
func (f *source) missing(all []manifest.Tier, name string) error {
	text := "the files hold no EngineEnvironment" + name
	if f.namespace != "" {
		text += " in namespace " + f.namespace
	}
	if len(all) > 0 {
		text += "; there is " + listed(all)
	}
	return errors.New(text)
}

// listed are tiers by namespace and name.
func listed(tiers []manifest.Tier) string {
	var names []string
	for i := range tiers {
		names = append(names, strings.TrimPrefix(tiers[i].Namespace+"/"+tiers[i].Name, "/"))
	}
	return strings.Join(names, ", ")
}

// namespaceOf is where a tier of the files is.
func namespaceOf(tier *manifest.Tier) string {
	if tier.Namespace == "" {
		return "no namespace"
	}
	return "namespace " + tier.Namespace
}

func (f *source) fromCluster(ctx context.Context, names []string) ([]declaration, error) {
	s, err := f.connect()
	if err != nil {
		return nil, err
	}
	all := make([]declaration, 0, len(names))
	for _, name := range names {
		tier, err := s.tier(ctx, name)
		if err != nil {
			return nil, err
		}
		sources := preview.NoSources()
		s.addSources(ctx, tier, sources)
		all = append(all, declaration{tier, sources, func(err error) error { return fmt.Errorf("%s: %w", name, err) }})
	}
	return all, nil
}

// built is a declaration as it should be on Railway. Values that are not known have stand-ins, and unknown names them by path.
func (d declaration) built() (declared *desired.Environment, unknown map[string]string, err error) {
	spec, sources, unknown := preview.Known(&d.tier.Spec, d.sources)
	declared, err = desired.Build(spec, sources)
	if err != nil {
		return nil, nil, d.wrong(err)
	}
	declared.Name(d.tier.Namespace, d.tier.Name)
	return declared, unknown, nil
}

const renderHelp = `Print a tier's variables as a dotenv file, as the engine gets them: the tier's settings, the declared variables,
and the shared ones. Values of Secrets are left out; --reveal prints them. Railway's references are printed as they
are, not resolved. At a terminal, control characters are shown as signs; a file gets the values as they are.`

func renderCommand(world World) *cobra.Command {
	f, service, reveal := &source{}, "", false
	command := &cobra.Command{
		Use: "render [NAME]", Short: "Print a tier's variables as a dotenv file", Long: renderHelp, Args: oneTier,
		ValidArgsFunction: f.completeTiers(1),
		Example: "  # for a laptop\n  kubectl engine render -n ai-engine local --reveal >.env\n\n" +
			"  # from a file, without a cluster\n  kubectl engine render -f dev.yaml",
	}
	f.bind(command)
	command.Flags().StringVar(&service, "service", "", "the service; default: the engine")
	command.Flags().BoolVar(&reveal, "reveal", false, "print the values of Secrets, too")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && len(f.files) == 0 {
			return errors.New("name a tier, or a file with -f")
		}
		found, err := f.declare(cmd.Context(), world, args...)
		if err != nil {
			return err
		}
		text, err := found[0].render(service, reveal)
		if err != nil {
			return err
		}
		if world.Terminal {
			return say(world.Out, show.Lines(text))
		}
		_, err = io.WriteString(world.Out, text) // a file gets the values as they are
		return err
	}
	return command
}

func (d declaration) render(name string, reveal bool) (string, error) {
	declared, unknown, err := d.built()
	if err != nil {
		return "", err
	}
	if name, err = declaredService(d.tier, name); err != nil {
		return "", err
	}
	service, _ := declared.Service(name)
	byName := map[string]string{}
	for path, from := range unknown {
		if variable, ok := strings.CutPrefix(path, "shared."); ok {
			byName[variable] = from
		}
	}
	for path, from := range unknown {
		if variable, ok := strings.CutPrefix(path, service.Name+".variables."); ok {
			byName[variable] = from
		}
	}
	return show.Dotenv(service, declared.Shared, byName, reveal), nil
}

const diffHelp = `Show how two tiers differ: what runs, settings, variables and how the services run. Values of Secrets are
never shown, only whether they are the same.`

func diffCommand(world World) *cobra.Command {
	f, output := &source{}, ""
	command := &cobra.Command{
		Use: "diff A B", Short: "Show how two tiers differ", Long: diffHelp, Args: tiers(2), ValidArgsFunction: f.completeTiers(2),
		Example: "  kubectl engine diff -n ai-engine preview production",
	}
	f.bind(command)
	bindOutput(command, &output, "json", "yaml")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		found, err := f.declare(cmd.Context(), world, args...)
		if err != nil {
			return err
		}
		sides := make([]show.Side, 2)
		for i, d := range found {
			declared, unknown, err := d.built()
			if err != nil {
				return err
			}
			sides[i] = show.Side{Name: d.tier.Name, Declared: declared, Unknown: engineFirst(unknown, declared)}
			if engine := d.tier.Status.Engine; engine != nil {
				sides[i].Runs = engine.Revision
			}
		}
		all := show.Diff(sides[0], sides[1])
		if output != "" {
			return write(world.Out, output, all)
		}
		return say(world.Out, show.DiffTable(sides[0].Name, sides[1].Name, all, world.paint()))
	}
	return command
}

// engineFirst calls the engine so in paths, whatever its service is called.
func engineFirst(unknown map[string]string, declared *desired.Environment) map[string]string {
	renamed := map[string]string{}
	for path, from := range unknown {
		if rest, ok := strings.CutPrefix(path, declared.Services[0].Name+"."); ok {
			path = "engine." + rest
		}
		renamed[path] = from
	}
	return renamed
}
