// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// chain is dev → preview → production, with checks, rollback in preview and a person before production.
func chain(t *testing.T, soak string, replace ...string) *world {
	t.Helper()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	w.image("1.4.2")
	source := `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + "\n"
	preview := strings.NewReplacer(append(replace, source, "")...).Replace(previewSpec) + "  onFailure: Rollback\npromotion: {from: dev, soak: " + soak + "}\n"
	production := strings.NewReplacer("tier: Preview", "tier: Production", "value: preview", "value: production", "from: dev, soak: "+soak,
		"from: preview, approval: Manual").Replace(preview)
	w.apply("preview", preview)
	w.apply("production", production)
	return w
}

// image declares what dev runs.
func (w *world) image(tag string) {
	w.t.Helper()
	w.apply("dev", strings.Replace(devSpec, "1.4.2", tag, 1)+"verification: {interval: 5s}\n")
}

// edit changes the spec as kubectl edit does.
func (w *world) edit(name string, change func(*v1alpha1.EngineEnvironmentSpec)) {
	w.t.Helper()
	o := w.get(name)
	before := o.DeepCopy()
	change(&o.Spec)
	require.NoError(w.t, w.client.Patch(w.t.Context(), o, client.MergeFrom(before)))
}

func (w *world) annotate(name, key, value string) {
	w.t.Helper()
	o := w.get(name)
	before := o.DeepCopy()
	if o.Annotations == nil {
		o.Annotations = map[string]string{}
	}
	o.Annotations[key] = value
	require.NoError(w.t, w.client.Patch(w.t.Context(), o, client.MergeFrom(before)))
}

// runs waits until the tier runs the revision and is GO.
func (w *world) runs(name, revision string) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	return w.until(name, "GO with "+revision, func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Verdict == v1alpha1.VerdictGo && o.Status.Engine.Revision == revision && isReady(o)
	})
}

// awaits waits until the candidate needs a person.
func (w *world) awaits(name, candidate string) *v1alpha1.EngineEnvironment {
	w.t.Helper()
	return w.until(name, "awaiting approval of "+candidate, func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionAwaitingApproval && o.Status.Promotion.CandidateRevision == candidate
	})
}

// approve approves the candidate as its message says, in somebody's name.
func (w *world) approve(name, by string) {
	w.t.Helper()
	candidate := w.get(name).Status.Promotion.Candidate
	require.NotEmpty(w.t, candidate)
	w.annotate(name, v1alpha1.AnnotationApprovedBy, by)
	w.annotate(name, v1alpha1.AnnotationApprove, candidate)
}

// images are the images that were ever deployed in the environment, in order.
func (w *world) images(environment string) []string {
	var all []string
	for _, d := range w.sim.Deployments() {
		if d.Environment == environment && d.Service == "ai-engine" {
			image, _, _ := strings.Cut(d.Image, "@")
			all = append(all, image[strings.LastIndex(image, ":")+1:])
		}
	}
	return all
}

func TestPromotionChain(t *testing.T) {
	t.Parallel()
	w := chain(t, "1s")
	w.runs("dev", "1.4.2")
	o := w.runs("preview", "1.4.2")
	assert.Equal(t, v1alpha1.PromotionUpToDate, o.Status.Promotion.State)
	o = w.awaits("production", "1.4.2")
	ready := condition(o, v1alpha1.ConditionReady)
	assert.Equal(t, v1alpha1.ReasonAwaitingPromotion, ready.Reason)
	assert.Contains(t, ready.Message, "kubectl annotate eenv -n "+w.namespace+" production --overwrite railway.engine-operator.dev/approve="+o.Status.Promotion.Candidate)
	assert.Regexp(t, "^ghcr.io/acme/ai-engine@sha256:[0-9a-f]{64}$", o.Status.Promotion.Candidate, "an approval is for these bytes")
	assert.Empty(t, w.images("production"), "nothing runs before a person says so")

	w.annotate("production", v1alpha1.AnnotationApprove, "1.4.2")
	o = w.until("production", "told of the wrong approval", func(o *v1alpha1.EngineEnvironment) bool {
		return strings.Contains(condition(o, v1alpha1.ConditionPromoted).Message, "the approval so far is for another source, 1.4.2")
	})
	assert.Nil(t, o.Status.Promotion.Source)
	w.approve("production", "Dana")
	o = w.runs("production", "1.4.2")
	require.Len(t, o.Status.Promotion.History, 1)
	record := o.Status.Promotion.History[0]
	assert.Equal(t, "1.4.2 preview Dana Verified", fmt.Sprint(record.Revision, " ", record.From, " ", record.ApprovedBy, " ", record.Outcome))

	w.image("1.5.0")
	w.runs("preview", "1.5.0")
	w.awaits("production", "1.5.0")
	assert.Equal(t, []string{"1.4.2"}, w.images("production"), "the old approval is no approval for the new revision")
	w.annotate("production", v1alpha1.AnnotationApprove, w.get("production").Status.Promotion.Candidate)
	o = w.runs("production", "1.5.0")
	assert.Equal(t, "Dana (as in the approval before)", o.Status.Promotion.History[0].ApprovedBy, "nobody said that it was Dana again")
	assert.Equal(t, []string{"1.4.2", "1.5.0"}, w.images("production"))
}

func TestBadRevisionIsRolledBackAndGoesNoFurther(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	w.runs("preview", "1.4.2")
	w.awaits("production", "1.4.2")
	w.approve("production", "Dana")
	w.runs("production", "1.4.2")

	w.image("1.5.0-no-middleware") // dev has its middleware off: it passes there
	w.runs("dev", "1.5.0-no-middleware")
	o := w.until("preview", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionReady).Reason == v1alpha1.ReasonRolledBack && o.Status.Engine.Revision == "1.4.2" &&
			condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack
	})
	assert.Equal(t, "1.5.0-no-middleware", o.Status.Rollback.From)
	assert.Equal(t, "1.4.2", o.Status.Rollback.To)
	assert.Contains(t, o.Status.Rollback.Reason, "check ")
	assert.Equal(t, v1alpha1.PromotionRolledBack, o.Status.Promotion.History[0].Outcome)
	assert.Equal(t, v1alpha1.PromotionBlocked, o.Status.Promotion.State)
	assert.Equal(t, metav1.ConditionFalse, condition(o, v1alpha1.ConditionPromoted).Status, "it does not run what dev has verified")
	assert.Equal(t, v1alpha1.VerdictNoGo, o.Status.Verdict)

	// Drift repair keeps the revision that is held, and a forced pass does not end the hold.
	w.poke("preview")
	time.Sleep(500 * time.Millisecond)
	assert.Equal(t, []string{"1.4.2", "1.5.0-no-middleware", "1.4.2"}, w.images("preview"))
	assert.Equal(t, []string{"1.4.2"}, w.images("production"), "production never sees it")

	// Neither an edit that is no content nor suspending ends the hold.
	w.edit("preview", func(s *v1alpha1.EngineEnvironmentSpec) { s.Interval = &metav1.Duration{Duration: time.Minute} })
	w.edit("preview", func(s *v1alpha1.EngineEnvironmentSpec) { s.Suspend = true })
	w.until("preview", "suspended", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictPending })
	w.edit("preview", func(s *v1alpha1.EngineEnvironmentSpec) { s.Suspend = false })
	o = w.until("preview", "held again", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack
	})
	assert.Contains(t, condition(o, v1alpha1.ConditionStalled).Message, "railway.engine-operator.dev/resume=")
	assert.Equal(t, []string{"1.4.2", "1.5.0-no-middleware", "1.4.2"}, w.images("preview"))

	// A newer revision that upstream has verified ends the hold by itself.
	w.image("1.5.1")
	o = w.runs("preview", "1.5.1")
	assert.Nil(t, o.Status.Rollback)
	w.awaits("production", "1.5.1")
	assert.NotContains(t, w.images("production"), "1.5.0-no-middleware")
}

func TestFailedDeploymentIsRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := previewSpec + "  onFailure: Rollback\nrevisionHistoryLimit: 2\n"
	w.apply("preview", strings.Replace(spec, "1.4.2", "1.4.0-crash", 1))
	o := w.until("preview", "failed", func(o *v1alpha1.EngineEnvironment) bool {
		return strings.Contains(condition(o, v1alpha1.ConditionReady).Message, "no verified revision is known")
	})
	assert.Equal(t, v1alpha1.ReasonCrashed, condition(o, v1alpha1.ConditionReady).Reason)

	for _, tag := range []string{"1.4.1", "1.4.2", "1.4.3"} {
		w.apply("preview", strings.Replace(spec, "1.4.2", tag, 1))
		w.runs("preview", tag)
	}
	var kept appsv1.ControllerRevisionList
	require.NoError(t, w.client.List(t.Context(), &kept, client.InNamespace(w.namespace)))
	assert.Len(t, kept.Items, 2, "the limit")
	for i := range kept.Items {
		assert.NotContains(t, string(kept.Items[i].Data.Raw), secretMark)
	}
	w.apply("preview", strings.NewReplacer("1.4.2", "1.4.4-crash", "value: preview", "value: broken").Replace(spec))
	w.until("preview", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack && o.Status.Engine.Revision == "1.4.3"
	})
	assert.Equal(t, "preview", w.variables("preview", "ai-engine")["DB_SCHEMA"], "the variables go back, too")

	w.apply("preview", strings.Replace(spec, "1.4.2", "1.4.5", 1))
	o = w.runs("preview", "1.4.5")
	assert.Nil(t, o.Status.Rollback, "a changed spec ends the hold")
}

func TestPromotionSurvivesALostStatus(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s", "sealed: true, ", "") // a sealed value would be written again: nobody can know that it is the same
	w.runs("preview", "1.4.2")
	deployed := w.deployments("preview", "ai-engine")
	o := w.get("preview")
	before := o.DeepCopy()
	o.Status = v1alpha1.EngineEnvironmentStatus{ObservedGeneration: -1}
	require.NoError(t, w.client.Status().Patch(t.Context(), o, client.MergeFrom(before)))
	w.poke("preview")
	o = w.runs("preview", "1.4.2")
	assert.Regexp(t, "^ghcr.io/acme/ai-engine:1.4.2@sha256:[0-9a-f]{64}$", o.Status.Promotion.Source.Image, "what runs is what was promoted")
	assert.Equal(t, deployed, w.deployments("preview", "ai-engine"))
}

func TestNewerRevisionRestartsTheSoak(t *testing.T) {
	t.Parallel()
	const soak = 10 * time.Second
	w := chain(t, soak.String())
	w.until("preview", "soaking", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionSoaking && o.Status.Promotion.CandidateRevision == "1.4.2"
	})
	pushed := time.Now().Truncate(time.Second)
	w.image("1.5.0")
	o := w.until("preview", "soaking anew", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion.State == v1alpha1.PromotionSoaking && o.Status.Promotion.CandidateRevision == "1.5.0"
	})
	assert.False(t, o.Status.Promotion.SoakedAt.Time.Before(pushed.Add(soak)), "it has soaked since it was verified, not since the one before was")
	w.runs("preview", "1.5.0")
	assert.Equal(t, []string{"1.5.0"}, w.images("preview"), "the one before was never promoted")
}

// TestBadCommitIsRolledBack deploys a branch whose newest commit is bad: commits of one branch are revisions of their own.
func TestBadCommitIsRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	spec := strings.Replace(previewSpec, `source: {image: "ghcr.io/acme/ai-engine:1.4.2"}`, "source: {repo: acme/ai-engine, branch: main}", 1) + "  onFailure: Rollback\n"
	w.apply("preview", spec)
	o := w.until("preview", "GO", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Verdict == v1alpha1.VerdictGo })
	good := o.Status.Engine.Commit
	require.Len(t, o.Status.Verified.Source.Commit, 40, "what is verified pins its commit")

	w.apply("preview", strings.Replace(spec, "branch: main", "branch: broken", 1))
	o = w.until("preview", "rolled back", func(o *v1alpha1.EngineEnvironment) bool {
		return condition(o, v1alpha1.ConditionStalled).Reason == v1alpha1.ReasonRolledBack && o.Status.Engine.Commit == good
	})
	assert.Equal(t, good[:12], o.Status.Rollback.To)
}

func TestPromotionInACircleIsRefused(t *testing.T) {
	t.Parallel()
	w := chain(t, "0s")
	w.runs("preview", "1.4.2")
	source := `  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + "\n"
	w.apply("dev", strings.Replace(devSpec, source, "", 1)+"promotion: {from: preview}\n")
	for _, name := range []string{"dev", "preview"} {
		w.poke(name)
		o := w.reason(name, v1alpha1.ReasonInvalidSpec)
		assert.Contains(t, condition(o, v1alpha1.ConditionStalled).Message, "goes round in a circle")
	}
	w.image("1.5.0")
	w.runs("dev", "1.5.0")
	w.poke("preview")
	w.runs("preview", "1.5.0")
}
