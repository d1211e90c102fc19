// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package hints

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const secret = "5f0c8b6e-1a52-4d1f-9a77-1f6f2a1f2d3c"

// deployed is a webhook as Railway documents it.
const deployed = `{"type": "Deployment.failed", "details": {"id": "d1", "status": "SUCCESS", "branch": "main"},
	"resource": {"workspace": {"id": "w1", "name": "acme"}, "project": {"id": "p1", "name": "engine"},
		"environment": {"id": "e1", "name": "production", "isEphemeral": false}, "service": {"id": "s1", "name": "api"}, "deployment": {"id": "d1"}},
	"severity": "WARNING", "timestamp": "2026-11-27T12:00:00Z"}`

func TestWebhooks(t *testing.T) {
	tests := []struct {
		reason, method, path, body string
		status                     int
		hints                      []string
		result                     string
	}{
		{"a deployment changed", "POST", "/webhooks/railway/" + secret, deployed, 204, []string{"e1"}, "hint"},
		{"names are spelled in more than one way", "POST", "/webhooks/railway/" + secret, strings.Replace(deployed, "Deployment.failed", "deployment.OomKilled", 1),
			204, []string{"e1"}, "hint"},
		{"another kind of event", "POST", "/webhooks/railway/" + secret, strings.Replace(deployed, "Deployment.failed", "VolumeAlert.triggered", 1), 204, nil, "ignored"},
		{"an event of tomorrow", "POST", "/webhooks/railway/" + secret, `{"type": "Moon.full", "x": [1]}`, 204, nil, "ignored"},
		{"a deployment of nowhere", "POST", "/webhooks/railway/" + secret, `{"type": "Deployment.failed"}`, 204, nil, "ignored"},
		{"no event", "POST", "/webhooks/railway/" + secret, `[]`, 400, nil, "refused"},
		{"half an event", "POST", "/webhooks/railway/" + secret, deployed[:100], 400, nil, "refused"},
		{"more than an event", "POST", "/webhooks/railway/" + secret, `{"type": "` + strings.Repeat("x", maxBody) + `"}`, 400, nil, "refused"},
		{"the wrong secret", "POST", "/webhooks/railway/" + strings.Repeat("x", len(secret)), deployed, 404, nil, "refused"},
		{"a part of the secret", "POST", "/webhooks/railway/" + secret[:20], deployed, 404, nil, "refused"},
		{"no secret", "POST", "/webhooks/railway/", deployed, 404, nil, ""},
		{"another method", "GET", "/webhooks/railway/" + secret, "", 405, nil, ""},
		{"another path", "POST", "/", deployed, 404, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			var told []string
			registry := prometheus.NewRegistry()
			s, err := New(Options{Secret: secret, Hint: func(id string) { told = append(told, id) }, Registerer: registry})
			require.NoError(t, err)
			answer := httptest.NewRecorder()
			s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
			assert.Equal(t, tt.status, answer.Code)
			assert.Equal(t, tt.hints, told)
			assert.NotContains(t, answer.Body.String(), secret)
			if tt.result != "" {
				assert.InDelta(t, 1, testutil.ToFloat64(s.taken.WithLabelValues(tt.result)), 0)
			}
		})
	}
}

// TestStandby holds that a hint which nobody follows is told apart, and that Railway does not see it: it suspends a webhook that fails.
func TestStandby(t *testing.T) {
	standby := true
	s, err := New(Options{Secret: secret, Hint: func(string) {}, Standby: func() bool { return standby }})
	require.NoError(t, err)
	for _, result := range []string{"standby", "hint"} {
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "POST", "/webhooks/railway/"+secret, strings.NewReader(deployed)))
		assert.Equal(t, http.StatusNoContent, answer.Code)
		assert.InDelta(t, 1, testutil.ToFloat64(s.taken.WithLabelValues(result)), 0, result)
		standby = false
	}
}

func TestSecretMustBeOne(t *testing.T) {
	for _, weak := range []string{"", "short", "a secret with spaces in it", "../../../../healthz", secret + "?x=1"} {
		_, err := New(Options{Secret: weak})
		require.Error(t, err)
		if weak != "" {
			assert.NotContains(t, err.Error(), weak)
		}
	}
}

func TestServerEndsWithItsContext(t *testing.T) {
	s, err := New(Options{Address: "127.0.0.1:0", Secret: secret, Hint: func(string) {}})
	require.NoError(t, err)
	assert.False(t, s.NeedLeaderElection())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Start(ctx) }()
	cancel()
	assert.NoError(t, <-done)

	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	s, err = New(Options{Address: strings.TrimPrefix(taken.URL, "http://"), Secret: secret})
	require.NoError(t, err)
	assert.ErrorContains(t, s.Start(t.Context()), "listen for webhooks")
}
