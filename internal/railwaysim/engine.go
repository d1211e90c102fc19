// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Behaviours that show only once the engine runs; those that end a deployment stand in deployments.go.
const (
	wrongPython  = "wrong-python"
	plainLogs    = "plain-logs"
	noMiddleware = "no-middleware"
	slowAnswers  = "slow-answers"
	brokenMode   = "broken"
	flaky        = "flaky"
	dying        = "dying"
	chatty       = "chatty"
)

// slowAnswer is how long an engine with slow answers takes.
const slowAnswer = 1500 * time.Millisecond

// engine answers the requests that reach a deployment: an AI engine whose behaviour follows the variables it was started
// with. It is a copy of what it needs, so that it answers without the lock.
type engine struct {
	sim                     *Sim
	id, behaviour, revision string
	python, tier            string
	isolation, limited      bool
	perMinute               int
	// leaks is what a leaky engine adds to its answers.
	leaks []string
}

// engineOf describes the deployment's engine. The lock is held.
func (s *Sim) engineOf(d *deployment) *engine {
	e := &engine{
		sim: s, id: d.ID, behaviour: d.Behaviour, python: d.python(), tier: d.Variables["ENV"], revision: d.Commit,
		isolation: d.middleware() && d.Variables["TENANT_ISOLATION_ENABLED"] == "true",
		limited:   d.middleware() && d.Variables["RATE_LIMIT_ENABLED"] == "true",
	}
	if d.Image != "" {
		i := parseImage(d.Image)
		e.revision = orElse(i.tag, i.digest)
	}
	if d.Behaviour == leaky {
		e.leaks = d.leaks()
	}
	e.perMinute, _ = strconv.Atoi(d.Variables["RATE_LIMIT_RPM"]) // no number: no limit
	return e
}

// middleware reports whether the engine has loaded its security middleware.
func (d *deployment) middleware() bool {
	return d.Variables["SECURITY_MIDDLEWARE_ENABLED"] == "true" && d.Behaviour != noMiddleware
}

// ServeHTTP answers as the engine does.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.behaviour == slowAnswers {
		select {
		case <-time.After(slowAnswer):
		case <-r.Context().Done():
			return
		}
	}
	if e.behaviour == flaky && e.sim.turn(e.id)%3 == 1 {
		answerJSON(w, http.StatusServiceUnavailable, map[string]any{"detail": "try again"})
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /":
		answerJSON(w, http.StatusOK, map[string]any{"name": "ai-engine", "revision": e.revision})
	case "GET /health":
		answerJSON(w, http.StatusOK, map[string]any{
			"status": "ok", "revision": e.revision, "environment": e.tier, "python": e.python,
		})
	case "GET /metrics":
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = fmt.Fprintf(w, "# TYPE engine_up gauge\nengine_up 1\n")
	case "POST /api/mode1/manual":
		if e.behaviour == leaky {
			e.leak(w, r)
			return
		}
		e.mode1(w, r)
	default:
		answerJSON(w, http.StatusNotFound, map[string]any{"detail": "Not Found"})
	}
}

// mode1 is the engine's work: it needs a tenant where tenants are isolated, and keeps the rate limit.
func (e *engine) mode1(w http.ResponseWriter, r *http.Request) {
	tenant := r.Header.Get("X-Tenant-Id")
	if e.isolation && tenant == "" {
		answerJSON(w, http.StatusForbidden, map[string]any{"detail": "x-tenant-id is required"})
		return
	}
	if e.limited && e.perMinute > 0 {
		used := e.sim.spendEngine(e.id + "/" + tenant)
		w.Header().Set("X-RateLimit-Limit", strconv.Itoa(e.perMinute))
		w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(e.perMinute-used, 0)))
		if used > e.perMinute {
			answerJSON(w, http.StatusTooManyRequests, map[string]any{"detail": "rate limit exceeded"})
			return
		}
	}
	var input struct {
		Message string `json:"message"`
		AgentID string `json:"agent_id"`
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || json.Unmarshal(raw, &input) != nil || input.Message == "" {
		answerJSON(w, http.StatusUnprocessableEntity, map[string]any{"detail": "message is required"})
		return
	}
	if e.behaviour == brokenMode {
		answerJSON(w, http.StatusInternalServerError, map[string]any{"detail": "no model to serve"})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"agent_id": input.AgentID, "tenant_id": tenant, "response": "You said: " + input.Message})
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// turn counts the requests of a deployment's engine, from 1.
func (s *Sim) turn(deploymentID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns[deploymentID]++
	return s.turns[deploymentID]
}

// minute counts an engine's requests of one client in a minute.
type minute struct {
	since time.Time
	used  int
}

// spendEngine counts the requests of a tenant to a deployment in the current minute, this one too.
func (s *Sim) spendEngine(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.engineUse[key]
	if b == nil {
		b = &minute{}
		s.engineUse[key] = b
	}
	if now := s.now(); now.Sub(b.since) >= time.Minute {
		b.since, b.used = now, 0
	}
	b.used++
	return b.used
}

func (d *deployment) python() string {
	if d.Behaviour == wrongPython {
		return "3.11"
	}
	for _, name := range []string{"RAILPACK_PYTHON_VERSION", "NIXPACKS_PYTHON_VERSION"} {
		if version := d.Variables[name]; version != "" {
			return version
		}
	}
	return "3.13"
}
