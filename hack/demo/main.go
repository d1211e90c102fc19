// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo lets the built operator bring up four tiers of an AI engine on a local Railway, from four EngineEnvironment
// objects on a real Kubernetes API server, and then plays what happens to them in real life. Run it with `make demo`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

const (
	namespace = "ai-engine"
	samples   = "config/samples"
	// repository is where the engine's images are.
	repository = "ghcr.io/acme/ai-engine"
	// patience bounds every wait.
	patience = 90 * time.Second
)

var tiers = []string{"local", "dev", "preview", "production"}

// report is dist/demo.json.
type report struct {
	Tiers []tierReport `json:"tiers"`
	Steps []stepReport `json:"steps"`
}

type tierReport struct {
	Name  string `json:"name"`
	Tier  string `json:"tier"`
	Ready bool   `json:"ready"`
	// Verdict is GO, NO-GO or PENDING.
	Verdict string `json:"verdict"`
}

type stepReport struct {
	Name        string         `json:"name"`
	OK          bool           `json:"ok"`
	Requests    map[string]int `json:"requests"`
	Deployments int            `json:"deployments"`
	Seconds     float64        `json:"seconds"`
}

func main() {
	ctrl.SetLogger(logr.Discard()) // without one controller-runtime prints a stack trace when the start takes 30 seconds
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop() // not before: a second Ctrl-C would leave etcd and kube-apiserver running, whose end takes some seconds
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// play is the running demo.
type play struct {
	*testbed.Bed
	report report
	// token is one that Railway accepts.
	token string
}

func run(ctx context.Context) error {
	seed, err := railwaysim.LoadSeed("hack/railway-sim/seed.yaml")
	if err != nil {
		return err
	}
	ageEnvironments(seed)
	dir, err := filepath.Abs(".demo")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	fmt.Println("Starting etcd and kube-apiserver, and a local Railway …")
	set, err := testbed.Start(ctx, testbed.Options{
		Binary: "bin/engine-operator", Dir: dir, Sim: railwaysim.Options{Seed: seed, Step: 700 * time.Millisecond},
		Flags: []string{"--settle", "5s", "--log-grace", "5s", "--rollout-interval", "500ms", "--railway-rps", "20", "--railway-burst", "20"},
	})
	if err != nil {
		return err
	}
	p := &play{Bed: set, token: seed.Tokens[0].Value}
	err = p.story(ctx)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "\nThe end of the operator's log:")
		p.Tail(os.Stderr, 20)
	}
	if err == nil {
		p.invite(ctx)
	}
	fmt.Println("Cleaning up …")
	if stopped := p.Stop(); err == nil && stopped != nil {
		return stopped
	}
	if ctx.Err() != nil && os.Getenv("DEMO_EXIT") == "" {
		return nil // Ctrl-C is how the demo ends
	}
	return err
}

// ageEnvironments lets every environment be there since long ago, so that each tier's month is projected from the same usage: what
// an environment of some minutes has used rounds to nothing.
func ageEnvironments(seed railwaysim.Seed) {
	project := &seed.Projects[0]
	for i, name := range []string{"preview", "dev"} {
		project.Environments = append(project.Environments, railwaysim.SeedEnvironment{
			ID: fmt.Sprintf("3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e20%d", i+2), Name: name, Age: project.Environments[0].Age,
		})
	}
}

func (p *play) story(ctx context.Context) error {
	steps := []struct {
		name, tells string
		act         func(context.Context) error
		goal        func(context.Context) (bool, error)
	}{
		{"four tiers come up", "Four objects are applied: config/samples/{local,dev,preview,production}.yaml. Railway has one project with three empty environments.",
			p.applySamples, p.allReady},
		{"dashboard edit undone", "Somebody sets DEBUG=true in production, on Railway's dashboard. The operator sees it within spec.interval (30s here). Two deployments: the human's, and the repair's.",
			p.editOnDashboard, p.editUndone},
		{"secret rotated", "The OpenAI key is rotated: one Kubernetes Secret, used sealed by every Railway tier. Every service that uses it gets exactly one deployment.",
			p.rotateSecret, p.secretArrived},
		{"spec edit rolled out", "Dev gets a new image and three variables in one edit: one commit, one deployment.",
			p.editSpec, p.specArrived},
		{"promotion to preview", "Preview takes its source from Dev from now on, Production from Preview with an approval. Dev gets 1.6.0: it is verified, " +
			"soaks for three seconds, is promoted to Preview by its digest, verified there, and waits for a person.", p.declarePromotion, p.awaitsApproval},
		{"approved for production", "A person approves for Production what status.promotion.candidate names: these bytes of 1.6.0 and no others. The message above has the command.",
			p.approve, p.inProduction},
		{"bad image rolled back", "Dev gets an image whose middleware does not load. Dev has its middleware off and passes; Preview fails its checks, goes back " +
			"to 1.6.0 and holds it. Production never sees the image.", p.breakMiddleware, p.rolledBack},
	}
	for i, s := range steps {
		fmt.Printf("\n%d. %s\n   %s\n", i+1, strings.ToUpper(s.name[:1])+s.name[1:], s.tells)
		mark, start := p.Mark(), time.Now()
		err := s.act(ctx)
		if err == nil {
			err = testbed.Until(ctx, patience, s.goal)
		}
		requests, deployments := p.Since(mark)
		p.report.Steps = append(p.report.Steps, stepReport{
			Name: s.name, OK: err == nil, Requests: requests, Deployments: deployments, Seconds: time.Since(start).Round(100 * time.Millisecond).Seconds(),
		})
		p.table(ctx)
		fmt.Printf("   Railway requests: %s; deployments: %d; %.1fs\n", counts(requests), deployments, time.Since(start).Seconds())
		if err != nil {
			return fmt.Errorf("step %q did not reach its goal: %w", s.name, errors.Join(err, p.write(ctx)))
		}
	}
	return p.write(ctx)
}

// applySamples applies the samples as they are, but with a short interval.
func (p *play) applySamples(ctx context.Context) error {
	files := append([]string{"namespace", "secrets"}, tiers...)
	for _, file := range files {
		err := p.ApplyFile(ctx, filepath.Join(samples, file+".yaml"), func(o *unstructured.Unstructured) {
			if o.GetKind() == "EngineEnvironment" && o.GetName() != "local" {
				_ = unstructured.SetNestedField(o.Object, "30s", "spec", "interval")
			}
		})
		if err != nil {
			return err
		}
	}
	return p.StartOperator(ctx)
}

func (p *play) allReady(ctx context.Context) (bool, error) {
	for _, name := range tiers {
		object, err := p.Get(ctx, namespace, name)
		if err != nil || !testbed.Go(object) {
			return false, err
		}
	}
	return true, nil
}

func at(environment string) railwaysim.Place {
	return railwaysim.Place{Environment: environment, Service: "ai-engine"}
}

func (p *play) editOnDashboard(context.Context) error {
	value := "true"
	return p.Sim.EditVariable(railwaysim.VariableEdit{Place: at("production"), Name: v1alpha1.VariableDebug, Value: &value})
}

func (p *play) editUndone(ctx context.Context) (bool, error) {
	variables, err := p.Sim.Variables(at("production"))
	if err != nil || variables[v1alpha1.VariableDebug] != "false" {
		return false, err
	}
	return p.allReady(ctx)
}

const rotated = "sk-demo-rotated-0002"

func (p *play) rotateSecret(ctx context.Context) error {
	return p.Apply(ctx, "apiVersion: v1\nkind: Secret\nmetadata: {name: openai, namespace: "+namespace+"}\nstringData: {api-key: "+rotated+"}\n", nil)
}

func (p *play) secretArrived(ctx context.Context) (bool, error) {
	for _, environment := range tiers[1:] {
		variables, err := p.Sim.Variables(at(environment))
		if err != nil || variables["OPENAI_API_KEY"] != rotated {
			return false, err
		}
	}
	return p.allReady(ctx)
}

func (p *play) editSpec(ctx context.Context) error {
	return p.ApplyFile(ctx, filepath.Join(samples, "dev.yaml"), func(o *unstructured.Unstructured) {
		variables, _, _ := unstructured.NestedSlice(o.Object, "spec", "engine", "variables")
		for _, name := range []string{"MODEL", "TEMPERATURE", "MAX_TOKENS"} {
			variables = append(variables, map[string]any{"name": name, "value": "demo"})
		}
		_ = unstructured.SetNestedField(o.Object, "30s", "spec", "interval")
		_ = unstructured.SetNestedSlice(o.Object, variables, "spec", "engine", "variables")
		_ = unstructured.SetNestedField(o.Object, repository+":1.5.0", "spec", "engine", "source", "image")
	})
}

func (p *play) specArrived(ctx context.Context) (bool, error) {
	object, err := p.Get(ctx, namespace, "dev")
	if err != nil || object.Status.Engine == nil || object.Status.Engine.Revision != "1.5.0" {
		return false, err
	}
	return p.allReady(ctx)
}

// tierFile applies a tier's sample with another image, or none, and what else changes.
func (p *play) tierFile(ctx context.Context, name, image string, change func(spec map[string]any)) error {
	return p.ApplyFile(ctx, filepath.Join(samples, name+".yaml"), func(o *unstructured.Unstructured) {
		spec, _ := o.Object["spec"].(map[string]any)
		spec["interval"] = "30s"
		engine, _ := spec["engine"].(map[string]any)
		delete(engine, "source")
		if image != "" {
			engine["source"] = map[string]any{"image": repository + ":" + image}
		}
		services, _ := spec["services"].([]any)
		for _, raw := range services {
			if service, ok := raw.(map[string]any); ok && image == "" {
				delete(service, "source") // it runs what the engine runs
			}
		}
		if change != nil {
			change(spec)
		}
	})
}

func (p *play) declarePromotion(ctx context.Context) error {
	return errors.Join(
		p.tierFile(ctx, "preview", "", func(spec map[string]any) { spec["promotion"] = map[string]any{"from": "dev", "soak": "3s"} }),
		p.tierFile(ctx, "production", "", func(spec map[string]any) {
			spec["promotion"] = map[string]any{"from": "preview", "approval": "Manual"}
		}),
		p.tierFile(ctx, "dev", "1.6.0", nil))
}

// runs reports whether the tier runs the revision and is GO.
func (p *play) runs(ctx context.Context, name, revision string) (bool, error) {
	object, err := p.Get(ctx, namespace, name)
	return err == nil && object.Status.Engine != nil && object.Status.Engine.Revision == revision &&
		object.Status.Verdict == v1alpha1.VerdictGo, err
}

func (p *play) awaitsApproval(ctx context.Context) (bool, error) {
	if ok, err := p.runs(ctx, "preview", "1.6.0"); err != nil || !ok {
		return false, err
	}
	object, err := p.Get(ctx, namespace, "production")
	promotion := object.Status.Promotion
	return err == nil && promotion != nil && promotion.State == v1alpha1.PromotionAwaitingApproval &&
		promotion.CandidateRevision == "1.6.0" && strings.HasPrefix(promotion.Candidate, repository+"@sha256:"), err
}

func (p *play) approve(ctx context.Context) error {
	object, err := p.Get(ctx, namespace, "production")
	if err != nil {
		return err
	}
	before := object.DeepCopy()
	object.Annotations = map[string]string{
		v1alpha1.AnnotationApprove: object.Status.Promotion.Candidate, v1alpha1.AnnotationApprovedBy: "dana@acme.example",
	}
	return p.Client.Patch(ctx, object, client.MergeFrom(before))
}

func (p *play) inProduction(ctx context.Context) (bool, error) {
	return p.runs(ctx, "production", "1.6.0")
}

const badImage = "1.7.0-no-middleware"

func (p *play) breakMiddleware(ctx context.Context) error {
	return p.tierFile(ctx, "dev", badImage, nil)
}

func (p *play) rolledBack(ctx context.Context) (bool, error) {
	if ok, err := p.runs(ctx, "dev", badImage); err != nil || !ok {
		return false, err
	}
	object, err := p.Get(ctx, namespace, "preview")
	if err != nil || object.Status.Rollback == nil || object.Status.Engine.Revision != "1.6.0" || reason(object) != v1alpha1.ReasonRolledBack ||
		!meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionStalled) {
		return false, err
	}
	for _, d := range p.Sim.Deployments() {
		if d.Environment == "production" && strings.Contains(d.Image, badImage) {
			return false, errors.New("production saw the bad image")
		}
	}
	return p.runs(ctx, "production", "1.6.0")
}

func reason(object *v1alpha1.EngineEnvironment) string {
	if c := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

// table prints what `kubectl get eenv` shows, and what is said about a tier that is not as declared or waits for a person.
func (p *play) table(ctx context.Context) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "\n   NAME\tTIER\tREADY\tREASON\tVERDICT\tCHECKS\tREVISION\tPROMOTION\tCOST")
	var said []string
	for _, name := range tiers {
		object, err := p.Get(ctx, namespace, name)
		if err != nil {
			continue
		}
		_, _ = fmt.Fprintf(w, "   %s\n", strings.Join(columns(object), "\t"))
		if message := waits(object); message != "" {
			said = append(said, name+": "+message)
		}
	}
	_ = w.Flush()
	for _, message := range said {
		fmt.Println("   " + message)
	}
}

// columns are those of `kubectl get eenv`, without the age.
func columns(object *v1alpha1.EngineEnvironment) []string {
	status, ready, revision, promotion, cost := object.Status, "Unknown", "", "", ""
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); c != nil {
		ready = string(c.Status)
	}
	if status.Engine != nil {
		revision = status.Engine.Revision
	}
	if status.Promotion != nil {
		promotion = string(status.Promotion.State)
	}
	if status.Cost != nil {
		cost = status.Cost.Summary
	}
	return []string{
		object.Name, string(object.Spec.Tier), ready, reason(object), string(status.Verdict), status.Readiness, revision, promotion, cost,
	}
}

// waits is the message of the condition that is not as it should be: of Ready, or of a promotion that waits for a person.
func waits(object *v1alpha1.EngineEnvironment) string {
	for _, name := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionPromoted} {
		if c := meta.FindStatusCondition(object.Status.Conditions, name); c != nil && c.Status == metav1.ConditionFalse {
			return c.Message
		}
	}
	return ""
}

func counts(requests map[string]int) string {
	names := make([]string, 0, len(requests))
	total := 0
	for name, n := range requests {
		names = append(names, fmt.Sprintf("%s %d", name, n))
		total += n
	}
	slices.Sort(names)
	return fmt.Sprintf("%d (%s)", total, strings.Join(names, ", "))
}

// write writes dist/demo.json.
func (p *play) write(ctx context.Context) error {
	for _, name := range tiers {
		if object, err := p.Get(ctx, namespace, name); err == nil {
			p.report.Tiers = append(p.report.Tiers, tierReport{
				Name: name, Tier: string(object.Spec.Tier), Ready: testbed.Ready(object), Verdict: string(object.Status.Verdict),
			})
		}
	}
	raw, err := json.MarshalIndent(p.report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll("dist", 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("dist", "demo.json"), append(raw, '\n'), 0o600)
}

// invite tells how to play on, and waits.
func (p *play) invite(ctx context.Context) {
	fmt.Println("\nEvery step reached its goal; dist/demo.json has the figures.")
	if os.Getenv("DEMO_EXIT") != "" {
		return
	}
	console := strings.TrimSuffix(p.Endpoint, "/graphql/v2") + "/_sim"
	fmt.Printf(`
Try it in another terminal, in this directory:
  export KUBECONFIG=%[1]s
  bin/engine-operator status -n %[2]s               # all tiers as a tree; installed as kubectl-engine it is `+"`kubectl engine status`"+`
  bin/engine-operator status -n %[2]s preview       # one tier, with what it waits for
  bin/engine-operator history -n %[2]s production
  bin/engine-operator resume -n %[2]s preview       # give the bad image another try: it is rolled back again
  bin/engine-operator board -n %[2]s                # the tiers as a live page; Ctrl-C ends it
Commands that read Railway need the address of the local one, and plan a token:
  export RAILWAY_API_TOKEN=%[5]s
  bin/engine-operator plan -f config/samples/dev.yaml --cluster --railway-endpoint %[6]s
  bin/engine-operator logs -n %[2]s dev --railway-endpoint %[6]s
  bin/engine-operator verify -n %[2]s dev --railway-endpoint %[6]s \
    --probe-connect-to %[7]s --probe-ca %[8]s
The same with kubectl, if you have it (the admission policies for approvals are not installed here):
  kubectl -n %[2]s get eenv                         # -o wide: with URL, candidate and message
  kubectl -n %[2]s describe eenv production
Edit a variable as on Railway's dashboard, and see what the operator asks from then on (it polls every 30 s):
  curl -X DELETE %[3]s/requests
  curl -d '{"environment":"dev","service":"ai-engine","name":"DB_SCHEMA","value":"oops"}' %[3]s/variable
  curl %[3]s/requests
The operator's log: %[4]s
Ctrl-C ends the demo.
`, p.Kubeconfig, namespace, console, p.LogFile(), p.token, p.Endpoint, p.Edge.Address, p.EdgeCA())
	select {
	case <-ctx.Done():
	case <-p.Operator().Exited():
		fmt.Fprintln(os.Stderr, "The operator has ended by itself; the end of its log:")
		p.Tail(os.Stderr, 20)
	}
}
