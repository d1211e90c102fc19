// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/options"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const (
	projectID    = "0bb01547-570d-4109-a5e8-138691f6a2d1"
	accountToken = "11111111-1111-4111-8111-111111111111"
)

var kube *rest.Config

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	if endpoint := os.Getenv(standIn); endpoint != "" { // a document's command runs it as kubectl
		os.Exit(kubectlMain(endpoint))
	}
	os.Exit(controlplane.ForTests(m, &kube))
}

// shell runs the command line as a person would, with an environment of its own.
type shell struct {
	t   *testing.T
	env map[string]string
	in  string
	// operated are the options with which the operator was run.
	operated *options.Options
	terminal bool
	now      time.Time
}

// soon is a timer that is a hundred times as fast as it should be.
func soon(d time.Duration) <-chan time.Time { return time.After(d / 100) }

func newShell(t *testing.T) *shell {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none")) // never somebody's real cluster
	return &shell{t: t, env: map[string]string{}, now: time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)}
}

// result is what a command printed and how it ended.
type result struct {
	out, err string
	code     int
}

// run runs a command line. A first word kubectl-engine makes it the plugin.
func (s *shell) run(args ...string) result {
	s.t.Helper()
	var out, errs locked
	world := cli.World{
		In: strings.NewReader(s.in), Out: &out, Err: &errs, Terminal: s.terminal, ErrTerminal: s.terminal, Version: "v1.2.3",
		Getenv: func(name string) string { return s.env[name] }, Now: func() time.Time { return s.now }, After: soon,
		Operate: func(o *options.Options) error { s.operated = o; return nil },
	}
	code := cli.Main(s.t.Context(), world, append([]string{"engine-operator"}, args...))
	return result{out.String(), errs.String(), code}
}

// ok runs a command line that must succeed and returns what it printed.
func (s *shell) ok(args ...string) string {
	s.t.Helper()
	r := s.run(args...)
	require.Zerof(s.t, r.code, "%v: %s%s", args, r.err, r.out)
	return r.out
}

// locked is a buffer that may be read while a command writes.
type locked struct {
	mu     sync.Mutex
	buffer bytes.Buffer // not embedded: its WriteString would go past the lock, and past a Write of who embeds this
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// railway starts a local Railway from a seed and lets the shell reach it. It returns it with the flag that names it.
func (s *shell) railway(seed string) (*railwaysim.Sim, string) {
	s.t.Helper()
	parsed, err := railwaysim.ParseSeed([]byte(seed))
	require.NoError(s.t, err)
	sim, err := railwaysim.New(railwaysim.Options{Seed: parsed, Step: 10 * time.Millisecond})
	require.NoError(s.t, err)
	endpoint, stop, err := sim.Start()
	require.NoError(s.t, err)
	s.t.Cleanup(stop)
	s.env["RAILWAY_API_TOKEN"] = accountToken
	return sim, "--railway-endpoint=" + endpoint
}

// onlyRead fails the test when anything but queries reached Railway.
func onlyRead(t *testing.T, sim *railwaysim.Sim) {
	t.Helper()
	for _, r := range sim.Requests() {
		require.Equal(t, "query", r.Kind, r.Operation)
	}
}

func (s *shell) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// namespaces counts those of this process: all tests share one API server.
var namespaces atomic.Int32

// stage is a namespace of its own, and the kubeconfig in the shell's reach. Its EngineEnvironments go with it: plan --cluster lists those
// of all namespaces.
type stage struct {
	*shell
	client.Client
	namespace string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	config := controlplane.Need(t, kube)
	s := newShell(t)
	s.now = time.Now()
	scheme, err := operator.Scheme()
	require.NoError(t, err)
	direct, err := client.New(config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	namespace := fmt.Sprintf("cli-%d", namespaces.Add(1))
	require.NoError(t, direct.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	t.Setenv("KUBECONFIG", kubeconfig(t, config, namespace))
	st := &stage{s, direct, namespace}
	t.Cleanup(func() { deleteAll(t, direct, namespace, st.namespace) }) // a page's commands name a namespace of their own
	return st
}

// deleteAll deletes the EngineEnvironments of namespaces. No operator runs that would end their finalizers.
func deleteAll(t *testing.T, direct client.Client, namespaces ...string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended
	for _, namespace := range namespaces {
		var all v1alpha1.EngineEnvironmentList
		require.NoError(t, direct.List(ctx, &all, client.InNamespace(namespace)))
		for i := range all.Items {
			if object := &all.Items[i]; len(object.Finalizers) > 0 {
				object.Finalizers = nil
				require.NoError(t, client.IgnoreNotFound(direct.Update(ctx, object)))
			}
		}
		require.NoError(t, direct.DeleteAllOf(ctx, &v1alpha1.EngineEnvironment{}, client.InNamespace(namespace)))
	}
}

// as has the shell's commands run as another user, who may do these with the EngineEnvironments of the namespace, and nothing else.
func (s *stage) as(user string, verbs ...string) {
	s.t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: user}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"engineenvironments"}, Verbs: verbs},
	}}
	require.NoError(s.t, s.Create(s.t.Context(), role))
	require.NoError(s.t, s.Create(s.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}))
	config := controlplane.Need(s.t, kube)
	config.Impersonate.UserName = user
	s.t.Setenv("KUBECONFIG", kubeconfig(s.t, config, s.namespace))
}

// kubeconfig writes the connection as kubectl reads it.
func kubeconfig(t *testing.T, config *rest.Config, namespace string) string {
	t.Helper()
	file := clientcmdapi.NewConfig()
	file.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos["test"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken, Impersonate: config.Impersonate.UserName,
	}
	file.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: namespace}
	file.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*file, path))
	return path
}

func (s *stage) secret(name string, data map[string]string) {
	s.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace}, StringData: maps.Clone(data)}
	require.NoError(s.t, s.Create(s.t.Context(), secret))
}

func key(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}

// parse reads an EngineEnvironment.
func parse(t *testing.T, text, namespace string) *v1alpha1.EngineEnvironment {
	t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), object))
	object.Namespace = namespace
	return object
}
