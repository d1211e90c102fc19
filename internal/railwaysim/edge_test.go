// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	middlewareOn = `{"SECURITY_MIDDLEWARE_ENABLED": {"value": "true"}, "TENANT_ISOLATION_ENABLED": {"value": "true"},
		"RATE_LIMIT_ENABLED": {"value": "true"}, "RATE_LIMIT_RPM": {"value": "3"}, "ENV": {"value": "staging"}}`
	question = `{"message": "Test", "agent_id": "test"}`
	tenant   = "550e8400-e29b-41d4-a716-446655440000"
)

// public is the engine of staging, reached by its domain through the edge as a browser reaches it.
type public struct {
	*local
	client *http.Client
	host   string
}

// publish gives staging's engine a domain and starts the image with the middleware's variables. It is running afterwards.
func publish(t *testing.T, image string) *public {
	t.Helper()
	l := start(t)
	edge, err := l.sim.StartEdge("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(edge.Close)
	a := l.must(`mutation($e: String!, $s: String!) { serviceDomainCreate(input: {environmentId: $e, serviceId: $s}) { domain } }`,
		vars{"e": staging, "s": engine})
	host, _ := a.at("serviceDomainCreate", "domain").(string)
	var variables map[string]any
	require.NoError(t, json.Unmarshal([]byte(middlewareOn), &variables))
	l.patch(service(engine, map[string]any{"source": map[string]any{"image": image}, "variables": variables}))
	l.advance(20 * step)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(edge.CA))
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, edge.Address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &public{local: l, client: &http.Client{Transport: transport}, host: host}
}

func (p *public) visit(method, path, body string, headers ...string) (int, string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, "https://"+p.host+path, strings.NewReader(body))
	require.NoError(p.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.client.Do(request)
	require.NoError(p.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return response.StatusCode, string(raw)
}

func TestEdgeServesTheRunningEngine(t *testing.T) {
	t.Parallel()
	p := publish(t, "acme/engine:2.0")
	status, body := p.visit("GET", "/health", "")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"status": "ok", "revision": "2.0", "environment": "staging", "python": "3.13"}`, body)
	status, body = p.visit("GET", "/metrics", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "engine_up 1")
	status, _ = p.visit("GET", "/nothing", "")
	assert.Equal(t, http.StatusNotFound, status)

	visits := p.sim.Visits()
	require.Len(t, visits, 3)
	assert.Equal(t, railwaysim.Visit{Time: visits[0].Time, Host: p.host, Method: "GET", Path: "/health", Status: 200}, visits[0])
}

func TestEngineKeepsItsMiddleware(t *testing.T) {
	t.Parallel()
	p := publish(t, "acme/engine:2.0")
	status, _ := p.visit("POST", "/api/mode1/manual", question)
	assert.Equal(t, http.StatusForbidden, status, "no tenant")
	status, _ = p.visit("POST", "/api/mode1/manual", "{}", "X-Tenant-Id", tenant)
	assert.Equal(t, http.StatusUnprocessableEntity, status, "no message")
	for i := range 2 {
		status, body := p.visit("POST", "/api/mode1/manual", question, "X-Tenant-Id", tenant)
		assert.Equal(t, http.StatusOK, status, i)
		assert.Contains(t, body, `"agent_id":"test"`)
	}
	status, _ = p.visit("POST", "/api/mode1/manual", question, "X-Tenant-Id", tenant)
	assert.Equal(t, http.StatusTooManyRequests, status, "the fourth in a minute")
	p.advance(time.Minute)
	status, _ = p.visit("POST", "/api/mode1/manual", question, "X-Tenant-Id", tenant)
	assert.Equal(t, http.StatusOK, status, "a minute later")

	off := service(engine, map[string]any{"variables": map[string]any{"SECURITY_MIDDLEWARE_ENABLED": map[string]any{"value": "false"}}})
	p.patch(off)
	p.advance(20 * step)
	for range 5 {
		status, _ = p.visit("POST", "/api/mode1/manual", question)
		assert.Equal(t, http.StatusOK, status, "without middleware neither tenant nor limit counts")
	}
}

func TestEnginesThatMisbehave(t *testing.T) {
	t.Parallel()
	for tag, test := range map[string]struct {
		method, path string
		want         int
		contains     string
	}{
		"wrong-python":  {"GET", "/health", 200, `"python":"3.11"`},
		"no-middleware": {"POST", "/api/mode1/manual", 200, "You said"},
		"broken":        {"POST", "/api/mode1/manual", 500, "no model to serve"},
		"flaky":         {"GET", "/health", 503, "try again"},
		"dying":         {"GET", "/health", 200, "ok"},
		"unhealthy":     {"GET", "/health", 200, `"revision":"1.0"`}, // the one before still serves
	} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			p := publish(t, "acme/engine:"+tag)
			status, body := p.visit(test.method, test.path, question, "X-Tenant-Id", tenant)
			assert.Equal(t, test.want, status)
			assert.Contains(t, body, test.contains)
			if tag == "flaky" {
				status, _ = p.visit(test.method, test.path, question)
				assert.Equal(t, 200, status, "the next one goes through")
			}
			if tag == "dying" {
				p.advance(20 * step)
				status, _ = p.visit("GET", "/health", "")
				assert.Equal(t, http.StatusBadGateway, status, "healthy, then dead")
			}
		})
	}
}

func TestEdgeWithoutAnApplication(t *testing.T) {
	t.Parallel()
	p := publish(t, "acme/engine:2.0")
	require.NoError(t, p.sim.SleepDeployment(railwaysim.Place{Environment: "staging", Service: "engine"}))
	p.advance(step)
	status, body := p.visit("GET", "/health", "")
	assert.Equal(t, http.StatusNotFound, status, "the request that wakes it")
	assert.Contains(t, body, "Application not found")
	status, _ = p.visit("GET", "/health", "")
	assert.Equal(t, http.StatusOK, status, "it is awake")

	require.NoError(t, p.sim.CrashDeployment(railwaysim.Place{Environment: "staging", Service: "engine"}))
	p.advance(step)
	status, body = p.visit("GET", "/health", "")
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, body, "Application failed to respond")

	p.host = "unknown.up.railway.app"
	status, _ = p.visit("GET", "/health", "")
	assert.Equal(t, http.StatusNotFound, status)
}
