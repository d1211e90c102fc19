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
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func ptrTo[T any](v T) *T { return &v }

// poke forces a pass by annotation, which reads Railway anew, and waits until it was handled.
func (w *world) poke(name string) {
	w.t.Helper()
	o := w.get(name)
	before := o.DeepCopy()
	token := time.Now().Format(time.RFC3339Nano)
	if o.Annotations == nil {
		o.Annotations = map[string]string{}
	}
	o.Annotations[v1alpha1.AnnotationRequestedAt] = token
	require.NoError(w.t, w.client.Patch(w.t.Context(), o, clientMergeFrom(before)))
	w.until(name, "poked", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.LastHandledReconcileAt == token })
}

// running applies the Dev object and waits until its checks have passed, too.
func running(t *testing.T, s settings, change func(spec string) string) *world {
	t.Helper()
	w := newWorld(t, s)
	w.secret("openai", map[string]string{"api-key": secretMark + "-openai"})
	spec := devSpec
	if change != nil {
		spec = change(spec)
	}
	w.apply("dev", spec)
	w.until("dev", "GO", func(o *v1alpha1.EngineEnvironment) bool { return isReady(o) && o.Status.Verdict == v1alpha1.VerdictGo })
	return w
}

var engineInDev = railwaysim.Place{Environment: "dev", Service: "ai-engine"}

func TestDashboardEditIsUndone(t *testing.T) {
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DB_SCHEMA", Value: ptrTo("oops")}))
	before := w.mark()
	w.poke("dev")
	w.until("dev", "repaired", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "dev"
	})
	assert.Equal(t, 1, w.count(before)["CommitPatch"], "one commit repairs it")
	assert.Equal(t, 3, w.deployments("dev", "ai-engine"), "the first, the human's, and the repair's")
	assert.Empty(t, w.get("dev").Status.Drift)
}

func TestWarnReportsDriftAndLeavesIt(t *testing.T) {
	w := running(t, settings{}, func(s string) string { return "driftPolicy: Warn\n" + s })
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DB_SCHEMA", Value: ptrTo("oops")}))
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DEBUG"}))
	w.poke("dev")
	o := w.until("dev", "drifted", func(o *v1alpha1.EngineEnvironment) bool { return len(o.Status.Drift) == 2 && isReady(o) })
	assert.Equal(t, v1alpha1.ReasonDrifted, condition(o, v1alpha1.ConditionSynced).Reason)
	assert.Equal(t, metav1.ConditionFalse, condition(o, v1alpha1.ConditionSynced).Status)
	first := o.Status.Drift[0]
	assert.Equal(t, "ai-engine.variables.DB_SCHEMA", first.Path)
	assert.Equal(t, "dev", first.Declared)
	assert.Equal(t, "oops", first.Actual)
	assert.Equal(t, "Dana", first.ChangedBy, "Railway's history says who")
	assert.Equal(t, "oops", w.variables("dev", "ai-engine")["DB_SCHEMA"], "left alone")

	// A change of the spec is applied, and takes no drift along with it.
	w.apply("dev", "driftPolicy: Warn\n"+strings.Replace(devSpec, "us-west2: 2", "us-west2: 3", 1))
	w.until("dev", "scaled", func(o *v1alpha1.EngineEnvironment) bool { return isReady(o) && o.Status.Engine.ReadyReplicas == 3 })
	assert.Equal(t, "oops", w.variables("dev", "ai-engine")["DB_SCHEMA"], "still left alone")
	assert.Equal(t, first.FirstSeen, w.get("dev").Status.Drift[0].FirstSeen, "since when is kept")
}

func TestSealedSecretRotation(t *testing.T) {
	w := running(t, settings{}, nil)
	before := w.mark()
	deployed := w.deployments("dev", "ai-engine")
	w.secret("openai", map[string]string{"api-key": secretMark + "-rotated"})
	w.until("dev", "rotated", func(o *v1alpha1.EngineEnvironment) bool {
		return w.variables("dev", "ai-engine")["OPENAI_API_KEY"] == secretMark+"-rotated" && isReady(o)
	})
	assert.Equal(t, 1, w.count(before)["CommitPatch"], "one commit")
	assert.Equal(t, deployed+1, w.deployments("dev", "ai-engine"), "exactly one deployment")
	w.poke("dev")
	w.ready("dev")
	assert.Equal(t, 1, w.count(before)["CommitPatch"], "a sealed value is not written again")
}

func TestTenVariablesOneCommit(t *testing.T) {
	w := running(t, settings{}, nil)
	before, deployed := w.mark(), w.deployments("dev", "ai-engine")
	spec := devSpec
	for _, letter := range strings.Split("ABCDEFGHIJ", "") {
		spec += "  - {name: VAR_" + letter + ", value: one}\n"
	}
	w.apply("dev", spec)
	w.until("dev", "applied", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["VAR_J"] == "one"
	})
	assert.Equal(t, 1, w.count(before)["CommitPatch"])
	assert.Equal(t, deployed+1, w.deployments("dev", "ai-engine"))

	// What the spec drops goes; what was there before the operator, and what it never knew, stays.
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "BY_HAND", Value: ptrTo("x")}))
	w.apply("dev", devSpec)
	w.until("dev", "released", func(o *v1alpha1.EngineEnvironment) bool {
		_, still := w.variables("dev", "ai-engine")["VAR_A"]
		return isReady(o) && !still
	})
	assert.Equal(t, "x", w.variables("dev", "ai-engine")["BY_HAND"])
}

func TestSteadyStateIsQuiet(t *testing.T) {
	w := running(t, settings{}, nil)
	time.Sleep(300 * time.Millisecond) // the last poll of the rollout may be under way
	writes, before := w.writes.n.Load(), w.mark()
	version := w.get("dev").ResourceVersion
	w.apply("dev", devSpec)
	time.Sleep(time.Second)
	assert.Equal(t, version, w.get("dev").ResourceVersion, "applying the same again changes nothing")
	assert.Equal(t, writes, w.writes.n.Load(), "no write to Kubernetes")
	for operation := range w.count(before) {
		assert.Equal(t, "ReadEnvironment", operation, "nothing but the poll")
	}
}

func TestUnmanagedVariables(t *testing.T) {
	byHand := railwaysim.VariableEdit{Place: engineInDev, Name: "BY_HAND", Value: ptrTo("x")}
	w := running(t, settings{}, func(s string) string { return "unmanagedVariables: Warn\n" + s })
	require.NoError(t, w.sim.EditVariable(byHand))
	w.poke("dev")
	o := w.ready("dev")
	assert.Equal(t, []string{"ai-engine.variables.BY_HAND"}, o.Status.UnmanagedVariables)
	assert.Equal(t, "x", w.variables("dev", "ai-engine")["BY_HAND"])

	w.apply("dev", "unmanagedVariables: Prune\n"+devSpec)
	w.until("dev", "pruned", func(o *v1alpha1.EngineEnvironment) bool {
		_, still := w.variables("dev", "ai-engine")["BY_HAND"]
		return isReady(o) && !still
	})
}

func TestStagedChangesAreReportedNotCommitted(t *testing.T) {
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.Stage(railwaysim.SettingsEdit{Place: engineInDev, Config: map[string]any{"deploy": map[string]any{"startCommand": "x"}}}))
	w.poke("dev")
	assert.Equal(t, []string{"ai-engine.deploy.startCommand"}, w.ready("dev").Status.StagedChanges)
	w.apply("dev", strings.Replace(devSpec, "value: dev", "value: other", 1))
	w.until("dev", "applied", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "other"
	})
	config, err := w.sim.Config(engineInDev)
	require.NoError(t, err)
	assert.NotContains(t, config["deploy"], "startCommand", "the human's staged change was not shipped")
	assert.Equal(t, []string{"ai-engine.deploy.startCommand"}, w.get("dev").Status.StagedChanges)
}

// interfere changes a declared variable on the dashboard and waits until the operator has repaired it, or left it.
func (w *world) interfere() {
	w.t.Helper()
	require.NoError(w.t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DB_SCHEMA", Value: ptrTo("theirs")}))
	w.poke("dev")
	w.until("dev", "settled", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) || condition(o, v1alpha1.ConditionReady).Reason == v1alpha1.ReasonContested
	})
}

func TestContestedFieldIsLeftAfterThreeRepairs(t *testing.T) {
	w := running(t, settings{}, nil)
	for range 3 {
		w.interfere()
		assert.True(t, isReady(w.get("dev")), "a repair that holds is no fight")
	}
	w.interfere()
	o := w.reason("dev", v1alpha1.ReasonContested)
	assert.Equal(t, "theirs", w.variables("dev", "ai-engine")["DB_SCHEMA"])
	assert.EqualValues(t, 3, o.Status.WorkingRecord.Repairs[0].Count)
	assert.Contains(t, condition(o, v1alpha1.ConditionSynced).Message, "ai-engine.variables.DB_SCHEMA")
	assert.Regexp(t, `tries again after \d\d:\d\d UTC`, condition(o, v1alpha1.ConditionSynced).Message)

	w.poke("dev")
	w.until("dev", "repaired on demand", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "dev"
	})
}

// TestContestedFieldCanBeLeft holds that both ways out of a fight that the message names work at once.
func TestContestedFieldCanBeLeft(t *testing.T) {
	for name, spec := range map[string]string{
		"declared anew": strings.Replace(devSpec, "value: dev", "value: other", 1),
		"dropped":       strings.Replace(devSpec, "  - {name: DB_SCHEMA, value: dev}\n", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			w := running(t, settings{}, nil)
			for range 4 {
				w.interfere()
			}
			w.reason("dev", v1alpha1.ReasonContested)
			w.apply("dev", spec)
			w.ready("dev")
			want := map[string]string{"declared anew": "other", "dropped": "theirs"}[name]
			assert.Equal(t, want, w.variables("dev", "ai-engine")["DB_SCHEMA"])
		})
	}
}

func TestEnvironmentAndServiceDeletedOnTheDashboardComeBack(t *testing.T) {
	w := running(t, settings{}, nil)
	require.NoError(t, w.sim.DeleteService(engineInDev))
	w.poke("dev")
	w.until("dev", "back", func(o *v1alpha1.EngineEnvironment) bool {
		_, err := w.sim.Variables(engineInDev)
		return err == nil && isReady(o)
	})
	require.NoError(t, w.sim.DeleteEnvironment(railwaysim.Place{Environment: "dev"}))
	w.poke("dev")
	o := w.until("dev", "created again", func(o *v1alpha1.EngineEnvironment) bool {
		_, err := w.sim.Variables(engineInDev)
		return err == nil && isReady(o)
	})
	assert.True(t, o.Status.Railway.Created)
}

func TestWarnReportsADeletedService(t *testing.T) {
	w := running(t, settings{}, func(s string) string { return "driftPolicy: Warn\n" + s })
	require.NoError(t, w.sim.DeleteService(engineInDev))
	before := w.mark()
	w.poke("dev")
	o := w.until("dev", "reported", func(o *v1alpha1.EngineEnvironment) bool {
		return len(o.Status.Drift) == 1 && condition(o, v1alpha1.ConditionHealthy).Reason == v1alpha1.ReasonNotDeployed
	})
	assert.Equal(t, "ai-engine.service", o.Status.Drift[0].Path)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, "is not in the Railway environment")
	assert.Zero(t, w.count(before)["CommitPatch"]+w.count(before)["CreateService"], "driftPolicy Warn writes nothing")

	w.apply("dev", devSpec)
	w.ready("dev")
	assert.Equal(t, 1, w.count(before)["CommitPatch"], "driftPolicy Repair brings it back")
}
