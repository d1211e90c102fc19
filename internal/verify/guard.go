// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// GuardOptions say where probes may go.
type GuardOptions struct {
	// AllowHosts are hosts that checks may name besides the environment's own domains.
	AllowHosts []string
	// ConnectTo is an address, host:port, that every probe connects to instead of what its host resolves to, for tests and
	// demos with a local edge. Empty in production.
	ConnectTo string
	// RootCAs replaces the system's certificate authorities. Nil keeps them.
	RootCAs *x509.CertPool
}

// redirects is how many redirects a probe follows.
const redirects = 3

// newClient makes the client of all probes. It connects to public addresses only, whatever a name resolves to and wherever a
// redirect leads, so that nobody who may write a check can reach into the cluster or the cloud's metadata service.
func newClient(options GuardOptions) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: publicOnly}
	transport := &http.Transport{
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.RootCAs},
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   20,
		IdleConnTimeout:       30 * time.Second,
		ForceAttemptHTTP2:     true,
		ResponseHeaderTimeout: time.Minute,
		// As much as a whole answer: expressions see the headers.
		MaxResponseHeaderBytes: maxAnswer,
	}
	if options.ConnectTo != "" {
		direct := &net.Dialer{Timeout: 10 * time.Second}
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return direct.DialContext(ctx, network, options.ConnectTo)
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > redirects:
			return fmt.Errorf("more than %d redirects", redirects)
		case r.URL.Scheme != "https":
			return errors.New("redirected away from HTTPS")
		case r.URL.Port() != "" && r.URL.Port() != "443":
			return fmt.Errorf("redirected to port %s", r.URL.Port())
		case r.URL.Hostname() != via[0].URL.Hostname() && !slices.Contains(options.AllowHosts, r.URL.Hostname()):
			return fmt.Errorf("redirected to %s, which is not allowed: see --probe-allow-hosts", r.URL.Hostname())
		case r.URL.Hostname() != via[0].URL.Hostname():
			return strip(r)
		}
		return nil
	}}
}

// strip keeps what was meant for the engine from another host: any header may be a credential, not only those that net/http knows.
func strip(r *http.Request) error {
	if r.Body != nil && r.Body != http.NoBody {
		return fmt.Errorf("redirected to %s together with its body, which was for the first host only", r.URL.Hostname())
	}
	r.Header = http.Header{}
	return nil
}

// errForbiddenAddress is refused by the guard.
var errForbiddenAddress = errors.New("resolves to an address that is not public")

// publicOnly runs after a name was resolved and before the connection is made, for every address that is tried.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) {
		return errForbiddenAddress
	}
	return nil
}

// reserved are the ranges besides those that netip knows which are no place on the public internet (IANA's special-purpose
// address registries). 64:ff9b::/96 and 2002::/16 carry an IPv4 address that may be private.
var reserved = func() []netip.Prefix {
	var list []netip.Prefix
	for text := range strings.FieldsSeq(`0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15
		198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20
		5f00::/16 fec0::/10`) {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// public reports whether the address is a place on the public internet.
func public(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(address) })
}
