// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/options"
)

var cluster *rest.Config

func TestMain(m *testing.M) { os.Exit(controlplane.ForTests(m, &cluster)) }

// TestInstall installs config/default and holds what a cluster then allows: the Pod may run under the restricted Pod
// Security Standard, and the operator may do what it must, and little else.
func TestInstall(t *testing.T) {
	kube, err := client.New(controlplane.Need(t, cluster), client.Options{})
	require.NoError(t, err)
	for range 2 { // the second time as an upgrade does
		install(t, kube)
	}
	t.Run("restricted", func(t *testing.T) { restricted(t, kube) })
	t.Run("rights", func(t *testing.T) { rights(t, kube) })
}

func install(t *testing.T, kube client.Client) {
	t.Helper()
	for _, object := range build(t, "default") {
		require.NoError(t, kube.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object.DeepCopy()),
			client.FieldOwner("install"), client.ForceOwnership), "%s %s", object.GetKind(), object.GetName())
	}
}

func restricted(t *testing.T, kube client.Client) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	require.NoError(t, kube.Get(t.Context(),
		client.ObjectKey{Namespace: options.DefaultNamespace, Name: "engine-operator-controller-manager"}, deployment))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: options.DefaultNamespace, GenerateName: "manager-"},
		Spec:       *deployment.Spec.Template.Spec.DeepCopy(),
	}
	require.NoError(t, kube.Create(t.Context(), pod.DeepCopy(), client.DryRunAll))
	pod.Spec.Containers[0].SecurityContext = nil
	err := kube.Create(t.Context(), pod, client.DryRunAll)
	require.True(t, apierrors.IsForbidden(err), "the namespace enforces it: %v", err)

	container := deployment.Spec.Template.Spec.Containers[0]
	assert.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
	assert.Equal(t, "512Mi", container.Resources.Limits.Memory().String())
	assert.True(t, container.Resources.Limits.Cpu().IsZero(), "a CPU limit would only throttle")
}

// rights asks the API server what the operator's ServiceAccount may do.
func rights(t *testing.T, kube client.Client) {
	t.Helper()
	const own, other = options.DefaultNamespace, "ai-engine"
	cases := []struct {
		verb, group, resource, namespace string
		want                             bool
		reason                           string
	}{
		{"watch", "railway.engine-operator.dev", "engineenvironments", other, true, "the loop"},
		{"patch", "railway.engine-operator.dev", "engineenvironments/status", other, true, "what the loop found"},
		{"patch", "railway.engine-operator.dev", "engineenvironments", other, true, "the finalizer"},
		{"create", "railway.engine-operator.dev", "engineenvironments", other, false, "people declare"},
		{"approve", "railway.engine-operator.dev", "engineenvironments", other, false, "people approve"},
		{"delete", "railway.engine-operator.dev", "engineenvironments", other, false, "and people delete"},
		{"get", "", "secrets", other, true, "tokens and values"},
		{"create", "", "secrets", other, true, "the Local tier's Secret"},
		{"get", "", "configmaps", other, true, "values"},
		{"update", "", "configmaps", other, false, "which are not ours"},
		{"create", "events.k8s.io", "events", other, true, "transitions are told"},
		{"create", "coordination.k8s.io", "leases", own, true, "leader election"},
		{"update", "coordination.k8s.io", "leases", own, true, "leader election"},
		{"create", "coordination.k8s.io", "leases", other, false, "only at home"},
		{"create", "", "events", own, true, "leader election tells in core events"},
		{"create", "authentication.k8s.io", "tokenreviews", "", true, "who reads metrics"},
		{"create", "authorization.k8s.io", "subjectaccessreviews", "", true, "and may they"},
		{"get", "", "pods", other, false, "engines run on Railway"},
		{"create", "apps", "deployments", other, false, "engines run on Railway"},
		{"escalate", "rbac.authorization.k8s.io", "clusterroles", "", false, "nobody gets rights through the operator"},
	}
	for _, tc := range cases {
		t.Run(tc.verb+" "+tc.resource+" "+tc.namespace, func(t *testing.T) {
			resource, subresource := tc.resource, ""
			if tc.resource == "engineenvironments/status" {
				resource, subresource = "engineenvironments", "status"
			}
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:   "system:serviceaccount:" + own + ":engine-operator-manager",
				Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + own, "system:authenticated"},
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: tc.verb, Group: tc.group, Resource: resource, Subresource: subresource, Namespace: tc.namespace,
				},
			}}
			require.NoError(t, kube.Create(t.Context(), review))
			assert.Equal(t, tc.want, review.Status.Allowed, tc.reason)
		})
	}
}
