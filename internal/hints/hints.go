// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hints takes Railway's webhooks as hints that something happened in an environment. They are unsigned, unordered and sometimes
// lost (railway-api.md, "Pull requests and webhooks"), so that nothing of them is believed: a hint makes the watch read the
// environment a little earlier than it would have.
package hints

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxBody bounds a webhook's body, in bytes; Railway's own have about one thousand.
	maxBody = 64 << 10
	// MinSecret is the least length of the secret: it stands in the URL in place of a signature.
	MinSecret = 16
	// timeout bounds each part of a request.
	timeout = 10 * time.Second
)

// Options configure a Server.
type Options struct {
	// Address is where it listens, for example :9440.
	Address string
	// Secret is the last part of the webhook's path. Whoever knows it may cause reads, and nothing else.
	Secret string
	// Hint is called with the id of an environment. It must not block.
	Hint func(environmentID string)
	// Standby reports that this replica does not lead: it follows nothing, so that a hint has no effect. Default: it leads.
	Standby func() bool
	// Registerer takes the metrics. Default: none.
	Registerer prometheus.Registerer
}

// Server serves POST /webhooks/railway/<secret>. TLS is the business of what stands before it.
type Server struct {
	options Options
	secret  [sha256.Size]byte
	taken   *prometheus.CounterVec
}

// New checks the options. It does not listen yet.
func New(options Options) (*Server, error) {
	if len(options.Secret) < MinSecret || strings.ContainsAny(options.Secret, "/?#% \t\r\n") {
		return nil, fmt.Errorf("the webhook's secret must have at least %d characters that can stand in a path", MinSecret)
	}
	s := &Server{options: options, secret: sha256.Sum256([]byte(options.Secret)), taken: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "engine_operator_webhooks_total",
		Help: "Webhooks of Railway by result: hint, standby (a hint for a replica that does not lead, without effect), ignored (another kind of event), " +
			"or refused (wrong secret or no event).",
	}, []string{"result"})}
	if options.Registerer != nil {
		if err := options.Registerer.Register(s.taken); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return s, nil
}

// NeedLeaderElection says that every replica answers: one that does not lead follows nothing, so that its hints have no effect, while
// Railway suspends a webhook whose calls fail.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.Address)
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxBody,
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve webhooks: %w", err)
	}
	return nil
}

// Handler serves the one path.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/railway/{secret}", s.take)
	return mux
}

// take answers 204 to whatever knows the secret and is an event, of a kind that we know or not. A wrong secret is answered like a path
// that does not exist.
func (s *Server) take(w http.ResponseWriter, r *http.Request) {
	given := sha256.Sum256([]byte(r.PathValue("secret")))
	if subtle.ConstantTimeCompare(given[:], s.secret[:]) != 1 {
		s.taken.WithLabelValues("refused").Inc()
		http.NotFound(w, r)
		return
	}
	var e event
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&e); err != nil {
		s.taken.WithLabelValues("refused").Inc()
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	result := "ignored"
	if id := e.concerns(); id != "" {
		result = "hint"
		if s.options.Standby != nil && s.options.Standby() {
			result = "standby"
		}
		s.options.Hint(id)
	}
	s.taken.WithLabelValues(result).Inc()
	w.WriteHeader(http.StatusNoContent)
}

// event is the part of a webhook's body that is looked at (railway-api.md, "Pull requests and webhooks").
type event struct {
	Type     string `json:"type"`
	Resource struct {
		Environment struct {
			ID string `json:"id"`
		} `json:"environment"`
	} `json:"resource"`
}

// concerns returns the environment whose deployments changed, empty for other events. Their names are spelled in more than one way.
func (e event) concerns() string {
	if !strings.HasPrefix(strings.ToLower(e.Type), "deployment.") {
		return ""
	}
	return e.Resource.Environment.ID
}
