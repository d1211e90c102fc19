// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
