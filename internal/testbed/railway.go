// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"crypto/x509"
	"errors"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/verify"
)

// Railway is a local Railway that serves.
type Railway struct {
	Sim *railwaysim.Sim
	// Endpoint is its GraphQL API, Edge where it serves the generated domains.
	Endpoint string
	Edge     *railwaysim.Edge

	stop func()
}

// StartRailway starts a local Railway and its edge.
func StartRailway(options railwaysim.Options) (*Railway, error) {
	sim, err := railwaysim.New(options)
	if err != nil {
		return nil, err
	}
	endpoint, stop, err := sim.Start()
	if err != nil {
		return nil, err
	}
	edge, err := sim.StartEdge("127.0.0.1:0")
	if err != nil {
		stop()
		return nil, err
	}
	return &Railway{Sim: sim, Endpoint: endpoint, Edge: edge, stop: func() { edge.Close(); stop() }}, nil
}

// Guard lets an operator in this process probe the generated domains.
func (r *Railway) Guard() (verify.GuardOptions, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(r.Edge.CA) {
		return verify.GuardOptions{}, errors.New("the edge's CA is no certificate")
	}
	return verify.GuardOptions{ConnectTo: r.Edge.Address, RootCAs: roots}, nil
}

// Stop ends it.
func (r *Railway) Stop() {
	if r.stop != nil {
		r.stop()
	}
}
