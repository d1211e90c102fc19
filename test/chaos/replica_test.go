// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/verify"
)

const (
	// lag is how old a read of the walk's Railway may be.
	lag = time.Second
	// requestTimeout is how long a request to Railway may take, and so how long after a killed or deposed leader announced a write it may
	// still arrive.
	requestTimeout = 2 * time.Second
	// settle is what the operator is told of both, with a second for a slow machine: as by default, --settle is longer than
	// --railway-timeout. Told less, it sends once more what it rightly takes for lost.
	settle = requestTimeout + lag + time.Second
)

// shortLease is the walk's: a leader is lost and found within a walk.
var shortLease = operator.Election{LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 400 * time.Millisecond}

// site is where replicas run.
type site struct {
	cluster   *rest.Config
	namespace string
	railway   string // host:port
	edge      *railwaysim.Edge
	// binary is the built operator that replicas run as processes; empty runs them in this process.
	binary, dir string
	log         logr.Logger
	// election says how leaders are elected; without Enabled one replica runs alone.
	election operator.Election
}

// replica is one instance of the operator. As a Deployment does, it is started again whenever it ends.
type replica struct {
	site site
	name string

	mu     sync.Mutex
	api    *apiServer
	wire   *tunnel
	stop   func() // asks it to end in order
	kill   func() // ends it at once
	ended  chan struct{}
	starts int
	closed bool
}

func newReplica(s site, name string) (*replica, error) {
	r := &replica{site: s, name: name}
	return r, r.start()
}

func (r *replica) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	var err error
	if r.api, err = newAPIServer(r.site.cluster); err != nil {
		return err
	}
	if r.wire, err = newTunnel(r.site.railway); err != nil {
		return err
	}
	r.ended = make(chan struct{})
	r.starts++
	run := r.inProcess
	if r.site.binary != "" {
		run = r.process
	}
	if err := run(); err != nil {
		r.stop, r.kill = func() {}, func() {}
		close(r.ended)
		r.wire.close()
		r.api.close()
		return err
	}
	go r.again(r.ended, r.api, r.wire)
	return nil
}

// again starts the replica once more when it has ended, as a kubelet does.
func (r *replica) again(ended <-chan struct{}, api *apiServer, wire *tunnel) {
	<-ended
	wire.close()
	api.close()
	time.Sleep(100 * time.Millisecond)
	for r.start() != nil { // the API server may be away
		time.Sleep(200 * time.Millisecond)
	}
}

// inProcess runs the operator in this process, wired as main does.
func (r *replica) inProcess() error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.site.edge.CA)
	ctx, cancel := context.WithCancel(context.Background())
	started, err := operator.New(ctx, &rest.Config{Host: "http://" + r.api.address, QPS: -1}, operator.Options{
		Namespaces: []string{r.site.namespace}, Concurrency: 4, Settle: settle, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthAddress: "0", Log: r.site.log.WithName(r.name), AnyName: true, HashKey: []byte("0123456789abcdef0123456789abcdef"), ShutdownTimeout: 5 * time.Second,
		Election: r.site.election,
		Railway:  railway.Options{Endpoint: "http://" + r.wire.address + "/graphql/v2", Timeout: requestTimeout, RequestsPerSecond: 100, Burst: 100},
		Watch:    railway.WatchOptions{Fast: 200 * time.Millisecond},
		Verifier: verify.Options{
			Guard:      verify.GuardOptions{ConnectTo: r.site.edge.Address, RootCAs: roots},
			RetryPause: 10 * time.Millisecond, LogGrace: 300 * time.Millisecond,
		},
	})
	if err != nil {
		cancel()
		return err
	}
	ended, api, wire := r.ended, r.api, r.wire
	go func() {
		_ = started.Start(ctx) // a lost lease is an error, as it should be
		close(ended)
	}()
	r.stop = cancel
	r.kill = func() { // nothing gets out any more; what runs on cannot be told from a process that is gone
		api.next(apiDead, 0, time.Hour)
		wire.close()
		cancel()
	}
	return nil
}

// process runs the built operator.
func (r *replica) process() error {
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: "http://" + r.api.address}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "c"
	file := filepath.Join(r.site.dir, r.name+"-kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	ca := filepath.Join(r.site.dir, "edge-ca.pem")
	if err := os.WriteFile(ca, r.site.edge.CA, 0o600); err != nil {
		return fmt.Errorf("write the edge's CA: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(r.site.dir, r.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has its own

	command := exec.CommandContext(context.Background(), r.site.binary, "--railway-endpoint", "http://"+r.wire.address+"/graphql/v2", "--namespace", r.site.namespace,
		"--watch-namespaces", r.site.namespace, "--health-probe-bind-address", "0", "--settle", settle.String(), "--rollout-interval", "200ms",
		"--railway-timeout", requestTimeout.String(), "--railway-rps", "100", "--railway-burst", "100", "--probe-connect-to", r.site.edge.Address, "--probe-ca", ca,
		"--log-grace", "300ms", "--shutdown-timeout", "5s", fmt.Sprintf("--leader-elect=%t", r.site.election.Enabled))
	command.Env = append(os.Environ(), "KUBECONFIG="+file)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	ended := r.ended
	go func() {
		_ = command.Wait() // however it ended
		close(ended)
	}()
	r.stop = func() { _ = command.Process.Signal(os.Interrupt) }
	r.kill = func() { _ = command.Process.Kill() }
	return nil
}

// do acts on the replica as it is now.
func (r *replica) do(act func(r *replica)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	act(r)
}

// close ends the replica for good, and waits for it.
func (r *replica) close() {
	r.mu.Lock()
	r.closed = true
	r.stop()
	ended := r.ended
	r.mu.Unlock()
	select {
	case <-ended:
		return
	case <-time.After(20 * time.Second):
		r.do(func(r *replica) { r.kill() })
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second): // a killed one can do nothing any more
	}
}

// testLog is silent unless TEST_LOG is set.
func testLog() logr.Logger {
	if os.Getenv("TEST_LOG") == "" {
		return logr.Discard()
	}
	return funcr.New(func(prefix, args string) {
		fmt.Fprintln(os.Stderr, time.Now().Format("15:04:05.000"), prefix, args)
	}, funcr.Options{Verbosity: 1})
}
