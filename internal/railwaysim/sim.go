// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package railwaysim is a local Railway: it executes Railway's GraphQL from the schema, keeps projects, environments,
// services, variables and deployments as Railway does, and can be told to misbehave. What nobody knows about Railway is
// listed in docs/assumptions.md; there it takes the strict reading.
//
// Its parts, by file:
//
//   - graphql/: parses, validates, coerces, executes and introspects; knows nothing of Railway.
//   - http, rate, faults, requestlog: a request's way in, and what can go wrong with it.
//   - resolvers, scope: root fields by name, and what a token reaches.
//   - world, config, references: what there is; the config of an environment as a value.
//   - one file per behaviour, with its queries, mutations and what they show (large ones show in a file of their own, _read):
//     access, projects, environments, clones, patches, services, settings, variables, images, registries, deployments, deploying,
//     triggers, domains, domains_custom, proxies, volumes, regions, limits, usage, logs.
//   - edge, engine: the public side, and the engine behind it.
//   - seed, console: what exists at the start, and what people do beside the API.
package railwaysim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/engine-operator/engine-operator/internal/railway/schema"
	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Options configure a Sim.
type Options struct {
	// Seed is what exists at the start.
	Seed Seed
	// SchemaSDL is a larger schema to serve. Default: the operator's own slice.
	SchemaSDL string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Step is how long a deployment stays in each state. Default: 300ms.
	Step time.Duration
	// Lag is how far reads lag behind writes. Default: 0.
	Lag time.Duration
	// History is how long older versions of the world are kept for FaultStale, at least Lag. Default: 0.
	History time.Duration
	// ReadLatency is how long a query takes. Default: 0. See SetReadLatency.
	ReadLatency time.Duration
	// Intercept is called for every request before it is applied and after it was applied but not answered. It may block.
	Intercept func(Request, Phase)
}

// Phase tells when Intercept is called.
type Phase int

const (
	// PhaseBefore is before the request is applied.
	PhaseBefore Phase = iota
	// PhaseAfter is after the request was applied and before it is answered.
	PhaseAfter
)

// Sim is a local Railway. All methods are safe for concurrent use.
type Sim struct {
	options Options
	schema  *graphql.Schema
	// readLatency is a time.Duration.
	readLatency atomic.Int64

	mu       sync.Mutex
	world    *world
	versions []version
	created  int
	faults   []*Fault
	requests []Request
	buckets  map[string]*bucket
	visits   []Visit
	// turns and engineUse count the requests of each deployment's engine.
	turns     map[string]int
	engineUse map[string]*minute
}

// version is the world as it was from a time on, kept while reads lag.
type version struct {
	from  time.Time
	world *world
}

// New returns a local Railway that holds what the seed says.
func New(options Options) (*Sim, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Step <= 0 {
		options.Step = 300 * time.Millisecond
	}
	if options.SchemaSDL == "" {
		options.SchemaSDL = schema.SDL
	}
	parsed, err := graphql.Load(options.SchemaSDL)
	if err != nil {
		return nil, err
	}
	s := &Sim{options: options, schema: parsed, world: newWorld(), buckets: map[string]*bucket{}, turns: map[string]int{}, engineUse: map[string]*minute{}}
	s.SetReadLatency(options.ReadLatency)
	if err := s.plant(options.Seed); err != nil {
		return nil, err
	}
	s.remember()
	return s, nil
}

// SetReadLatency makes every query that comes from now on take that long.
func (s *Sim) SetReadLatency(latency time.Duration) { s.readLatency.Store(int64(latency)) }

// Start serves on a free loopback port and returns the GraphQL endpoint and a function that ends it.
func (s *Sim) Start() (endpoint string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds at once
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return "http://" + listener.Addr().String() + "/graphql/v2", func() { _ = server.Close() }, nil
}

func (s *Sim) now() time.Time { return s.options.Now() }

// order numbers what is created, so that things of the same instant keep their order.
func (s *Sim) order() int {
	s.created++
	return s.created
}

// id makes the next id. Ids look random and are the same in every run.
func (s *Sim) id() string { return deterministic("id", fmt.Sprint(s.order())) }

// deterministic makes a UUID of version 4's shape from its parts.
func deterministic(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	id, err := uuid.FromBytes(sum[:16])
	if err != nil {
		panic("railwaysim: 16 bytes make no UUID: " + err.Error())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// remember keeps the world's new version for reads that lag. The lock is held.
func (s *Sim) remember() {
	kept := max(s.options.Lag, s.options.History)
	if kept <= 0 {
		return
	}
	s.versions = append(s.versions, version{s.now(), s.world.clone()})
	for len(s.versions) > 1 && !s.versions[1].from.After(s.now().Add(-kept)) {
		s.versions = s.versions[1:]
	}
}

// view is what a read sees: the world as it was a lag ago, or longer when the fault says so. The lock is held.
func (s *Sim) view(t *token, f *Fault) view {
	now, lag := s.now(), s.options.Lag
	if f != nil && f.Kind == FaultStale {
		lag = max(lag, time.Duration(f.DelayMS)*time.Millisecond)
	}
	if lag <= 0 || len(s.versions) == 0 {
		return view{s.world, now, t}
	}
	past := now.Add(-lag)
	at := s.versions[0].world
	for _, v := range s.versions {
		if !v.from.After(past) {
			at = v.world
		}
	}
	return view{at, now, t}
}

// etag is the token of a config. It is made of the masked config, so an edit of a value alone does not show
// (railway-api.md, "EnvironmentConfig").
func etag(shown map[string]any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(shown))) // fmt prints maps in order
	return hex.EncodeToString(sum[:8])
}

func keys(m map[string]any) []string { return sortedKeys(m) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func number(value any) (int, bool) {
	switch n := value.(type) {
	case int64:
		return int(n), true
	case int:
		return n, true
	case float64:
		return int(n), true
	case interface{ Int64() (int64, error) }:
		i, err := n.Int64()
		return int(i), err == nil
	default:
		return 0, false
	}
}
