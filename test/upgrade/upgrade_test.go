// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package upgrade runs the operator of an earlier version, then the present one, then the earlier one again, as processes on one API
// server and one local Railway.
package upgrade

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

const (
	// earlier is the commit that is upgraded from.
	earlier  = "548fd96"
	root     = "../.."
	crd      = "config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml"
	token    = "11111111-1111-4111-8111-111111111111"
	patience = 90 * time.Second

	seed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
tokens: [{name: t, kind: workspace, workspace: ws, value: ` + token + `, requestsPerHour: 100000}]
limits: {environmentCreateInterval: 0s}
projects: [{id: 0bb01547-570d-4109-a5e8-138691f6a2d1, name: acme, workspace: ws, environments: [{id: e, name: production}]}]
`
	// objects use what a status remembers: a sealed value, a value from a Secret, checks, an upstream tier, a tier that waits for an
	// approval, and a Local tier.
	objects = `
apiVersion: v1
kind: Namespace
metadata: {name: upgrade}
---
apiVersion: v1
kind: Secret
metadata: {name: railway, namespace: upgrade}
stringData: {RAILWAY_API_TOKEN: ` + token + `, key: hush-hush}
---
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: dev, namespace: upgrade}
spec:
  tier: Dev
  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
  engine:
    name: ai-engine
    source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
    domains: {railway: true, port: 8000}
    variables:
    - {name: PORT, value: "8000"}
    - {name: SEALED, sealed: true, valueFrom: {secretKeyRef: {name: railway, key: key}}}
  services: [{name: worker, source: {image: "redis:7"}}]
---
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: preview, namespace: upgrade}
spec:
  tier: Preview
  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
  promotion: {from: dev}
  engine:
    name: ai-engine
    domains: {railway: true, port: 8000}
---
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: production, namespace: upgrade}
spec:
  tier: Production
  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
  promotion: {from: preview, approval: Manual}
  engine:
    name: ai-engine
    domains: {railway: true, port: 8000}
---
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: local, namespace: upgrade}
spec:
  tier: Local
  engine: {name: ai-engine, variables: [{name: PORT, value: "8000"}]}
`
)

var names = []string{"dev", "preview", "production", "local"}

// TestUpgradeAndDowngrade holds that a change of versions writes nothing to Railway, starts no deployment, and leaves what objects
// declare and what is known about them.
func TestUpgradeAndDowngrade(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Kubernetes API server; run without -short")
	}
	before, now := earlierVersion(t), root
	binary := filepath.Join(t.TempDir(), "engine-operator")
	parsed, err := railwaysim.ParseSeed([]byte(seed))
	require.NoError(t, err)
	s, err := testbed.Start(t.Context(), testbed.Options{
		Binary: binary, Dir: t.TempDir(), Flags: []string{"--settle", "1s", "--rollout-interval", "200ms", "--log-grace", "1s", "--railway-rps", "20", "--railway-burst", "20"},
		Sim: railwaysim.Options{Seed: parsed, Step: 20 * time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Stop()) })

	applyCRD(t, s, before)
	install(t, s, before, binary)
	require.NoError(t, s.Apply(t.Context(), objects, nil))
	for _, name := range names {
		until(t, s, name, "first brought up", settled)
	}
	secret := localSecret(t, s)
	applyCRD(t, s, now)
	for _, step := range []struct{ what, version string }{{"upgraded", now}, {"downgraded", before}, {"upgraded again", now}} {
		s.StopOperator(os.Kill)
		was := map[string]*v1alpha1.EngineEnvironment{}
		for _, name := range names {
			was[name] = get(t, s, name)
		}
		mark := s.Mark()
		install(t, s, step.version, binary)
		for _, name := range names {
			unchanged(t, s, was[name], step.what)
		}
		requests, deployments := s.Since(mark)
		assert.Zero(t, deployments, step.what)
		assert.NotEmpty(t, requests, "%s: Railway was read", step.what)
		for operation := range requests {
			assert.True(t, strings.HasPrefix(operation, "Read"), "%s: %s was sent to Railway", step.what, operation) // all queries are called so
		}
		assert.Equal(t, secret, localSecret(t, s), step.what)
	}
}

// unchanged forces a pass over the object and holds that it says what it said before.
func unchanged(t *testing.T, s *testbed.Bed, was *v1alpha1.EngineEnvironment, what string) {
	t.Helper()
	object := was.DeepCopy()
	object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: what}
	require.NoError(t, s.Client.Patch(t.Context(), object, client.MergeFrom(was)))
	is := until(t, s, was.Name, what, func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.LastHandledReconcileAt == what && settled(o)
	})
	assert.Equal(t, was.Spec, is.Spec, what)
	assert.Equal(t, was.Generation, is.Generation, what)
	assert.Equal(t, was.Status.Verdict, is.Status.Verdict, what)
	assert.Equal(t, was.Status.Verified, is.Status.Verified, what)
	assert.Equal(t, was.Status.Engine, is.Status.Engine, what)
	assert.Equal(t, was.Status.LastCommit, is.Status.LastCommit, what)
	assert.Equal(t, was.Status.GoSince, is.Status.GoSince, "%s: the soak goes on", what)
}

// settled reports whether nothing is under way: checks have run, where there are any, or a person is waited for.
func settled(o *v1alpha1.EngineEnvironment) bool {
	switch o.Spec.Tier {
	case v1alpha1.TierLocal:
		return testbed.Ready(o)
	case v1alpha1.TierProduction:
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionAwaitingApproval
	default:
		return testbed.Ready(o) && o.Status.Verdict == v1alpha1.VerdictGo && o.Status.Verified != nil
	}
}

// earlierVersion is the earlier version's source.
func earlierVersion(t *testing.T) string {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), "git", "-C", root, "cat-file", "-e", earlier+"^{tree}").CombinedOutput(); err != nil {
		shallow, _ := exec.CommandContext(t.Context(), "git", "-C", root, "rev-parse", "--is-shallow-repository").Output()
		require.NotEqual(t, "false", strings.TrimSpace(string(shallow)), "a whole clone has commit %s: %s", earlier, output)
		t.Skipf("THE UPGRADE IS NOT TESTED: commit %s is not in this clone, which is shallow or no clone at all: %s", earlier, output)
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "source.tar")
	run(t, root, "git", "archive", "--output", archive, earlier)
	source := filepath.Join(dir, "source")
	require.NoError(t, os.Mkdir(source, 0o750))
	run(t, dir, "tar", "-xf", archive, "-C", source)
	return source
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, output)
}

// install builds the operator from the source and starts it.
func install(t *testing.T, s *testbed.Bed, source, binary string) {
	t.Helper()
	run(t, source, "go", "build", "-o", binary, ".")
	require.NoError(t, s.StartOperator(t.Context()))
}

// applyCRD applies a version's CRD, as kubectl does.
func applyCRD(t *testing.T, s *testbed.Bed, source string) {
	t.Helper()
	require.NoError(t, s.ApplyFile(t.Context(), filepath.Join(source, crd), nil))
	definition := &unstructured.Unstructured{}
	definition.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Name: "engineenvironments.railway.engine-operator.dev"}, definition))
	time.Sleep(time.Second) // the API server serves the new schema a moment after it has stored it
}

func get(t *testing.T, s *testbed.Bed, name string) *v1alpha1.EngineEnvironment {
	t.Helper()
	object, err := s.Get(t.Context(), "upgrade", name)
	require.NoError(t, err)
	return object
}

func until(t *testing.T, s *testbed.Bed, name, what string, holds func(*v1alpha1.EngineEnvironment) bool) (o *v1alpha1.EngineEnvironment) {
	t.Helper()
	err := testbed.Until(t.Context(), patience, func(ctx context.Context) (_ bool, err error) {
		o, err = s.Get(ctx, "upgrade", name)
		return err == nil && holds(o), err
	})
	if err != nil {
		s.Tail(t.Output(), 20)
		require.NoError(t, err, "%s %s: %+v", name, what, o.Status)
	}
	return o
}

// localSecret is what the Local tier's Secret holds.
func localSecret(t *testing.T, s *testbed.Bed) map[string][]byte {
	t.Helper()
	secret := &corev1.Secret{}
	require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Namespace: "upgrade", Name: "local-env"}, secret))
	require.NotEmpty(t, secret.Data)
	return secret.Data
}
