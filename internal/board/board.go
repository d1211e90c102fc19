// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package board serves one page on loopback that shows EngineEnvironments as they are, live: verdicts, what runs, what waits for
// whom, checks, drift, cost and history. It asks and writes with the rights of the user whose kubeconfig it was given, and holds no
// rights of its own. Package view decides what the page shows; this package watches, guards and serves.
package board

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// DefaultListen is where the board listens when nobody says.
const DefaultListen = "127.0.0.1:8090"

// startTimeout bounds the questions that are asked of the API server before the page is served.
const startTimeout = 20 * time.Second

// Options says what the board shows and where.
type Options struct {
	// Config connects to the API server as the user. Their rights are the board's.
	Config *rest.Config
	// Context is the name of the kubeconfig's context, shown on the page. Default: the API server's host.
	Context string
	// Namespace is what to show. Default: default. AllNamespaces shows every namespace in its place.
	Namespace     string
	AllNamespaces bool
	// Listen is a loopback address with port; port 0 takes a free one. Default: DefaultListen.
	Listen string
	// Open opens the page in the user's browser.
	Open bool
}

// Run serves the board until ctx is done and writes to out where it is. It returns an error when the user may not see the objects,
// when the cluster has none of the kind, or when the address is not a loopback one or is taken.
func Run(ctx context.Context, o Options, out io.Writer) error {
	if o.Config == nil {
		return errors.New("board: no connection to a cluster is configured")
	}
	config := rest.CopyConfig(o.Config)
	if config.QPS == 0 { // of a person who clicks, beside a watch
		config.QPS, config.Burst = 20, 40
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("board: build scheme: %w", err)
		}
	}
	kube, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("board: connect to the cluster: %w", err)
	}
	if o.Context == "" {
		o.Context = config.Host
	}
	return run(ctx, kube, o, out)
}

// run serves the board over a client.
func run(ctx context.Context, kube client.WithWatch, o Options, out io.Writer) error {
	o.Namespace = namespaceOf(o)
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if err := loopback(o.Listen); err != nil {
		return err
	}
	if err := reachable(ctx, kube, o.Namespace); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("board: %w: choose another address, or port 0 for a free one", err)
	}
	user := newPerson(ctx, kube)
	feed := newFeed()
	token := newToken()
	server := &http.Server{
		Handler:           newServer(user, feed, token, o).handler(),
		ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with ctx
	}
	go feed.run(ctx)
	go watch(ctx, kube, o.Namespace, feed)

	address := fmt.Sprintf("http://%s/#token=%s", listener.Addr(), token)
	_, _ = fmt.Fprintf(out, "Board of %s in %s, as %s:\n\n  %s\n\nThe address holds the key of this session: do not share it. Ctrl-C ends it.\n",
		scopeOf(o), show.Visible(o.Context), show.Visible(user.nameOrUnknown()), address)
	closeBrowser := func() {}
	if o.Open {
		closeBrowser = openBrowser(ctx, address, out)
	}
	defer closeBrowser()
	return serve(ctx, server, listener)
}

// serve serves until ctx is done, and gives answers that are under way a moment to end.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("board: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close() // a page that does not let go
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func namespaceOf(o Options) string {
	switch {
	case o.AllNamespaces:
		return corev1.NamespaceAll
	case o.Namespace == "":
		return corev1.NamespaceDefault
	}
	return o.Namespace
}

func scopeOf(o Options) string {
	if o.AllNamespaces {
		return "all namespaces"
	}
	return "namespace " + o.Namespace
}

// loopback refuses an address that others could reach: whoever reaches the board acts with the user's rights.
func loopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("board: the address to listen on is host:port, for example %s: %w", DefaultListen, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("board: %s is no loopback address, and whoever reaches the board acts with your rights: "+
		"listen on 127.0.0.1, and reach it from another machine with: ssh -L 8090:%s HOST", listen, DefaultListen)
}

// reachable asks for one object, to say at once what keeps the board from showing any.
func reachable(ctx context.Context, kube client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := kube.List(ctx, &v1alpha1.EngineEnvironmentList{}, client.InNamespace(namespace), client.Limit(1))
	switch {
	case err == nil:
		return nil
	case meta.IsNoMatchError(err) || apierrors.IsNotFound(err):
		return fmt.Errorf("board: this cluster has no EngineEnvironments: install the operator first, or choose another context: %w", err)
	case apierrors.IsForbidden(err) && namespace == corev1.NamespaceAll:
		return fmt.Errorf("board: you may not list EngineEnvironments of all namespaces: choose one with --namespace: %w", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("board: you may not list EngineEnvironments in namespace %s: the ClusterRole "+
			"engine-operator-engineenvironment-viewer allows it: %w", namespace, err)
	}
	return fmt.Errorf("board: list EngineEnvironments: %s", strings.TrimSpace(err.Error()))
}
