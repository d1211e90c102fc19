// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/manifest"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/operator"
)

// cluster says which Kubernetes API server and namespace a command works on, by kubectl's flags.
type cluster struct {
	kubeconfig, context, namespace string
	everywhere                     bool
}

// bind adds kubectl's flags. -A is for commands that list.
func (c *cluster) bind(command *cobra.Command, lists bool) {
	flags := command.Flags()
	flags.StringVarP(&c.namespace, "namespace", "n", "", "namespace; default: the context's")
	flags.StringVar(&c.context, "context", "", "context of the kubeconfig; default: the current one")
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "file of the kubeconfig; default: $KUBECONFIG, or ~/.kube/config")
	if lists {
		flags.BoolVarP(&c.everywhere, "all-namespaces", "A", false, "all namespaces")
	}
	_ = command.RegisterFlagCompletionFunc("namespace", cobra.NoFileCompletions) // the flag is there
}

// given is the flag's namespace, for objects in files that name none.
func (c *cluster) given() manifest.Namespace {
	return manifest.Namespace{Name: c.namespace, Given: c.namespace != ""}
}

// session is a connection to the API server.
type session struct {
	client.WithWatch
	config *rest.Config
	// namespace is empty for all.
	namespace string
	// flags are those that commands which are told to people need, too.
	flags show.Flags
}

// connect reads the kubeconfig and makes the client. It sends nothing.
func (c *cluster) connect() (*session, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the Kubernetes API server: %w", err)
	}
	namespace := c.namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, fmt.Errorf("find the namespace: %w", err)
		}
	}
	if c.everywhere {
		namespace = ""
	}
	scheme, err := operator.Scheme()
	if err != nil {
		return nil, err
	}
	made, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the Kubernetes API server: %w", err)
	}
	return &session{WithWatch: made, config: config, namespace: namespace, flags: show.FlagsOf(c.kubeconfig, c.context)}, nil
}

// tier reads one EngineEnvironment.
func (s *session) tier(ctx context.Context, name string) (*v1alpha1.EngineEnvironment, error) {
	object := &v1alpha1.EngineEnvironment{}
	err := s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, object)
	if !apierrors.IsNotFound(err) {
		return object, err
	}
	there, _ := s.tiers(ctx) // for the message only
	var names []string
	for i := range there {
		names = append(names, there[i].Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no EngineEnvironment %q in namespace %s, nor any other: name the namespace with -n", name, s.namespace)
	}
	return nil, fmt.Errorf("there is no EngineEnvironment %q in namespace %s; there is %s", name, s.namespace, strings.Join(names, ", "))
}

// tiers lists the EngineEnvironments, by namespace, tier and name.
func (s *session) tiers(ctx context.Context) ([]v1alpha1.EngineEnvironment, error) {
	var list v1alpha1.EngineEnvironmentList
	if err := s.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list.Items, func(a, b v1alpha1.EngineEnvironment) int {
		if a.Namespace != b.Namespace {
			return strings.Compare(a.Namespace, b.Namespace)
		}
		if order := slices.Index(v1alpha1.Tiers, a.Spec.Tier) - slices.Index(v1alpha1.Tiers, b.Spec.Tier); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list.Items, nil
}

// completeTiers completes the names of EngineEnvironments, up to so many.
func (c *cluster) completeTiers(atMost int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= atMost {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		s, err := c.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		there, _ := s.tiers(cmd.Context()) // completion has nobody to tell
		var names []cobra.Completion
		for i := range there {
			if !slices.Contains(args, there[i].Name) {
				names = append(names, cobra.CompletionWithDesc(there[i].Name, fmt.Sprintf("%s, %s", there[i].Spec.Tier, there[i].Status.Verdict)))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// explain adds to an error what to do about it, where that is known.
func explain(err error) string {
	text := err.Error()
	switch {
	case meta.IsNoMatchError(err):
		return "the cluster does not know EngineEnvironments: install the operator's CRD, or choose another cluster with --context"
	case apierrors.IsForbidden(err):
		return text + ": ask for the ClusterRole engine-operator-engineenvironment-viewer or -editor, or engine-operator-approver, in this namespace"
	case errors.Is(err, clientcmd.ErrEmptyConfig), clientcmd.IsEmptyConfig(errors.Unwrap(err)), errors.Is(err, clientcmd.ErrEmptyCluster):
		return "there is no kubeconfig: name one with --kubeconfig or $KUBECONFIG"
	default:
		return text
	}
}
