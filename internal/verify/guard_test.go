// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "66.33.22.11": true, "2606:4700::1111": true,
		"127.0.0.1": false, "::1": false, "0.0.0.0": false, "::": false, // this machine
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false, // private, which clusters use
		"169.254.169.254": false, "fe80::1": false, "fd00:ec2::254": false, // link-local: the cloud's metadata
		"100.64.0.1": false, "198.18.0.1": false, "192.0.0.8": false, // carriers, benchmarks
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false, // many, or nobody
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, // IPv4 in disguise
		"::ffff:8.8.8.8": true, "192.0.2.1": false, "2001:db8::1": false,
		"fe80::1%eth0": false,
	} {
		assert.Equal(t, want, public(netip.MustParseAddr(text)), text)
	}
}

// TestGuardHoldsAtDialTime holds that a name that resolves to this machine is refused although nobody looked at the name.
func TestGuardHoldsAtDialTime(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request arrived")
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	p := &prober{client: newClient(GuardOptions{}), now: clock}
	for _, host := range []string{address.Host, "localhost:" + address.Port()} {
		_, err := p.send(t.Context(), Request{Method: "GET", Host: host, Path: "/"})
		require.ErrorIs(t, err, errForbiddenAddress, host)
		assert.Equal(t, "resolves to an address that is not public", err.Error(), "the message names no address")
	}
}

func TestRedirects(t *testing.T) {
	follow := newClient(GuardOptions{AllowHosts: []string{"status.acme.example"}}).CheckRedirect
	from := func(n int) []*http.Request {
		first := &http.Request{URL: &url.URL{Scheme: "https", Host: "engine.up.railway.app"}}
		var via []*http.Request
		for range n {
			via = append(via, first)
		}
		return via
	}
	for target, problem := range map[string]string{
		"https://engine.up.railway.app/other":       "",
		"https://status.acme.example/":              "",
		"https://evil.example/":                     "not allowed",
		"http://engine.up.railway.app/":             "away from HTTPS",
		"https://engine.up.railway.app:6443/":       "to port 6443",
		"https://169.254.169.254/latest/meta-data/": "not allowed",
	} {
		parsed, err := url.Parse(target)
		require.NoError(t, err)
		err = follow(&http.Request{URL: parsed}, from(1))
		if problem == "" {
			assert.NoError(t, err, target)
			continue
		}
		require.Error(t, err, target)
		assert.Contains(t, err.Error(), problem, target)
	}
	own := &http.Request{URL: &url.URL{Scheme: "https", Host: "engine.up.railway.app"}}
	assert.NoError(t, follow(own, from(redirects)))
	assert.Error(t, follow(own, from(redirects+1)), "round in a circle")
}

// nameServer answers every question about addresses with the next of its answers, and the last one from then on.
type nameServer struct {
	mu      sync.Mutex
	answers [][]string
	asked   int
}

// resolveBy lets this process ask the name server instead of the system's.
func resolveBy(t *testing.T, n *nameServer) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", listener.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = listener.Close()
	})
	go n.serve(listener)
}

func (n *nameServer) serve(listener net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		size, from, err := listener.ReadFrom(buffer)
		if err != nil {
			return // closed
		}
		var message dnsmessage.Message
		if message.Unpack(buffer[:size]) != nil || len(message.Questions) != 1 {
			continue
		}
		message.Response, message.Additionals = true, nil
		question := message.Questions[0]
		for _, text := range n.next(question.Type) {
			header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: netip.MustParseAddr(text).As4()}})
		}
		if packed, err := message.Pack(); err == nil {
			_, _ = listener.WriteTo(packed, from)
		}
	}
}

// next is the next answer; there are only addresses of version 4.
func (n *nameServer) next(kind dnsmessage.Type) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if kind != dnsmessage.TypeA {
		return nil
	}
	answer := n.answers[min(n.asked, len(n.answers)-1)]
	n.asked++
	return answer
}

// TestRebinding holds that a name is judged by what it resolves to when the connection is made, each time and for each address: no
// answer of before counts. The server would be believed, so that whoever connects to this machine arrives.
func TestRebinding(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request arrived")
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	host := net.JoinHostPort("example.com", strconv.Itoa(server.Listener.Addr().(*net.TCPAddr).Port))
	cases := []struct {
		reason  string
		answers [][]string
	}{
		{"an address for documentation at first, this machine later", [][]string{{"192.0.2.1"}, {"127.0.0.1"}}},
		{"the cloud's metadata service, then this machine", [][]string{{"169.254.169.254"}, {"127.0.0.1"}}},
		{"several addresses, of which none is public", [][]string{{"10.0.0.1", "100.64.0.1", "127.0.0.1"}}},
	}
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			names := &nameServer{answers: tc.answers}
			resolveBy(t, names)
			p := &prober{client: newClient(GuardOptions{RootCAs: roots}), now: clock}
			for range 3 {
				_, err := p.send(t.Context(), Request{Method: "GET", Host: host, Path: "/"})
				require.ErrorIs(t, err, errForbiddenAddress)
			}
			names.mu.Lock()
			defer names.mu.Unlock()
			assert.GreaterOrEqual(t, names.asked, 3, "it is resolved anew for each connection")
		})
	}
	// A guard that resolved the name, judged the answer and then dialled the name would be told this machine the second time.
	t.Run("a public address for whoever asks first, this machine later", func(t *testing.T) {
		names := &nameServer{answers: [][]string{{blackhole}, {"127.0.0.1"}}}
		resolveBy(t, names)
		p := &prober{client: newClient(GuardOptions{RootCAs: roots}), now: clock}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.send(ctx, Request{Method: "GET", Host: host, Path: "/"})
		require.Error(t, err)
		require.NotErrorIs(t, err, errForbiddenAddress, "what was judged is public")
		names.mu.Lock()
		assert.Equal(t, 1, names.asked, "what is judged is what is connected to")
		names.mu.Unlock()
		_, err = p.send(t.Context(), Request{Method: "GET", Host: host, Path: "/"})
		require.ErrorIs(t, err, errForbiddenAddress, "judged anew")
	})
}

// blackhole is blackhole.as112.arpa (RFC 7535): public by our rule, and there to take what nobody wants.
const blackhole = "192.31.196.1"

// TestNoProxy holds that probes connect themselves: a proxy would resolve names, and nobody would judge them.
func TestNoProxy(t *testing.T) {
	assert.Nil(t, newClient(GuardOptions{}).Transport.(*http.Transport).Proxy)
}

// TestRedirectsLoseWhatWasForTheEngine follows real redirects: what the check sends to the engine goes to no other host.
func TestRedirectsLoseWhatWasForTheEngine(t *testing.T) {
	var mu sync.Mutex
	arrived := map[string][]string{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived[r.Host+r.URL.Path] = append(arrived[r.Host+r.URL.Path], r.Header.Get("X-Api-Key"))
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := newClient(GuardOptions{AllowHosts: []string{"www.example.com"}, ConnectTo: server.Listener.Addr().String(), RootCAs: roots})
	cases := []struct {
		reason, method, to, problem string
		second                      string
		want                        []string
	}{
		{"the same host gets everything", "GET", "https://example.com/same", "", "example.com/same", []string{"key"}},
		{"an allowed host gets no header", "GET", "https://www.example.com/allowed", "", "www.example.com/allowed", []string{""}},
		{"and no body", "POST", "https://www.example.com/body", "together with its body", "www.example.com/body", nil},
		{"no other host gets anything", "GET", "https://evil.example.com/", "not allowed", "evil.example.com/", nil},
	}
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tc.method, "https://example.com/start?to="+url.QueryEscape(tc.to), strings.NewReader("body"))
			require.NoError(t, err)
			if tc.method == http.MethodGet {
				request.Body, request.ContentLength, request.GetBody = http.NoBody, 0, nil
			}
			request.Header.Set("X-Api-Key", "key")
			answer, err := client.Do(request)
			if tc.problem == "" {
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
			} else {
				require.ErrorContains(t, err, tc.problem)
			}
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, tc.want, arrived[tc.second])
		})
	}
}
