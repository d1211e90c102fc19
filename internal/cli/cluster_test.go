// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli"
	owned "github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/promotion"
	statuses "github.com/engine-operator/engine-operator/internal/status"
)

const candidate = "ghcr.io/acme/ai-engine@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"

// tier creates a tier with a status, as an operator leaves it.
func (s *stage) tier(name string, tier v1alpha1.Tier, promotes *v1alpha1.Promotion, status func(*v1alpha1.EngineEnvironmentStatus)) {
	s.t.Helper()
	value := "canary-in-the-spec"
	object := &v1alpha1.EngineEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace, Annotations: map[string]string{"note": value}},
		Spec: v1alpha1.EngineEnvironmentSpec{
			Tier: tier, Promotion: promotes,
			Railway: &v1alpha1.Railway{ProjectID: projectID, TokenSecretRef: v1alpha1.LocalReference{Name: "railway"}},
			Engine: v1alpha1.Engine{Service: v1alpha1.Service{Name: "ai-engine", Variables: []v1alpha1.Variable{
				{Name: "GREETING", Value: &value},
				{Name: "KEY", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: &v1alpha1.KeyReference{Name: "openai", Key: "api-key"}}},
			}}},
		},
	}
	if promotes == nil {
		object.Spec.Engine.Source = &v1alpha1.Source{Image: "ghcr.io/acme/ai-engine:1.4.2"}
	}
	require.NoError(s.t, s.Create(s.t.Context(), object))
	object.Status.ObservedGeneration = object.Generation
	if status != nil {
		status(&object.Status)
	}
	require.NoError(s.t, s.Status().Update(s.t.Context(), object))
}

// fleet is a chain: dev is GO, preview holds after a rollback, production waits for an approval.
func (s *stage) fleet() {
	s.t.Helper()
	now := metav1.NewTime(s.now.Add(-time.Hour).Truncate(time.Second))
	s.tier("dev", v1alpha1.TierDev, nil, func(status *v1alpha1.EngineEnvironmentStatus) {
		status.Verdict, status.GoSince, status.Readiness = v1alpha1.VerdictGo, &now, "7/7"
		status.Engine = &v1alpha1.ServiceStatus{Name: "ai-engine", Revision: "1.7.0", Digest: "sha256:0123456789abcdef", Replicas: 1, ReadyReplicas: 1}
	})
	s.tier("preview", v1alpha1.TierPreview, &v1alpha1.Promotion{From: "dev"}, func(status *v1alpha1.EngineEnvironmentStatus) {
		status.Verdict, status.VerdictReasons = v1alpha1.VerdictNoGo, []string{"check health failed: answered 500"}
		status.Checks = []v1alpha1.CheckStatus{
			{Name: "revision", Result: v1alpha1.CheckPassed, Since: now}, {Name: "health", Result: v1alpha1.CheckFailed, Since: now, Message: "answered 500"},
		}
		status.Drift = []v1alpha1.Drift{{Path: "ai-engine.variables.X", Declared: "1", Actual: "canary-drift", FirstSeen: now, ChangedBy: "Dana"}}
		status.Rollback = &v1alpha1.RollbackStatus{From: "1.7.0", To: "1.6.0", RevisionName: "preview-1", Reason: "check health failed", At: now}
		status.Promotion = &v1alpha1.PromotionStatus{State: v1alpha1.PromotionBlocked, Rejected: []string{candidate}}
	})
	s.tier("production", v1alpha1.TierProduction, &v1alpha1.Promotion{From: "preview", Approval: v1alpha1.ApprovalManual}, func(status *v1alpha1.EngineEnvironmentStatus) {
		status.Verdict = v1alpha1.VerdictGo
		status.Cost = &v1alpha1.CostStatus{MonthToDateUSD: "20.00", ProjectedUSD: "62.10", Summary: "$62.10 of $570", AsOf: now}
		status.Promotion = &v1alpha1.PromotionStatus{
			State: v1alpha1.PromotionAwaitingApproval, Candidate: candidate, CandidateRevision: "1.6.0", Revision: "1.5.0",
			History: []v1alpha1.PromotionRecord{{Revision: "1.5.0", From: "preview", ApprovedBy: "dana", At: now, Outcome: v1alpha1.PromotionVerified}},
		}
	})
}

func (s *stage) read(name string) *v1alpha1.EngineEnvironment {
	s.t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	require.NoError(s.t, s.Get(s.t.Context(), key(s.namespace, name), object))
	return object
}

func TestStatus(t *testing.T) {
	s := newStage(t)
	assert.Contains(t, s.ok("status"), "There is no EngineEnvironment in namespace "+s.namespace)
	s.fleet()
	chain := s.ok("status")
	assert.Regexp(t, `(?m)^dev +Dev +GO +1.7.0 +7/7`, chain)
	assert.Regexp(t, `(?m)^└─ preview +Preview +NO-GO .*check health failed: answered 500$`, chain)
	assert.Regexp(t, `(?m)^   └─ production +Production +GO .*1.6.0: kubectl engine approve -n `+s.namespace+` production$`, chain)
	assert.Contains(t, s.ok("status", "-A"), s.namespace+"/dev")

	screen := s.ok("status", "preview")
	for _, want := range []string{
		"preview  Preview  NO-GO", "why         check health failed: answered 500", "checks      1 of 2 checks pass: revision", "✗ health  answered 500",
		`1 field differs from what was applied`, `ai-engine.variables.X: "canary-drift", declared "1", by Dana`, "1.6.0 runs in place of 1.7.0",
	} {
		assert.Contains(t, screen, want)
	}
	screen = s.ok("status", "production")
	assert.Contains(t, screen, "1.6.0 from preview waits for an approval\n              kubectl engine approve -n "+s.namespace+" production")
	assert.Contains(t, screen, "$62.10 of $570 projected for the month, $20.00 so far")
	assert.Contains(t, s.ok("status", "dev"), "GO for 60m")

	var object v1alpha1.EngineEnvironment
	require.NoError(t, json.Unmarshal([]byte(s.ok("status", "production", "-o", "json")), &object))
	assert.Equal(t, candidate, object.Status.Promotion.Candidate)
	assert.Contains(t, s.ok("status", "-o", "yaml"), "name: production")
	assert.Contains(t, s.run("status", "-o", "xml").err, "-o xml is no output format of this command: it takes json, yaml")
	assert.Contains(t, s.run("status", "nope").err, "there is dev, preview, production")
	assert.Contains(t, s.ok("__complete", "status", ""), "production\tProduction, GO\n")
	assert.Contains(t, s.run("status", "--context", "nope").err, "nope")
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	assert.Contains(t, s.run("status").err, "name one with --kubeconfig")
}

// firstThen cancels once something was written that has the word.
type firstThen struct {
	locked
	word string
	then func()
}

func (f *firstThen) Write(p []byte) (int, error) {
	n, err := f.locked.Write(p)
	if strings.Contains(f.String(), f.word) {
		f.then()
	}
	return n, err
}

func TestStatusWatches(t *testing.T) {
	s := newStage(t)
	s.fleet()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &firstThen{word: "NO-GO", then: cancel}
	object := s.read("dev")
	object.Status.Verdict = v1alpha1.VerdictNoGo
	time.AfterFunc(time.Second, func() { _ = s.Status().Update(ctx, object) })
	world := cli.World{Out: out, Err: io.Discard, Now: time.Now, Getenv: func(string) string { return "" }}
	require.Zero(t, cli.Main(ctx, world, []string{"kubectl-engine", "status", "dev", "--watch"}))
	assert.Contains(t, out.String(), "dev  Dev  GO")
	require.ErrorIs(t, context.Cause(ctx), context.Canceled, "the change was shown")
	assert.False(t, errors.Is(ctx.Err(), context.DeadlineExceeded))
}

func TestApprove(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.in = "n\n"
	r := s.run("approve", "production")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.err, "production runs 1.5.0. Approve 1.6.0 from preview, as ")
	assert.Contains(t, r.err, candidate)
	assert.Contains(t, r.err, "nothing was done")
	s.in = ""
	assert.Contains(t, s.run("approve", "production").err, "no answer on standard input; confirm it with --yes")
	assert.Empty(t, s.read("production").Annotations[v1alpha1.AnnotationApprove])
	assert.Contains(t, s.run("approve", "production", "--yes", "--source", "x@sha256:1").err, "the candidate of production is "+candidate)
	s.in = "yes\n"
	assert.Contains(t, s.ok("approve", "production", "--source", candidate), "approved 1.6.0 for production as ")
	approved := s.read("production")
	assert.Equal(t, candidate, approved.Annotations[v1alpha1.AnnotationApprove])
	assert.NotEmpty(t, approved.Annotations[v1alpha1.AnnotationApprovedBy])
	assert.Equal(t, "canary-in-the-spec", approved.Annotations["note"], "others stay")
	assert.Contains(t, s.run("approve", "dev", "-y").err, "nothing to approve")
	assert.Contains(t, s.run("approve", "preview", "-y").err, "no candidate")
	rejected := s.read("production")
	rejected.Status.Promotion.Rejected = []string{candidate}
	require.NoError(t, s.Status().Update(t.Context(), rejected))
	assert.Contains(t, s.run("approve", "production", "-y").err, "production was rolled back from 1.6.0, and an approval changes nothing")
}

// plan puts a plan into the status, as an operator with writePolicy Approve leaves it.
func (s *stage) plan(name string, changes int) *v1alpha1.EngineEnvironment {
	s.t.Helper()
	object := s.read(name)
	object.Spec.WritePolicy = v1alpha1.WritePolicyApprove
	require.NoError(s.t, s.Update(s.t.Context(), object))
	object.Status.ObservedGeneration = object.Generation
	object.Status.Plan = &v1alpha1.PlanStatus{Hash: "3f1c8a745d3e", Message: "2 to set; deploys ai-engine", More: 3}
	for i := range changes {
		object.Status.Plan.Changes = append(object.Status.Plan.Changes, v1alpha1.PlannedChange{
			Path: fmt.Sprintf("ai-engine.variables.V%02d", i), Action: v1alpha1.PlannedSet, From: "(absent)", To: "new",
		})
	}
	require.NoError(s.t, s.Status().Update(s.t.Context(), object))
	return object
}

func TestPlanOfTheStatus(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.plan("production", 12)
	screen := s.ok("status", "production")
	assert.Contains(t, screen, "  plan        2 to set; deploys ai-engine\n                + ai-engine.variables.V00: \"new\"\n")
	assert.Contains(t, screen, "V09: \"new\"\n                and 5 more: see status.plan\n              kubectl engine approve -n "+s.namespace+" production\n")
	assert.Regexp(t, `(?m)production .*2 to set; deploys ai-engine: kubectl engine approve -n `+s.namespace+` production$`, s.ok("status"))

	assert.Contains(t, s.run("approve", "production", "-y", "--plan", "other").err, "the plan of production is 3f1c8a745d3e and not other")
	assert.Contains(t, s.run("approve", "production", "-y", "--plan", "a", "--source", "b").err, "--plan and --source cannot be used together")
	s.in = "n\n"
	assert.Contains(t, s.run("approve", "production").err, "+ ai-engine.variables.V00: \"new\"\n")
	assert.Contains(t, s.ok("approve", "production", "-y"), "approved plan 3f1c8a745d3e of production")
	approved := s.read("production")
	assert.Equal(t, "3f1c8a745d3e", approved.Annotations[v1alpha1.AnnotationApprovePlan])
	assert.Empty(t, approved.Annotations[v1alpha1.AnnotationApprove], "the candidate was not asked about")

	approved.Status.Plan.Approved = true
	require.NoError(t, s.Status().Update(t.Context(), approved))
	assert.Contains(t, s.ok("status", "production"), "approved, and being written")
	assert.Contains(t, s.run("approve", "production", "-y", "--plan", "3f1c8a745d3e").err, "approved already")
	assert.Contains(t, s.ok("approve", "production", "-y"), "approved 1.6.0 for production", "what waits now is the candidate")
	assert.Contains(t, s.run("approve", "dev", "-y", "--plan", "3f1c8a745d3e").err, "dev has no plan")
}

func TestHold(t *testing.T) {
	s := newStage(t)
	s.fleet()
	assert.Contains(t, s.run("hold", "dev", "-y", "--reason", "demo").err, "dev takes nothing by promotion")
	assert.Contains(t, s.run("hold", "production", "-y").err, "say why, with --reason")
	s.ok("hold", "production", "-y", "--reason", "demo on Friday")
	assert.Equal(t, "demo on Friday", s.read("production").Annotations[v1alpha1.AnnotationHold])
	assert.Contains(t, s.run("hold", "production", "-y", "--reason", "demo on Friday").err, "held already")
	s.in = "n\n"
	assert.Contains(t, s.run("approve", "production").err, "The operator promotes it once the hold has ended:\n  kubectl engine resume -n ")
	assert.Contains(t, s.ok("approve", "production", "-y"), "; it is promoted once the hold has ended: kubectl engine resume -n ")
	assert.Contains(t, s.run("hold", "production", "--reason", "again").err, "takes the place of the hold in force: demo on Friday")
	managers := map[string]bool{}
	for _, entry := range s.read("production").ManagedFields {
		managers[entry.Manager] = true
	}
	assert.True(t, managers["kubectl-engine-hold"], "history tells when it was held, whatever another command does later")
	assert.Contains(t, s.ok("status", "production"), "held        by a person: demo on Friday\n              kubectl engine resume -n "+s.namespace+" production")
	s.ok("resume", "production", "-y")
	assert.NotContains(t, s.read("production").Annotations, v1alpha1.AnnotationHold)
}

func TestRollback(t *testing.T) {
	s := newStage(t)
	s.fleet()
	assert.Contains(t, s.run("rollback", "production", "-y").err, "nothing was verified in production yet")
	local := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Name: "local", Namespace: s.namespace}}
	local.Spec.Tier, local.Spec.Engine.Name = v1alpha1.TierLocal, "ai-engine"
	require.NoError(t, s.Create(t.Context(), local))
	assert.Contains(t, s.run("rollback", "local", "-y").err, "local is a Local tier: nothing of it runs on Railway")
	s.remember(s.read("production"))
	asked := func() string { return s.read("production").Annotations[v1alpha1.AnnotationRollback] }
	assert.Contains(t, s.run("rollback", "production", "-y", "--to", "1.4.0").err, "no verified revision 1.4.0 that differs from what is declared; there is 3 (1.5.0)")
	s.in = "n\n"
	r := s.run("rollback", "production")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.err, "puts revision 3 (1.5.0) of production back", "what previous means is said before it is asked")
	assert.Empty(t, asked(), "nothing was asked for")
	assert.Contains(t, s.ok("rollback", "production", "-y"), "revision 3 (1.5.0); follow it with: kubectl engine status -n ")
	assert.Equal(t, "production-1", asked(), "what was shown, whatever is verified in between")
	s.ok("rollback", "production", "-y")
	assert.Equal(t, "ghcr.io/acme/ai-engine:1.5.0", asked(), "in a later incident it is a new request")
	s.ok("rollback", "production", "-y", "--to", "1.5.0")
	assert.Equal(t, "production-1", asked(), "the operator carries each value out once")
	held := s.read("production")
	held.Status.Rollback = &v1alpha1.RollbackStatus{From: "1.6.0", To: "1.5.0", RevisionName: "production-1", Reason: "x", At: metav1.Now()}
	require.NoError(t, s.Status().Update(t.Context(), held))
	assert.Contains(t, s.run("rollback", "production", "-y").err, "production holds revision 3 (1.5.0) already, and no other was verified in it")
	s.ok("suspend", "production", "-y")
	s.in = "n\n"
	assert.Contains(t, s.run("approve", "production").err, "The operator promotes it once the tier is no longer suspended:\n  kubectl engine resume -n ")
	assert.Contains(t, s.ok("approve", "production", "-y"), "; it is promoted once the tier is no longer suspended: kubectl engine resume -n ")
	assert.Contains(t, s.ok("status", "production"), "\n              kubectl engine resume -n ")
	assert.Contains(t, s.run("rollback", "production", "-y").err, "production is suspended, and nothing is written: resume it first")
}

func TestSuspendAndResume(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.ok("suspend", "dev", "--yes")
	assert.True(t, s.read("dev").Spec.Suspend)
	assert.Contains(t, s.run("suspend", "dev", "--yes").err, "suspended already")
	s.ok("resume", "dev", "--yes")
	assert.False(t, s.read("dev").Spec.Suspend)
	assert.Contains(t, s.run("resume", "dev", "--yes").err, "nothing to resume")
	s.in = "y\n"
	r := s.run("resume", "preview")
	assert.Zero(t, r.code)
	assert.Contains(t, r.err, "1.7.0 was rolled back in preview because it failed (check health failed): 1.6.0 runs in place of 1.7.0.\nThe operator deploys 1.7.0 again.\n")
	assert.NotEmpty(t, s.read("preview").Annotations[v1alpha1.AnnotationResume])
	preview := s.read("preview")
	preview.Status.Rollback.Requested, preview.Status.Rollback.Reason = true, "a person asked for it"
	require.NoError(t, s.Status().Update(t.Context(), preview))
	s.in = "n\n"
	said := s.run("resume", "preview").err
	assert.Contains(t, said, "1.7.0 was rolled back in preview because a person asked for it: 1.6.0 runs in place of 1.7.0.")
	assert.NotContains(t, said, "failed", "nothing did")
	preview.Spec.WritePolicy, preview.Spec.Suspend = v1alpha1.WritePolicyApprove, true
	require.NoError(t, s.Update(t.Context(), preview))
	said = s.run("resume", "preview").err
	assert.Contains(t, said, "The operator works on it again, and writes to Railway what is approved.\n")
	assert.Contains(t, said, "The operator deploys 1.7.0 again, once the plan is approved.\n")
}

// TestCommandsKeepTheCluster: what a person is told to run next reaches the cluster that this command was told to use.
func TestCommandsKeepTheCluster(t *testing.T) {
	s := newStage(t)
	s.fleet()
	file := os.Getenv("KUBECONFIG")
	t.Setenv("KUBECONFIG", "none")
	given := "--kubeconfig " + file + " --context test"
	for _, c := range []struct{ args, want string }{
		{"status production", "kubectl engine approve "}, {"status preview", "kubectl engine resume "},
		{"status", "1.6.0: kubectl engine approve "},
		{"approve production -y", "follow it with: kubectl engine status "}, {"hold production -y --reason demo", "to end that: kubectl engine resume "},
		{"suspend dev -y", "to end that: kubectl engine resume "}, {"resume dev -y", "follow it with: kubectl engine status "},
	} {
		assert.Contains(t, s.ok(strings.Fields(c.args+" "+given)...), c.want+given+" -n "+s.namespace, c.args)
	}
}

// handled does a second later what the operator does with a request for a pass.
func (s *stage) handled(name string) {
	time.AfterFunc(time.Second, func() {
		object := &v1alpha1.EngineEnvironment{}
		_ = s.Get(context.Background(), key(s.namespace, name), object)
		object.Status.LastHandledReconcileAt = statuses.RequestedAt(object)
		_ = s.Status().Update(context.Background(), object)
	})
}

func TestReconcile(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.ok("reconcile", "dev", "--wait=false")
	asked := s.read("dev").Annotations[v1alpha1.AnnotationRequestedAt]
	require.NotEmpty(t, asked)
	s.now = s.now.Add(time.Second)
	s.terminal = true
	waited := s.run("reconcile", "dev", "--timeout", "1s", "--context", "test")
	assert.Contains(t, waited.err, "the operator has not done it within 1s")
	assert.Contains(t, waited.err, "kubectl get pods --context test -A")
	assert.Contains(t, waited.err, "waits for the operator …\nwaits for the operator … 5s\nwaits for the operator … 10s\n", "a person sees that it goes on")
	s.terminal = false
	s.now = s.now.Add(time.Second)
	s.handled("dev")
	done := s.run("reconcile", "dev", "--timeout", "30s")
	assert.Equal(t, "asked for a pass of dev\ndev is GO\n", done.out)
	assert.Empty(t, done.err, "nobody sees it")
	s.now = s.now.Add(time.Second)
	before := s.read("preview")
	flux := before.DeepCopy()
	flux.Annotations[v1alpha1.AnnotationFluxRequestedAt] = "2026-11-28T18:00:00Z"
	require.NoError(t, s.Patch(t.Context(), flux, client.MergeFrom(before)))
	s.handled("preview") // the status echoes both annotations
	assert.Contains(t, s.ok("reconcile", "preview", "--timeout", "30s"),
		"preview is NO-GO: check health failed: answered 500\nfollow it with: kubectl engine status -n "+s.namespace+" preview --watch\n")
	s.ok("suspend", "preview", "-y")
	s.now = s.now.Add(time.Second)
	s.handled("preview")
	assert.Contains(t, s.ok("reconcile", "preview", "--timeout", "30s"), "\nto end that: kubectl engine resume -n "+s.namespace+" preview\n")
}

// remember stores a verified revision and an event, as the operator does.
func (s *stage) remember(object *v1alpha1.EngineEnvironment) {
	s.t.Helper()
	spec := promotion.WithSource(&object.Spec, &v1alpha1.Source{Image: "ghcr.io/acme/ai-engine:1.5.0"})
	require.NoError(s.t, s.Create(s.t.Context(), &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: object.Name + "-1", Namespace: s.namespace, Labels: map[string]string{owned.LabelOwner: string(object.UID)},
		},
		Data: runtime.RawExtension{Raw: promotion.ContentOf(spec).Raw()}, Revision: 3,
	}))
	require.NoError(s.t, s.Create(s.t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: object.Name + ".1", Namespace: s.namespace}, Reason: "Committed", Message: "wrote MODEL; the key is canary-secret-value",
		InvolvedObject: corev1.ObjectReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "EngineEnvironment", Name: object.Name, Namespace: s.namespace, UID: object.UID,
		},
		LastTimestamp: metav1.NewTime(s.now), Source: corev1.EventSource{Component: "engine-operator"},
	}))
}

func TestHistory(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.remember(s.read("production"))
	history := s.ok("history", "production")
	assert.Regexp(t, `Promoted +dana +1.5.0 from preview: Verified`, history)
	assert.Regexp(t, `Verified +- +1.5.0, as revision 3 \(ghcr.io/acme/ai-engine:1.5.0\)`, history)
	assert.Regexp(t, `Committed +engine-operator +wrote MODEL`, history)
	assert.Regexp(t, `RolledBack +engine-operator +1.7.0 to 1.6.0: check health failed`, s.ok("history", "preview"))
	assert.Contains(t, s.ok("history", "dev"), "Nothing is known yet.")
	_, endpoint := s.railway(strings.NewReplacer("name: dev, ", "name: dev2, ", "      dev:\n", "      dev2:\n").Replace(adoptSeed))
	assert.Contains(t, s.run("history", "dev", endpoint).err, "--railway-endpoint says where Railway's history is read from, and needs --railway")
	assert.Contains(t, s.run("history", "dev", "--railway", endpoint).err, `there is no environment "dev" on Railway yet`)
}

func TestReport(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.secret("openai", map[string]string{"api-key": "canary-secret-value"})
	s.secret("railway", map[string]string{"RAILWAY_API_TOKEN": "canary-token-value"})
	// addresses share parts with what stands in the clear: a name that is masked in half helps nobody
	s.secret("supabase", map[string]string{"url": "https://ai-engine.acme.example/preview-environment"})
	named := s.read("production")
	named.Spec.SharedVariables = []v1alpha1.Variable{{Name: "SUPABASE_URL", ValueFrom: &v1alpha1.ValueSource{
		SecretKeyRef: &v1alpha1.KeyReference{Name: "supabase", Key: "url"},
	}}}
	named.Annotations[v1alpha1.AnnotationApprovedBy] = "dana@acme.example"
	require.NoError(t, s.Update(t.Context(), named))
	s.remember(s.read("production"))
	file := filepath.Join(t.TempDir(), "report.tar.gz")
	assert.Contains(t, s.ok("report", "--file", file), "Wrote "+file)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	files := unpack(t, file)
	for name, text := range files {
		assert.NotContains(t, text, "canary", "%s holds a value", name)
	}
	place := "engine-report/tiers/" + s.namespace + "/"
	assert.Contains(t, files[place+"production.yaml"], "name: GREETING")
	assert.Contains(t, files[place+"production.yaml"], "candidate: "+candidate)
	assert.Contains(t, files[place+"production.yaml"], "dana@acme.example")
	assert.Contains(t, files["engine-report/README.txt"], "no Deployment of the operator is in namespace")
	assert.Contains(t, files[place+"production.history.txt"], "wrote MODEL; the key is (secret)")
	assert.Contains(t, files[place+"preview.status.txt"], "NO-GO")
	assert.Contains(t, files["engine-report/README.txt"], "kubectl-engine v1.2.3")
	assert.Contains(t, files["engine-report/README.txt"], "kubernetes v1.")
	assert.Contains(t, s.run("report", "--file", file).err, "file exists", "nothing is written over")
}

func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	files, archive := map[string]string{}, tar.NewReader(zipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		files[header.Name] = string(text)
	}
}

func TestRenderAndDiffOfTheCluster(t *testing.T) {
	s := newStage(t)
	s.fleet()
	s.secret("openai", map[string]string{"api-key": "canary-secret-value"})
	rendered := s.ok("render", "dev")
	assert.NotContains(t, rendered, "canary-secret-value")
	assert.Contains(t, rendered, "# KEY is from a Secret: show it with --reveal")
	assert.Contains(t, s.ok("render", "dev", "--reveal"), "KEY=canary-secret-value\n")
	diff := s.ok("diff", "dev", "production")
	assert.Regexp(t, `engine.variables.ENV +dev +production`, diff)
	assert.NotContains(t, diff, "KEY", "the same secret is no difference")
}

// TestImportsAreAdmitted: the API server takes what import writes.
func TestImportsAreAdmitted(t *testing.T) {
	s := newStage(t)
	_, endpoint := s.railway(adoptSeed)
	text, err := os.ReadFile(imported(s.shell, endpoint))
	require.NoError(t, err)
	tierText, _, _ := strings.Cut(string(text), "\n---\n")
	require.NoError(t, s.Create(t.Context(), parse(t, tierText, s.namespace), client.DryRunAll))
}
