// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func clientMergeFrom(o client.Object) client.Patch { return client.MergeFrom(o) }

const localSpec = `
tier: Local
engine:
  name: ai-engine
  variables:
  - {name: DB_SCHEMA, value: local}
  - {name: OPENAI_API_KEY, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}
`

func TestLocalTierWritesASecretAndNeverCallsRailway(t *testing.T) {
	w := newWorld(t, settings{})
	w.apply("local", localSpec)
	o := w.reason("local", v1alpha1.ReasonSecretNotFound)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, `Secret "openai" does not exist in this namespace`)

	w.secret("openai", map[string]string{"api-key": secretMark})
	assert.Equal(t, "local-env", w.ready("local").Status.EnvSecret)
	secret := w.env("local-env")
	assert.Equal(t, secretMark, string(secret.Data["OPENAI_API_KEY"]))
	assert.Equal(t, "true", string(secret.Data["DEBUG"]))
	assert.Equal(t, "local", string(secret.Data["ENV"]))

	w.secret("openai", map[string]string{"api-key": secretMark + "2"})
	require.Eventually(t, func() bool { return string(w.env("local-env").Data["OPENAI_API_KEY"]) == secretMark+"2" }, eventually, 20*time.Millisecond, "rotation reaches the Secret")
	before := w.env("local-env")
	edited := before.DeepCopy()
	edited.Data["DEBUG"] = []byte("false")
	require.NoError(t, w.client.Update(t.Context(), edited))
	require.Eventually(t, func() bool { return string(w.env("local-env").Data["DEBUG"]) == "true" }, eventually, 20*time.Millisecond, "an edit is undone")
	assert.Empty(t, w.sim.Requests(), "the Local tier never calls Railway")

	require.NoError(t, w.client.Delete(t.Context(), w.get("local")))
	w.gone("local")
	err := w.client.Get(t.Context(), types.NamespacedName{Namespace: w.namespace, Name: "local-env"}, &corev1.Secret{})
	assert.True(t, apierrors.IsNotFound(err), "the Local tier's default is Delete")
}

func TestLocalTierDoesNotTakeASecretOfAnother(t *testing.T) {
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("local-env", map[string]string{"MINE": "keep"})
	w.apply("local", localSpec)
	w.reason("local", v1alpha1.ReasonNameTaken)
	assert.Equal(t, map[string][]byte{"MINE": []byte("keep")}, w.env("local-env").Data)
}

func (w *world) env(name string) *corev1.Secret {
	w.t.Helper()
	secret := &corev1.Secret{}
	require.NoError(w.t, w.client.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: name}, secret))
	return secret
}

func (w *world) gone(name string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: name}, &v1alpha1.EngineEnvironment{})
		return apierrors.IsNotFound(err)
	}, eventually, 20*time.Millisecond, "%s is deleted", name)
}

func TestSuspend(t *testing.T) {
	w := running(t, settings{}, nil)
	w.apply("dev", "suspend: true\n"+strings.Replace(devSpec, "value: dev", "value: later", 1))
	w.reason("dev", v1alpha1.ReasonSuspended)
	time.Sleep(200 * time.Millisecond)
	before := w.mark()
	time.Sleep(500 * time.Millisecond)
	assert.Empty(t, w.count(before), "a suspended object does not read either")
	assert.Equal(t, "dev", w.variables("dev", "ai-engine")["DB_SCHEMA"])
	w.apply("dev", "suspend: false\n"+strings.Replace(devSpec, "value: dev", "value: later", 1))
	w.until("dev", "resumed", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "later"
	})
}

func TestDeletionPolicies(t *testing.T) {
	t.Run("Retain leaves everything", func(t *testing.T) {
		w := running(t, settings{}, nil)
		before := w.mark()
		require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
		w.gone("dev")
		assert.NotContains(t, w.count(before), "CommitPatch")
		assert.Equal(t, "dev", w.variables("dev", "ai-engine")["DB_SCHEMA"])
	})
	t.Run("Delete takes the environment that the operator made", func(t *testing.T) {
		w := running(t, settings{}, func(s string) string { return "deletionPolicy: Delete\n" + s })
		require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
		w.gone("dev")
		_, err := w.sim.Variables(engineInDev)
		assert.ErrorContains(t, err, "no environment")
	})
	t.Run("Delete leaves an environment that was there before, and services of others", func(t *testing.T) {
		w := newWorld(t, settings{seed: strings.Replace(plainSeed, "name: production}]", `name: production}]
  services: [{id: s-other, name: other, environments: {production: {source: {image: "redis:7"}}}}]`, 1)})
		w.secret("openai", map[string]string{"api-key": secretMark})
		w.apply("prod", "deletionPolicy: Delete\n"+strings.Replace(devSpec, "tier: Dev", "tier: Production", 1))
		w.ready("prod")
		require.NoError(t, w.client.Delete(t.Context(), w.get("prod")))
		w.gone("prod")
		_, err := w.sim.Config(railwaysim.Place{Environment: "production", Service: "other"})
		require.NoError(t, err)
		_, err = w.sim.Config(railwaysim.Place{Environment: "production", Service: "ai-engine"})
		assert.ErrorContains(t, err, "no service")
	})
}

// TestDeletingOneTierLeavesTheOthers: Railway's serviceDelete would take the engine from every environment that is no fork.
func TestDeletingOneTierLeavesTheOthers(t *testing.T) {
	w := running(t, settings{}, nil)
	preview := strings.NewReplacer("tier: Dev", "tier: Preview", "value: dev", "value: preview").Replace(devSpec)
	for _, environment := range []string{
		"preview",    // made by the operator: all of it goes
		"production", // there before: the service goes
	} {
		w.apply("preview", "deletionPolicy: Delete\n"+strings.Replace(preview, "railway:\n", "railway:\n  environment: "+environment+"\n", 1))
		w.ready("preview")
		before := w.mark()
		require.NoError(t, w.client.Delete(t.Context(), w.get("preview")))
		w.gone("preview")
		for _, r := range w.sim.Requests() {
			assert.NotContains(t, r.RootFields, "serviceDelete", "never called")
		}
		assert.Equal(t, "dev", w.variables("dev", "ai-engine")["DB_SCHEMA"], "dev keeps its engine")
		w.poke("dev")
		assert.True(t, isReady(w.get("dev")))
		assert.Zero(t, w.count(before)["CreateService"], "there is nothing to make again")
	}
	_, err := w.sim.Config(railwaysim.Place{Environment: "production", Service: "ai-engine"})
	require.ErrorContains(t, err, "no service")
}

// TestServiceOfAnotherTierIsNobodysWork: creating a service for one environment leaves an instance without a source in the others.
func TestServiceOfAnotherTierIsNobodysWork(t *testing.T) {
	w := running(t, settings{}, func(s string) string { return "deletionPolicy: Delete\n" + s })
	worker := "services: [{name: worker, source: {image: \"ghcr.io/acme/worker:1\"}}]\n"
	preview := strings.NewReplacer("tier: Dev", "tier: Preview", "value: dev", "value: preview").Replace(devSpec)
	w.apply("preview", preview+worker)
	w.ready("preview")
	bare, err := w.sim.Config(railwaysim.Place{Environment: "dev", Service: "worker"})
	require.NoError(t, err, "it is there")
	assert.Empty(t, bare)
	w.poke("dev")
	o := w.until("dev", "GO", func(o *v1alpha1.EngineEnvironment) bool { return isReady(o) && o.Status.Verdict == v1alpha1.VerdictGo })
	assert.Empty(t, o.Status.Drift)
	assert.Empty(t, o.Status.Services, "no health verdict of what is not declared")
	assert.Equal(t, 1, w.deployments("dev", "ai-engine"))

	w.apply("dev", "deletionPolicy: Delete\n"+devSpec+worker) // declared, it is set up like a new one
	o = w.until("dev", "runs both", func(o *v1alpha1.EngineEnvironment) bool { return isReady(o) && len(o.Status.Services) == 1 })
	assert.Empty(t, o.Status.Drift)
	assert.Equal(t, 1, w.deployments("dev", "worker"))
	w.apply("dev", "deletionPolicy: Delete\n"+devSpec)
	w.ready("dev")
	w.apply("preview", preview+strings.Replace(worker, "worker", "other", 2))
	w.ready("preview")
}

func TestOlderObjectHoldsTheEnvironment(t *testing.T) {
	w := running(t, settings{}, nil)
	time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
	w.apply("second", strings.Replace(devSpec, "value: dev", "value: second", 1))
	o := w.reason("second", v1alpha1.ReasonEnvironmentClaimed)
	assert.Contains(t, condition(o, v1alpha1.ConditionStalled).Message, w.namespace+"/dev")
	assert.Equal(t, "dev", w.variables("dev", "ai-engine")["DB_SCHEMA"])
	assert.True(t, isReady(w.get("dev")), "the older one is not disturbed")

	require.NoError(t, w.client.Delete(t.Context(), w.get("dev")))
	w.gone("dev")
	w.ready("second")
	assert.Equal(t, "second", w.variables("dev", "ai-engine")["DB_SCHEMA"], "the next one takes over at once")
}

func TestProjectTokenLooksWithOneRequest(t *testing.T) {
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("railway", map[string]string{"RAILWAY_TOKEN": projectToken})
	production := strings.Replace(devSpec, "tier: Dev", "tier: Production", 1)
	w.apply("prod", production)
	w.ready("prod")
	w.until("prod", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	time.Sleep(300 * time.Millisecond)
	before, writes := w.mark(), w.writes.n.Load()
	o := w.get("prod")
	base := o.DeepCopy()
	o.Annotations = map[string]string{v1alpha1.AnnotationFluxRequestedAt: "now"}
	require.NoError(t, w.client.Patch(t.Context(), o, client.MergeFrom(base)))
	w.until("prod", "looked", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.LastHandledReconcileAt == "now" })
	assert.Equal(t, map[string]int{"ReadEnvironment": 1}, w.count(before), "the whole truth in one request")
	assert.EqualValues(t, writes+1, w.writes.n.Load(), "the echo of the annotation, nothing else")
}

func TestProjectTokenOfAnotherEnvironmentIsRefused(t *testing.T) {
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.secret("railway", map[string]string{"RAILWAY_TOKEN": projectToken})
	w.apply("dev", devSpec)
	o := w.reason("dev", v1alpha1.ReasonTokenScope)
	assert.Equal(t, metav1.ConditionFalse, condition(o, v1alpha1.ConditionCredentialsValid).Status)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, `environment "production"`)
}
