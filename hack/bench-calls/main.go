// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench-calls counts what the operator asks of Railway and of Kubernetes for one application: one project, three
// Railway tiers, one engine, 25 variables each. Counts, not times, so every machine finds the same. Run it with
// `make bench-calls`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

const (
	namespace = "bench"
	variables = 25
	interval  = 30 * time.Second
	patience  = 60 * time.Second

	seed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
users: [{id: dana, name: Dana, email: dana@acme.example}]
projects:
- {id: 0bb01547-570d-4109-a5e8-138691f6a2d1, name: ai-engine, workspace: ws, environments: [{id: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, name: production}]}
tokens:
- {name: workspace, kind: workspace, workspace: ws, value: 11111111-1111-4111-8111-111111111111}
- {name: production, kind: project, project: 0bb01547-570d-4109-a5e8-138691f6a2d1, environment: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, value: 22222222-2222-4222-8222-222222222222}
limits: {environmentCreateInterval: 0s}
`
)

// benched is the application of all cases: three tiers from an image, each with a generated domain.
var benched = application{environments: 3, services: 1, variables: variables, generatedDomains: 3}

// result is one line of dist/bench-calls.json.
type result struct {
	Name             string `json:"name"`
	Requests         int    `json:"requests"`
	Commits          int    `json:"commits"`
	Deployments      int    `json:"deployments"`
	KubernetesWrites int    `json:"kubernetesWrites"`

	atMost, terraform string
	within            bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-calls:", err)
		os.Exit(1)
	}
}

type bench struct {
	*testbed.Bed
	results []result
}

func run(ctx context.Context) (err error) {
	parsed, err := railwaysim.ParseSeed([]byte(seed))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-calls")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	set, err := testbed.Start(ctx, testbed.Options{
		Binary: "bin/engine-operator", Dir: dir, Sim: railwaysim.Options{Seed: parsed, Step: 50 * time.Millisecond},
		Flags: []string{"--settle", "5s", "--log-grace", "5s", "--rollout-interval", "1s", "--railway-rps", "20", "--railway-burst", "20"},
	})
	if err != nil {
		return err
	}
	b := &bench{Bed: set}
	err = b.cases(ctx)
	if err != nil {
		b.Tail(os.Stderr, 10)
	}
	return errors.Join(err, b.Stop())
}

func (b *bench) cases(ctx context.Context) error {
	fmt.Println("Counting; the slowest case waits for one interval of 30s …")
	if err := b.Apply(ctx, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+"}", nil); err != nil {
		return err
	}
	for name, token := range map[string]string{"railway": "RAILWAY_API_TOKEN: 11111111-1111-4111-8111-111111111111", "project": "RAILWAY_TOKEN: 22222222-2222-4222-8222-222222222222"} {
		if err := b.Apply(ctx, "apiVersion: v1\nkind: Secret\nmetadata: {name: "+name+", namespace: "+namespace+"}\nstringData: {"+token+"}", nil); err != nil {
			return err
		}
	}
	if err := b.StartOperator(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.firstConvergence, b.restOfTheTiers, b.look, b.tenVariables, b.dashboardEdit, b.verification} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return b.print()
}

// tier applies one tier of the application.
func (b *bench) tier(ctx context.Context, tier, secret, value string, changed int) error {
	var list []any
	// The tier brings nine variables of its own; the rest are declared.
	for i := range variables - 9 {
		v := "one"
		if i < changed {
			v = value
		}
		list = append(list, map[string]any{"name": fmt.Sprintf("VARIABLE_%02d", i), "value": v})
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
		"metadata": map[string]any{"name": strings.ToLower(tier), "namespace": namespace},
		"spec": map[string]any{
			"tier": tier, "interval": interval.String(),
			"railway": map[string]any{"projectID": "0bb01547-570d-4109-a5e8-138691f6a2d1", "tokenSecretRef": map[string]any{"name": secret}},
			"engine": map[string]any{
				"name": "ai-engine", "source": map[string]any{"image": "ghcr.io/acme/ai-engine:1.4.2"},
				"deploy":  map[string]any{"healthcheck": map[string]any{"path": "/health"}},
				"domains": map[string]any{"railway": true}, "variables": list,
			},
		},
	}}
	raw, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	return b.Apply(ctx, string(raw), nil)
}

// ready waits until the tier is GO: what comes after the rollout is done, too.
func (b *bench) ready(ctx context.Context, name string, also func() bool) error {
	return testbed.Until(ctx, patience, func(ctx context.Context) (bool, error) {
		object, err := b.Get(ctx, namespace, name)
		return err == nil && testbed.Go(object) && (also == nil || also()), err
	})
}

// count runs a case and counts requests until the last commit, because polls after it depend on how long a rollout takes.
func (b *bench) count(name, atMost, terraform string, within func(result) bool, act func() error) error {
	r := result{Name: name, atMost: atMost, terraform: terraform}
	mark, err := b.writesOf(&r, act)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	seen := 0
	for _, request := range b.Sim.Requests() {
		if request.Seq <= mark.Seq {
			continue
		}
		seen++
		if request.Operation == "CommitPatch" {
			r.Commits++
			r.Requests = seen
		}
	}
	if r.Commits == 0 {
		r.Requests = seen
	}
	_, r.Deployments = b.Since(mark)
	r.within = within(r)
	b.results = append(b.results, r)
	return nil
}

// writesOf runs a case and counts what the operator wrote to Kubernetes meanwhile. The mark is of before.
func (b *bench) writesOf(r *result, act func() error) (testbed.Mark, error) {
	mark := b.Mark()
	before, err := b.Writes()
	if err != nil {
		return mark, err
	}
	if err := act(); err != nil {
		return mark, err
	}
	after, err := b.Writes()
	r.KubernetesWrites = after - before
	return mark, err
}

func (b *bench) firstConvergence(ctx context.Context) error {
	return b.count("first-convergence", "6 requests until the commit, 1 deployment", createTier(variables).String(),
		func(r result) bool { return r.Requests <= 6 && r.Commits == 1 && r.Deployments == 1 },
		func() error { return errors.Join(b.tier(ctx, "Dev", "railway", "", 0), b.ready(ctx, "dev", nil)) })
}

func (b *bench) restOfTheTiers(ctx context.Context) error {
	return errors.Join(
		b.tier(ctx, "Preview", "railway", "", 0), b.ready(ctx, "preview", nil),
		b.tier(ctx, "Production", "project", "", 0), b.ready(ctx, "production", nil))
}

// look lets one whole interval pass over the tier with the project token.
func (b *bench) look(ctx context.Context) error {
	since := func(mark testbed.Mark) (n int) {
		for _, r := range b.Sim.Requests() {
			if r.Seq > mark.Seq && r.Token == "production" {
				n++
			}
		}
		return n
	}
	r := result{
		Name: "look", atMost: "1 request, 0 writes to Kubernetes",
		terraform: fmt.Sprintf("%d requests for %d tiers", benched.refresh(variables), benched.environments),
	}
	start := b.Mark()
	mark, err := b.writesOf(&r, func() error {
		err := testbed.Until(ctx, patience, func(context.Context) (bool, error) { return since(start) > 0, nil })
		time.Sleep(2 * time.Second) // whatever a poll makes the operator do would happen now
		return err
	})
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	r.Requests = since(start)
	_, r.Deployments = b.Since(mark)
	r.within = r.Requests == 1 && r.KubernetesWrites == 0 && r.Deployments == 0
	b.results = append(b.results, r)
	return nil
}

// runsAnHour is how often the checks run in an hour at the default verification.interval.
const runsAnHour = int(time.Hour / v1alpha1.DefaultVerificationInterval)

// verification lets the checks of a tier run as often as they do in an hour, only faster, and counts what that asks of Railway.
func (b *bench) verification(ctx context.Context) error {
	object, err := b.Get(ctx, namespace, "preview")
	if err == nil {
		err = b.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(`{"spec": {"verification": {"interval": "5s"}}}`)))
	}
	if err == nil {
		err = b.ready(ctx, "preview", nil)
	}
	if err != nil {
		return fmt.Errorf("verification: %w", err)
	}
	health := func() (n int) {
		for _, v := range b.Sim.Visits() {
			if v.Path == "/health" && strings.Contains(v.Host, "preview") {
				n++
			}
		}
		return n
	}
	r := result{Name: "verification-hour", atMost: "0 requests, 0 writes to Kubernetes", terraform: "does not verify"}
	before := health()
	mark, err := b.writesOf(&r, func() error {
		return testbed.Until(ctx, patience, func(context.Context) (bool, error) { return health()-before >= runsAnHour, nil })
	})
	if err != nil {
		return fmt.Errorf("verification: %w", err)
	}
	requests, deployments := b.Since(mark)
	r.Requests, r.Deployments = requests["ReadLogs"], deployments
	r.within = r.Requests == 0 && r.KubernetesWrites == 0
	b.results = append(b.results, r)
	return nil
}

func (b *bench) value(name string) string {
	all, err := b.Sim.Variables(railwaysim.Place{Environment: "dev", Service: "ai-engine"})
	if err != nil {
		return ""
	}
	return all[name]
}

func (b *bench) tenVariables(ctx context.Context) error {
	return b.count("ten-variables", "1 commit, 1 deployment", change(10).String(),
		func(r result) bool { return r.Commits == 1 && r.Deployments == 1 },
		func() error {
			return errors.Join(b.tier(ctx, "Dev", "railway", "two", 10), b.ready(ctx, "dev", func() bool { return b.value("VARIABLE_09") == "two" }))
		})
}

func (b *bench) dashboardEdit(ctx context.Context) error {
	start := time.Now()
	return b.count("dashboard-edit", "back within one interval, 1 commit", "not noticed until a person runs it",
		func(r result) bool { return r.Commits == 1 && time.Since(start) < interval+interval/10+5*time.Second },
		func() error {
			value := "by hand"
			edit := railwaysim.VariableEdit{Place: railwaysim.Place{Environment: "dev", Service: "ai-engine"}, Name: v1alpha1.VariableRateLimitRPM, Value: &value}
			if err := b.Sim.EditVariable(edit); err != nil {
				return err
			}
			return b.ready(ctx, "dev", func() bool { return b.value(v1alpha1.VariableRateLimitRPM) == "1000" })
		})
}

// print prints the table and writes dist/bench-calls.json. A case above its bound is an error.
func (b *bench) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nCASE\tREQUESTS\tCOMMITS\tDEPLOYMENTS\tKUBERNETES WRITES\tAT MOST\tTERRAFORM PROVIDER")
	var over []string
	for _, r := range b.results {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\n", r.Name, r.Requests, r.Commits, r.Deployments, r.KubernetesWrites, r.atMost, r.terraform)
		if !r.within {
			over = append(over, r.Name)
		}
	}
	_ = w.Flush()
	fmt.Printf(`
verification-hour is what the tier's own checks ask of Railway in the %d runs of an hour; each rollout asks once, for the log.
`, runsAnHour)
	printComparison()
	raw, err := json.MarshalIndent(map[string]any{"cases": b.results}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll("dist", 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join("dist", "bench-calls.json"), append(raw, '\n'), 0o600); err != nil {
		return err
	}
	if len(over) > 0 {
		return fmt.Errorf("above the bound: %s", strings.Join(over, ", "))
	}
	return nil
}

// printComparison says how the figures come about, ours and the Terraform provider's (terraform.go).
func printComparison() {
	each, collection := benched.refresh(variables), benched.refresh(1)
	fmt.Printf(`
One project, three Railway tiers, one engine, %d variables each. Requests are counted until the commit; those of the
dashboard edit hold the polls of the other tiers, and its deployments are the human's own and the repair's. A look is one
tier's. The Terraform provider deploys twice for each variable that it writes: Railway deploys for the upsert, and the
provider redeploys.
                 first tier                     ten variables changed
  by variable    %-30s %s
  by collection  %-30s %s
With E environments, S services from an image, V variables a service and environment, D custom and G generated domains,
to read all of it once takes
  Terraform provider, railway_variable:             1 + (E-1) + 5S + E*S*V + 2D + G = %d (%d from a repository)
  Terraform provider, railway_variable_collection:  1 + (E-1) + 5S + E*S + 2D + G   = %d (%d from a repository)
  this operator:                                    E                               = %d
`, variables, createTier(variables), change(10), createTier(1), change(1),
		each, each+benched.services, collection, collection+benched.services, benched.environments)
}
