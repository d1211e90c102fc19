// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The browser's tests need Chromium and axe-core; hack/board-test.sh provides them and says where they are.
var (
	chromium = os.Getenv("BOARD_CHROMIUM")
	axePath  = os.Getenv("BOARD_AXE")
	// shots is where screenshots for the documents go, empty for a directory that is removed: then they only show that they can be taken.
	shots = os.Getenv("BOARD_SCREENSHOTS")
)

// patience is how long the page may take for anything: the machine may be busy.
const patience = 90 * time.Second

// tab is a page in a browser of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab starts a browser with a fresh profile, in a window of that size.
func newTab(t *testing.T, width, height int64) tab {
	t.Helper()
	if chromium == "" {
		t.Skip("needs Chromium: make board-test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-GB"), chromedp.Env("TZ=UTC", "LANG=en_GB.UTF-8"))
	allocator, endAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, endTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its profile can be removed
		endTab()
		endAllocator()
	})
	b := tab{t, ctx}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height))) // the browser lives as long as the context of its first step
	return b
}

func (b tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// eval returns what an expression, or what its promise, comes to.
func eval[T any](b tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return value
}

// until waits until an expression is true.
func (b tab) until(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !eval[bool](b, "Boolean("+expression+")") {
		if time.Now().After(deadline) {
			require.Fail(b.t, "never came true: "+expression, eval[string](b, "document.body.innerText.slice(0, 3000)"))
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// open opens the board and waits until it shows what there is.
func (b tab) open(board served) tab {
	b.t.Helper()
	b.do(chromedp.Navigate(board.page()))
	b.until("document.querySelector('main[data-ready]')")
	return b
}

// prefer sets what the person prefers, such as a dark colour scheme.
func (b tab) prefer(features ...string) {
	b.t.Helper()
	var list []*emulation.MediaFeature
	for i := 0; i < len(features); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	b.do(chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
		return err
	}))
}

// press presses keys, one after the other.
func (b tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// card is the expression for a tier's card.
func cardOf(key string) string { return `document.querySelector('.card[data-key="` + key + `"]')` }

// whole is the expression for the whole page.
const whole = "document.documentElement"

// shoot writes what the element shows, with some room around, as a picture for the documents.
func (b tab) shoot(name, element string) {
	b.t.Helper()
	dir := shots
	if dir == "" {
		dir = b.t.TempDir()
	}
	if element == whole {
		eval[bool](b, "(scrollTo(0, 0), true)")
	} else {
		eval[bool](b, "("+element+".scrollIntoView({block: 'center'}), true)")
	}
	// What is far away is not drawn, and what came near is drawn in one of the next frames.
	eval[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), 200))))")
	path := filepath.Join(dir, name+".png")
	raw := b.picture(element)
	for range 20 { // a busy browser gives an empty picture first
		if len(raw) > 4<<10 {
			break
		}
		time.Sleep(200 * time.Millisecond)
		raw = b.picture(element)
	}
	require.NoError(b.t, os.WriteFile(path, small(b.t, raw), 0o644))
	info, err := os.Stat(path)
	require.NoError(b.t, err)
	assert.Less(b.t, info.Size(), int64(150<<10), "%s is too big for a document", name)
	assert.Greater(b.t, info.Size(), int64(2<<10), "%s shows nothing", name)
}

// picture is what the element shows.
func (b tab) picture(element string) []byte {
	b.t.Helper()
	type box struct{ X, Y, Width, Height float64 }
	around := eval[box](b, `(() => { const r = `+element+`.getBoundingClientRect(); return {X: r.x + scrollX, Y: r.y + scrollY, Width: r.width, Height: r.height}; })()`)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	raw, err := chromedp.Run(ctx, func(ctx context.Context, to *chromedp.Target) ([]byte, error) {
		beyond := true
		answer, err := cdp.Call(ctx, to, page.CaptureScreenshot, page.CaptureScreenshotParams{
			Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &beyond,
			Clip: &page.Viewport{X: around.X, Y: around.Y, Width: around.Width, Height: around.Height, Scale: 1},
		})
		if err != nil {
			return nil, err
		}
		return answer.Data, nil
	})
	require.NoError(b.t, err)
	return raw
}

// click clicks what a selector finds, as a mouse does.
func (b tab) click(selector string) {
	b.t.Helper()
	b.until("document.querySelector('" + selector + "')")
	eval[bool](b, "(document.querySelector('"+selector+"').click(), true)")
}

// openTier opens everything about a tier and waits until the board has said what the person may do.
func (b tab) openTier(key string) {
	b.t.Helper()
	eval[bool](b, "("+cardOf(key)+".querySelector('.open').click(), true)")
	b.until("document.querySelector('#detail div.actions')")
}
