// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/internal/board/view"
)

const (
	// bodyAtMost bounds a request's body, in bytes.
	bodyAtMost = 16 << 10
	// askTimeout bounds what one request asks of the API server.
	askTimeout = 15 * time.Second
	// streamsAtMost bounds the pages that are open at once.
	streamsAtMost = 32
	// heartbeat is how often a page that has nothing to hear hears that the board lives; writeTimeout ends one that does not read.
	heartbeat, writeTimeout = 15 * time.Second, 20 * time.Second
)

//go:embed page
var pageFiles embed.FS

// contentTypes are those of the page's files: what the machine's own table says could differ.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// server answers the page.
type server struct {
	user    *person
	feed    *feed
	token   string
	options Options
	drafts  drafts
	streams chan struct{}
	clock   func() time.Time
}

func newServer(user *person, feed *feed, token string, o Options) *server {
	return &server{user: user, feed: feed, token: token, options: o, streams: make(chan struct{}, streamsAtMost), clock: time.Now}
}

func (s *server) handler() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("GET /api/stream", s.stream)
	api.HandleFunc("GET /api/tier", s.tier)
	api.HandleFunc("POST /api/prepare", s.prepare)
	api.HandleFunc("POST /api/confirm", s.confirm)
	all := http.NewServeMux()
	all.Handle("/api/", keyed(s.token, api))
	all.HandleFunc("/", file)
	return guard(all)
}

// file serves a file of the page. They hold nothing that is worth a key.
func file(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the page's files can be read only", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	raw, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
	_, _ = w.Write(raw) // the page may be gone
}

// hello is the first thing a page hears.
type hello struct {
	User    string    `json:"user"`
	Scope   string    `json:"scope"`
	Context string    `json:"context"`
	Columns []string  `json:"columns"`
	Now     time.Time `json:"now"`
}

// stream sends the page what it has to show, and from then on what changes, as server-sent events.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d pages are open already: close some", streamsAtMost))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := events{w: w, control: http.NewResponseController(w)}
	greeting := hello{User: s.user.nameOrUnknown(), Scope: scopeOf(s.options), Context: s.options.Context, Columns: columns(), Now: s.clock().UTC()}
	if out.send("hello", greeting) != nil {
		return
	}
	reader := s.feed.read()
	for {
		news, changed := reader.next()
		if out.send("update", news) != nil {
			return
		}
		if !s.await(r.Context(), changed, out) {
			return
		}
	}
}

// await waits for the next change, with a heartbeat meanwhile. It returns false when the page or the board is gone.
func (s *server) await(ctx context.Context, changed <-chan struct{}, out events) bool {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-changed:
			return true
		case <-ticker.C:
			if out.write(": alive\n\n") != nil {
				return false
			}
		}
	}
}

// events writes server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (e events) send(name string, data any) error {
	raw, err := json.Marshal(data) // one line: JSON escapes line ends
	if err != nil {
		return err
	}
	return e.write("event: " + name + "\ndata: " + string(raw) + "\n\n")
}

func (e events) write(text string) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every connection has deadlines
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}

func columns() []string {
	var names []string
	for _, tier := range view.Columns() {
		names = append(names, string(tier))
	}
	return names
}

// detail is what one tier's page shows beyond the board, asked for when it is opened.
type detail struct {
	Offers    []offer       `json:"offers"`
	Revisions []revision    `json:"revisions"`
	History   []view.Record `json:"history"`
	// Unread says what could not be read, and why.
	Unread []string `json:"unread,omitempty"`
}

// offer is an action with the user's right to it.
type offer struct {
	view.Offer

	Allowed bool   `json:"allowed"`
	Why     string `json:"why,omitempty"`
}

func (s *server) tier(w http.ResponseWriter, r *http.Request) {
	object, ok := s.feed.get(r.URL.Query().Get("key"))
	if !ok {
		fail(w, http.StatusNotFound, "this tier is gone")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	found := detail{Offers: []offer{}, Revisions: []revision{}, History: view.Tiers([]*engineEnvironment{object})[0].History}
	revisions, unread := s.user.revisions(ctx, object)
	if unread != nil {
		found.Unread = append(found.Unread, unread.Error())
	}
	found.Revisions = append(found.Revisions, revisions...)
	for _, o := range view.Offers(object) {
		if o.Action == view.ActionRollback && len(revisions) == 0 {
			continue // nothing to go back to, or nothing that the user may see
		}
		found.Offers = append(found.Offers, s.offer(ctx, o, object))
	}
	records, err := s.user.events(ctx, object)
	if err != nil {
		found.Unread = append(found.Unread, err.Error())
	}
	found.History = append(found.History, records...)
	view.SortRecords(found.History)
	answer(w, found)
}

func (s *server) offer(ctx context.Context, o view.Offer, object *engineEnvironment) offer {
	missing, err := s.user.may(ctx, o.Verbs, object)
	switch {
	case err != nil:
		return offer{Offer: o, Why: refusal(err)}
	case missing != "":
		return offer{Offer: o, Why: "you may not " + missing + " this object"}
	}
	return offer{Offer: o, Allowed: true}
}

// answer sends a value as JSON.
func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the page may be gone
}

// fail sends a reason as JSON.
func fail(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": reason}) // the page may be gone
}
