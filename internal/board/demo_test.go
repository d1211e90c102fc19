// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"flag"
	"os"
	"os/signal"
	"testing"
)

// serveAt serves the fixtures for a person to look at, without a cluster:
//
//	go test ./internal/board -run TestServe -serve 127.0.0.1:8091 -v -timeout 1h
var serveAt = flag.String("serve", "", "serve the fixtures at this address until Ctrl-C")

func TestServe(t *testing.T) {
	if *serveAt == "" {
		t.Skip("serves a page for people: give it -serve ADDRESS")
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	board := serveBoard(t, newCluster(t, allObjects(t)...), Options{AllNamespaces: true, Context: "demo", Listen: *serveAt})
	t.Log("open", board.page())
	<-interrupted
}
