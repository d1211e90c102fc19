// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	// DefaultEndpoint is Railway's public GraphQL API (railway-api.md, "Endpoint").
	DefaultEndpoint = "https://backboard.railway.com/graphql/v2"
	// source names us in the query string. Requests without one fall under a much stricter rule at Railway's edge
	// (railway-api.md, "Endpoint").
	source = "engine-operator"
)

// Options configure a Pool. The zero value is fit for production.
type Options struct {
	// Endpoint is the GraphQL API: https, or http on a loopback address. Default: DefaultEndpoint.
	Endpoint string
	// Version goes into the User-Agent. Default: dev.
	Version string
	// Timeout bounds one request from its turn in the queue to the last byte of the answer. Default: 30s.
	Timeout time.Duration
	// MaxBody is the largest answer that is read, in bytes; a larger one is an error. Default: 16 MiB.
	MaxBody int64
	// RequestsPerSecond and Burst smooth the requests of one token. After a quiet time both together go out within a second. Default: 5
	// and 4, below Railway's smallest documented limit of 10 a second (railway-api.md, "Rate limits").
	RequestsPerSecond float64
	Burst             int
	// CreateInterval is how far apart environments are created with one token once Railway has refused one as too frequent and has not
	// said how far. Default: 30s, Railway's rule (railway-api.md, "Errors").
	CreateInterval time.Duration
	// MaxBatch is how many environments are read in one request at most. Default: 50, of three root fields each
	// (railway-api.md, "Rate limits"). A project token reaches one environment.
	MaxBatch int
	// Now is the clock that rate limits are measured by. Default: time.Now.
	Now func() time.Time
	// Registerer takes the metrics. Default: none.
	Registerer prometheus.Registerer
	// Tracer makes a span of each request. Default: none.
	Tracer trace.Tracer
	// Log gets one line per request at V(1). Default: none.
	Log logr.Logger
}

func (o Options) withDefaults() Options {
	defaultTo(&o.Endpoint, DefaultEndpoint)
	defaultTo(&o.Version, "dev")
	defaultTo(&o.Timeout, 30*time.Second)
	defaultTo(&o.MaxBody, 16<<20)
	defaultTo(&o.RequestsPerSecond, 5)
	defaultTo(&o.Burst, 4)
	defaultTo(&o.CreateInterval, throttled)
	defaultTo(&o.MaxBatch, 50)
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func defaultTo[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Pool shares one transport between the clients of all tokens, and one Client and Budget between all users of a token. It is
// safe for concurrent use.
type Pool struct {
	wire       *wire
	lines      lines
	workspaces workspaces

	mu      sync.Mutex
	clients map[string]*Client
	// used is when a client was last asked for, by its key; swept is when the unused ones were last dropped.
	used  map[string]time.Time
	swept time.Time
}

// unused is how long nobody must have asked for a client, nor followed anything with it, until it is dropped: what it knows of its
// limits is out of date by then.
const unused = 2 * window

// NewPool checks the options and returns an empty pool. It sends nothing.
func NewPool(options Options) (*Pool, error) {
	options = options.withDefaults()
	endpoint, err := parseEndpoint(options.Endpoint)
	if err != nil {
		return nil, err
	}
	meters, err := newMetrics(options.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	pool := &Pool{
		wire: &wire{
			options: options, endpoint: endpoint, metrics: meters,
			http: &http.Client{Transport: newHTTPTransport(), CheckRedirect: dontFollow},
		},
		clients: map[string]*Client{}, used: map[string]time.Time{}, swept: options.Now(),
	}
	if options.Registerer != nil {
		err = options.Registerer.Register(tokenMetrics{pool})
	}
	return pool, err
}

// Client returns the client of the token: the same one, with the same Budget, each time. Ask for it each time it is needed: one that
// nobody has asked for in two hours, and with which nothing is followed, is dropped.
func (p *Pool) Client(credentials Credentials) *Client {
	key := credentials.key()
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.wire.options
	p.used[key] = o.Now()
	p.sweep(o.Now())
	if client, ok := p.clients[key]; ok {
		return client
	}
	client := &Client{
		key: key, kind: credentials.Kind, lines: &p.lines, workspaces: &p.workspaces, now: o.Now, creating: newGate(o.Now, o.CreateInterval),
		batch: newBatchSize(mostPerRequest(credentials.Kind, o.MaxBatch)),
		gql:   &sender{wire: p.wire, credentials: credentials},
	}
	client.gql.use(p.wire.newBudget())
	p.clients[key] = client
	return client
}

// Leave gives up the places of somebody who waits for a project, see Client.TryLock, and does not want it any more.
func (p *Pool) Leave(who string) { p.lines.leave(who) }

// sweep drops, now and then, the clients that nobody uses. The mutex is held.
func (p *Pool) sweep(now time.Time) {
	if now.Sub(p.swept) < unused/10 {
		return
	}
	p.swept = now
	p.lines.forget(now)
	for key, client := range p.clients {
		if now.Sub(p.used[key]) > unused && !client.Budget().polls(key) {
			client.Budget().takePolled(key)
			delete(p.clients, key)
			delete(p.used, key)
		}
	}
	p.workspaces.keep(func(c *Client) bool { return p.clients[c.key] == c })
}

// all returns the clients in use.
func (p *Pool) all() []*Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.clients))
}

// mostPerRequest is how many environments one request may read.
func mostPerRequest(kind TokenKind, most int) int {
	if kind == TokenProject {
		return 1
	}
	return most
}

// CloseIdle closes the connections that nobody uses.
func (p *Pool) CloseIdle() { p.wire.http.CloseIdleConnections() }

// parseEndpoint accepts https anywhere and http on loopback only, so that a token never travels in the clear.
func parseEndpoint(text string) (string, error) {
	endpoint, err := url.Parse(text)
	if err != nil {
		// The error of url.Parse repeats the text, which may hold a password.
		return "", errors.New("the Railway endpoint is not a URL")
	}
	switch {
	case endpoint.Host == "" || endpoint.User != nil:
		return "", errors.New("the Railway endpoint must be a URL with a host and without a user")
	case endpoint.Scheme == "https":
	case endpoint.Scheme == "http" && isLoopback(endpoint.Hostname()):
	default:
		return "", fmt.Errorf("the Railway endpoint must use https; http is only allowed on a loopback address, not on %q",
			endpoint.Hostname())
	}
	query := endpoint.Query()
	query.Set("source", source)
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func newHTTPTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// A connection that died silently is noticed before a request runs into its time limit.
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConns:        20,
		MaxIdleConnsPerHost: 10,
		// Shorter than load balancers usually wait, so that we hang up first.
		IdleConnTimeout: 50 * time.Second,
	}
}

// dontFollow leaves a redirect as the answer: following it would carry the token elsewhere.
func dontFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
