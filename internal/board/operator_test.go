// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/testbed"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// demoNamespace and the tiers are those of config/samples.
const (
	demoNamespace            = "ai-engine"
	dev, preview, production = "dev", "preview", "production"
)

// operate runs the operator on a local Railway, as in the demo (hack/demo) but faster, until the test ends.
func operate(t *testing.T, config *rest.Config) *testbed.Railway {
	t.Helper()
	seed, err := railwaysim.LoadSeed("../../hack/railway-sim/seed.yaml")
	require.NoError(t, err)
	for i, name := range []string{preview, dev} { // what a new environment has used rounds to nothing
		project := &seed.Projects[0]
		project.Environments = append(project.Environments, railwaysim.SeedEnvironment{
			ID: fmt.Sprintf("3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e20%d", i+2), Name: name, Age: project.Environments[0].Age,
		})
	}
	sim, err := testbed.StartRailway(railwaysim.Options{Seed: seed, Step: 100 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(sim.Stop)
	guard, err := sim.Guard()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	started, err := operator.New(ctx, config, operator.Options{
		Namespaces: []string{demoNamespace}, Concurrency: 4, Settle: time.Second, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthAddress: "0", Log: logr.Discard(), AnyName: true, HashKey: []byte("0123456789abcdef0123456789abcdef"), ShutdownTimeout: 20 * time.Second,
		Railway: railway.Options{Endpoint: sim.Endpoint, Timeout: 5 * time.Second, RequestsPerSecond: 200, Burst: 200},
		Watch:   railway.WatchOptions{Fast: 200 * time.Millisecond},
		// The log of a bad image is judged long after the answers are: the check that blames it is the same one each time.
		Verifier: verify.Options{Guard: guard, RetryPause: 10 * time.Millisecond, LogGrace: 30 * time.Second},
	})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- started.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return sim
}

// applySample applies a tier of config/samples with the image; without one it takes what the promotion brings.
func applySample(t *testing.T, bed *testbed.Bed, name, image string, promotion map[string]any) {
	t.Helper()
	require.NoError(t, bed.ApplyFile(t.Context(), filepath.Join("../../config/samples", name+".yaml"), func(o *unstructured.Unstructured) {
		spec, _ := o.Object["spec"].(map[string]any)
		engine, _ := spec["engine"].(map[string]any)
		services, _ := spec["services"].([]any)
		spec["interval"] = "30s"
		if image != "" {
			engine["source"] = map[string]any{"image": image}
			return
		}
		spec["promotion"] = promotion
		delete(engine, "source")
		for _, service := range services {
			declared, _ := service.(map[string]any)
			delete(declared, "source")
		}
	}))
}

// TestRunningOperator plays a short form of the demo with a real API server and the operator at work, followed on the page by a person
// with rights of their own. What the page says is compared with what the operator has written.
func TestRunningOperator(t *testing.T) {
	b := newTab(t, 1360, 620)
	b.prefer("prefers-reduced-motion", "reduce") // a card whose verdict is new pulses, and the picture would catch that
	kube, config := admin(t)
	bed := &testbed.Bed{Client: kube}
	for _, file := range []string{"namespace", "secrets"} {
		require.NoError(t, bed.ApplyFile(t.Context(), "../../config/samples/"+file+".yaml", nil))
	}
	sim := operate(t, config)
	user := as(t, kube, config, demoNamespace, "maria@acme.example", "get", "list", "watch", "patch", "approve")
	b.open(runAs(t, Options{Config: user, Namespace: demoNamespace, Context: "demo"}))
	const repository = "ghcr.io/acme/ai-engine:"
	key := func(name string) string { return demoNamespace + "/" + name }
	// shows waits until the page has what a tier is to come to, and that the operator says the same.
	shows := func(name, revision string, verdict v1alpha1.Verdict, texts ...string) *v1alpha1.EngineEnvironment {
		t.Helper()
		want := fmt.Sprintf("%s?.dataset.verdict === %q && %s.querySelector('.runs b')?.textContent === %q", cardOf(key(name)), verdict, cardOf(key(name)), revision)
		for _, text := range texts {
			want += fmt.Sprintf(" && %s.includes(%q)", textOf(key(name)), text)
		}
		b.until(want)
		object, err := bed.Get(t.Context(), demoNamespace, name)
		require.NoError(t, err)
		require.Equal(t, verdict, object.Status.Verdict, name)
		require.Equal(t, revision, object.Status.Engine.Revision, name)
		require.NotNil(t, object.Status.Cost, name)
		for _, text := range []string{
			object.Status.Readiness, object.Status.Cost.Summary, strings.TrimPrefix(object.Status.Engine.Digest, "sha256:")[:12],
		} {
			b.until(fmt.Sprintf("%s.includes(%q)", textOf(key(name)), text))
		}
		return object
	}
	detail := func() string { return eval[string](b, "document.getElementById('detail').textContent") }

	for _, tier := range []string{dev, preview, production} {
		applySample(t, bed, tier, repository+"1.4.2", nil)
	}
	for _, tier := range []string{dev, preview, production} {
		shows(tier, "1.4.2", v1alpha1.VerdictGo)
	}

	// A new image goes as far as a person lets it.
	applySample(t, bed, preview, "", map[string]any{"from": dev, "soak": "1s"})
	applySample(t, bed, production, "", map[string]any{"from": preview, "approval": "Manual"})
	applySample(t, bed, dev, repository+"1.6.0", nil)
	shows(dev, "1.6.0", v1alpha1.VerdictGo)
	shows(preview, "1.6.0", v1alpha1.VerdictGo)
	waits := shows(production, "1.4.2", v1alpha1.VerdictGo, "1.6.0 waits for an approval")
	b.openTier(key(production))
	command := eval[string](b, "document.querySelector('#detail .command pre').textContent")
	assert.Contains(t, command, v1alpha1.AnnotationApprove+"="+waits.Status.Promotion.Candidate)
	promoted := meta.FindStatusCondition(waits.Status.Conditions, v1alpha1.ConditionPromoted)
	require.NotNil(t, promoted)
	assert.Contains(t, promoted.Message, command, "the page and the operator name the same command")
	assert.Contains(t, detail(), promoted.Message)

	// Approved on the page, it runs in production.
	b.click("[data-action=approve]")
	b.until("document.getElementById('yes')")
	b.click("#yes")
	b.until("!document.getElementById('confirm').open")
	approved := shows(production, "1.6.0", v1alpha1.VerdictGo)
	assert.Equal(t, "maria@acme.example", approved.Status.Promotion.History[0].ApprovedBy)
	b.until("document.getElementById('detail').textContent.includes('promoted 1.6.0 from preview by maria@acme.example')")
	b.click("#detail .close")

	// Its middleware is off in Dev, which passes; Preview rolls it back, and Production never sees it.
	const bad = "1.7.0-no-middleware"
	applySample(t, bed, dev, repository+bad, nil)
	shows(dev, bad, v1alpha1.VerdictGo)
	held := shows(preview, "1.6.0", v1alpha1.VerdictNoGo, "RolledBack: ", "1.6.0 is held until dev has verified another revision")
	assert.Equal(t, held.Status.VerdictReasons[0], eval[string](b, cardOf(key(preview))+".querySelector('.why').textContent"))
	shows(production, "1.6.0", v1alpha1.VerdictGo)
	for _, d := range sim.Sim.Deployments() {
		assert.False(t, d.Environment == production && strings.Contains(d.Image, bad), "production saw the bad image")
	}
	b.shoot("board-demo", whole)
	b.openTier(key(preview))
	for _, text := range []string{held.Status.Rollback.Reason, status.Ready(&held.Status).Message} {
		assert.Contains(t, detail(), text)
	}
	assert.Equal(t, held.Status.Rollback.Reason, named(t, "assistant/preview", engines(t)).Status.Rollback.Reason,
		"testdata/engines.yaml has what the check finds")
}
