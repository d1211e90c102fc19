// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// TestVisible: what others write, such as the reason for a hold, does nothing to the terminal of who reads it, and makes no lines.
func TestVisible(t *testing.T) {
	const hostile = "demo\r\nverdict GO\x1b[2J\x1b]0;title\a\tover\u009b1A\u202eback"
	assert.Equal(t, "demo␍⏎verdict GO␛[2J␛]0;title␇␉over�1A�back", show.Visible(hostile))
	assert.Equal(t, "\x1b[31mred\x1b[0m and ünï ✗", show.Visible("\x1b[31mred\x1b[0m and ünï ✗"), "colours stay")

	object := &v1alpha1.EngineEnvironment{Spec: v1alpha1.EngineEnvironmentSpec{Promotion: &v1alpha1.Promotion{From: "dev"}}}
	object.Annotations = map[string]string{v1alpha1.AnnotationHold: hostile}
	object.Status.Verdict, object.Status.VerdictReasons = v1alpha1.VerdictNoGo, []string{hostile}
	for name, text := range map[string]string{
		"the screen":  show.Tier(object, time.Time{}, show.NewPaint(false), ""),
		"the tree":    show.Chain([]v1alpha1.EngineEnvironment{*object}, time.Time{}, false, show.NewPaint(false), ""),
		"the history": show.HistoryTable([]show.Entry{{Kind: "Held", What: hostile, Who: hostile}}, show.NewPaint(false)),
	} {
		assert.Contains(t, text, "␛[2J", name)
		assert.NotContains(t, text, "\nverdict", name)
		assert.False(t, strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }), name)
	}
}
