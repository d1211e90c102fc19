// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// apiServer stands between one replica and the API server, and does to its requests what networks and API servers do.
type apiServer struct {
	traffic
	address string
	close   func()

	mu sync.Mutex
	// left counts the requests that are still to fail, by kind.
	left map[string]int
	// until says how long a disturbance lasts, by kind.
	until map[string]time.Time
	// cut ends every open connection; it is replaced when it was used.
	cut chan struct{}
}

// Kinds of disturbance between a replica and the API server.
const (
	apiConflict  = "conflict"      // n writes meet a conflict
	apiError     = "error"         // n requests meet an internal error
	apiTooMany   = "too-many"      // n requests are throttled
	apiLost      = "lost-answer"   // n writes are applied and not answered
	apiRestart   = "restart"       // no request gets through, and open watches end
	apiStall     = "stalled-watch" // watches tell nothing, and everything else works: the cache is stale
	apiDropped   = "dropped-watch" // watches end and cannot be made again, and everything else works
	apiLostLease = "lost-lease"    // the lease can be neither read nor renewed
	apiDead      = "dead"          // for ever: the replica was killed
)

var apiKinds = []string{apiConflict, apiError, apiTooMany, apiLost, apiRestart, apiStall, apiDropped, apiLostLease}

func newAPIServer(cluster *rest.Config) (*apiServer, error) {
	transport, err := rest.TransportFor(cluster)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	target, err := url.Parse(cluster.Host)
	if err != nil || target.Host == "" {
		target = &url.URL{Scheme: "https", Host: cluster.Host}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds at once
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	a := &apiServer{address: listener.Addr().String(), left: map[string]int{}, until: map[string]time.Time{}, cut: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorLog: quiet,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: a.disturbAnswer,
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.see(r)
		if !a.disturb(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}), ErrorLog: quiet}
	go func() { _ = server.Serve(listener) }() // ends with Close
	a.close = func() { _ = server.Close() }
	return a, nil
}

// next begins a disturbance: n requests, or for a while.
func (a *apiServer) next(kind string, n int, span time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left[kind] += n
	a.until[kind] = time.Now().Add(span)
	if kind == apiRestart || kind == apiDropped || kind == apiDead {
		close(a.cut)
		a.cut = make(chan struct{})
	}
}

// heal ends every disturbance.
func (a *apiServer) heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.until = map[string]int{}, map[string]time.Time{apiDead: a.until[apiDead]}
}

func (a *apiServer) now(kind string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.until[kind])
}

// take uses up one of the counted disturbances.
func (a *apiServer) take(kind string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left[kind] <= 0 {
		return false
	}
	a.left[kind]--
	return true
}

// disturb answers a request that does not get through. It returns false when it does.
func (a *apiServer) disturb(w http.ResponseWriter, r *http.Request) bool {
	lease, events, watch := strings.Contains(r.URL.Path, "/leases"), strings.Contains(r.URL.Path, "/events"), r.URL.Query().Get("watch") != ""
	write := (r.Method == http.MethodPut || r.Method == http.MethodPatch) && !lease && !events
	switch {
	case a.now(apiDead), a.now(apiRestart), lease && a.now(apiLostLease):
		panic(http.ErrAbortHandler)
	case watch && a.now(apiDropped):
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, "the watch cannot be served")
	case write && a.take(apiConflict):
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the object has been modified")
	case !lease && !events && a.take(apiError):
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcdserver: leader changed")
	case !lease && !events && a.take(apiTooMany):
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "too many requests, please try again later")
	default:
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}

// disturbAnswer disturbs what comes back.
func (a *apiServer) disturbAnswer(r *http.Response) error {
	a.answered(r)
	if r.Request.Method != http.MethodGet && !strings.Contains(r.Request.URL.Path, "/leases") && !strings.Contains(r.Request.URL.Path, "/events") && a.take(apiLost) {
		_ = r.Body.Close()
		return io.ErrUnexpectedEOF
	}
	if r.Request.URL.Query().Get("watch") != "" {
		a.mu.Lock()
		r.Body = &watchBody{ReadCloser: r.Body, server: a, cut: a.cut}
		a.mu.Unlock()
	}
	return nil
}

// watchBody is the stream of a watch.
type watchBody struct {
	io.ReadCloser
	server *apiServer
	cut    chan struct{}
	once   sync.Once
}

// Read holds back what the stream tells while watches are stalled, and ends it when they are cut.
func (b *watchBody) Read(p []byte) (int, error) {
	b.once.Do(func() {
		go func() { // a read that waits for the next event ends, too
			<-b.cut
			_ = b.ReadCloser.Close()
		}()
	})
	n, err := b.ReadCloser.Read(p)
	for err == nil && b.server.now(apiStall) {
		select {
		case <-b.cut:
			return 0, io.ErrUnexpectedEOF
		case <-time.After(20 * time.Millisecond):
		}
	}
	return n, err
}

// tunnel forwards one replica's connections to the local Railway until it is closed, as the network does until a process is killed.
type tunnel struct {
	address string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
	closed   bool
}

func newTunnel(target string) (*tunnel, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds at once
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	t := &tunnel{address: listener.Addr().String(), listener: listener, open: map[net.Conn]bool{}}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go t.forward(connection, target)
		}
	}()
	return t, nil
}

func (t *tunnel) forward(from net.Conn, target string) {
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		_ = from.Close()
		return
	}
	if !t.keep(from, to) {
		return
	}
	go t.copy(from, to)
	t.copy(to, from)
}

func (t *tunnel) keep(connections ...net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range connections {
		if t.closed {
			_ = c.Close()
			continue
		}
		t.open[c] = true
	}
	return !t.closed
}

// copy carries one direction, and ends both when it ends.
func (t *tunnel) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	for _, c := range []net.Conn{to, from} {
		_ = c.Close()
		t.mu.Lock()
		delete(t.open, c)
		t.mu.Unlock()
	}
}

// close ends every connection at once.
func (t *tunnel) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	_ = t.listener.Close()
	for c := range t.open {
		_ = c.Close()
	}
}
