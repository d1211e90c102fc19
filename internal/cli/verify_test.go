// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// TestVerify: scripts know by the exit code and from the results what the checks found.
func TestVerify(t *testing.T) {
	s := newStage(t)
	_, endpoint := s.railway(adoptSeed)
	ended := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/hangs":
			<-ended
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	ca := s.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	tier := func(name string, paths ...string) {
		var checks []any
		for _, path := range paths {
			checks = append(checks, map[string]any{"name": path, "retries": 0, "status": 200, "http": map[string]any{"host": "example.com", "path": "/" + path}})
		}
		s.apply(name, map[string]any{
			"tier": "Dev", "engine": map[string]any{"name": "ai-engine", "source": map[string]any{"image": "ghcr.io/acme/ai-engine:1.4.2"}},
			"railway": map[string]any{"projectID": projectID, "environment": "dev", "tokenSecretRef": map[string]any{"name": "railway"}},
			"verification": map[string]any{
				"checks": checks, "disabledChecks": []any{"health", "metrics", "python-version", "structured-logs", "middleware"},
			},
		})
	}
	tier("good", "works")
	tier("bad", "broken", "works")
	tier("slow", "works", "hangs")
	verify := func(args ...string) result {
		return s.run(append([]string{
			"verify", endpoint, "--probe-allow-hosts=example.com", "--probe-connect-to=" + server.Listener.Addr().String(), "--probe-ca=" + ca,
		}, args...)...)
	}

	r := verify("good")
	assert.Zero(t, r.code, r.err)
	assert.Regexp(t, `(?m)^works +Passed +\S+ `, r.out)
	assert.Equal(t, "Runs 1 check; the check revision is what Railway reports of the deployment: see status\n", r.err)

	r = verify("bad", "-o", "json")
	assert.Equal(t, 2, r.code)
	found := func(read func([]byte) error) {
		t.Helper()
		require.NoError(t, read([]byte(r.out)))
	}
	var results []show.Result
	found(func(raw []byte) error { return json.Unmarshal(raw, &results) })
	require.Len(t, results, 2)
	assert.Equal(t, []string{"broken", "Failed", "works", "Passed"}, []string{results[0].Name, results[0].Result, results[1].Name, results[1].Result})
	assert.Contains(t, results[0].Message, "500")
	inJSON := results

	r, results = verify("bad", "-o", "yaml"), nil
	assert.Equal(t, 2, r.code)
	found(func(raw []byte) error { return yaml.UnmarshalStrict(raw, &results) })
	assert.Equal(t, inJSON[0].Message, results[0].Message)

	started := time.Now()
	r = verify("slow", "--timeout=2s")
	assert.Equal(t, 2, r.code, "what is not decided has not passed")
	assert.Less(t, time.Since(started), 10*time.Second)
	assert.Regexp(t, `(?m)^hangs +Pending `, r.out)
	assert.Contains(t, r.err, "Not every check was decided within 2s: --timeout allows more\n")
	assert.Regexp(t, `(?m)^works +Passed `, r.out)

	assert.Equal(t, 1, verify("none").code)
}
