// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the built operator with fleets of several sizes, each on a real etcd and kube-apiserver and a local Railway:
// one account token, and for each object a project, a Dev tier and an engine with 25 variables. See docs/performance.md; run it with
// `make bench`, or `make bench-check`, which holds counts and ratios against ranges.yaml.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/yaml"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctrl.SetLogger(logr.Discard())
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// setup is what a run was made with. It stands in dist/bench.json and is printed.
type setup struct {
	Sizes         []int    `json:"sizes"`
	CPUs          int      `json:"cpus"`
	ReadLatencyMS int64    `json:"readLatencyMS"`
	Flags         []string `json:"operatorFlags"`
	Env           []string `json:"operatorEnv,omitempty"`
	// Binary is the operator, Profiles the directory that takes its profiles, empty for none.
	Binary   string `json:"-"`
	Profiles string `json:"-"`
	// Beside is a dist/bench.json of another run, whose other sizes are printed and plotted, too; empty for none.
	Beside string `json:"beside,omitempty"`
	// Counts leaves out what yields times only.
	Counts bool `json:"counts,omitempty"`

	concurrency, requestsPerSecond int
	readLatency, steadyAtMost      time.Duration
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	sizes := flags.String("sizes", "100,1000,10000", "how many objects, separated by commas")
	ranges := flags.String("check", "", "file of ranges to hold counts and ratios in; leaves out what yields times only")
	s := setup{CPUs: runtime.NumCPU()}
	flags.StringVar(&s.Binary, "binary", "bin/engine-operator", "the built operator")
	manager := flags.String("manager", "config/manager/manager.yaml",
		"the operator's Deployment, whose environment it runs with: what bounds its memory; empty for an operator without bounds")
	flags.StringVar(&s.Beside, "beside", "", "dist/bench.json of another run, kept elsewhere: sizes that this run does not measure are taken from it")
	flags.StringVar(&s.Profiles, "profiles", "", "directory for CPU and heap profiles of the operator; empty takes none")
	flags.IntVar(&s.concurrency, "concurrency", 16, "how many objects the operator, and the bare client, work on at once")
	flags.IntVar(&s.requestsPerSecond, "rps", 40, "requests a second to Railway, below the Pro plan's 50: requests that were late arrive together")
	flags.DurationVar(&s.readLatency, "read-latency", 200*time.Millisecond, "how long a read of the local Railway takes")
	flags.DurationVar(&s.steadyAtMost, "steady-at-most", 25*time.Minute, "how long steady state is measured at most")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || size < 1 {
			return fmt.Errorf("--sizes: %q is no number of objects", text)
		}
		s.Sizes = append(s.Sizes, size)
	}
	s.Counts, s.ReadLatencyMS = *ranges != "", s.readLatency.Milliseconds()
	s.Flags = s.operatorFlags()
	var err error
	if s.Env, err = environmentOf(*manager); err != nil {
		return fmt.Errorf("--manager: %w", err)
	}
	measured, err := s.measure(ctx)
	if err != nil || *ranges == "" {
		return err
	}
	return check(*ranges, measured)
}

// burst is how many requests may go out at once, together with those of a second a little less than the Pro plan allows.
const burst = 2

// operatorFlags are what differs from the operator's defaults, and why it must.
func (s setup) operatorFlags() []string {
	return []string{
		"--concurrency", strconv.Itoa(s.concurrency),
		"--railway-rps", strconv.Itoa(s.requestsPerSecond), "--railway-burst", strconv.Itoa(burst),
		"--metrics-secure=false", // the bench has no ServiceAccount
	}
}

// environmentOf is what a Deployment puts into the environment of its first container, as NAME=value, without what only a cluster knows.
func environmentOf(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for document := range strings.SplitSeq(string(raw), "\n---") {
		var deployment appsv1.Deployment
		if err := yaml.Unmarshal([]byte(document), &deployment); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if deployment.Kind != "Deployment" || len(deployment.Spec.Template.Spec.Containers) == 0 {
			continue
		}
		var env []string
		for _, v := range deployment.Spec.Template.Spec.Containers[0].Env {
			if v.ValueFrom == nil {
				env = append(env, v.Name+"="+v.Value)
			}
		}
		return env, nil
	}
	return nil, fmt.Errorf("%s holds no Deployment", file)
}

// measure measures all sizes, and writes what is measured after each.
func (s setup) measure(ctx context.Context) ([]result, error) {
	fmt.Printf("Operator flags: %s\nOperator environment: %s\nReads of Railway take %s. %d CPUs are shared by operator, etcd, kube-apiserver and this process with "+
		"the local Railway.\n", strings.Join(s.Flags, " "), cmp.Or(strings.Join(s.Env, " "), "nothing of its own"), s.readLatency, s.CPUs)
	out, err := s.begin()
	if err != nil {
		return nil, err
	}
	mine := func() []result {
		return slices.DeleteFunc(slices.Clone(out.Sizes), func(r result) bool { return !slices.Contains(s.Sizes, r.Objects) })
	}
	for _, size := range s.Sizes {
		fmt.Printf("\n%d objects\n", size)
		measured, err := s.size(ctx, size)
		if measured.ReadySeconds > 0 {
			out.Sizes = append(out.Sizes, measured)
			slices.SortFunc(out.Sizes, func(a, b result) int { return a.Objects - b.Objects })
			err = errors.Join(err, out.write(filepath.Join("dist", "bench.json")), writePlot(filepath.Join("dist", "bench.svg"), out.Sizes))
		}
		if err != nil {
			return mine(), errors.Join(fmt.Errorf("%d objects: %w", size, err), out.print())
		}
	}
	return mine(), out.print()
}

// begin is the report with what another run has measured.
func (s setup) begin() (report, error) {
	out := report{Setup: s}
	if s.Beside == "" {
		return out, nil
	}
	raw, err := os.ReadFile(s.Beside)
	if err != nil {
		return out, err
	}
	var other report
	if err := json.Unmarshal(raw, &other); err != nil {
		return out, fmt.Errorf("%s: %w", s.Beside, err)
	}
	out.Sizes = slices.DeleteFunc(other.Sizes, func(r result) bool { return slices.Contains(s.Sizes, r.Objects) })
	return out, nil
}

func (r report) print() error {
	fmt.Println()
	return table(os.Stdout, r.Sizes)
}
