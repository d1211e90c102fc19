// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

var (
	long  = strings.Repeat("x", 200_000)
	other = long + "y"
)

// small holds that a state fits into the status beside all the rest.
func small(t *testing.T, state any) {
	t.Helper()
	text, err := json.Marshal(state)
	require.NoError(t, err)
	assert.Less(t, len(text), 16_000)
}

// TestLongAnnotations: an annotation may have 256 KiB. What the status keeps of it is bounded, and a long value is still told apart from
// another one, also where a version before has stored it as it was.
func TestLongAnnotations(t *testing.T) {
	resume := func(value string) func(*promotion.Input) { return annotated(v1alpha1.AnnotationResume, value) }
	var before *v1alpha1.PromotionStatus
	step := func(change ...func(*promotion.Input)) promotion.Decision {
		in := preview(append(change, notGo)...)
		if before != nil {
			in.Previous = before
		}
		d := promotion.Decide(in)
		small(t, d.Promotion)
		before = d.Promotion
		return d
	}
	step(resume(long), approve(long), annotated(v1alpha1.AnnotationApprovedBy, long))
	before.Rejected = []string{candidate}
	d := step(resume(long), approve(long), annotated(v1alpha1.AnnotationApprovedBy, other))
	assert.NotEmpty(t, d.Promotion.Rejected, "the same value again resumes nothing")
	assert.NotContains(t, d.Promotion.Approval.By, "before", "it is the same approval")
	d = step(resume(other), approve(other), annotated(v1alpha1.AnnotationApprovedBy, long))
	assert.Empty(t, d.Promotion.Rejected, "another value does")
	assert.True(t, strings.HasSuffix(d.Promotion.Approval.By, "… (as in the approval before)"), "another approval, with the name of before")

	before = &v1alpha1.PromotionStatus{
		Source: source(old), Resume: long, Rejected: []string{candidate}, Approval: &v1alpha1.Approval{Source: long, By: long},
		History: []v1alpha1.PromotionRecord{{Revision: "1", ApprovedBy: long}, {Revision: "0", ApprovedBy: "dana (as in the approval before)"}},
	}
	d = step(resume(long), approve(long), annotated(v1alpha1.AnnotationApprovedBy, "eve"))
	assert.NotEmpty(t, d.Promotion.Rejected, "of an older version")
	assert.True(t, strings.HasPrefix(d.Promotion.Approval.By, "xxx"), "the approval is the one of before, and its name with it")
	assert.Equal(t, "dana (as in the approval before)", d.Promotion.History[1].ApprovedBy)
}

// TestLongHold: the hold after a rollback goes on while the annotation stays, and ends by another value.
func TestLongHold(t *testing.T) {
	for _, stored := range []string{long, promotion.ResumeOf(map[string]string{v1alpha1.AnnotationResume: long})} {
		holding := func(value string) promotion.Decision {
			return promotion.Decide(held(notGo, annotated(v1alpha1.AnnotationResume, value), func(in *promotion.Input) { in.Rollback.Resume = stored }))
		}
		d := holding(long)
		require.NotNil(t, d.Rollback)
		small(t, d.Rollback)
		assert.Nil(t, holding(other).Rollback)
	}
}

// TestLongRollbackRequest is carried out, or refused, once.
func TestLongRollbackRequest(t *testing.T) {
	ask := func(value, done string) promotion.Decision {
		return promotion.Decide(preview(annotated(v1alpha1.AnnotationRollback, value), func(in *promotion.Input) { in.RollbackRequest = done }))
	}
	first := ask(long, "")
	assert.NotEmpty(t, first.Refused)
	small(t, first.RollbackRequest)
	assert.Empty(t, ask(long, first.RollbackRequest).Refused)
	assert.Empty(t, ask(long, long).Refused, "of an older version")
	assert.NotEmpty(t, ask(other, first.RollbackRequest).Refused)
}

// TestMasking: what a person wrote is masked, and who approved is not: a name is an identity.
func TestMasking(t *testing.T) {
	mask := func(in *promotion.Input) {
		in.Mask = func(text string) string { return strings.ReplaceAll(text, "acme.example", "(secret)") }
	}
	by := func(change ...func(*promotion.Input)) string {
		return promotion.Decide(preview(append(change, manual, approve(candidate), mask, annotated(v1alpha1.AnnotationApprovedBy, "dana@acme.example"))...)).
			Promotion.History[0].ApprovedBy
	}
	assert.Equal(t, "dana@acme.example", by())
	assert.Equal(t, "dana@acme.example (as in the approval before)", by(func(in *promotion.Input) {
		in.Previous.Approval = &v1alpha1.Approval{Source: "r/app:1", By: "dana@acme.example"}
	}))
	d := promotion.Decide(preview(mask, annotated(v1alpha1.AnnotationHold, "acme.example is down")))
	assert.Equal(t, "the reason: (secret) is down", d.Quoted)
}
