// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// previewSpec is a tier with its middleware on, and the whole checklist.
var previewSpec = strings.NewReplacer("tier: Dev", "tier: Preview", "value: dev", "value: preview").Replace(devSpec) + `
verification:
  interval: 5s
  checks:
  - name: mode-1
    http:
      method: POST
      path: /api/mode1/manual
      headers:
      - {name: x-tenant-id, value: 550e8400-e29b-41d4-a716-446655440000}
      - {name: authorization, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}
      body: '{"message": "Test", "agent_id": "test"}'
    expect: status == 200 && json.agent_id == "test"
    timeout: 1s
  - name: tenant-required
    http: {method: POST, path: /api/mode1/manual, body: '{"message": "Test"}'}
    status: 403
    timeout: 1s
`

const rateLimitCheck = `
  - name: rate-limit
    load:
      method: POST
      path: /api/mode1/manual
      headers: [{name: x-tenant-id, value: 550e8400-e29b-41d4-a716-446655440000}]
      body: '{"message": "Test"}'
      requests: 120
      concurrency: 8
    expect: codes["429"] > 0
`

// check returns a check's status.
func check(o *v1alpha1.EngineEnvironment, name string) v1alpha1.CheckStatus {
	for _, c := range o.Status.Checks {
		if c.Name == name {
			return c
		}
	}
	return v1alpha1.CheckStatus{}
}

// TestChecklist lets every row of the deployment checklist fail by an engine that is at fault, and pass once it is fixed.
func TestChecklist(t *testing.T) {
	image := func(tag string) string { return strings.Replace(previewSpec, "ai-engine:1.4.2", "ai-engine:"+tag, 1) }
	cases := []struct{ row, tag, check, says string }{
		{"the real request works", "broken", "mode-1", "no model to serve"},
		{"the Python version is in the logs", "wrong-python", "python-version", "log lines"},
		{"the middleware is in the logs", "no-middleware", "middleware", "log lines"},
		{"a request without a tenant is refused", "no-middleware", "tenant-required", "answers 200"},
		{"the logs are structured", "plain-logs", "structured-logs", "log lines"},
		{"it answers in time", "slow-answers", "mode-1", "no answer in time"},
		{"the declared revision runs", "unhealthy", v1alpha1.CheckRevision, "health check"},
		{"the process lives", "crash", v1alpha1.CheckRevision, "no model to serve"},
	}
	for _, c := range cases {
		t.Run(c.row, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{})
			w.secret("openai", map[string]string{"api-key": secretMark + "-openai"})
			w.apply("preview", image(c.tag))
			o := w.until("preview", "NO-GO for "+c.check, func(o *v1alpha1.EngineEnvironment) bool {
				return check(o, c.check).Result == v1alpha1.CheckFailed && o.Status.Verdict == v1alpha1.VerdictNoGo &&
					condition(o, v1alpha1.ConditionReady).Status == metav1.ConditionFalse
			})
			assert.Contains(t, strings.Join(o.Status.VerdictReasons, "\n"), c.says)
			assert.NotEmpty(t, condition(o, v1alpha1.ConditionStalled).Message, "a person has to act")

			w.apply("preview", image("1.4.3"))
			o = w.until("preview", "GO", func(o *v1alpha1.EngineEnvironment) bool {
				return o.Status.Verdict == v1alpha1.VerdictGo && isReady(o) && o.Status.Engine.Revision == "1.4.3"
			})
			assert.Equal(t, "8/8", o.Status.Readiness)
			assert.Empty(t, o.Status.VerdictReasons)
			assert.Equal(t, metav1.ConditionTrue, condition(o, v1alpha1.ConditionVerified).Status)
		})
	}
}

func TestHealthyThenDying(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{step: 100 * time.Millisecond})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("preview", strings.Replace(previewSpec, "ai-engine:1.4.2", "ai-engine:dying", 1))
	w.until("preview", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	o := w.until("preview", "dead", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Verdict == v1alpha1.VerdictNoGo && condition(o, v1alpha1.ConditionReady).Reason == v1alpha1.ReasonCrashed
	})
	assert.Contains(t, o.Status.VerdictReasons[0], "engine died: out of memory", "the weightiest first")
}

func TestRateLimitReallyAnswers429(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("preview", previewSpec+rateLimitCheck)
	o := w.until("preview", "limited", func(o *v1alpha1.EngineEnvironment) bool {
		return check(o, "rate-limit").Result == v1alpha1.CheckPassed
	})
	assert.Contains(t, check(o, "rate-limit").Message, "120 requests to /api/mode1/manual")
}

func TestVerdictWithoutVerification(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("dev", strings.Replace(devSpec, "ai-engine:1.4.2", "ai-engine:wrong-python", 1))
	o := w.until("dev", "judged", func(o *v1alpha1.EngineEnvironment) bool {
		return check(o, "python-version").Result == v1alpha1.CheckFailed && o.Status.Verdict == v1alpha1.VerdictNoGo
	})
	assert.True(t, isReady(o), "nobody asked for checks: they make the verdict and do not hold Ready back")
	assert.Equal(t, "4/5", o.Status.Readiness)
	assert.Equal(t, v1alpha1.ReasonCheckFailed, condition(o, v1alpha1.ConditionVerified).Reason)

	w.apply("dev", strings.Replace(devSpec, "ai-engine:1.4.2", "ai-engine:wrong-python", 1)+"verification: {disabledChecks: [python-version]}\n")
	o = w.until("dev", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	assert.Equal(t, "4/4", o.Status.Readiness)
}

func TestInvalidChecksAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	for says, checks := range map[string]string{
		`spec.verification.checks[x].expect: column 1: there is no stauts`:              `{name: x, http: {path: /}, expect: stauts == 200}`,
		`spec.verification.checks[x].http.service: the spec declares no service "nope"`: `{name: x, http: {path: /, service: nope}, status: 200}`,
	} {
		w.apply("dev", devSpec+"verification: {checks: ["+checks+"]}\n")
		o := w.until("dev", says, func(o *v1alpha1.EngineEnvironment) bool {
			return strings.Contains(condition(o, v1alpha1.ConditionReady).Message, says)
		})
		assert.Equal(t, v1alpha1.ReasonInvalidCheck, condition(o, v1alpha1.ConditionStalled).Reason)
		assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)
		assert.Equal(t, v1alpha1.ReasonInvalidCheck, condition(o, v1alpha1.ConditionVerified).Reason)
		assert.Equal(t, metav1.ConditionUnknown, condition(o, v1alpha1.ConditionSynced).Status, "nothing was compared")
		assert.Equal(t, "0/1", o.Status.Readiness, "a check that cannot be run counts")
	}
	assert.Empty(t, w.sim.Requests(), "nothing is written, nor read, before the spec makes sense")
	// A host may be a custom domain of the environment: that takes a look at Railway.
	w.apply("dev", devSpec+"verification: {checks: [{name: x, http: {path: /, host: kubernetes.default.svc}, status: 200}]}\n")
	w.until("dev", "refused", func(o *v1alpha1.EngineEnvironment) bool {
		return strings.Contains(condition(o, v1alpha1.ConditionStalled).Message, "kubernetes.default.svc is not allowed")
	})
	w.apply("dev", devSpec+"verification: {checks: [{name: x, http: {path: /, headers: [{name: a, valueFrom: {secretKeyRef: {name: later, key: k}}}]}, status: 200}]}\n")
	w.reason("dev", v1alpha1.ReasonSecretNotFound)
	w.secret("later", map[string]string{"k": secretMark})
	w.ready("dev")
}

func TestSleepingEngineIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.apply("dev", strings.Replace(devSpec, "  deploy:\n", "  deploy:\n    serverless: true\n", 1)+"verification: {interval: 5s}\n")
	w.until("dev", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	require.NoError(t, w.sim.SleepDeployment(engineInDev))
	visits := len(w.sim.Visits())
	w.poke("dev")
	o := w.until("dev", "asleep", func(o *v1alpha1.EngineEnvironment) bool {
		return check(o, "health").Result == v1alpha1.CheckSkipped && isReady(o)
	})
	assert.Equal(t, "the service sleeps, and a request would wake it", check(o, "health").Message)
	assert.Equal(t, v1alpha1.VerdictGo, o.Status.Verdict)
	assert.Equal(t, "3/3", o.Status.Readiness, "what is skipped does not count")
	time.Sleep(6 * time.Second)
	assert.Len(t, w.sim.Visits(), visits, "nobody wakes it")
}

func TestChecksRunOnDemandAndAgain(t *testing.T) {
	t.Parallel()
	w := running(t, settings{}, func(s string) string { return s + "verification: {interval: 24h}\n" })
	visits := len(w.sim.Visits())
	w.poke("dev")
	require.Eventually(t, func() bool { return len(w.sim.Visits()) == visits+2 }, eventually, 10*time.Millisecond, "health and metrics, on demand")

	w.apply("dev", strings.Replace(devSpec, "1.4.2", "1.4.3", 1)+"verification: {interval: 24h}\n")
	require.Eventually(t, func() bool { return len(w.sim.Visits()) == visits+4 }, eventually, 10*time.Millisecond, "and after every rollout")
}
