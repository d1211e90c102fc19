// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
)

// TestStopWhileTheAPIServerIsAway: who is told to end before the caches have synced ends, whatever the API server does.
func TestStopWhileTheAPIServerIsAway(t *testing.T) {
	config := controlplane.Need(t, kubernetes)
	transport, err := rest.TransportFor(config)
	require.NoError(t, err)
	target, err := url.Parse(config.Host)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	var away atomic.Bool
	refused := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !away.Load() {
			proxy.ServeHTTP(w, r)
			return
		}
		select {
		case refused <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	started, err := operator.New(t.Context(), &rest.Config{Host: server.URL}, operator.Options{
		Namespaces: []string{"default"}, Concurrency: 1, Settle: time.Second, ShutdownTimeout: 5 * time.Second,
		Metrics: metricsserver.Options{BindAddress: "0"}, HealthAddress: "0", HashKey: make([]byte, 32), AnyName: true,
	})
	require.NoError(t, err)
	away.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- started.Start(ctx) }()
	<-refused
	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for the API server")
	}
}
