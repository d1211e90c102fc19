// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stage sets up what the demo, the benchmark and the end-to-end tests play on: a real Kubernetes API server, a local
// Railway, and the built operator as a process.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// OperatorNamespace is where the operator keeps its own Secret.
const OperatorNamespace = "engine-operator-system"

// Options say what to set up.
type Options struct {
	// Binary is the built operator.
	Binary string
	// Dir takes the operator's log and the kubeconfigs.
	Dir string
	// Sim is the local Railway.
	Sim railwaysim.Options
	// Settle and Rollout are the operator's flags of that name.
	Settle, Rollout time.Duration
}

// Stage is what is set up. Stop ends all of it.
type Stage struct {
	Client client.Client
	Sim    *railwaysim.Sim
	// Endpoint is the local Railway's GraphQL API.
	Endpoint string
	// Edge is where the generated domains are served, EdgeCA the file of the CA that signs for them.
	Edge, EdgeCA string
	// Kubeconfig connects as an administrator.
	Kubeconfig string

	options  Options
	cluster  *controlplane.Cluster
	proxied  string
	writes   atomic.Int64
	cleanups []func()
	operator *exec.Cmd
	exited   chan struct{}
}

// Start starts the API server and the local Railway. The operator is started by StartOperator.
func Start(ctx context.Context, options Options) (*Stage, error) {
	s := &Stage{options: options}
	if err := os.MkdirAll(options.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("make %s: %w", options.Dir, err)
	}
	cluster, err := controlplane.Start(ctx, controlplane.Options{})
	if err != nil {
		return nil, err
	}
	s.cluster = cluster
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Stage) connect(ctx context.Context) error {
	s.Kubeconfig = filepath.Join(s.options.Dir, "kubeconfig")
	if err := s.cluster.WriteKubeconfig(s.Kubeconfig); err != nil {
		return err
	}
	if err := s.startProxy(); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	var err error
	if s.Client, err = client.New(s.cluster.Config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	if err := s.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: OperatorNamespace}}); err != nil {
		return fmt.Errorf("make the operator's namespace: %w", err)
	}
	if s.Sim, err = railwaysim.New(s.options.Sim); err != nil {
		return err
	}
	endpoint, stop, err := s.Sim.Start()
	if err != nil {
		return err
	}
	s.Endpoint = endpoint
	s.cleanups = append(s.cleanups, stop)
	return s.startEdge()
}

// startEdge serves the generated domains, and leaves its CA in a file for the operator.
func (s *Stage) startEdge() error {
	edge, err := s.Sim.StartEdge("127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Edge, s.EdgeCA = edge.Address, filepath.Join(s.options.Dir, "edge-ca.pem")
	s.cleanups = append(s.cleanups, edge.Close)
	if err := os.WriteFile(s.EdgeCA, edge.CA, 0o600); err != nil {
		return fmt.Errorf("write the edge's CA: %w", err)
	}
	return nil
}

// startProxy puts a loopback proxy before the API server that counts what the operator writes.
func (s *Stage) startProxy() error {
	transport, err := rest.TransportFor(s.cluster.Config)
	if err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	target, err := url.Parse(s.cluster.Config.Host)
	if err != nil || target.Host == "" {
		target = &url.URL{Scheme: "https", Host: s.cluster.Config.Host}
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds at once
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") && !strings.Contains(r.URL.Path, "/leases") {
			s.writes.Add(1)
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	s.cleanups = append(s.cleanups, func() { _ = server.Close() })
	config := clientcmdapi.NewConfig()
	config.Clusters["counted"] = &clientcmdapi.Cluster{Server: "http://" + listener.Addr().String()}
	config.Contexts["counted"] = &clientcmdapi.Context{Cluster: "counted"}
	config.CurrentContext = "counted"
	s.proxied = filepath.Join(s.options.Dir, "kubeconfig-operator")
	if err := clientcmd.WriteToFile(*config, s.proxied); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// Writes counts what the operator has written to Kubernetes, without events and leases.
func (s *Stage) Writes() int { return int(s.writes.Load()) }

// LogFile is where the operator logs to.
func (s *Stage) LogFile() string { return filepath.Join(s.options.Dir, "operator.log") }

// StartOperator runs the built operator.
func (s *Stage) StartOperator(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the operator's log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has its own
	//nolint:gosec // our own binary, with our own flags
	s.operator = exec.CommandContext(context.WithoutCancel(ctx), s.options.Binary,
		"--railway-endpoint", s.Endpoint, "--namespace", OperatorNamespace, "--health-probe-bind-address", "0",
		"--settle", s.options.Settle.String(), "--rollout-interval", s.options.Rollout.String(),
		"--probe-connect-to", s.Edge, "--probe-ca", s.EdgeCA, "--log-grace", s.options.Settle.String(),
		"--railway-rps", "20", "--railway-burst", "40", "--shutdown-timeout", "5s")
	s.operator.Env = append(os.Environ(), "KUBECONFIG="+s.proxied)
	s.operator.Stdout, s.operator.Stderr = log, log
	s.operator.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us; we end it in order
	if err := s.operator.Start(); err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	s.exited = make(chan struct{})
	go func(operator *exec.Cmd, exited chan struct{}) {
		_ = operator.Wait() // however it ended
		close(exited)
	}(s.operator, s.exited)
	return nil
}

// Exited is closed when the operator's process has ended.
func (s *Stage) Exited() <-chan struct{} { return s.exited }

// KillOperator ends the operator with SIGKILL and waits until it is gone.
func (s *Stage) KillOperator() { s.endOperator(os.Kill) }

func (s *Stage) endOperator(signal os.Signal) {
	if s.operator == nil {
		return
	}
	_ = s.operator.Process.Signal(signal) // it may be gone already
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		_ = s.operator.Process.Kill()
		<-s.exited
	}
	s.operator = nil
}

// Stop ends everything that was started.
func (s *Stage) Stop() error {
	s.endOperator(os.Interrupt)
	for _, cleanup := range s.cleanups {
		cleanup()
	}
	return s.cluster.Stop()
}

// Apply applies every object of the YAML by server-side apply, after change.
func (s *Stage) Apply(ctx context.Context, text string, change func(*unstructured.Unstructured)) error {
	for _, document := range strings.Split(text, "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return fmt.Errorf("read manifest: %w", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if change != nil {
			change(object)
		}
		if err := s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// ApplyFile applies the objects of a file.
func (s *Stage) ApplyFile(ctx context.Context, path string, change func(*unstructured.Unstructured)) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	return s.Apply(ctx, string(raw), change)
}

// Get reads an EngineEnvironment.
func (s *Stage) Get(ctx context.Context, namespace, name string) (*v1alpha1.EngineEnvironment, error) {
	object := &v1alpha1.EngineEnvironment{}
	err := s.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, object)
	return object, err
}

// Ready reports whether the object is Ready for its newest generation.
func Ready(object *v1alpha1.EngineEnvironment) bool {
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Status == metav1.ConditionTrue && object.Status.ObservedGeneration == object.Generation
}

// Until waits until the condition holds, at most for the timeout.
func Until(ctx context.Context, timeout time.Duration, holds func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		ok, err := holds(ctx)
		if ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("gave up after %s", timeout), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Mark remembers where the counters stand.
type Mark struct{ Seq, Deployments, Writes int }

// Mark returns where the counters stand.
func (s *Stage) Mark() Mark {
	mark := Mark{Deployments: len(s.Sim.Deployments()), Writes: s.Writes()}
	if requests := s.Sim.Requests(); len(requests) > 0 {
		mark.Seq = requests[len(requests)-1].Seq
	}
	return mark
}

// Since counts the requests by operation and the deployments since the mark.
func (s *Stage) Since(mark Mark) (requests map[string]int, deployments int) {
	requests = map[string]int{}
	for _, r := range s.Sim.Requests() {
		if r.Seq > mark.Seq {
			requests[r.Operation]++
		}
	}
	return requests, len(s.Sim.Deployments()) - mark.Deployments
}

// Tail copies the last lines of the operator's log, for a failure's report.
func (s *Stage) Tail(to io.Writer, lines int) {
	raw, err := os.ReadFile(s.LogFile())
	if err != nil {
		return
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	_, _ = fmt.Fprintln(to, strings.Join(all[max(0, len(all)-lines):], "\n"))
}
