// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testbed

import "github.com/engine-operator/engine-operator/internal/controlplane"

// Counts are writes to Kubernetes by what they are: objects with their status, events for people, leases.
type Counts struct{ Objects, Events, Leases int }

// Sort sorts what the user wrote.
func Sort(writes map[controlplane.Write]int, user string) Counts {
	var c Counts
	for write, n := range writes {
		switch {
		case write.User != user:
		case write.Resource == "events":
			c.Events += n
		case write.Resource == "leases":
			c.Leases += n
		default:
			c.Objects += n
		}
	}
	return c
}

// Writes counts what the built operator has written to Kubernetes, without events and leases.
func (b *Bed) Writes() (int, error) {
	writes, err := b.Audit.Writes()
	return Sort(writes, OperatorUser).Objects, err
}

// Mark remembers where the counters stand.
type Mark struct{ Seq, Deployments int }

// Mark returns where the counters stand.
func (r *Railway) Mark() Mark {
	mark := Mark{Deployments: len(r.Sim.Deployments())}
	if requests := r.Sim.Requests(); len(requests) > 0 {
		mark.Seq = requests[len(requests)-1].Seq
	}
	return mark
}

// Since counts the requests by operation and the deployments since the mark.
func (r *Railway) Since(mark Mark) (requests map[string]int, deployments int) {
	requests = map[string]int{}
	for _, request := range r.Sim.Requests() {
		if request.Seq > mark.Seq {
			requests[request.Operation]++
		}
	}
	return requests, len(r.Sim.Deployments()) - mark.Deployments
}
