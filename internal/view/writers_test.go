// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/view"
)

func TestReadMessage(t *testing.T) {
	w := view.NewWriter("team/dev", "0f3c2a1b-5d3e-4f0a-9c47-b5d8f0a1e201")
	for _, tt := range []struct {
		reason, message, text, id string
	}{
		{"what was written is read", view.CommitMessage("set X [1]", "eo-1a", w), "set X [1]", "eo-1a"},
		{"an older version's", "engine-operator: set X [eo-1a]", "set X", "eo-1a"},
		{"a person's", "set X [eo-1a]", "set X [eo-1a]", ""},
		{"a person who quotes one", "revert engine-operator: set X [eo-1a]", "revert engine-operator: set X [eo-1a]", ""},
		{"a deletion, which has no mark", "engine-operator: delete x", "engine-operator: delete x", ""},
	} {
		text, id, ok := view.ReadMessage(tt.message)
		assert.Equal(t, tt.text, text, tt.reason)
		assert.Equal(t, tt.id, id, tt.reason)
		assert.Equal(t, tt.id != "", ok, tt.reason)
	}
}

func TestForeignCommit(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	own := view.NewWriter("team/dev", "0f3c2a1b-5d3e-4f0a-9c47-b5d8f0a1e201")
	theirs := view.NewWriter("team/dev", "9aaaaaaa-5d3e-4f0a-9c47-b5d8f0a1e201")
	message := func(w view.Writer, id string) string { return "engine-operator: set X [" + id + "] " + w.Mark() }
	for _, tt := range []struct {
		reason  string
		patches []model.Patch
		want    string
	}{
		{"nobody", nil, ""},
		{"its own", []model.Patch{{Message: message(own, "eo-1"), CreatedAt: at.Add(time.Minute)}}, ""},
		{"another cluster's object of the same name", []model.Patch{{Message: message(theirs, "eo-2"), CreatedAt: at.Add(time.Minute)}}, "eo-2"},
		{"before the environment was taken over", []model.Patch{{Message: message(theirs, "eo-2"), CreatedAt: at.Add(-time.Minute)}}, ""},
		{"a person's", []model.Patch{{Message: "set X", CreatedAt: at.Add(time.Minute)}}, ""},
		{"an older version's, which names no writer", []model.Patch{{Message: "engine-operator: set X [eo-3]", CreatedAt: at.Add(time.Minute)}}, ""},
		{"the newest, in whatever order", []model.Patch{
			{Message: message(theirs, "eo-2"), CreatedAt: at.Add(time.Minute)},
			{Message: message(theirs, "eo-4"), CreatedAt: at.Add(time.Hour)},
			{Message: message(own, "eo-5"), CreatedAt: at.Add(2 * time.Hour)},
		}, "eo-4"},
		{"a mark within a message is text", []model.Patch{{Message: message(theirs, "eo-2") + " and more", CreatedAt: at.Add(time.Minute)}}, ""},
	} {
		v := view.Of(&model.Environment{Patches: tt.patches}, at, nil)
		other, ok := v.ForeignCommit(own, at)
		assert.Equal(t, tt.want != "", ok, tt.reason)
		assert.Equal(t, tt.want, other.ID, tt.reason)
		if ok {
			assert.Equal(t, theirs, other.Writer, tt.reason)
		}
	}
}
