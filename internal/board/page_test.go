// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPictures takes the pictures of docs/board.md and the README, when they are wanted.
func TestPictures(t *testing.T) {
	if shots == "" {
		t.Skip("takes pictures: make board-pictures")
	}
	objects, events := allObjects(t), eventsAndRevisions(t, named(t, "ai-engine/production", engines(t)))
	b := newTab(t, 1360, 860).open(serveBoard(t, newCluster(t, append(objects, events...)...), Options{AllNamespaces: true, Context: "acme-prod"}))
	b.shoot("board-light", whole)
	for name, key := range map[string]string{
		"go": "ai-engine/preview", "no-go": "summary/production", "soaking": "retrieval/preview",
		"awaiting-approval": "ai-engine/production", "held": "assistant/preview",
	} {
		b.shoot("board-"+name, cardOf(key))
	}
	b.openTier("ai-engine/production")
	b.until("document.querySelectorAll('#detail .history li').length > 3")
	b.shoot("board-tier", "document.getElementById('detail')")
	b.click("[data-action=approve]")
	b.until("document.getElementById('yes')")
	b.shoot("board-confirm", "document.getElementById('confirm')")

	b.prefer("prefers-color-scheme", "dark")
	b.press("\x1b")
	b.press("\x1b")
	b.until("!document.querySelector('dialog[open]')")
	b.shoot("board-dark", whole)
	b.do(chromedp.EmulateViewport(390, 844))
	b.shoot("board-phone", "document.querySelector('.chain')")
}
