// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testbed starts what tests, benchmarks and the demo work on: a real Kubernetes API server, a local Railway with its edge,
// and the operator, as the built binary or in the same process.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	// OperatorNamespace is where the operator keeps its own Secret.
	OperatorNamespace = "engine-operator-system"
	// OperatorUser is who the built operator is to the API server.
	OperatorUser = "engine-operator"
)

// Options say what to start.
type Options struct {
	// Dir takes the logs and the kubeconfigs.
	Dir string
	// Sim is the local Railway.
	Sim railwaysim.Options
	// Binary is the built operator, Flags what it is started with besides where everything is. The last one of a name counts.
	Binary string
	Flags  []string
	// Env is what stands in the operator's environment besides the caller's, as NAME=value.
	Env []string
	// EtcdQuota bounds what etcd stores, in bytes. Default: etcd's own.
	EtcdQuota int64
}

// Bed is what was started. Stop ends all of it.
type Bed struct {
	Railway
	// Client is an administrator's, Cluster and Kubeconfig how to connect as one.
	Client     client.Client
	Cluster    *controlplane.Cluster
	Kubeconfig string
	// Audit counts what everybody writes to Kubernetes.
	Audit *controlplane.Audit

	options  Options
	operator *Process
}

// Start starts the API server and the local Railway. The operator is started by StartOperator.
func Start(ctx context.Context, options Options) (*Bed, error) {
	if err := os.MkdirAll(options.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("make %s: %w", options.Dir, err)
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, err
	}
	options.Dir = dir
	auditLog := filepath.Join(dir, "audit.log")
	cluster, err := controlplane.Start(ctx, controlplane.Options{AuditLog: auditLog, EtcdQuota: options.EtcdQuota})
	if err != nil {
		return nil, err
	}
	b := &Bed{Cluster: cluster, Audit: controlplane.NewAudit(auditLog), Kubeconfig: filepath.Join(dir, "kubeconfig"), options: options}
	if err := b.connect(ctx); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return b, nil
}

func (b *Bed) connect(ctx context.Context) error {
	if err := b.Cluster.WriteKubeconfig(b.Kubeconfig); err != nil {
		return err
	}
	if err := b.Cluster.WriteUserKubeconfig(b.operatorKubeconfig(), OperatorUser); err != nil {
		return err
	}
	scheme, err := operator.Scheme()
	if err != nil {
		return err
	}
	if b.Client, err = client.New(b.Cluster.Config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	if err := b.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: OperatorNamespace}}); err != nil {
		return fmt.Errorf("make the operator's namespace: %w", err)
	}
	railway, err := StartRailway(b.options.Sim)
	if err != nil {
		return err
	}
	b.Railway = *railway
	if err := os.WriteFile(b.EdgeCA(), b.Edge.CA, 0o600); err != nil {
		return fmt.Errorf("write the edge's CA: %w", err)
	}
	return nil
}

// EdgeCA is the file of the CA that signs for the generated domains.
func (b *Bed) EdgeCA() string { return filepath.Join(b.options.Dir, "edge-ca.pem") }

func (b *Bed) operatorKubeconfig() string {
	return filepath.Join(b.options.Dir, "kubeconfig-operator")
}

// Stop ends everything that was started.
func (b *Bed) Stop() error {
	b.StopOperator(os.Interrupt)
	b.Railway.Stop()
	return b.Cluster.Stop()
}
