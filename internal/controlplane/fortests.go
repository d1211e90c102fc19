// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"k8s.io/client-go/rest"
)

// ForTests is the body of a TestMain: it starts one API server for all tests of a package, stores how to reach it in
// config, runs the tests, stops the server, and returns the exit code.
//
//	var config *rest.Config
//
//	func TestMain(m *testing.M) { os.Exit(controlplane.ForTests(m, &config)) }
//
// With -short no server starts and config stays nil; tests that need one begin with [Need].
func ForTests(m *testing.M, config **rest.Config) int {
	flag.Parse() // testing.Short reads a flag, and m.Run, which parses them, comes later
	if testing.Short() {
		return m.Run()
	}
	cluster, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*config = cluster.Config
	code := m.Run()
	if err := cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Need skips a test when ForTests started no server, else it returns how to reach it, in a copy that is the test's own.
func Need(tb testing.TB, config *rest.Config) *rest.Config {
	tb.Helper()
	if config == nil {
		tb.Skip("needs a Kubernetes API server; run without -short")
	}
	return rest.CopyConfig(config)
}
