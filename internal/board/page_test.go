// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

func textOf(key string) string { return cardOf(key) + ".innerText" }

func (b tab) cardText(key string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(eval[string](b, textOf(key))), " ")
}

// TestPage holds what a person sees for each state, that it changes by itself, and that nothing in the browser complains.
func TestPage(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	b := newTab(t, 1360, 860)
	eval[bool](b, "true")
	b.do(chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
			window.complaints = [];
			addEventListener('error', (e) => complaints.push(String(e.message)));
			addEventListener('unhandledrejection', (e) => complaints.push(String(e.reason)));
			document.addEventListener('securitypolicyviolation', (e) => complaints.push(e.violatedDirective + ' ' + e.blockedURI));`})
		return err
	}))
	b.open(serveBoard(t, kube, Options{AllNamespaces: true, Context: "acme"}))

	for key, want := range map[string][]string{
		"ai-engine/local":      {"GO", "local-env"},
		"ai-engine/preview":    {"GO", "1.5.0", "4f53c8d19e7b", "8/8", "$71.40 of $155"},
		"ai-engine/production": {"GO", "1.4.2", "1.5.0 waits for an approval"},
		"assistant/preview":    {"NO-GO", "2.0.3", "held until dev has verified another revision"},
		"retrieval/preview":    {"GO", "1.6.0 soaks in dev"},
		"summary/dev":          {"PENDING", "BUILDING", "5/6"},
		"summary/preview":      {"PENDING", "Suspended"},
		"summary/production":   {"NO-GO", "503", "7/8", "2 fields", "$212.80 of $180", "over budget"},
	} {
		text := b.cardText(key)
		for _, part := range want {
			assert.Contains(t, text, part, key)
		}
	}
	assert.Equal(t, 1, strings.Count(b.cardText("summary/production"), "GET /health answers 503"), "a reason that a person must see to is said once")
	for _, object := range engines(t) {
		if reasons := object.Status.VerdictReasons; len(reasons) > 0 {
			assert.Equal(t, reasons[0], eval[string](b, cardOf(keyOf(object))+".querySelector('.why').textContent"))
		}
	}
	assert.Equal(t, "", eval[string](b, "location.hash"), "the key leaves the address bar, and with it the history")
	assert.Equal(t, "2 NO-GO – engines", eval[string](b, "document.title"))

	// A soak counts down in the browser.
	before := eval[float64](b, cardOf("retrieval/preview")+".querySelector('progress').value")
	b.until(cardOf("retrieval/preview") + fmt.Sprintf(".querySelector('progress').value > %v", before))
	assert.Regexp(t, `^\d+:\d\d$`, eval[string](b, cardOf("retrieval/preview")+".querySelector('time[data-until]').textContent"))

	// A change arrives without a request of the page, is announced, and leaves other cards as they are.
	eval[bool](b, "(window.other = "+cardOf("ai-engine/preview")+".firstChild, true)")
	requests := eval[int](b, "performance.getEntriesByType('resource').length")
	kube.change(t, "ai-engine/dev", func(o *v1alpha1.EngineEnvironment) {
		o.Status.Verdict, o.Status.VerdictReasons, o.Status.GoSince = v1alpha1.VerdictNoGo, []string{"check health failed: 502"}, nil
	})
	b.until(cardOf("ai-engine/dev") + ".dataset.verdict === 'NO-GO'")
	assert.Contains(t, b.cardText("ai-engine/dev"), "check health failed: 502")
	assert.Contains(t, eval[string](b, "document.getElementById('says').textContent"), "ai-engine, dev, is NO-GO: check health failed: 502.")
	assert.Equal(t, "3 NO-GO – engines", eval[string](b, "document.title"))
	assert.True(t, eval[bool](b, "window.other === "+cardOf("ai-engine/preview")+".firstChild"), "what did not change is not drawn again")
	assert.Equal(t, requests, eval[int](b, "performance.getEntriesByType('resource').length"), "the page does not poll")

	// Tiers come and go.
	require.NoError(t, kube.Delete(t.Context(), kube.object(t, "ai-engine/local")))
	b.until("!" + cardOf("ai-engine/local"))
	b.until("document.querySelector('[data-without-0]')") // the column is empty now

	// Filters and search.
	b.click("#filter-person")
	b.until("document.querySelectorAll('.chain:not([hidden])').length === 3")
	b.click("#filter-person")
	eval[bool](b, "(document.getElementById('search').value = 'retrieval prod', document.getElementById('search').dispatchEvent(new Event('input')))")
	b.until("document.querySelectorAll('.chain:not([hidden])').length === 1")
	assert.Empty(t, eval[[]string](b, "complaints"), "no error and no violation of the policy")
}

// TestConnectionLost holds that the page says so when it is not live, and takes up what happened meanwhile.
func TestConnectionLost(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	ctx, end := context.WithCancel(t.Context())
	out, done := &output{}, make(chan error, 1)
	go func() { done <- run(ctx, kube, Options{AllNamespaces: true, Listen: "127.0.0.1:0"}, out) }()
	require.Eventually(t, func() bool { return printed.MatchString(out.String()) }, patience, 10*time.Millisecond)
	found := printed.FindStringSubmatch(out.String())
	b := newTab(t, 1360, 860).open(served{host: found[1], token: found[2]})
	end()
	require.NoError(t, <-done)
	b.until("!document.getElementById('alarm').hidden")
	assert.Contains(t, eval[string](b, "document.getElementById('alarm').textContent"), "Not live")
	assert.Equal(t, "not live", eval[string](b, "document.getElementById('link-text').textContent"))

	// Another session at the same address has another key: the page says what to do, and stops asking.
	serveBoard(t, kube, Options{AllNamespaces: true, Listen: found[1]})
	b.until("document.getElementById('alarm').textContent.includes('open the address that the board printed')")
}

// TestHostile holds that whatever an object says is shown as text.
func TestHostile(t *testing.T) {
	const hostile = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"'></p>` + "\u202e`${window.pwned=1}`"
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "dev", UID: "u", Generation: 1}}
	object.Spec.Tier, object.Spec.Engine.Name = v1alpha1.TierDev, hostile
	object.Spec.Promotion = &v1alpha1.Promotion{From: hostile}
	now := metav1.Now()
	object.Status = v1alpha1.EngineEnvironmentStatus{
		ObservedGeneration: 1, Verdict: v1alpha1.Verdict(hostile), VerdictReasons: []string{hostile},
		Engine:     &v1alpha1.ServiceStatus{Name: hostile, Revision: hostile, Image: hostile, Digest: hostile, DeploymentStatus: hostile, URL: "javascript:window.pwned=1"},
		Checks:     []v1alpha1.CheckStatus{{Name: hostile, Result: v1alpha1.CheckResult(hostile), Message: hostile, Blames: hostile}},
		Drift:      []v1alpha1.Drift{{Path: hostile, Declared: hostile, Actual: hostile, ChangedBy: hostile, FirstSeen: now}},
		Promotion:  &v1alpha1.PromotionStatus{State: v1alpha1.PromotionAwaitingApproval, Candidate: hostile, CandidateRevision: hostile, History: []v1alpha1.PromotionRecord{{Revision: hostile, From: hostile, ApprovedBy: hostile, At: now}}},
		Railway:    &v1alpha1.RailwayStatus{Environment: hostile, URL: "javascript:window.pwned=1"},
		Conditions: []metav1.Condition{{Type: hostile, Reason: hostile, Message: hostile}},
		Cost:       &v1alpha1.CostStatus{MonthToDateUSD: hostile, ProjectedUSD: hostile, AsOf: now}, StagedChanges: []string{hostile},
	}
	b := newTab(t, 1360, 860).open(serveBoard(t, newCluster(t, object), Options{AllNamespaces: true, Context: hostile}))
	b.openTier("n/dev")
	b.until("document.querySelectorAll('#detail section').length > 5")
	b.click("[data-action=approve]")
	b.until("document.getElementById('yes')")
	assert.Equal(t, 0, eval[int](b, "document.querySelectorAll('img, script:not([src=\"/main.js\"]), iframe, [onerror], a[href^=javascript]').length"))
	assert.False(t, eval[bool](b, "'pwned' in window"))
	assert.Contains(t, eval[string](b, "document.querySelector('.writes').textContent"), hostile, "as it is")
}

// TestActionInTheBrowser holds the way of an action: offered, shown to the letter, confirmed, written; and not offered without rights.
func TestActionInTheBrowser(t *testing.T) {
	kube := newCluster(t, append(allObjects(t), eventsAndRevisions(t, named(t, "ai-engine/production", engines(t)))...)...)
	b := newTab(t, 1360, 860).open(serveBoard(t, kube, Options{AllNamespaces: true}))
	b.openTier("ai-engine/production")
	b.click("[data-action=approve]")
	b.until("document.getElementById('yes')")
	candidate := kube.object(t, "ai-engine/production").Status.Promotion.Candidate
	assert.Equal(t, "metadata.annotations[railway.engine-operator.dev/approve] = "+candidate+
		"metadata.annotations[railway.engine-operator.dev/approved-by] = "+alice, eval[string](b, "document.querySelector('.writes').textContent"))
	assert.Empty(t, kube.object(t, "ai-engine/production").Annotations, "nothing is written before the person says so")
	b.click("#yes")
	b.until("!document.getElementById('confirm').open")
	assert.Equal(t, candidate, kube.object(t, "ai-engine/production").Annotations[v1alpha1.AnnotationApprove])
	b.until("document.querySelector('#detail').textContent.includes('1.5.0 is approved and taken next')")

	b.click("[data-action=rollback]")
	b.until("document.querySelectorAll('#confirm select option').length === 2")
	b.click("#confirm .first")
	b.until("document.getElementById('yes')")
	b.click("#confirm .cancel")
	b.until("!document.getElementById('confirm').open")
	assert.NotContains(t, kube.object(t, "ai-engine/production").Annotations, "railway.engine-operator.dev/rollback", "cancelled")

	kube.refuse("patch")
	b.click("#detail .close")
	b.openTier("ai-engine/dev")
	b.until("document.querySelector('#detail .actions p')")
	assert.Equal(t, 0, eval[int](b, "document.querySelectorAll('#detail .actions button').length"), "what the user may not do is not offered")
	assert.Contains(t, eval[string](b, "document.querySelector('#detail .actions').textContent"), "you may not patch this object")
}

// TestPlanInTheBrowser holds that a plan is shown, approved as shown, and says when it has changed since an approval.
func TestPlanInTheBrowser(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	b := newTab(t, 1360, 860).open(serveBoard(t, kube, Options{AllNamespaces: true}))
	kube.change(t, "assistant/dev", planned)
	b.until(textOf("assistant/dev") + ".includes('5 changes')")
	plan := kube.object(t, "assistant/dev").Status.Plan
	assert.Contains(t, b.cardText("assistant/dev"), "plan "+plan.Hash+" waits for an approval, since 90a1b2c3d4e5 was approved before it changed")
	b.openTier("assistant/dev")
	b.until("document.querySelector('#detail [data-action=\"approve-plan\"]')")
	text := eval[string](b, "document.querySelector('#detail').textContent")
	for _, part := range []string{"shared.REGION", "(secret)", "The approval so far, 90a1b2c3d4e5, is for another plan", "and 2 more", "Starts 1 deployment: assistant"} {
		assert.Contains(t, text, part)
	}
	assert.Equal(t, 0, eval[int](b, "document.querySelectorAll('#detail [data-action=hold], #detail [data-action=rollback]').length"),
		"nothing is promoted to it and nothing was kept")
	b.click(`[data-action="approve-plan"]`)
	b.until("document.getElementById('yes')")
	assert.Equal(t, 3, eval[int](b, "document.querySelectorAll('#confirm tbody tr').length"), "what is approved is shown")
	b.click("#yes")
	b.until("!document.getElementById('confirm').open")
	assert.Equal(t, plan.Hash, kube.object(t, "assistant/dev").Annotations[v1alpha1.AnnotationApprovePlan])
	b.until("document.querySelector('#detail').textContent.includes('It is approved and written next')")

	kube.change(t, "assistant/dev", func(o *v1alpha1.EngineEnvironment) { o.Spec.WritePolicy = v1alpha1.WritePolicyObserve })
	b.until("document.querySelector('#detail').textContent.includes('It is only observed')")
	b.until("!document.querySelector('#detail [data-action=\"approve-plan\"]')")
}

// TestKeyboard goes through the page without a mouse.
func TestKeyboard(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	b := newTab(t, 1360, 860).open(serveBoard(t, kube, Options{AllNamespaces: true}))
	focus := func() string {
		return eval[string](b, "document.activeElement.closest('.card')?.dataset.key ?? document.activeElement.id ?? ''")
	}
	b.press(kb.Tab)
	assert.Equal(t, "Skip to the tiers", eval[string](b, "document.activeElement.textContent"), "the first stop")
	b.press(kb.Enter)
	b.press(kb.Tab)
	assert.Equal(t, "ai-engine/local", focus())
	b.press(kb.ArrowRight + kb.ArrowRight + kb.ArrowRight)
	assert.Equal(t, "ai-engine/production", focus(), "along the chain")
	b.press(kb.ArrowDown)
	assert.Equal(t, "assistant/production", focus(), "to the next chain, in the same column")
	b.press(kb.ArrowUp)
	assert.True(t, eval[bool](b, "getComputedStyle(document.activeElement, '::after').outlineStyle !== 'none'"), "the focus can be seen")

	b.press(kb.Enter)
	b.until("document.getElementById('detail').open && document.querySelector('#detail [data-action=approve]')")
	for range 3 {
		if eval[string](b, "document.activeElement.dataset.action ?? ''") == "approve" {
			break
		}
		b.press(kb.Tab)
	}
	assert.Equal(t, "approve", eval[string](b, "document.activeElement.dataset.action ?? ''"))
	b.press(kb.Enter)
	b.until("document.activeElement.id === 'yes'")
	b.press(kb.Enter)
	b.until("!document.getElementById('confirm').open")
	assert.Equal(t, alice, kube.object(t, "ai-engine/production").Annotations[v1alpha1.AnnotationApprovedBy])
	b.press(kb.Escape)
	b.until("!document.getElementById('detail').open")
	assert.Equal(t, "ai-engine/production", focus(), "back where it came from")

	// A card that changes under the focus keeps it.
	kube.change(t, "ai-engine/production", func(o *v1alpha1.EngineEnvironment) {
		o.Status.VerdictReasons, o.Status.Verdict = []string{"x"}, v1alpha1.VerdictPending
	})
	b.until(cardOf("ai-engine/production") + ".dataset.verdict === 'PENDING'")
	assert.Equal(t, "ai-engine/production", focus())
	b.press("/")
	assert.Equal(t, "search", focus())
}

// TestAccessibility lets axe-core look at the board, a tier and a confirmation, light and dark, wide and narrow.
func TestAccessibility(t *testing.T) {
	if chromium != "" && axePath == "" {
		t.Skip("needs axe-core: make board-test")
	}
	kube := newCluster(t, append(allObjects(t), eventsAndRevisions(t, named(t, "ai-engine/production", engines(t)))...)...)
	b := newTab(t, 1360, 860)
	axe, err := os.ReadFile(axePath)
	require.NoError(t, err)
	b.do(chromedp.Func(func(ctx context.Context, to *chromedp.Target) error { // axe makes elements of strings, which the page's policy forbids
		_, err := cdp.Call(ctx, to, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
		return err
	}))
	b.open(serveBoard(t, kube, Options{AllNamespaces: true, Context: "acme"}))
	eval[bool](b, string(axe)+"\n;true")
	look := func(what string) {
		raw := eval[string](b, `axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations.map((v) =>
			({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 5).map((n) => n.target.join(' ') + ': ' + (n.any[0]?.message ?? n.all[0]?.message ?? ''))}))))`)
		var found []struct {
			ID, Impact, Help string
			Nodes            []string
		}
		require.NoError(t, json.Unmarshal([]byte(raw), &found))
		for _, v := range found {
			assert.Fail(t, fmt.Sprintf("%s: %s (%s): %s\n  %s", what, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n  ")))
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.prefer("prefers-color-scheme", scheme)
		for _, width := range []int64{1360, 390} {
			b.do(chromedp.EmulateViewport(width, 860))
			look(fmt.Sprintf("board, %s, %d wide", scheme, width))
		}
		b.openTier("ai-engine/production")
		look("tier, " + scheme)
		b.click("[data-action=approve]")
		b.until("document.getElementById('yes')")
		look("confirmation, " + scheme)
		b.click("#confirm .cancel")
		b.click("#detail .close")
		b.openTier("summary/production")
		look("tier that is NO-GO, " + scheme)
		b.click("#detail .close")
		kube.change(t, "assistant/dev", planned)
		b.openTier("assistant/dev")
		b.click("[data-action=\"approve-plan\"]")
		b.until("document.querySelector('#confirm tbody')")
		look("plan, " + scheme)
		b.click("#confirm .cancel")
		b.click("#detail .close")
	}
	assert.False(t, eval[bool](b, "document.documentElement.scrollWidth > innerWidth"), "a phone does not scroll sideways")
}

// TestMotion holds that nothing moves for a person who does not want it.
func TestMotion(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	b := newTab(t, 1360, 860)
	b.prefer("prefers-reduced-motion", "reduce")
	b.open(serveBoard(t, kube, Options{AllNamespaces: true}))
	kube.change(t, "ai-engine/dev", func(o *v1alpha1.EngineEnvironment) { o.Status.Verdict = v1alpha1.VerdictPending })
	b.until(cardOf("ai-engine/dev") + ".hasAttribute('data-fresh')")
	assert.Equal(t, 0, eval[int](b, "document.getAnimations().length"))
}

// TestThousandTiers holds that 1,000 tiers load, scroll and change at once. The bounds are wide, since the machine may be busy; what
// was measured is logged.
func TestThousandTiers(t *testing.T) {
	const copies = 77 // of 13 tiers
	var objects []client.Object
	for i := range copies {
		for _, object := range engines(t) {
			object.Namespace = fmt.Sprintf("%s-%03d", object.Namespace, i)
			object.UID = types.UID(object.Namespace + object.Name)
			objects = append(objects, object)
		}
	}
	kube := newCluster(t, objects...)
	board := serveBoard(t, kube, Options{AllNamespaces: true}).ready(t, "ai-engine-000/dev")
	b := newTab(t, 1920, 1080)
	start := time.Now()
	b.open(board)
	b.until(fmt.Sprintf("document.querySelectorAll('.card').length === %d", len(objects)))
	loaded := time.Since(start)
	require.GreaterOrEqual(t, len(objects), 1000)

	// Scroll from end to end, a fifth of a screen each frame, and measure the frames.
	type frames struct{ Count, Median, P95, Worst, Bottom float64 }
	measured := eval[frames](b, `new Promise((resolve) => {
		const times = []; let last = performance.now();
		const step = (now) => {
			times.push(now - last); last = now;
			if (scrollY + innerHeight >= document.documentElement.scrollHeight - 1 || times.length > 3000) {
				const sorted = times.slice(1).sort((a, b) => a - b), at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
				resolve({Count: sorted.length, Median: at(0.5), P95: at(0.95), Worst: at(1), Bottom: scrollY + innerHeight - document.documentElement.scrollHeight});
				return;
			}
			scrollBy(0, innerHeight / 5); requestAnimationFrame(step);
		};
		requestAnimationFrame(step);
	})`)
	assert.InDelta(t, 0, measured.Bottom, 2, "it reached the end")
	assert.Greater(t, measured.Count, 50.0)
	assert.Less(t, measured.Median, 250.0, "it scrolls")

	start = time.Now()
	kube.change(t, "summary-076/production", func(o *v1alpha1.EngineEnvironment) { o.Status.Verdict = v1alpha1.VerdictGo })
	b.until(cardOf("summary-076/production") + ".dataset.verdict === 'GO'")
	changed := time.Since(start)
	assert.Less(t, changed, 10*time.Second)
	t.Logf("%d tiers: shown after %s; scrolled in %.0f frames, median %.1f ms, 95%% %.1f ms, worst %.1f ms; one change shown after %s",
		len(objects), loaded.Round(10*time.Millisecond), measured.Count, measured.Median, measured.P95, measured.Worst, changed.Round(10*time.Millisecond))
}

// TestPictures takes the pictures of docs/board.md and the README.
func TestPictures(t *testing.T) {
	objects, events := allObjects(t), eventsAndRevisions(t, named(t, "ai-engine/production", engines(t)))
	kube := newCluster(t, append(objects, events...)...)
	b := newTab(t, 1360, 1010).open(serveBoard(t, kube, Options{AllNamespaces: true, Context: "acme-prod"}))
	for name, key := range map[string]string{
		"go": "ai-engine/preview", "no-go": "summary/production", "soaking": "retrieval/preview",
		"awaiting-approval": "ai-engine/production", "held": "assistant/preview",
	} {
		b.shoot("board-"+name, cardOf(key))
	}
	b.shoot("board-light", whole)
	b.openTier("ai-engine/production")
	b.until("document.querySelectorAll('#detail .history li').length > 3")
	b.do(chromedp.EmulateViewport(1360, eval[int64](b, "document.getElementById('detail').scrollHeight")))
	b.shoot("board-tier", "document.getElementById('detail')")
	b.click("[data-action=approve]")
	b.until("document.getElementById('yes')")
	b.shoot("board-confirm", "document.getElementById('confirm')")

	b.press(kb.Escape)
	b.press(kb.Escape)
	b.until("!document.querySelector('dialog[open]')")
	kube.change(t, "assistant/dev", planned)
	b.openTier("assistant/dev")
	b.click("[data-action=\"approve-plan\"]")
	b.until("document.querySelector('#confirm tbody')")
	b.shoot("board-plan", "document.getElementById('confirm')")

	b.prefer("prefers-color-scheme", "dark")
	b.press(kb.Escape)
	b.press(kb.Escape)
	b.until("!document.querySelector('dialog[open]')")
	b.shoot("board-dark", whole)
	b.do(chromedp.EmulateViewport(390, 844))
	b.shoot("board-phone", "document.querySelector('.chain')")
}
