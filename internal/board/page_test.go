// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"testing"
)

// TestPictures takes the pictures of docs/board.md and the README, when they are wanted.
func TestPictures(t *testing.T) {
	if shots == "" {
		t.Skip("takes pictures: make board-test BOARD_SCREENSHOTS=docs/images")
	}
	board := serveBoard(t, newCluster(t, allObjects(t)...), Options{AllNamespaces: true, Context: "acme-prod"})
	b := newTab(t, 1360, 860).open(board)
	b.shoot("board-light", "document.documentElement")
	b.prefer("prefers-color-scheme", "dark")
	b.shoot("board-dark", "document.documentElement")
	b.prefer("prefers-color-scheme", "light")
	for name, key := range map[string]string{
		"go": "ai-engine/preview", "no-go": "summary/production", "soaking": "retrieval/preview",
		"awaiting-approval": "ai-engine/production", "held": "assistant/preview",
	} {
		b.shoot("board-"+name, cardOf(key))
	}
	b.do()
}
