// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs a real Kubernetes API server with our CRDs, for tests, benches and the demo: etcd and
// kube-apiserver as child processes on loopback, without nodes or controllers. `make kube` provides the binaries.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// startTimeout bounds one attempt to start, stopTimeout the wait for the processes to end. Both are generous: a machine
// that compiles and runs several test binaries at once takes long to do what takes three seconds alone.
const (
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
)

// Options says what to run; the zero value is a server with the CRDs of config/crd/bases.
type Options struct {
	// CRDs are files or directories of CustomResourceDefinitions, absolute or relative to the module root.
	// Default: config/crd/bases.
	CRDs []string
	// AuditLog is the file that takes one line for each write, as audit.k8s.io/v1 Events at the level Metadata; see Audit.
	// Default: none.
	AuditLog string
	// EtcdQuota bounds what etcd stores, in bytes. Default: etcd's own, 2 GiB.
	EtcdQuota int64
	// Output receives what etcd and kube-apiserver print. Default: nothing is kept.
	Output io.Writer
}

// Cluster is a running API server. Its methods may be called from several goroutines, but Stop only once.
type Cluster struct {
	// Config connects as a cluster administrator, without a client-side rate limit worth mentioning.
	Config *rest.Config

	env *envtest.Environment
}

// Start runs etcd and kube-apiserver and installs the CRDs. It returns once the server answers and serves them. The
// caller stops the cluster; ctx bounds nothing but the start, and a start it cancels leaves no process behind.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	assets, err := findAssets(os.Getenv("KUBEBUILDER_ASSETS"), root)
	if err != nil {
		return nil, err
	}
	env := environment(assets, crdPaths(root, opts.CRDs), opts)
	if opts.AuditLog != "" {
		if err := auditTo(env, opts.AuditLog); err != nil {
			return nil, err
		}
	}
	config, err := env.Start()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the Kubernetes API server: %w", err), env.Stop())
	}
	return &Cluster{Config: config, env: env}, nil
}

// WriteKubeconfig writes a kubeconfig for kubectl and for the operator to path, readable by its owner only: it holds the
// administrator's key. It makes the directory when missing.
func (c *Cluster) WriteKubeconfig(path string) error {
	return writeKubeconfig(path, c.env.KubeConfig)
}

// WriteUserKubeconfig writes the kubeconfig of another administrator, so that the audit log tells who wrote what.
func (c *Cluster) WriteUserKubeconfig(path, user string) error {
	added, err := c.User(user)
	if err != nil {
		return err
	}
	kubeconfig, err := added.KubeConfig()
	if err != nil {
		return fmt.Errorf("make the kubeconfig of %s: %w", user, err)
	}
	return writeKubeconfig(path, kubeconfig)
}

// User adds an administrator of that name.
func (c *Cluster) User(name string) (*envtest.AuthenticatedUser, error) {
	user, err := c.env.AddUser(envtest.User{Name: name, Groups: []string{"system:masters"}}, rest.CopyConfig(c.Config))
	if err != nil {
		return nil, fmt.Errorf("add the user %s: %w", name, err)
	}
	return user, nil
}

func writeKubeconfig(path string, kubeconfig []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// Stop ends both processes and removes what they stored.
func (c *Cluster) Stop() error {
	if err := c.env.Stop(); err != nil {
		return fmt.Errorf("stop the Kubernetes API server: %w", err)
	}
	return nil
}

func environment(assets string, crds []string, opts Options) *envtest.Environment {
	env := &envtest.Environment{
		// Whatever USE_EXISTING_CLUSTER says: nothing here may ever reach somebody's real cluster.
		UseExistingCluster:       ptr.To(false),
		CRDDirectoryPaths:        crds,
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  stopTimeout,
	}
	server := env.ControlPlane.GetAPIServer()
	server.Path = filepath.Join(assets, "kube-apiserver")
	server.Out, server.Err = opts.Output, opts.Output
	// With it the server gives open watches two seconds on its way out, instead of a minute.
	server.Configure().Set("shutdown-send-retry-after", "true")
	env.ControlPlane.Etcd = &envtest.Etcd{Path: filepath.Join(assets, "etcd"), Out: opts.Output, Err: opts.Output}
	if opts.EtcdQuota > 0 {
		env.ControlPlane.Etcd.Configure().Set("quota-backend-bytes", strconv.FormatInt(opts.EtcdQuota, 10))
	}
	return env
}

func crdPaths(root string, paths []string) []string {
	if len(paths) == 0 {
		paths = []string{filepath.Join("config", "crd", "bases")}
	}
	absolute := make([]string, 0, len(paths))
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		absolute = append(absolute, path)
	}
	return absolute
}
