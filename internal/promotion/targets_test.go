// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

// TestTargetIsWhatTheOperatorDecides: what a person is told before asking for a rollback is what the operator does, whatever is declared,
// promoted, held and resumed.
func TestTargetIsWhatTheOperatorDecides(t *testing.T) {
	stored := []promotion.Stored{
		kept("r/app:1@"+digest(1), 1), kept("r/app:2@"+digest(2), 3), kept("r/app:3@"+digest(3), 2), kept("r/app:stable@"+digest(4), 4), kept("r/app:stable@"+digest(5), 5),
	}
	images := []string{"r/app:1", "r/app:2", "r/app:3", "r/app:stable", "r/app:7", "r/app:2@" + digest(2)}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
		kept := rapid.Permutation(stored).Draw(t, "stored")[:rapid.IntRange(0, len(stored)).Draw(t, "kept")]
		object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "dev", Annotations: map[string]string{}}}
		runs := promotion.Running{Image: pick("runs", images[:5]...)}
		runs.Digest = pick("digest", "", digest(1), digest(2), digest(4))
		object.Status.Engine = &v1alpha1.ServiceStatus{Image: runs.Image, Digest: runs.Digest}
		object.Spec = *promotion.WithSource(devSpec(), source(pick("declared", images...)))
		if rapid.Bool().Draw(t, "promoted") {
			object.Spec = *promotion.WithSource(devSpec(), nil)
			object.Spec.Promotion = &v1alpha1.Promotion{From: "up"}
			if rapid.Bool().Draw(t, "known") {
				object.Status.Promotion = &v1alpha1.PromotionStatus{State: v1alpha1.PromotionUpToDate, Source: source(pick("source", images...))}
			}
		}
		var held *promotion.Content
		if len(kept) > 0 && rapid.Bool().Draw(t, "held") {
			rejected := promotion.ContentOf(promotion.WithSource(&object.Spec, source(pick("rejected", images...))))
			object.Status.Rollback = &v1alpha1.RollbackStatus{From: "x", To: "y", RevisionName: kept[0].Name, Content: rejected.Hash()}
			held = &kept[0].Content
		}
		if rapid.Bool().Draw(t, "resumed") {
			object.Annotations[v1alpha1.AnnotationResume] = "1"
		}
		asked := pick("asked", "previous", "1", "2", "3", "4", "stable", "7", stored[0].Name, stored[4].Name)
		target, found := promotion.Target(object, kept, asked)

		object.Annotations[v1alpha1.AnnotationRollback] = asked
		in := promotion.Input{
			Namespace: "team", Name: "dev", Spec: &object.Spec, Annotations: object.Annotations, Stored: kept, Runs: runs, Now: epoch,
			Previous: object.Status.Promotion, Rollback: object.Status.Rollback, Held: held, Upstream: promotion.Upstream{Name: "up"},
		}
		before := promotion.Decide(without(in))
		d := promotion.Decide(in)
		require.Equal(t, found, d.Refused == "", "%q: %s", asked, d.Refused)
		if found {
			require.NotNil(t, d.Rollback)
			assert.Equal(t, target.Name, d.Rollback.RevisionName, asked)
		}
		assert.Equal(t, before.Rollback != nil, promotion.Held(object) != nil, "a hold that has ended is none")
	})
}

// without is the input without the request.
func without(in promotion.Input) promotion.Input {
	annotations := map[string]string{}
	for name, value := range in.Annotations {
		if name != v1alpha1.AnnotationRollback {
			annotations[name] = value
		}
	}
	in.Annotations = annotations
	return in
}
