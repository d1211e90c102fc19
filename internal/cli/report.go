// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/cli/support"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/options"
)

const reportHelp = `Write an archive for a support case: the EngineEnvironments of the namespace with their status, their history
and events, what the operator's Deployment runs, and versions. It has the names of variables and headers without their
values, and no bodies, Secrets or ConfigMaps. The values of the Secrets that the tiers name are masked in all texts, as
far as you may read them. Read it before you send it.`

func reportCommand(world World) *cobra.Command {
	c, file, system := &cluster{}, "", ""
	command := &cobra.Command{
		Use: "report [NAME]", Short: "Write a redacted archive for a support case", Long: reportHelp, Args: oneTier,
		ValidArgsFunction: c.completeTiers(1),
		Example:           "  kubectl engine report -n ai-engine\n  kubectl engine report -n ai-engine production --file case-4711.tar.gz",
	}
	c.bind(command, true)
	command.Flags().StringVar(&file, "file", "", "the archive; default: engine-report-<time>.tar.gz")
	command.Flags().StringVar(&system, "operator-namespace", options.DefaultNamespace, "where the operator runs")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if file == "" {
			file = "engine-report-" + world.Now().UTC().Format("20060102-150405") + ".tar.gz"
		}
		s, err := c.connect()
		if err != nil {
			return err
		}
		tiers, err := s.reported(cmd.Context(), args)
		if err != nil {
			return err
		}
		files, err := s.report(cmd.Context(), world, tiers, system)
		if err != nil {
			return err
		}
		if err := archive(file, files, world.Now()); err != nil {
			return err
		}
		return say(world.Out, show.Visible(fmt.Sprintf("Wrote %s with %d files.", file, len(files)))+"\n")
	}
	return command
}

// reported are the tiers that the report is about.
func (s *session) reported(ctx context.Context, names []string) ([]v1alpha1.EngineEnvironment, error) {
	if len(names) == 0 {
		return s.tiers(ctx)
	}
	tier, err := s.tier(ctx, names[0])
	if err != nil {
		return nil, err
	}
	return []v1alpha1.EngineEnvironment{*tier}, nil
}

// report are the files by name.
func (s *session) report(ctx context.Context, world World, tiers []v1alpha1.EngineEnvironment, system string) (map[string]string, error) {
	world.progress("reads the Secrets and ConfigMaps that are named, to mask their values")
	masker, problems := s.masker(ctx, tiers), []string(nil)
	collected := support.Collected{
		Versions: map[string]string{"kubectl-engine": world.Version}, Tiers: tiers, History: map[string][]show.Entry{}, Time: world.Now(),
	}
	if kubernetes, err := discovery.NewDiscoveryClientForConfig(s.config); err == nil {
		if version, err := kubernetes.ServerVersion(); err == nil {
			collected.Versions["kubernetes"] = version.GitVersion
		}
	}
	for i := range tiers {
		world.progress("reads the history of %s (%d of %d)", tiers[i].Name, i+1, len(tiers))
		past, missing := s.past(ctx, &tiers[i])
		for _, problem := range missing {
			problems = append(problems, explain(problem))
		}
		collected.History[tiers[i].Namespace+"/"+tiers[i].Name] = show.History(past)
	}
	var operators appsv1.DeploymentList
	if err := s.List(ctx, &operators, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/name": "engine-operator"}); err != nil {
		problems = append(problems, "the operator's Deployment: "+explain(err))
	}
	var pods corev1.PodList
	if err := s.List(ctx, &pods, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/name": "engine-operator"}); err != nil {
		problems = append(problems, "the operator's pods: "+explain(err))
	}
	if len(operators.Items) == 0 {
		problems = append(problems, "no Deployment of the operator is in namespace "+system+": name another with --operator-namespace")
	}
	collected.Operators, collected.Pods, collected.Problems = operators.Items, pods.Items, problems
	return support.Files(collected, masker)
}

// masker masks the values of the Secrets that the tiers name, as far as they may be read.
func (s *session) masker(ctx context.Context, tiers []v1alpha1.EngineEnvironment) func(string) string {
	var values, names []string
	for i := range tiers {
		sources := preview.NoSources()
		s.addSources(ctx, &tiers[i], sources)
		if tiers[i].Spec.Railway != nil {
			name := tiers[i].Spec.Railway.TokenSecretRef.Name
			if data, ok := s.secret(ctx, tiers[i].Namespace, name); ok {
				sources.Secrets[name] = data
			}
		}
		for _, data := range sources.Secrets {
			values = append(values, slices.Collect(maps.Values(data))...)
		}
		names = append(names, namesIn(&tiers[i])...)
	}
	return support.Masker(values, names)
}

// namesIn are what stays in the clear, because the object has it in the clear: names, addresses and images.
func namesIn(tier *v1alpha1.EngineEnvironment) []string {
	names := append([]string{tier.Namespace, tier.Name, tier.Spec.RailwayEnvironment(), tier.Status.EnvSecret}, serviceNames(tier)...)
	sources := []*v1alpha1.Source{tier.Spec.Engine.Source}
	for i := range tier.Spec.Services {
		sources = append(sources, tier.Spec.Services[i].Source)
	}
	for _, source := range sources {
		if source != nil {
			names = append(names, source.Image, source.Repo, source.Branch)
		}
	}
	if at := tier.Status.Railway; at != nil {
		names = append(names, at.URL)
	}
	names = append(names, tier.Annotations[v1alpha1.AnnotationApprovedBy])
	if p := tier.Status.Promotion; p != nil {
		names = append(names, p.Candidate, p.Revision, p.CandidateRevision)
		if p.Approval != nil {
			names = append(names, p.Approval.By)
		}
		for i := range p.History {
			names = append(names, p.History[i].ApprovedBy)
		}
	}
	running := slices.Clone(tier.Status.Services)
	if tier.Status.Engine != nil {
		running = append(running, *tier.Status.Engine)
	}
	for i := range running {
		names = append(names, running[i].URL, running[i].Image, running[i].Revision)
	}
	secrets, configMaps := desired.References(&tier.Spec)
	return slices.Concat(names, secrets, configMaps)
}

// archive writes the files into a new archive, which only its owner may read.
func archive(path string, files map[string]string, now time.Time) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	return pack(file, files, now)
}

func pack(into io.Writer, files map[string]string, now time.Time) error {
	zipped := gzip.NewWriter(into)
	tarred := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: "engine-report/" + strings.TrimPrefix(name, "/"), Mode: 0o600, Size: int64(len(files[name])), ModTime: now.Truncate(time.Second)}
		if err := tarred.WriteHeader(header); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		if _, err := io.WriteString(tarred, files[name]); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if err := tarred.Close(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := zipped.Close(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
