// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
)

// call sends a request to the board, with its key, and returns status and body.
func (s served) call(t *testing.T, method, path string, body any, change ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host+path, bytes.NewReader(raw))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(request)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

func TestGuard(t *testing.T) {
	board := serveBoard(t, newCluster(t, allObjects(t)...), Options{AllNamespaces: true})
	_, port, _ := strings.Cut(board.host, ":")
	tests := []struct {
		name, reason string
		method, path string
		change       []func(*http.Request)
		code         int
	}{
		{"page", "it holds nothing that is worth a key", "GET", "/", []func(*http.Request){header("Authorization")}, 200},
		{"page's file", "nor does this", "GET", "/main.js", []func(*http.Request){header("Authorization")}, 200},
		{"page by localhost", "a name that no name server decides", "GET", "/", []func(*http.Request){host("localhost:" + port)}, 200},
		{"page through ssh -L", "the port is another one there", "GET", "/", []func(*http.Request){host("127.0.0.1:9999")}, 200},
		{"page by IPv6", "loopback, too", "GET", "/", []func(*http.Request){host("[::1]:" + port)}, 200},
		{"rebound name", "DNS rebinding", "GET", "/", []func(*http.Request){host("evil.example:" + port)}, 403},
		{"name that begins like ours", "is another name", "GET", "/", []func(*http.Request){host("127.0.0.1.evil.example")}, 403},
		{"localhost as a part", "is another name", "GET", "/", []func(*http.Request){host("localhost.evil.example:" + port)}, 403},
		{"address of the network", "is no loopback address", "GET", "/", []func(*http.Request){host("192.168.0.7:" + port)}, 403},
		{"followed link", "a person opens the page from a chat", "GET", "/", []func(*http.Request){
			header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "document")}, 200},
		{"frame", "another page shows ours inside it", "GET", "/", []func(*http.Request){
			header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "iframe")}, 403},
		{"script of another site", "reads our files", "GET", "/main.js", []func(*http.Request){header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "no-cors")}, 403},
		{"another port", "is another origin", "GET", "/api/tier?key=x", []func(*http.Request){header("Sec-Fetch-Site", "same-site")}, 403},
		{"foreign origin", "even with the key", "GET", "/api/tier?key=x", []func(*http.Request){header("Origin", "https://evil.example")}, 403},
		{"null origin", "a sandboxed frame or a file", "POST", "/api/prepare", []func(*http.Request){header("Origin", "null")}, 403},
		{"two origins", "no browser sends them", "POST", "/api/prepare", []func(*http.Request){header("Origin", "http://"+board.host, "https://evil.example")}, 403},
		{"https of our own host", "is another origin", "POST", "/api/prepare", []func(*http.Request){header("Origin", "https://"+board.host)}, 403},
		{"own origin", "is the page", "GET", "/api/tier?key=ai-engine/dev", []func(*http.Request){header("Origin", "http://"+board.host), header("Sec-Fetch-Site", "same-origin")}, 200},
		{"no key", "nobody in particular", "GET", "/api/tier?key=ai-engine/dev", []func(*http.Request){header("Authorization")}, 401},
		{"wrong key", "another session's", "GET", "/api/stream", []func(*http.Request){header("Authorization", "Bearer "+newToken())}, 401},
		{"key as a cookie", "every server on loopback would get it", "GET", "/api/tier?key=ai-engine/dev", []func(*http.Request){header("Authorization"), header("Cookie", "token="+board.token)}, 401},
		{"key in the query", "logs would keep it", "GET", "/api/tier?key=ai-engine/dev&token=" + board.token, []func(*http.Request){header("Authorization")}, 401},
		{"form", "no page of ours sends one", "POST", "/api/prepare", []func(*http.Request){header("Content-Type", "application/x-www-form-urlencoded")}, 415},
		{"read what writes", "only POST writes", "GET", "/api/confirm", nil, 405},
		{"write a file", "they can be read only", "POST", "/", nil, 405},
		{"unknown call", "there is none", "GET", "/api/secrets", nil, 404},
		{"out of the page", "paths are cleaned", "GET", "/../server.go", nil, 404},
		{"encoded way out", "and once more", "GET", "/%2e%2e/server.go", nil, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, text := board.call(t, tt.method, tt.path, nil, tt.change...)
			assert.Equal(t, tt.code, answer.StatusCode, "%s: %s", tt.reason, text)
			for name, want := range answerHeaders {
				assert.Equal(t, want, answer.Header.Get(name), "every answer has its headers")
			}
			assert.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"), "nobody else may read")
			assert.Empty(t, answer.Header.Get("Set-Cookie"))
			assert.NotContains(t, text, board.token)
		})
	}
}

// TestPolicy holds that the policy has no way round it, and the page nothing that would need one.
func TestPolicy(t *testing.T) {
	assert.True(t, strings.HasPrefix(policy, "default-src 'none'; "))
	for _, weak := range []string{"unsafe", "data:", "http", "*", "blob:"} {
		assert.NotContains(t, policy, weak)
	}
	entries, err := pageFiles.ReadDir("page")
	require.NoError(t, err)
	for _, entry := range entries {
		raw, err := pageFiles.ReadFile("page/" + entry.Name())
		require.NoError(t, err)
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc", " style=", " onclick=\"", "https://cdn"} {
			assert.NotContains(t, string(raw), sink, "%s makes markup or code of a string", entry.Name())
		}
	}
}

func TestLoopbackOnly(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:8090": true, "[::1]:0": true, "127.8.8.8:1": true,
		"0.0.0.0:8090": false, ":8090": false, "192.168.1.2:8090": false, "[::]:8090": false, "example.org:80": false, "8090": false,
	} {
		err := loopback(listen)
		assert.Equal(t, ok, err == nil, "%s: %v", listen, err)
	}
}

// follow reads the stream of a board: the names and data of its events.
func (s served) follow(ctx context.Context, t *testing.T) func() (string, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.host+"/api/stream", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	require.Equal(t, http.StatusOK, answer.StatusCode)
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 16<<20)
	return func() (name string, data map[string]any) {
		for lines.Scan() {
			if found, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = found
			}
			if found, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				require.NoError(t, json.Unmarshal([]byte(found), &data))
				return name, data
			}
		}
		require.NoError(t, lines.Err())
		require.Fail(t, "the stream has ended")
		return "", nil
	}
}

func keysOf(data map[string]any) []string {
	var keys []string
	tiers, _ := data["tiers"].([]any)
	for _, tier := range tiers {
		fields, _ := tier.(map[string]any)
		keys = append(keys, fmt.Sprint(fields["key"]))
	}
	return keys
}

func TestStreamSendsWhatChanged(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	board := serveBoard(t, kube, Options{AllNamespaces: true, Context: "acme"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next := board.follow(ctx, t)
	name, data := next()
	assert.Equal(t, "hello", name)
	assert.Equal(t, []any{alice, "acme", "all namespaces"}, []any{data["user"], data["context"], data["scope"]})
	for len(keysOf(data)) == 0 {
		_, data = next()
	}
	assert.Len(t, keysOf(data), len(engines(t)), "first everything")

	kube.change(t, "ai-engine/dev", func(o *v1alpha1.EngineEnvironment) { o.Status.Verdict = v1alpha1.VerdictNoGo })
	_, data = next()
	assert.Equal(t, []string{"ai-engine/dev"}, keysOf(data), "then what changed")

	kube.change(t, "ai-engine/dev", func(o *v1alpha1.EngineEnvironment) { o.Labels = map[string]string{"nobody": "sees"} })
	require.NoError(t, kube.Delete(t.Context(), kube.object(t, "summary/dev")))
	for {
		_, data = next()
		assert.NotContains(t, keysOf(data), "ai-engine/dev", "a change that the page does not show is not sent")
		if data["gone"] != nil {
			break
		}
	}
	assert.Equal(t, []any{"summary/dev"}, data["gone"])
}

func TestScope(t *testing.T) {
	board := serveBoard(t, newCluster(t, allObjects(t)...), Options{Namespace: "retrieval"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next := board.follow(ctx, t)
	_, data := next()
	assert.Equal(t, "namespace retrieval", data["scope"])
	for len(keysOf(data)) == 0 {
		_, data = next()
	}
	assert.Equal(t, []string{"retrieval/dev", "retrieval/preview", "retrieval/production"}, keysOf(data))
}

func TestTierDetail(t *testing.T) {
	production := named(t, "ai-engine/production", engines(t))
	kube := newCluster(t, append(allObjects(t), eventsAndRevisions(t, production)...)...)
	board := serveBoard(t, kube, Options{AllNamespaces: true})
	var found detail
	read := func() {
		answer, text := board.call(t, "GET", "/api/tier?key=ai-engine/production", nil)
		require.Equal(t, 200, answer.StatusCode, text)
		found = detail{}
		require.NoError(t, json.Unmarshal([]byte(text), &found))
	}
	require.Eventually(t, func() bool {
		answer, _ := board.call(t, "GET", "/api/tier?key=ai-engine/production", nil)
		return answer.StatusCode == 200
	}, patience, 10*time.Millisecond)

	read()
	assert.Equal(t, view.ActionApprove, found.Offers[0].Action)
	for _, offer := range found.Offers {
		assert.True(t, offer.Allowed, offer.Action)
	}
	require.Len(t, found.Revisions, 2)
	assert.Equal(t, []any{int64(4), "1.4.2", int64(3), "1.4.1"}, []any{found.Revisions[0].Number, found.Revisions[0].Name, found.Revisions[1].Number, found.Revisions[1].Name})
	assert.Contains(t, fmt.Sprint(found.History), "Committed to Railway", "with the events")

	kube.refuse(view.VerbApprove)
	read()
	for _, offer := range found.Offers {
		assert.Equal(t, offer.Action != view.ActionApprove, offer.Allowed, offer.Action)
	}
	assert.Equal(t, "you may not approve this object", found.Offers[0].Why)

	answer, _ := board.call(t, "GET", "/api/tier?key=ai-engine/gone", nil)
	assert.Equal(t, 404, answer.StatusCode)
}

// act prepares and confirms an action, and returns what was shown.
func (s served) act(t *testing.T, key, action, input string) (prepared, int, string) {
	t.Helper()
	var shown prepared
	answer, text := s.call(t, "POST", "/api/prepare", prepareRequest{Key: key, Action: action, Input: input})
	if answer.StatusCode != 200 {
		return shown, answer.StatusCode, text
	}
	require.NoError(t, json.Unmarshal([]byte(text), &shown))
	answer, text = s.call(t, "POST", "/api/confirm", map[string]string{"id": shown.ID})
	return shown, answer.StatusCode, text
}

func (s served) ready(t *testing.T, key string) served {
	t.Helper()
	require.Eventually(t, func() bool {
		answer, _ := s.call(t, "GET", "/api/tier?key="+key, nil)
		return answer.StatusCode == 200
	}, patience, 10*time.Millisecond)
	return s
}

func TestActions(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	board := serveBoard(t, kube, Options{AllNamespaces: true}).ready(t, "ai-engine/production")

	shown, code, text := board.act(t, "ai-engine/production", view.ActionApprove, "")
	require.Equal(t, 200, code, text)
	assert.Equal(t, alice, shown.As)
	object := kube.object(t, "ai-engine/production")
	assert.Equal(t, object.Status.Promotion.Candidate, object.Annotations[v1alpha1.AnnotationApprove])
	assert.Equal(t, alice, object.Annotations[v1alpha1.AnnotationApprovedBy], "the name that the API server knows, and no other")
	for _, write := range shown.Writes {
		key := strings.TrimSuffix(strings.TrimPrefix(write.Field, "metadata.annotations["), "]")
		assert.Equal(t, write.Value, object.Annotations[key], "what was shown is what is there")
	}

	answer, _ := board.call(t, "POST", "/api/confirm", map[string]string{"id": shown.ID})
	assert.Equal(t, http.StatusGone, answer.StatusCode, "a confirmation counts once")

	_, code, text = board.act(t, "ai-engine/preview", view.ActionHold, "release freeze")
	require.Equal(t, 200, code, text)
	assert.Equal(t, "release freeze", kube.object(t, "ai-engine/preview").Annotations[v1alpha1.AnnotationHold])
	_, code, text = board.act(t, "ai-engine/dev", view.ActionHold, "release freeze")
	assert.Equal(t, http.StatusUnprocessableEntity, code, "nothing is promoted to it")
	assert.Contains(t, text, "takes nothing by promotion")

	_, code, text = board.act(t, "summary/preview", view.ActionUnsuspend, "")
	require.Equal(t, 200, code, text)
	assert.False(t, kube.object(t, "summary/preview").Spec.Suspend)

	kube.refuse(view.VerbPatch)
	_, code, text = board.act(t, "ai-engine/dev", view.ActionSuspend, "")
	assert.Equal(t, http.StatusForbidden, code, text)
	assert.False(t, kube.object(t, "ai-engine/dev").Spec.Suspend)

	answer, text = board.call(t, "POST", "/api/prepare", map[string]any{"key": "ai-engine/dev", "action": "suspend", "patch": "{}"})
	assert.Equal(t, http.StatusBadRequest, answer.StatusCode, text)
	answer, _ = board.call(t, "POST", "/api/prepare", prepareRequest{Key: strings.Repeat("x", bodyAtMost)})
	assert.Equal(t, http.StatusBadRequest, answer.StatusCode, "a body has a bound")
}

// TestPlanIsApproved holds that a plan is approved as it was shown, and not when it has changed since.
func TestPlanIsApproved(t *testing.T) {
	kube := newCluster(t, allObjects(t)...)
	board := serveBoard(t, kube, Options{AllNamespaces: true}).ready(t, "assistant/dev")
	_, code, text := board.act(t, "assistant/dev", view.ActionApprovePlan, "")
	assert.Equal(t, http.StatusUnprocessableEntity, code, text)
	assert.Contains(t, text, "no plan that waits for an approval")

	prepare := func(hash string) (shown prepared) {
		require.Eventually(t, func() bool {
			answer, text := board.call(t, "POST", "/api/prepare", prepareRequest{Key: "assistant/dev", Action: view.ActionApprovePlan})
			shown = prepared{}
			return answer.StatusCode == 200 && json.Unmarshal([]byte(text), &shown) == nil && shown.Plan.Hash == hash
		}, patience, 10*time.Millisecond)
		return shown
	}
	kube.change(t, "assistant/dev", planned)
	first := prepare(kube.object(t, "assistant/dev").Status.Plan.Hash)
	assert.Len(t, first.Plan.Changes, 3, "what is approved is shown")
	assert.Equal(t, "90a1b2c3d4e5", first.Plan.Stale)
	kube.change(t, "assistant/dev", func(o *v1alpha1.EngineEnvironment) { o.Status.Plan.Hash = "another" })
	second := prepare("another")
	answer, text := board.call(t, "POST", "/api/confirm", map[string]string{"id": first.ID})
	assert.Equal(t, http.StatusConflict, answer.StatusCode)
	assert.Contains(t, text, "changed since it was shown")

	answer, text = board.call(t, "POST", "/api/confirm", map[string]string{"id": second.ID})
	require.Equal(t, 200, answer.StatusCode, text)
	assert.Equal(t, "another", kube.object(t, "assistant/dev").Annotations[v1alpha1.AnnotationApprovePlan])

	kube.refuse(view.VerbApprove)
	kube.change(t, "assistant/dev", planned)
	require.Eventually(t, func() bool {
		_, code, text = board.act(t, "assistant/dev", view.ActionApprovePlan, "")
		return code == http.StatusForbidden
	}, patience, 10*time.Millisecond, "it takes the verb approve")
	assert.Contains(t, text, "you may not approve this object")
}

// TestRollbackIsOfferedWhereItIsPossible holds that the board offers what the operator would carry out.
func TestRollbackIsOfferedWhereItIsPossible(t *testing.T) {
	production := named(t, "ai-engine/production", engines(t))
	kube := newCluster(t, append(allObjects(t), eventsAndRevisions(t, production)...)...)
	board := serveBoard(t, kube, Options{AllNamespaces: true}).ready(t, "ai-engine/production")
	offered := func(key string) (found detail, rollback bool) {
		answer, text := board.call(t, "GET", "/api/tier?key="+key, nil)
		require.Equal(t, 200, answer.StatusCode, text)
		require.NoError(t, json.Unmarshal([]byte(text), &found))
		return found, slices.ContainsFunc(found.Offers, func(o offer) bool { return o.Action == view.ActionRollback })
	}
	found, ok := offered("ai-engine/production")
	require.True(t, ok)
	name := found.Revisions[0].Ask
	assert.Regexp(t, "^production-[0-9a-f]{10}$", name, "it means the same whatever is verified in between")
	_, ok = offered("ai-engine/dev")
	assert.False(t, ok, "no revision is kept")

	kube.change(t, "ai-engine/production", func(o *v1alpha1.EngineEnvironment) {
		o.Annotations = map[string]string{v1alpha1.AnnotationRollback: name}
	})
	require.Eventually(t, func() bool {
		found, _ = offered("ai-engine/production")
		return found.Revisions[0].Ask != name
	}, patience, 10*time.Millisecond, "each value is carried out once")
	kube.change(t, "ai-engine/production", func(o *v1alpha1.EngineEnvironment) { o.Spec.Suspend = true })
	require.Eventually(t, func() bool {
		_, ok := offered("ai-engine/production")
		return !ok
	}, patience, 10*time.Millisecond, "a suspended tier is not rolled back")
}

func TestDraftsExpire(t *testing.T) {
	now := time.Now()
	var d drafts
	first := d.keep(draft{}, now)
	for range draftsAtMost {
		now = now.Add(time.Second)
		d.keep(draft{}, now)
	}
	assert.Len(t, d.all, draftsAtMost)
	_, ok := d.take(first, now)
	assert.False(t, ok, "the oldest went")
	late := d.keep(draft{}, now)
	_, ok = d.take(late, now.Add(draftLives+1))
	assert.False(t, ok, "nobody confirms what was shown that long ago")
}

func TestPagesAreBounded(t *testing.T) {
	board := serveBoard(t, newCluster(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range streamsAtMost {
		board.follow(ctx, t)
	}
	answer, text := board.call(t, "GET", "/api/stream", nil)
	assert.Equal(t, http.StatusServiceUnavailable, answer.StatusCode, text)
}

func TestLinkSaysSinceWhen(t *testing.T) {
	f := newFeed()
	state := func() link {
		u, _ := f.read().next()
		return u.Link
	}
	assert.Equal(t, linkConnecting, state().State)
	f.heard(t.Context(), nil)
	assert.Equal(t, linkConnecting, state().State, "connected, and the objects are not there yet")
	f.replace(nil)
	assert.Equal(t, linkConnecting, state().State, "and not built yet")
	f.rebuild()
	assert.Equal(t, linkLive, state().State)
	f.heard(t.Context(), io.ErrUnexpectedEOF)
	lost := state()
	assert.Equal(t, linkLost, lost.State)
	f.heard(t.Context(), io.ErrClosedPipe)
	assert.Equal(t, lost.Since, state().Since, "lost since the first failure")
	assert.Equal(t, io.ErrClosedPipe.Error(), state().Message, "with the newest reason")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f.heard(t.Context(), nil)
	f.heard(ended, context.Canceled)
	assert.Equal(t, linkLive, state().State, "the end of the board is no failure")
}

func TestDoorwayIsForTheUserOnly(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("PATH", dir) // no program to open it with
	out := &output{}
	remove := openBrowser(t.Context(), "http://127.0.0.1:1/#token=SECRET", out)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	info, err := entries[0].Info()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds the key")
	raw, err := os.ReadFile(dir + "/" + entries[0].Name())
	require.NoError(t, err)
	assert.Contains(t, string(raw), "http://127.0.0.1:1/#token=SECRET")
	assert.Contains(t, out.String(), "was not opened")
	assert.NotContains(t, out.String(), "SECRET")
	remove()
	entries, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

var _ client.WithWatch = &memory{}
