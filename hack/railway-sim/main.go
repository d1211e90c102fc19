// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command railway-sim serves a local Railway. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "railway-sim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("railway-sim", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:8484", "address to serve on; port 0 takes a free one")
	seedFile := flags.String("seed", "", "seed file: what exists at the start (needed)")
	schemaFile := flags.String("schema", "", "a larger schema to serve, for example Railway's full one")
	step := flags.Duration("step", 300*time.Millisecond, "how long a deployment stays in each state")
	lag := flags.Duration("lag", 0, "how far reads lag behind writes")
	readLatency := flags.Duration("read-latency", 0, "how long a query takes")
	edgeListen := flags.String("edge-listen", "", "address to serve the generated domains on over TLS; empty serves none, port 0 takes a free one")
	edgeCA := flags.String("edge-ca", "", "file that takes the CA of the generated domains' certificates, as PEM")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *edgeCA != "" && *edgeListen == "" {
		return errors.New("--edge-ca needs --edge-listen")
	}
	if *seedFile == "" {
		return errors.New("--seed is needed: try --seed hack/railway-sim/seed.yaml")
	}
	options := railwaysim.Options{Step: *step, Lag: *lag, ReadLatency: *readLatency}
	var err error
	if options.Seed, err = railwaysim.LoadSeed(*seedFile); err != nil {
		return err
	}
	if *schemaFile != "" {
		sdl, err := os.ReadFile(*schemaFile)
		if err != nil {
			return fmt.Errorf("read schema: %w", err)
		}
		options.SchemaSDL = string(sdl)
	}
	sim, err := railwaysim.New(options)
	if err != nil {
		return err
	}
	if *edgeListen != "" {
		edge, err := sim.StartEdge(*edgeListen)
		if err != nil {
			return err
		}
		defer edge.Close()
		if *edgeCA != "" {
			if err := os.WriteFile(*edgeCA, edge.CA, 0o600); err != nil {
				return fmt.Errorf("write CA: %w", err)
			}
		}
		fmt.Printf("Generated domains on      https://%s (by SNI and Host)\n", edge.Address)
	}
	return serve(ctx, *listen, sim)
}

func serve(ctx context.Context, address string, sim *railwaysim.Sim) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Printf("Railway's GraphQL API on http://%s/graphql/v2\n", listener.Addr())
	fmt.Printf("Console on               http://%s/_sim/ (requests, deployments, state, variable, faults, …)\n", listener.Addr())
	server := &http.Server{Handler: sim.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
