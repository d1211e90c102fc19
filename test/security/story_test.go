// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/redact"
)

const localSpec = `
tier: Local
engine:
  name: ai-engine
  variables:
  - {name: DB_SCHEMA, value: local}
  - {name: OPENAI_API_KEY, valueFrom: {secretKeyRef: {name: values, key: sealed}}}
`

// devSpec takes a secret wherever one may be named, and keeps two revisions.
const devSpec = `
tier: Dev
interval: 30s
deletionPolicy: Delete
revisionHistoryLimit: 2
railway: {projectID: ` + projectID + `, tokenSecretRef: {name: railway}}
engine:
  name: ai-engine
  pullSecretRef: {name: ghcr}
  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
  domains: {railway: true, port: 8000}
  variablesFrom:
  - secretRef: {name: whole}
  - configMapRef: {name: plain}
  variables:
  - {name: DB_SCHEMA, value: dev}
  - {name: PLAIN, valueFrom: {secretKeyRef: {name: values, key: variable}}}
  - {name: SHORT, valueFrom: {secretKeyRef: {name: values, key: short}}}
  - {name: LINES, valueFrom: {secretKeyRef: {name: values, key: lines}}}
  - {name: SEALED, sealed: true, valueFrom: {secretKeyRef: {name: values, key: sealed}}}
verification:
  interval: 5s
  onFailure: Rollback
  checks:
  - name: mode-1
    http:
      method: POST
      path: /api/mode1/manual
      headers:
      - {name: authorization, valueFrom: {secretKeyRef: {name: values, key: header}}}
      bodyFrom: {secretKeyRef: {name: values, key: body}}
    status: 200
    retries: 0
    failureThreshold: 1
`

// TestNothingShowsAndEveryRightIsNeeded plays the story once, and looks at what it left behind.
func TestNothingShowsAndEveryRightIsNeeded(t *testing.T) {
	w := newWorld(t, namespace, options.DefaultNamespace, manifests(t, "default")...)
	w.plant()
	w.story()
	metrics := w.scrape()
	left := w.leftBehind()
	w.stop()
	left["the log"] = w.logged()
	left["the metrics"] = metrics

	t.Run("the story was told", func(t *testing.T) {
		assert.Contains(t, left["the log"], redact.Mark, "something was masked in the log")
		assert.Contains(t, left["EngineEnvironments"], `"verdict":`)
		assert.Contains(t, left["EngineEnvironments on the way"], `"refused":{`)
		assert.Contains(t, left["events"], redact.Mark, "something was masked in the events")
		assert.Contains(t, metrics, `engine_operator_environment_info{`)
		assert.Contains(t, left["ControllerRevisions"], `"secretKeyRef"`)
		assert.Contains(t, left["Railway's request log"], `"CommitPatch"`)
		variables, err := w.sim.Variables(railwaysim.Place{Environment: "dev", Service: "ai-engine"})
		require.NoError(t, err)
		for variable, canary := range map[string]string{"PLAIN": "rotated", "SHORT": "short variable", "LINES": "lines", "SEALED": "rotated sealed"} {
			assert.Equal(t, strings.TrimSpace(canaries[canary]), strings.TrimSpace(variables[variable]), "it did arrive on Railway")
		}
	})
	for _, where := range slices.Sorted(maps.Keys(left)) {
		t.Run(where, func(t *testing.T) {
			assert.NotEmpty(t, left[where])
			assert.Empty(t, shows(left[where]))
		})
	}
	t.Run("rights", func(t *testing.T) { rightsAreNeeded(t, options.DefaultNamespace, manifests(t, "default")) })
}

// plant puts every canary where a value may come from.
func (w *world) plant() {
	w.secret("railway", map[string]string{"RAILWAY_API_TOKEN": canaries["token"]})
	w.secret("rejected", map[string]string{"RAILWAY_API_TOKEN": canaries["rejected token"]})
	w.secret("whole", map[string]string{"FROM_WHOLE_SECRET": canaries["whole Secret"]})
	w.secret("refused", map[string]string{"1-not.a-name": canaries["refused name"]})
	w.values("variable", "sealed")
	w.pullSecret(canaries["pull password"])
	require.NoError(w.t, w.kube.Create(w.t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "plain", Namespace: w.namespace}, Data: map[string]string{"FEATURE": "on"},
	}))
	require.NoError(w.t, w.sim.SetRegistry(railwaysim.RegistryEdit{
		Host: "ghcr.io", Private: true, Username: "robot", Password: canaries["pull password"],
	}))
}

// values are what most variables and the check take, with the canaries of these names for two of them.
func (w *world) values(variable, sealed string) {
	w.secret("values", map[string]string{
		"variable": canaries[variable], "short": canaries["short variable"], "lines": canaries["lines"], "sealed": canaries[sealed],
		"header": canaries["header"], "body": `{"message": "` + canaries["body"] + `"}`, "refused-header": canaries["refused header"],
	})
}

func (w *world) pullSecret(password string) {
	auth := base64.StdEncoding.EncodeToString([]byte("robot:" + password))
	w.secret("ghcr", map[string]string{".dockerconfigjson": fmt.Sprintf(`{"auths":{"ghcr.io":{"auth":%q}}}`, auth)})
}

// story lets the operator do all that it does, and lets everything fail that can tell a value.
func (w *world) story() {
	w.local()
	w.takenOver()
	w.refusals()
	w.revisions()
	w.leaks()
	w.railwayTells()
	w.plans()
}

// local writes a Secret, writes it again, and deletes it.
func (w *world) local() {
	w.apply("local", localSpec)
	w.reason("local", v1alpha1.ReasonSucceeded)
	w.apply("local", strings.Replace(localSpec, "value: local", "value: next", 1))
	require.Eventually(w.t, func() bool {
		secret := &corev1.Secret{}
		require.NoError(w.t, w.kube.Get(w.t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "local-env"}, secret))
		return string(secret.Data["DB_SCHEMA"]) == "next"
	}, eventually, wait)
	w.remove("local")
}

// retained leaves alone what is on Railway, in an environment of its own.
func retained(spec string) string {
	return strings.NewReplacer("railway: {", "railway: {environment: other, ", "deletionPolicy: Delete", "deletionPolicy: Retain").Replace(spec)
}

// takenOver is an object that another process of the operator has worked for: it is read past the cache.
func (w *world) takenOver() {
	w.apply("taken", "suspend: true\n"+retained(devSpec), v1alpha1.Finalizer)
	w.reason("taken", v1alpha1.ReasonSuspended)
	w.remove("taken")
}

// refusals are specs whose secrets are not fit for what they are for; the messages say why, without them.
func (w *world) refusals() {
	other := retained(devSpec)
	for reason, spec := range map[string]string{
		v1alpha1.ReasonTokenRejected:     strings.Replace(other, "{name: railway}", "{name: rejected}", 1),
		v1alpha1.ReasonInvalidVariable:   strings.Replace(other, "{name: whole}", "{name: refused}", 1),
		v1alpha1.ReasonInvalidPullSecret: strings.Replace(other, "{name: ghcr}", "{name: values}", 1),
		v1alpha1.ReasonInvalidCheck:      strings.Replace(other, "key: header", "key: refused-header", 1),
	} {
		name := strings.ToLower(reason)
		w.apply(name, spec)
		w.reason(name, reason)
		w.remove(name)
	}
}

// revisions verifies more revisions than are kept, and one of them twice.
func (w *world) revisions() {
	for _, tag := range []string{"1.4.0", "1.4.1", "1.4.2", "1.4.1"} {
		w.apply("dev", strings.Replace(devSpec, "1.4.2", tag, 1))
		w.until("dev", "verified: "+tag, func(o *v1alpha1.EngineEnvironment) bool {
			return o.Status.Verdict == v1alpha1.VerdictGo && o.Status.Verified != nil && o.Status.Verified.Revision == tag
		})
	}
}

// leaks rolls out engines that tell what they know: in an answer to a check, and in the log before they crash.
func (w *world) leaks() {
	for _, tag := range []string{"1.5.0-leaky", "1.5.1-leaky-crash"} {
		w.apply("dev", strings.Replace(devSpec, "1.4.2", tag, 1))
		w.until("dev", "rolled back from "+tag, func(o *v1alpha1.EngineEnvironment) bool {
			return o.Status.Rollback != nil && o.Status.Rollback.From == tag && o.Status.Engine.Revision == "1.4.1"
		})
	}
	w.apply("dev", strings.Replace(devSpec, "1.4.2", "1.4.1", 1))
	w.until("dev", "GO again", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
}

// railwayTells lets Railway's errors have the values in them: of a commit that it refuses, of one that it cannot apply, and of one
// whose answer is an error page.
func (w *world) railwayTells() {
	told := everyForm("variable", "short variable", "sealed", "whole Secret", "pull password", "header", "body")
	good := strings.Replace(devSpec, "1.4.2", "1.4.1", 1)
	for i, fault := range []railwaysim.Fault{
		{Operation: "CommitPatch", Kind: railwaysim.FaultError, Message: "invalid variables: " + told, Code: "BAD_USER_INPUT"},
		{Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultApplyError, Message: "could not apply: " + told},
		{Operation: "CommitPatch", Ordinal: 1, Kind: railwaysim.FaultErrorAfter, Message: "Problem processing request: " + told},
	} {
		require.NoError(w.t, w.sim.AddFault(fault))
		w.apply("dev", strings.Replace(good, "value: dev", fmt.Sprintf("value: dev-%d", i), 1))
		if fault.Kind != railwaysim.FaultErrorAfter { // that one may have arrived, and has when it is looked for
			w.until("dev", "told by Railway: "+fault.Kind, func(o *v1alpha1.EngineEnvironment) bool {
				raw, err := json.Marshal(o.Status)
				require.NoError(w.t, err)
				return o.Status.Verdict != v1alpha1.VerdictGo && strings.Contains(string(raw), redact.Mark)
			})
		}
		w.sim.ClearFaults()
		w.apply("dev", strings.Replace(good, "value: dev", fmt.Sprintf("value: settled-%d", i), 1))
		w.until("dev", "GO after "+fault.Kind, func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	}
	// Somebody undoes a value on the dashboard: drift is told without it.
	edited := "edited " + canaries["variable"]
	require.NoError(w.t, w.sim.EditVariable(railwaysim.VariableEdit{
		Place: railwaysim.Place{Environment: "dev", Service: "ai-engine"}, Name: "PLAIN", Value: &edited, SkipDeploys: true,
	}))
	w.apply("dev", "driftPolicy: Warn\n"+good)
	w.until("dev", "drifted", func(o *v1alpha1.EngineEnvironment) bool { return len(o.Status.Drift) > 0 })
	w.apply("dev", good)
	w.until("dev", "repaired", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
}

// plans lets plans wait for a person: of values that have changed in a Secret, and of a tier that takes over what was verified in
// another one.
func (w *world) plans() {
	good := "writePolicy: Approve\n" + strings.Replace(devSpec, "1.4.2", "1.4.1", 1)
	w.apply("dev", good)
	w.until("dev", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	w.values("rotated", "rotated sealed")
	w.approve("dev", "ai-engine.variables.PLAIN", "ai-engine.variables.SEALED")
	w.apply("preview", promotedSpec)
	w.approve("preview", "environment")
	w.until("preview", "promoted", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Verdict == v1alpha1.VerdictGo && o.Status.Engine.Revision == "1.4.1"
	})
}

// promotedSpec takes its source from dev. Its middleware asks for a tenant.
var promotedSpec = "writePolicy: Approve\npromotion: {from: dev}\n" + strings.NewReplacer(
	"tier: Dev", "tier: Preview", `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}`+"\n", "",
	"      headers:\n", "      headers:\n      - {name: x-tenant-id, value: 550e8400-e29b-41d4-a716-446655440000}\n").Replace(devSpec)

// approve waits for a plan with changes at the paths, looks at it, approves it, and waits until it is carried out.
func (w *world) approve(name string, paths ...string) {
	w.t.Helper()
	planned := &v1alpha1.EngineEnvironment{}
	w.until(name, "planned: "+strings.Join(paths, ", "), func(o *v1alpha1.EngineEnvironment) bool {
		o.DeepCopyInto(planned)
		return o.Status.Plan != nil && !slices.ContainsFunc(paths, func(path string) bool {
			return !slices.ContainsFunc(o.Status.Plan.Changes, func(c v1alpha1.PlannedChange) bool { return c.Path == path })
		})
	})
	raw, err := json.Marshal(planned)
	require.NoError(w.t, err)
	assert.Empty(w.t, shows(string(raw)), "the plan of %s", name)
	approved := planned.DeepCopy()
	metav1.SetMetaDataAnnotation(&approved.ObjectMeta, v1alpha1.AnnotationApprovePlan, planned.Status.Plan.Hash)
	require.NoError(w.t, w.kube.Patch(w.t.Context(), approved, client.MergeFrom(planned)))
	w.until(name, "carried out", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Plan == nil && o.Status.Verdict == v1alpha1.VerdictGo
	})
}

// TestNamespacedRights plays a short story with the rights of config/namespaced: the operator is refused nothing, and needs every right.
func TestNamespacedRights(t *testing.T) {
	w := newWorld(t, team, team, append(manifests(t, "cluster"), namespaced(t)...)...)
	w.plant()
	w.takenOver()
	w.revisions()
	w.apply("preview", promotedSpec)
	w.approve("preview", "environment")
	for _, name := range []string{"preview", "dev"} {
		w.remove(name)
	}
	w.stop()
	rightsAreNeeded(t, team, namespaced(t))
}

// leftBehind is everything that the story left where people may read it, and what stood in a status on the way.
func (w *world) leftBehind() map[string]string {
	w.t.Helper()
	left := map[string]string{}
	for name, list := range map[string]client.ObjectList{
		"EngineEnvironments": &v1alpha1.EngineEnvironmentList{}, "ControllerRevisions": &appsv1.ControllerRevisionList{},
		"events": &eventsv1.EventList{}, "leases": &coordinationv1.LeaseList{},
	} {
		require.NoError(w.t, w.kube.List(w.t.Context(), list))
		raw, err := json.Marshal(list)
		require.NoError(w.t, err)
		left[name] = string(raw)
	}
	var stored v1alpha1.EngineEnvironmentList
	require.NoError(w.t, w.kube.List(w.t.Context(), &stored, client.InNamespace(w.namespace)))
	for _, object := range stored.Items {
		require.Eventually(w.t, func() bool {
			left["EngineEnvironments on the way"] = strings.Join(w.versions(), "\n")
			return strings.Contains(left["EngineEnvironments on the way"], fmt.Sprintf(`"resourceVersion":%q`, object.ResourceVersion))
		}, eventually, wait, "the last version of %s was seen", object.Name)
	}
	requests, err := json.Marshal(w.sim.Requests())
	require.NoError(w.t, err)
	left["Railway's request log"] = string(requests)
	return left
}
