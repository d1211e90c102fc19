// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Edge serves the domains of every running deployment over TLS on one loopback address, as Railway's edge does on its own. The
// domain is told by SNI and the Host header; no name needs to resolve.
type Edge struct {
	// Address is where it listens, host:port.
	Address string
	// CA is the certificate that signed all of its certificates, as PEM.
	CA []byte

	sim    *Sim
	signer *authority
	server *http.Server
}

// Visit is a request that reached the edge.
type Visit struct {
	Time   time.Time `json:"time"`
	Host   string    `json:"host"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
}

// StartEdge serves until Close. Port 0 takes a free one.
func (s *Sim) StartEdge(listen string) (*Edge, error) {
	signer, err := newAuthority(s.now())
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", listen) //nolint:noctx // binds at once
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	e := &Edge{Address: listener.Addr().String(), CA: signer.pem, sim: s, signer: signer}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: e.signer.certificate,
	}}
	go func() { _ = e.server.ServeTLS(listener, "", "") }() // ends with Close
	return e, nil
}

// Close ends the edge.
func (e *Edge) Close() { _ = e.server.Close() }

// ServeHTTP answers for the domain in the Host header.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	if serve := e.sim.route(strings.ToLower(host)); serve != nil {
		serve(recorder, r)
	} else {
		fallback(recorder, http.StatusNotFound, "Application not found")
	}
	e.sim.visited(Visit{Time: e.sim.now(), Host: host, Method: r.Method, Path: r.URL.Path, Status: recorder.status})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// fallback is what Railway's edge answers when no application does.
func fallback(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Railway-Fallback", "true")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "error", "code": status, "message": message, "request_id": ""})
}

// route finds who answers for a domain. A sleeping deployment is woken by the request, which itself is answered as if there
// were no application [assumption: docs/assumptions.md].
func (s *Sim) route(host string) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.world.Domains {
		if d.DeletedAt != nil || d.Host != host || !d.serves() {
			continue
		}
		serving := s.world.active(d.EnvironmentID, d.ServiceID, s.now())
		if len(serving) == 0 {
			return func(w http.ResponseWriter, _ *http.Request) {
				fallback(w, http.StatusBadGateway, "Application failed to respond")
			}
		}
		if status, _ := s.world.status(serving[0], s.now()); status == "SLEEPING" {
			serving[0].SleepingAt = nil
			return nil
		}
		return s.engineOf(serving[0]).ServeHTTP
	}
	return nil
}

func (s *Sim) visited(v Visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visits) >= logAtMost {
		s.visits = s.visits[1:]
	}
	s.visits = append(s.visits, v)
}

// Visits returns the requests that reached the edge, oldest first.
func (s *Sim) Visits() []Visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.visits)
}

// authority signs certificates for whatever name is asked for.
type authority struct {
	pem         []byte
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "local Railway"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign CA: %w", err)
	}
	var mu sync.Mutex
	issued := map[string]*tls.Certificate{}
	return &authority{
		pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		certificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if known := issued[hello.ServerName]; known != nil {
				return known, nil
			}
			leaf := &x509.Certificate{
				SerialNumber: big.NewInt(int64(len(issued) + 2)), Subject: pkix.Name{CommonName: hello.ServerName},
				DNSNames: []string{hello.ServerName}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
				KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			}
			signed, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, key)
			if err != nil {
				return nil, fmt.Errorf("sign certificate: %w", err)
			}
			issued[hello.ServerName] = &tls.Certificate{Certificate: [][]byte{signed, der}, PrivateKey: key}
			return issued[hello.ServerName], nil
		},
	}, nil
}
